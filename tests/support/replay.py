"""A capture file in place of an interface."""

from __future__ import annotations

from typing import TYPE_CHECKING

from captures import CaptureError, Engine, LiveCapture, PacketBatch, open_capture

if TYPE_CHECKING:
    from pathlib import Path


class Replay(LiveCapture):
    """Plays a capture back, a few packets at a time.

    Args:
        path: the capture.
        packets: how many in a batch.
        failure: what goes wrong at the end.
    """

    engine = Engine.SOCKET

    def __init__(
        self, path: Path, *, packets: int = 5, failure: str | None = None
    ) -> None:
        super().__init__(str(path))
        self.failure = failure
        self._batches = open_capture(path, max_packets=packets)

    def __next__(self) -> PacketBatch:
        batch = next(self._batches, None)
        if batch is not None:
            return batch
        if self.failure is not None:
            raise CaptureError(self.name, self.failure, usable=True)
        raise StopIteration

    def stop(self) -> None:
        self._batches.close()

    def drops(self) -> int | None:
        return 3

    def close(self) -> None:
        self._batches.close()
