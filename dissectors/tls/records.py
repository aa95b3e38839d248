"""The TLS record layer (RFC 8446 §5, RFC 5246 §6.2.1) of one direction.

Record bodies are handed on in the pieces in which they arrive, so nothing but an
unfinished header is ever buffered. An SSLv2-compatible ClientHello (RFC 5246
Appendix E.2) is read as a record with a content type of its own.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

from dissectors.tls.registries.content_types import ContentType

if TYPE_CHECKING:
    from collections.abc import Iterator

TLS_PREFIX_BYTES = 5

# type, version, length of the body
_HEADER = struct.Struct(">BBBH")
_HEADER_BYTES = _HEADER.size
_SSLV2_HEADER_BYTES = 2
# RFC 5246 §6.2.3: a protected fragment is at most 2^14 + 2048 bytes long
_LONGEST_BODY = 2**14 + 2048
_SSLV2_CLIENT_HELLO_TYPE = 1
_SSLV2_SERVER_HELLO_TYPE = 4
# message type, session hit, type of the certificate, version, three lengths
_SHORTEST_SSLV2_SERVER_HELLO = 11
# message type, version, three lengths, a challenge of 16 bytes
_SHORTEST_SSLV2_HELLO = 9 + 16
_CONTENT_TYPES = frozenset(range(20, 25))


def looks_like_tls(prefix: bytes | bytearray) -> bool | None:
    """Tell whether a stream begins with a TLS record or an SSLv2-style hello.

    Args:
        prefix: the first bytes of the stream, best `TLS_PREFIX_BYTES` of them.

    Returns:
        `None` if these are too few bytes to say.
    """
    if not prefix:
        return None
    if prefix[0] & 0x80:
        return _looks_like_sslv2_hello(prefix)
    if prefix[0] not in _CONTENT_TYPES or (len(prefix) > 1 and prefix[1] != 3):
        return False
    if len(prefix) > 2 and prefix[2] > 4:
        return False
    if len(prefix) < TLS_PREFIX_BYTES:
        return None
    return 0 < int.from_bytes(prefix[3:5], "big") <= _LONGEST_BODY


def _looks_like_sslv2_hello(prefix: bytes | bytearray) -> bool | None:
    if len(prefix) > 2 and prefix[2] == _SSLV2_SERVER_HELLO_TYPE:
        return _looks_like_sslv2_server_hello(prefix)
    if len(prefix) > 2 and prefix[2] != _SSLV2_CLIENT_HELLO_TYPE:
        return False
    if len(prefix) < TLS_PREFIX_BYTES:
        return None
    length = int.from_bytes(prefix[:2], "big") & 0x7FFF
    is_version = prefix[3] == 3 or prefix[3:5] == b"\0\2"
    return is_version and length >= _SHORTEST_SSLV2_HELLO


def _looks_like_sslv2_server_hello(prefix: bytes | bytearray) -> bool | None:
    """Look at session hit, 0 or 1, and the type of the certificate, 0 or 1."""
    if len(prefix) < TLS_PREFIX_BYTES:
        return None
    length = int.from_bytes(prefix[:2], "big") & 0x7FFF
    return max(prefix[3:5]) <= 1 and length >= _SHORTEST_SSLV2_SERVER_HELLO


class RecordPiece(NamedTuple):
    """A piece of a record's body.

    Attributes:
        content_type: of the record.
        length: of the record's whole body.
        is_first: the record begins with this piece.
        data: the piece.
    """

    content_type: int
    length: int
    is_first: bool
    data: bytes


class TlsRecordReader:
    """Cuts the bytes of one direction into records.

    Attributes:
        content_type: of the current record.
        consumed: how much of the data that came last was read.
        header: of the current record.
        length: bytes of the current record's body.
        offset: place of the current record's header in the stream.
        is_invalid: what came last is no record header; nothing is read any more.
    """

    __slots__ = (
        "_header",
        "_header_bytes",
        "_remaining",
        "consumed",
        "content_type",
        "header",
        "is_invalid",
        "length",
        "offset",
    )

    def __init__(self, offset: int = 0) -> None:
        self.content_type = 0
        self.consumed = 0
        self.header = b""
        self.offset = offset
        self.is_invalid = False
        self._header = bytearray()
        # unknown until the first byte of the stream has come
        self._header_bytes = 0
        self.length = 0
        self._remaining = 0

    def read(self, data: bytes) -> Iterator[RecordPiece]:
        """Yield the pieces of record bodies in the next bytes of the stream."""
        position = 0
        while position < len(data) and not self.is_invalid:
            is_first = not self._remaining
            if is_first:
                position += self._read_header(data, position)
                if self._header or self.is_invalid:
                    self.consumed = position
                    return
            content_type = self.content_type
            end = position + self._remaining
            piece = data[position:end]
            self._remaining = max(end - len(data), 0)
            position, self.consumed = end, min(end, len(data))
            yield RecordPiece(content_type, self.length, is_first, piece)

    @property
    def body_bytes(self) -> int:
        """How much of the current record's body has come."""
        return self.length - self._remaining

    @property
    def end(self) -> int:
        """Where the current record ends in the stream."""
        return self.offset + self._header_bytes + self.length

    def skip(self, length: int) -> bool:
        """Pass over missing bytes; false if the record boundaries are lost by it."""
        if length > self._remaining:
            return False
        self._remaining -= length
        return True

    def _read_header(self, data: bytes, position: int) -> int:
        """Read on in a header; it is empty again once it is complete."""
        if not self._header_bytes:
            is_sslv2 = data[position] & 0x80
            self._header_bytes = _SSLV2_HEADER_BYTES if is_sslv2 else _HEADER_BYTES
        elif not self._header:
            self.offset = self.end
            self._header_bytes = _HEADER_BYTES
        taken = data[position : position + self._header_bytes - len(self._header)]
        if len(taken) == self._header_bytes:
            self._begin_record(taken)
            return len(taken)
        self._header += taken
        if len(self._header) == self._header_bytes:
            self._begin_record(bytes(self._header))
            self._header.clear()
        return len(taken)

    def _begin_record(self, header: bytes) -> None:
        self.header = header
        if len(header) == _SSLV2_HEADER_BYTES:
            self.content_type = ContentType.SSLV2_HELLO
            self.length = int.from_bytes(header, "big") & 0x7FFF
        else:
            self.content_type, major_version, _, self.length = _HEADER.unpack(header)
            self.is_invalid = (
                self.content_type not in _CONTENT_TYPES
                or major_version != 3
                or self.length > _LONGEST_BODY
            )
        self._remaining = self.length
