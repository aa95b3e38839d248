"""Reading the structures of the TLS presentation language (RFC 8446 §3)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# RFC 8446 §4.2: extension type and length
_EXTENSION_HEADER = struct.Struct(">HH")


class MalformedStructError(ValueError):
    """A structure ends too early, or something is left behind its end."""


class StructReader:
    """Reads one block of bytes, which must be consumed exactly."""

    __slots__ = ("_data", "_position")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0

    @property
    def at_end(self) -> bool:
        """All bytes of the block were read."""
        return self._position == len(self._data)

    def take(self, length: int) -> bytes:
        """Read that many bytes.

        Raises:
            MalformedStructError: the block is too short.
        """
        start = self._position
        self._position = start + length
        if self._position > len(self._data):
            message = f"{length} bytes wanted, {len(self._data) - start} left"
            raise MalformedStructError(message)
        return self._data[start : self._position]

    def uint(self, size: int) -> int:
        """Read an unsigned number of `size` bytes.

        Raises:
            MalformedStructError: the block is too short.
        """
        return int.from_bytes(self.take(size), "big")

    def vector(self, length_size: int) -> bytes:
        """Read a variable-length vector whose length takes `length_size` bytes.

        Raises:
            MalformedStructError: the block is too short.
        """
        return self.take(int.from_bytes(self.take(length_size), "big"))

    def extensions(self) -> Iterator[tuple[int, bytes]]:
        """Read the rest as extensions (RFC 8446 §4.2): numbers and data.

        Raises:
            MalformedStructError: the last extension is not complete.
        """
        while self._position != len(self._data):
            header = self.take(_EXTENSION_HEADER.size)
            number, length = _EXTENSION_HEADER.unpack(header)
            yield number, self.take(length)

    def finish(self) -> None:
        """State that this is the end of the structure.

        Raises:
            MalformedStructError: there are bytes left.
        """
        if not self.at_end:
            message = f"{len(self._data) - self._position} bytes too many"
            raise MalformedStructError(message)


def read_uint16s(data: bytes) -> tuple[int, ...]:
    """Read a vector's content as numbers of two bytes.

    Raises:
        MalformedStructError: half a number is left.
    """
    if len(data) % 2:
        message = "half a number is left"
        raise MalformedStructError(message)
    return struct.unpack(f">{len(data) // 2}H", data)
