"""From the wire to ordered TCP streams."""

from __future__ import annotations

from captures.batch import MAX_BATCH_BYTES, MAX_BATCH_PACKETS, PacketBatch
from captures.errors import CaptureError
from captures.reader import CaptureReader, open_capture

__all__ = [
    "MAX_BATCH_BYTES",
    "MAX_BATCH_PACKETS",
    "CaptureError",
    "CaptureReader",
    "PacketBatch",
    "open_capture",
]
