"""Handshake messages (RFC 8446 §4) out of the bodies of handshake records.

A message may span records and a record may hold several messages. One direction
buffers at most one message, up to `Limits.handshake`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator


class HandshakeMessage(NamedTuple):
    """A handshake message; `body` is behind its header, `None` if over the limit."""

    message_type: int
    body: bytes | None


_HEADER_BYTES = 4


class HandshakeReader:
    """Cuts the handshake bytes of one direction into messages.

    Attributes:
        is_lost: message boundaries are unknown; nothing is read any more.
    """

    __slots__ = ("_buffer", "_limit", "_skip", "is_lost")

    def __init__(self, limit: int) -> None:
        self.is_lost = False
        self._limit = limit
        self._buffer = bytearray()
        # bytes of a damaged message that are still to come
        self._skip = 0

    def read(self, data: bytes) -> Iterator[HandshakeMessage]:
        """Yield the messages that the next handshake bytes complete.

        One that is over the limit is the last.
        """
        if self._skip:
            skipped = min(self._skip, len(data))
            self._skip -= skipped
            data = data[skipped:]
        if self.is_lost:
            return
        buffer = self._buffer
        buffer += data
        while len(buffer) >= _HEADER_BYTES:
            end = self._message_end()
            if end - _HEADER_BYTES > self._limit:
                message = HandshakeMessage(buffer[0], None)
                self._lose()
                yield message
                return
            if end > len(buffer):
                return
            message = HandshakeMessage(buffer[0], bytes(buffer[_HEADER_BYTES:end]))
            del buffer[:end]
            yield message

    def skip(self, length: int) -> None:
        """Pass over missing bytes; the message that they belong to is dropped."""
        if self._buffer:
            known = len(self._buffer) >= _HEADER_BYTES
            self._skip = self._message_end() - len(self._buffer) if known else 0
            self._buffer.clear()
        if length > self._skip:
            self._lose()
        else:
            self._skip -= length

    def _message_end(self) -> int:
        return _HEADER_BYTES + int.from_bytes(self._buffer[1:_HEADER_BYTES], "big")

    def _lose(self) -> None:
        self.is_lost = True
        self._skip = 0
        self._buffer.clear()
