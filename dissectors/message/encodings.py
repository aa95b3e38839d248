"""Content transfer encodings (RFC 2045 §6), undone as the bytes pass."""

from __future__ import annotations

import binascii
import re

from dissectors.caching import cache_short
from dissectors.message.base64_text import Base64Decoder
from dissectors.message.comments import without_comments
from dissectors.message.content import Content
from dissectors.message.uuencoded import UuencodedContent

# Lines of quoted-printable have 76 characters at most (RFC 2045 §6.7); this much of
# one is decoded together.
_LONGEST_LINE = 16 * 1024
_FIRST_LINE = 998

# RFC 2045 §6.7 rule 3: blanks at the end of a line were added on the way
_TRAILING_BLANKS = re.compile(rb"(?<![ \t])[ \t]++(?=\r?\n)")

_ENCODING = re.compile(rb"[\s\"']*+([^\s\"';]*+)")
_NOT_ALPHANUMERIC = re.compile(rb"[^a-z0-9]+")
# mail readers know these, too
_ENCODING_ALIASES = {b"uue": b"uuencode", b"qp": b"quotedprintable"}


@cache_short
def encoding_name(body: bytes) -> bytes:
    """Read a Content-Transfer-Encoding as leniently as mail readers do.

    Returns:
        `base64`, `quotedprintable`, `uuencode`, or something else, which changes
        nothing: the letters and digits of the name in lower case, without `x-`.
    """
    match = _ENCODING.match(without_comments(body).lower())
    assert match is not None  # the pattern matches nothing, too
    name = _NOT_ALPHANUMERIC.sub(b"", match[1].removeprefix(b"x-"))
    return _ENCODING_ALIASES.get(name, name)


class Base64Content(Content):
    """Content in base64 (RFC 2045 §6.8)."""

    __slots__ = ("_decoder",)

    is_encoded = True

    def __init__(self) -> None:
        super().__init__()
        self._decoder = Base64Decoder()

    def update(self, data: bytes) -> None:
        """Take the next bytes of the encoded content."""
        self._keep(self._decoder.decode(data))

    def finish(self) -> None:
        """Learn that the content is complete."""
        self._keep(self._decoder.finish())


class Base64MessageContent(Base64Content):
    """A message that is said to be in base64.

    RFC 2046 §5.2.1 forbids that for messages, and some mailers declare it and send
    the message in plaintext. Base64 has no colons, a header section has one early.
    """

    __slots__ = ("_is_clear", "_start")

    def __init__(self) -> None:
        super().__init__()
        self._is_clear: bool | None = None
        self._start = b""

    def update(self, data: bytes) -> None:
        """Take the next bytes of the encoded content."""
        if self._is_clear is None:
            self._start += data
            if b":" in self._start[:_FIRST_LINE]:
                self._is_clear = True
            elif len(self._start) >= _FIRST_LINE:
                self._is_clear = False
            else:
                return
            data = self._start
        if self._is_clear:
            self._keep(data)
        else:
            super().update(data)

    def finish(self) -> None:
        """Learn that the content is complete."""
        if self._is_clear is None:
            super().update(self._start)
        super().finish()


class QuotedPrintableContent(Content):
    """Content in quoted-printable (RFC 2045 §6.7), decoded in whole lines.

    A line that is far too long is cut at a fixed place, so that the same bytes give
    the same content however they are split.
    """

    __slots__ = ("_line",)

    is_encoded = True

    def __init__(self) -> None:
        super().__init__()
        self._line = b""

    def update(self, data: bytes) -> None:
        """Take the next bytes of the encoded content."""
        for start in range(0, len(data), _LONGEST_LINE):
            self._decode_whole_lines(self._line + data[start : start + _LONGEST_LINE])

    def finish(self) -> None:
        """Learn that the content is complete."""
        self._keep(_decode_lines(self._line.rstrip(b" \t")))

    def _decode_whole_lines(self, lines: bytes) -> None:
        """Decode up to the last line end; only the first line may be too long."""
        while len(lines) > _LONGEST_LINE and b"\n" not in lines[:_LONGEST_LINE]:
            # an escape is three characters long
            escape = lines.find(b"=", _LONGEST_LINE - 2, _LONGEST_LINE)
            cut = _LONGEST_LINE if escape < 0 else escape
            self._keep(binascii.a2b_qp(lines[:cut]))
            lines = lines[cut:]
        end = lines.rfind(b"\n") + 1
        self._keep(_decode_lines(lines[:end]))
        self._line = lines[end:]


def _decode_lines(lines: bytes) -> bytes:
    if any(blank in lines for blank in (b" \r", b" \n", b"\t\r", b"\t\n")):
        lines = _TRAILING_BLANKS.sub(b"", lines)
    return binascii.a2b_qp(lines)


def content_for(encoding: bytes, *, is_message: bool = False) -> Content:
    """Make the decoder for a Content-Transfer-Encoding.

    Args:
        encoding: the field's body.
        is_message: the content is a message/rfc822.
    """
    name = encoding_name(encoding)
    if name == b"base64":
        return Base64MessageContent() if is_message else Base64Content()
    if name == b"quotedprintable":
        return QuotedPrintableContent()
    if name == b"uuencode":
        return UuencodedContent()
    return Content()
