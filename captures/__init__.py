"""From the wire to ordered TCP streams."""

from __future__ import annotations

from captures.attempts import Attempt
from captures.batch import (
    MAX_BATCH_BYTES,
    MAX_BATCH_PACKETS,
    PacketBatch,
    split_frame_id,
)
from captures.connection import Connection, ConnectionConsumer, Ending, Endpoint
from captures.connection_table import ConnectionTable
from captures.decode import Decoder
from captures.devices import Interface, list_interfaces
from captures.errors import CaptureError, readable_name
from captures.live import Engine, LiveCapture, open_live
from captures.merge import MergedCaptures, open_captures
from captures.privileges import PrivilegeError, drop_privileges
from captures.reader import CaptureReader, ReadEngine, open_capture
from captures.reassembly import End, Flow
from captures.rows import Share
from captures.segments import SegmentFilter, Segments

__all__ = [
    "MAX_BATCH_BYTES",
    "MAX_BATCH_PACKETS",
    "Attempt",
    "CaptureError",
    "CaptureReader",
    "Connection",
    "ConnectionConsumer",
    "ConnectionTable",
    "Decoder",
    "End",
    "Ending",
    "Endpoint",
    "Engine",
    "Flow",
    "Interface",
    "LiveCapture",
    "MergedCaptures",
    "PacketBatch",
    "PrivilegeError",
    "ReadEngine",
    "SegmentFilter",
    "Segments",
    "Share",
    "drop_privileges",
    "list_interfaces",
    "open_capture",
    "open_captures",
    "open_live",
    "readable_name",
    "split_frame_id",
]
