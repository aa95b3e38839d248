"""Reading the structures of the TLS presentation language (RFC 8446 §3)."""

from __future__ import annotations

import struct
from functools import partial
from typing import TYPE_CHECKING

from dissectors.caching import cache_short

if TYPE_CHECKING:
    from collections.abc import Iterator

# RFC 8446 §4.2: extension type and length
_EXTENSION_HEADER = struct.Struct(">HH")
# of a hello; peers offer the same again and again
LONGEST_CACHED = 512


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
        end = start + length
        if end > len(self._data):
            raise _too_short(length, len(self._data) - start)
        self._position = end
        return self._data[start:end]

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
        start = self._position + length_size
        end = start + int.from_bytes(self._data[self._position : start], "big")
        if end > len(self._data):
            return self.take(int.from_bytes(self.take(length_size), "big"))
        self._position = end
        return self._data[start:end]

    def rest(self) -> bytes:
        """Read all that is left."""
        return self.take(len(self._data) - self._position)

    def extensions(self) -> Iterator[tuple[int, bytes]]:
        """Read the rest as extensions (RFC 8446 §4.2): numbers and data.

        Raises:
            MalformedStructError: the last extension is not complete.
        """
        data, start = self._data, self._position
        while start != len(data):
            body = start + _EXTENSION_HEADER.size
            if body > len(data):
                raise _too_short(_EXTENSION_HEADER.size, len(data) - start)
            number, length = _EXTENSION_HEADER.unpack_from(data, start)
            start = body + length
            if start > len(data):
                raise _too_short(length, len(data) - body)
            yield number, data[body:start]
        self._position = start

    def finish(self) -> None:
        """State that this is the end of the structure.

        Raises:
            MalformedStructError: there are bytes left.
        """
        if self._position != len(self._data):
            message = f"{len(self._data) - self._position} bytes too many"
            raise MalformedStructError(message)


def _too_short(wanted: int, left: int) -> MalformedStructError:
    return MalformedStructError(f"{wanted} bytes wanted, {left} left")


@partial(cache_short, longest=LONGEST_CACHED)
def read_uint16s(data: bytes) -> tuple[int, ...]:
    """Read a vector's content as numbers of two bytes.

    Raises:
        MalformedStructError: half a number is left.
    """
    if len(data) % 2:
        message = "half a number is left"
        raise MalformedStructError(message)
    return struct.unpack(f">{len(data) // 2}H", data)
