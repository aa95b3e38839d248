"""Where the bytes of a capture are: the windows of a file, or the blocks of a stream.

A file is read window by window; the unfinished record at the end of a window is
read again with the next one. A stream is read into blocks; what is not read to its
end when a block is full moves to the next one.

Cost: a byte of a stream is copied once, and the unfinished record at the end of
a block twice. Memory: a window or block, and as much as the longest record.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Protocol

import numpy as np

from captures.files.byte_streams import StreamError

if TYPE_CHECKING:
    import numpy.typing as npt

    from captures.files.byte_streams import ByteStream

# How long packets of a stream wait for others.
_PATIENCE_S = 0.2
# enough to recognise a format
_FIRST_BYTES = 4096

_SHORTENED = (
    "it was shortened while it was read, as by a rotation of logs: copy a capture "
    "before it is rotated, and read the copy"
)


class Source(Protocol):
    """The bytes of a capture, as far as they are in reach.

    Attributes:
        data: (n,) uint8, what is in reach.
        base: offset of the first byte of `data` in the capture.
        window: bytes to get into reach at a time.
        problem: why there are no more bytes, if that isn't simply the end.
    """

    data: npt.NDArray[np.uint8]
    base: int
    window: int
    problem: str | None

    def head(self, size: int) -> bytes:
        """Return the first `size` bytes, or fewer if there are no more."""

    def advance(self, done: int) -> int | None:
        """Get the next window into reach.

        Args:
            done: offset in the capture; what is before is not needed any more.

        Returns:
            How far to read, as an offset in the capture; `None` if there is
            nothing more to get.
        """

    def consumed(self, done: int) -> int:
        """Return how many bytes of the input the capture up to `done` took."""

    def close(self) -> None:
        """Give everything back."""


class FileWindows:
    """A regular file, of which one window after another is read.

    It is never mapped into memory: what is cut off a mapped file while it is read,
    as some tools do that rotate logs, kills the process that looks there. What is
    appended meanwhile is not read.

    Args:
        descriptor: of the open file, which becomes this source's own.
        size: how much of it to read.
        window: bytes of a window.
    """

    def __init__(self, descriptor: int, size: int, window: int) -> None:
        self._descriptor = descriptor
        self._size = size
        self.base = 0
        self.window = window
        self.problem: str | None = None
        self.data: npt.NDArray[np.uint8] = np.empty(0, np.uint8)
        self._read(0, _FIRST_BYTES)
        self._done = -1

    def head(self, size: int) -> bytes:
        """Return the first `size` bytes, or fewer if the file is shorter."""
        return bytes(self.data[:size])

    def advance(self, done: int) -> int | None:
        """Read the next window, twice as much if the last held no whole record."""
        size = self.window
        if done == self._done:
            if self.base + len(self.data) >= self._size:
                return None
            size = 2 * len(self.data)
        if done >= self._size or self.problem:
            return None
        self._done = done
        self._read(done, size)
        return done + len(self.data)

    def _read(self, start: int, size: int) -> None:
        """Read into memory of its own: batches of the last window may live on."""
        size = min(size, self._size - start)
        block, filled = np.empty(size, np.uint8), 0
        try:
            while filled < size:
                taken = os.preadv(
                    self._descriptor, [block[filled:].data], start + filled
                )
                if not taken:
                    self.problem = _SHORTENED
                    break
                filled += taken
        except OSError as error:
            self.problem = f"it can't be read any further ({error.strerror})"
        self.base, self.data = start, block[:filled]
        self.data.flags.writeable = False

    def consumed(self, done: int) -> int:
        """Return how many bytes of the file were read up to `done`."""
        return done

    def close(self) -> None:
        """Close the file."""
        self.data = np.empty(0, np.uint8)
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class StreamBlocks:
    """A stream, read into one block after another.

    Args:
        stream: to be read.
        window: bytes of a block.
        follows: whether to return from waiting, with nothing new, when the stream
            pauses.
    """

    def __init__(
        self, stream: ByteStream, window: int, *, follows: bool = False
    ) -> None:
        self._stream = stream
        self._follows = follows
        self._block: npt.NDArray[np.uint8] = np.empty(window, np.uint8)
        self.data = self._block[:0]
        self.base = 0
        self.window = window
        self.problem: str | None = None
        self._has_ended = False
        # what the reader was told to read up to, and did last
        self._offered = 0
        self._done = -1

    def head(self, size: int) -> bytes:
        """Wait for the first `size` bytes; fewer if the stream ends before."""
        while len(self.data) < size and not self._has_ended:
            self._make_room(0)
            self._fill()
        return bytes(self.data[:size])

    def advance(self, done: int) -> int | None:
        """Read until a block is full, the stream pauses, or it ends."""
        if self.base + len(self.data) == self._offered:
            if self._has_ended and done == self._done:
                return None
            self._make_room(done)
            self._fill()
        self._done = done
        self._offered = self.base + len(self.data)
        may_go_on = self._follows and not self._has_ended
        return self._offered if may_go_on or done < self._offered else None

    def consumed(self, done: int) -> int:
        """Return how many bytes of the input were taken, with the whole block."""
        return self._stream.consumed

    def close(self) -> None:
        """Close the stream."""
        self.data = self._block = np.empty(0, np.uint8)
        self._stream.close()

    def _make_room(self, done: int) -> None:
        """Begin a new block with the bytes from `done` on, if this one is full.

        The old block may belong to a batch, and stays as it is.
        """
        if self._has_ended or len(self._block) - len(self.data) > self.window // 4:
            return
        rest = self.data[done - self.base :]
        # doubled for a record that is longer than a block, so that its bytes
        # are not moved too often
        self._block = np.empty(max(self.window, 2 * len(rest)), np.uint8)
        self._block[: len(rest)] = rest
        self.base = done
        self._show(len(rest))

    def _fill(self) -> None:
        filled, size = len(self.data), len(self._block)
        deadline = time.monotonic() + _PATIENCE_S if self._follows else None
        try:
            while filled < size and not self._has_ended:
                if deadline and not self._stream.is_ready(deadline - time.monotonic()):
                    break
                piece = self._stream.read(size - filled)
                self._has_ended = not piece
                self._block[filled : filled + len(piece)] = np.frombuffer(
                    piece, np.uint8
                )
                filled += len(piece)
                deadline = deadline or time.monotonic() + _PATIENCE_S
        except StreamError as error:
            self.problem = str(error)
            self._has_ended = True
        self._show(filled)

    def _show(self, size: int) -> None:
        self.data = self._block[:size]
        self.data.flags.writeable = False
