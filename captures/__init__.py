"""From the wire to ordered TCP streams."""

from __future__ import annotations

from captures.batch import (
    MAX_BATCH_BYTES,
    MAX_BATCH_PACKETS,
    PacketBatch,
    split_frame_id,
)
from captures.connection import Connection, ConnectionConsumer, Ending, Endpoint
from captures.connection_table import ConnectionTable
from captures.decode import Decoder
from captures.errors import CaptureError
from captures.merge import MergedCaptures, open_captures
from captures.reader import CaptureReader, ReadEngine, open_capture
from captures.reassembly import End, Flow
from captures.rows import Share
from captures.segments import SegmentFilter, Segments

__all__ = [
    "MAX_BATCH_BYTES",
    "MAX_BATCH_PACKETS",
    "CaptureError",
    "CaptureReader",
    "Connection",
    "ConnectionConsumer",
    "ConnectionTable",
    "Decoder",
    "End",
    "Ending",
    "Endpoint",
    "Flow",
    "MergedCaptures",
    "PacketBatch",
    "ReadEngine",
    "SegmentFilter",
    "Segments",
    "Share",
    "open_capture",
    "open_captures",
    "split_frame_id",
]
