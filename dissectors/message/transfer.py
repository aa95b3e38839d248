"""Content transfer encodings (RFC 2045 §6), undone as the bytes pass.

Only the size and the hash of the decoded content are kept, and its first bytes, until
they have told its type.
"""

from __future__ import annotations

import binascii
import hashlib

from dissectors.message.magic import HEAD_BYTES, detect_type

_BASE64_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
# RFC 2045 §6.8: all other characters must be ignored
_NOT_BASE64 = bytes(set(range(256)) - set(_BASE64_ALPHABET + b"="))

# Lines of quoted-printable have 76 characters at most (RFC 2045 §6.7); this much of
# one is decoded together.
_LONGEST_LINE = 16 * 1024
_FIRST_LINE = 998


def decode_base64(data: bytes) -> bytes:
    """Decode base64 that is complete, whatever is wrong with it."""
    clean = data.translate(None, _NOT_BASE64).lstrip(b"=").partition(b"=")[0]
    return _decode_quanta(clean)


def _decode_quanta(clean: bytes) -> bytes:
    """Decode characters of the alphabet; a last single one holds no byte."""
    if len(clean) % 4 == 1:
        clean = clean[:-1]
    return binascii.a2b_base64(clean + b"=" * (-len(clean) % 4))


class Content:
    """Content that is sent as it is: 7bit, 8bit, binary.

    Attributes:
        size_bytes: size of the decoded content so far.
    """

    __slots__ = ("_hash", "_head", "size_bytes")

    def __init__(self) -> None:
        self.size_bytes = 0
        self._hash = hashlib.sha256()
        self._head = b""

    def update(self, data: bytes) -> None:
        """Take the next bytes of the encoded content."""
        self._keep(data)

    def finish(self) -> None:
        """Learn that the content is complete."""

    def sha256(self) -> str:
        """Return the hash of the decoded content in hex."""
        return self._hash.hexdigest()

    def detected_type(self) -> str | None:
        """Return the type that the content's first bytes tell, if they do."""
        return detect_type(self._head)

    def _keep(self, decoded: bytes) -> None:
        if self.size_bytes < HEAD_BYTES:
            self._head += decoded[: HEAD_BYTES - self.size_bytes]
        self.size_bytes += len(decoded)
        self._hash.update(decoded)


class Base64Content(Content):
    """Content in base64 (RFC 2045 §6.8)."""

    __slots__ = ("_at_end", "_quantum")

    def __init__(self) -> None:
        super().__init__()
        self._quantum = b""
        self._at_end = False

    def update(self, data: bytes) -> None:
        """Take the next bytes of the encoded content."""
        if self._at_end:
            return
        clean = self._quantum + data.translate(None, _NOT_BASE64)
        if b"=" in clean:
            if not self.size_bytes:
                clean = clean.lstrip(b"=")
            # RFC 2045 §6.8: "=" is evidence that the end of the data was reached
            clean, padding, _ = clean.partition(b"=")
            self._at_end = bool(padding)
        end = len(clean) & ~3
        self._keep(binascii.a2b_base64(clean[:end]))
        self._quantum = clean[end:]

    def finish(self) -> None:
        """Learn that the content is complete."""
        self._keep(_decode_quanta(self._quantum))


class Base64MessageContent(Base64Content):
    """A message that is said to be in base64.

    RFC 2046 §5.2.1 forbids that for messages, and some mailers declare it and send
    the message in clear. Base64 has no colons, a header section has one early.
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

    def __init__(self) -> None:
        super().__init__()
        self._line = b""

    def update(self, data: bytes) -> None:
        """Take the next bytes of the encoded content."""
        for start in range(0, len(data), _LONGEST_LINE):
            self._decode_lines(self._line + data[start : start + _LONGEST_LINE])

    def finish(self) -> None:
        """Learn that the content is complete."""
        self._keep(binascii.a2b_qp(self._line))

    def _decode_lines(self, lines: bytes) -> None:
        """Decode up to the last line end; only the first line may be too long."""
        while len(lines) > _LONGEST_LINE and b"\n" not in lines[:_LONGEST_LINE]:
            # an escape is three characters long
            escape = lines.find(b"=", _LONGEST_LINE - 2, _LONGEST_LINE)
            cut = _LONGEST_LINE if escape < 0 else escape
            self._keep(binascii.a2b_qp(lines[:cut]))
            lines = lines[cut:]
        end = lines.rfind(b"\n") + 1
        self._keep(binascii.a2b_qp(lines[:end]))
        self._line = lines[end:]


def content_for(encoding: bytes, *, is_message: bool = False) -> Content:
    """Make the decoder for a Content-Transfer-Encoding.

    Args:
        encoding: the field's body.
        is_message: the content is a message/rfc822.
    """
    name = encoding.strip().lower()
    if name == b"base64":
        return Base64MessageContent() if is_message else Base64Content()
    if name == b"quoted-printable":
        return QuotedPrintableContent()
    return Content()
