"""Text that ends with a lone dot, and whose lines that begin with one have two.

SMTP calls it the mail data (RFC 5321 §4.5.2), POP3 a multi-line response
(RFC 1939 §3). It streams: no more than four bytes are held back. The cost is
linear in the bytes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dissectors.conversation import LineBuffer

# a dot alone on its line, by any line ends that someone may take for such
_LONE_DOT = re.compile(rb"\n\.(?=\r?\n)")
_LONE_DOT_LAST = re.compile(rb"\n\.\r?\n\Z")
# what may be the beginning of it, at the end of the bytes that are there
_BEGINNING = re.compile(rb"(?:\r?\n(?:\.\r?)?|\r)\Z")


class StuffedText:
    """Reads such a text off a buffer and undoes the stuffing.

    Attributes:
        ended: the lone dot was read.
        lookalike: some line ends around a lone dot were not CRLF, so that it did
            not end the text, but may well do so for another reader.
    """

    __slots__ = ("_at_start", "_bare_lf", "_last", "ended", "lookalike")

    def __init__(self, *, bare_lf: bool = False) -> None:
        """Begin at the start of a line.

        Args:
            bare_lf: lines may end in LF alone.
        """
        self.ended = False
        self.lookalike = False
        self._bare_lf = bare_lf
        self._at_start = True
        self._last = b"\r\n"

    def read(self, unread: LineBuffer) -> bytes:
        """Take what belongs to the text off the buffer; return it unstuffed."""
        if self._at_start and not self._read_start(unread):
            return b""
        data = unread.data
        dot = _LONE_DOT.search(data)
        while dot is not None:
            start, end = dot.span()
            line_end = 2 if data[end] == 0x0D else 1
            if self._bare_lf or (line_end == 2 and data[start - 1 : start] == b"\r"):
                self.ended = True
                text = unread.take(start + 1)
                unread.take(1 + line_end)
                return self._unstuff(text)
            self.lookalike = True
            dot = _LONE_DOT.search(data, end)
        held_back = _BEGINNING.search(data[-4:])
        text = unread.take(len(data) - (len(held_back[0]) if held_back else 0))
        if text:
            self._last = (self._last + text[-4:])[-4:]
        return self._unstuff(text)

    def cross_gap(self) -> None:
        """Go on behind a hole, in the middle of some line."""
        self._at_start = False
        self._last = b""

    def may_have_ended(self, unread: LineBuffer) -> bool:
        """Whether the bytes so far end in what others take for the end."""
        return _LONE_DOT_LAST.search(self._last + unread.data[:4]) is not None

    def _unstuff(self, text: bytes) -> bytes:
        if self._bare_lf:
            return text.replace(b"\n.", b"\n")
        return text.replace(b"\r\n.", b"\r\n")

    def _read_start(self, unread: LineBuffer) -> bool:
        """Read a dot that the text begins with; `False` if the text ends there."""
        data = unread.data
        if b".\r".startswith(data):
            # also if there is nothing yet
            return False
        self._at_start = False
        if data[0] == 0x2E:
            is_crlf = data.startswith(b".\r\n")
            if is_crlf or (self._bare_lf and data.startswith(b".\n")):
                self.ended = True
                unread.take(3 if is_crlf else 2)
                return False
            self.lookalike = data.startswith(b".\n")
            self._last += unread.take(1)
        return True
