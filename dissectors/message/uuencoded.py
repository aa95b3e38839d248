"""Files inside of plain text, by uuencode (IEEE Std 1003.1, `uuencode`).

`begin 644 name` begins one, `end` ends it; the lines between are decoded as they pass.
A line that can't be decoded breaks the file off, as text may begin with such a line
by chance.
"""

from __future__ import annotations

import binascii
import re
from typing import TYPE_CHECKING

from dissectors.credentials.urls import mask_urls
from dissectors.message.content import Content

if TYPE_CHECKING:
    from collections.abc import Callable

    from dissectors.message.content import Copies

# the first line of a file, and what it may look like before it is complete
_BEGIN = re.compile(rb"begin [0-7]{3,4} ([^\r\n]{1,255})\r?\n")
_LONGEST_BEGIN = 280
# 45 octets a line are 61 characters; some writers add a checksum
_LONGEST_LINE = 128


class UuencodedText:
    """Text that may hold files; `on_file` is told of each that comes to its end.

    Attributes:
        copies: begins copies of them, if they are asked for.
    """

    __slots__ = ("_file", "_name", "_on_file", "_rest", "copies")

    def __init__(
        self, on_file: Callable[[str, Content], None], copies: Copies | None = None
    ) -> None:
        """Tell `on_file` the name of each file, without secrets, and what it is."""
        self._on_file = on_file
        self.copies = copies
        # what was not read yet: the beginning of a line, or of a line end
        self._rest = b"\n"
        self._name = ""
        self._file: Content | None = None

    @property
    def open_file(self) -> tuple[str, Content] | None:
        """Name and content of a file whose end did not come yet."""
        return None if self._file is None else (self._name, self._file)

    def break_off(self) -> None:
        """Learn that some of the text is missing, and of a file in it, too."""
        self.close()
        self._rest = b""

    def close(self) -> None:
        """Learn that a file that is open has no end."""
        if self._file is not None:
            self._file.forget_copy()
        self._file = None

    def update(self, data: bytes) -> None:
        """Take the next bytes of the text."""
        text = self._rest + data
        position = 0
        while True:
            if self._file is None:
                end = self._find_begin(text, position)
            else:
                end = self._read_lines(text, position)
            if end is None:
                return
            position = end

    def _find_begin(self, text: bytes, position: int) -> int | None:
        start = text.find(b"\nbegin ", position)
        while start >= 0:
            match = _BEGIN.match(text, start + 1)
            if match is not None:
                self._name = mask_urls(match[1].decode("utf-8", "backslashreplace"))
                self._file = Content()
                if self.copies is not None:
                    self._file.begin_copy(self.copies)
                # the line end before the first line of the file
                return match.end() - 1
            if len(text) - start < _LONGEST_BEGIN and b"\n" not in text[start + 1 :]:
                self._rest = text[start:]
                return None
            start = text.find(b"\nbegin ", start + 1)
        # the beginning of it may be there
        self._rest = text[-6:] if len(text) > position else b""
        return None

    def _read_lines(self, text: bytes, position: int) -> int | None:
        """Read lines of a file, the first behind the line end at `position`."""
        while self._file is not None and (end := text.find(b"\n", position + 1)) >= 0:
            line = text[position + 1 : end].rstrip(b"\r")
            if line == b"end":
                file, self._file = self._file, None
                self._on_file(self._name, file)
                return end
            if not _decode(line, self._file):
                self.close()
                return position
            position = end
        self._rest = text[position:]
        if len(self._rest) > _LONGEST_LINE:
            self.close()
            self._rest = b""
        return None


class UuencodedContent(Content):
    """Content that is a file by uuencode, or else what it is without decoding."""

    __slots__ = ("_decoded", "_text")

    def __init__(self) -> None:
        super().__init__()
        self._decoded: tuple[str, Content] | None = None
        self._text: UuencodedText | None = UuencodedText(self._on_file)

    def begin_copy(self, copies: Copies) -> None:
        """Have the file copied that it turns out to be, or what it is without one."""
        super().begin_copy(copies)
        if self._text is not None:
            self._text.copies = copies

    def update(self, data: bytes) -> None:
        """Take the next bytes of the encoded content."""
        if self._text is not None and self._decoded is None:
            self._keep(data)
            self._text.update(data)

    def finish(self) -> None:
        """Learn that the content is complete."""
        if self._text is None:
            return
        decoded = self._decoded or self._text.open_file
        # it refers to this content: no reference cycle stays
        self._text = None
        if decoded is not None:
            self.name, file = decoded
            self._take_over(file)

    def _on_file(self, name: str, file: Content) -> None:
        # RFC 2045 §6 knows no such encoding; the first file is meant
        if self._decoded is None:
            self._decoded = name, file
        else:
            file.forget_copy()


def _decode(line: bytes, file: Content) -> bool:
    if line not in (b"`", b""):
        try:
            file.update(binascii.a2b_uu(line))
        except binascii.Error:
            return False
    return True
