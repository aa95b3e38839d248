"""Captures that come as a stream: standard input, pipes, compressed files."""

from __future__ import annotations

import os
import select
from typing import Protocol


class StreamError(Exception):
    """A stream can't be read any further; its text says why."""


class ByteStream(Protocol):
    """A stream of bytes, each of which is read once, in order."""

    @property
    def consumed(self) -> int:
        """Bytes of the input that were taken so far."""

    def read(self, limit: int) -> bytes:
        """Take up to `limit` bytes, at least one unless the stream has ended.

        Raises:
            StreamError: the stream is damaged here.
        """

    def is_ready(self, timeout_s: float) -> bool:
        """Return whether `read` won't block, waiting up to `timeout_s` to find out."""

    def close(self) -> None:
        """Give the input back."""


class FileStream:
    """The bytes of an open file, pipe or device."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._ahead = b""
        self._taken = 0
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLIN)

    @property
    def consumed(self) -> int:
        """Bytes that were read, without those that were only peeked at."""
        return self._taken - len(self._ahead)

    def peek(self, size: int) -> bytes:
        """Wait for the next `size` bytes, or what there is of them, and keep them."""
        while len(self._ahead) < size:
            more = self._take(size - len(self._ahead))
            if not more:
                break
            self._ahead += more
        return self._ahead

    def read(self, limit: int) -> bytes:
        """Take up to `limit` bytes, at least one unless the file has ended."""
        if self._ahead:
            data, self._ahead = self._ahead[:limit], self._ahead[limit:]
            return data
        return self._take(limit)

    def is_ready(self, timeout_s: float) -> bool:
        """Wait for the next bytes, or for the end of the file; say if they came."""
        return bool(self._ahead or self._poll.poll(max(0.0, timeout_s) * 1000))

    def close(self) -> None:
        """Close the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _take(self, limit: int) -> bytes:
        try:
            data = os.read(self._descriptor, limit)
        except OSError as error:
            reason = f"it can't be read any further ({error.strerror})"
            raise StreamError(reason) from error
        self._taken += len(data)
        return data
