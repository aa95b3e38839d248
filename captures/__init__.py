"""From the wire to ordered TCP streams."""

from __future__ import annotations

from captures.batch import (
    MAX_BATCH_BYTES,
    MAX_BATCH_PACKETS,
    PacketBatch,
    split_frame_id,
)
from captures.errors import CaptureError, readable_name
from captures.files.folders import find_captures
from captures.files.merge import MergedCaptures, open_captures
from captures.files.opening import ReadEngine, open_capture
from captures.files.reader import CaptureReader
from captures.live.capture import Engine, LiveCapture
from captures.live.listing import Interface, list_interfaces
from captures.live.opening import open_live
from captures.live.privileges import PrivilegeError, drop_privileges
from captures.packets.decoder import Decoder
from captures.packets.interest import SegmentFilter
from captures.packets.segments import Segments
from captures.tcp.attempts import Attempt
from captures.tcp.connection import Connection, ConnectionConsumer, Ending
from captures.tcp.endpoints import Endpoint
from captures.tcp.flow import Flow
from captures.tcp.grouping import Partition
from captures.tcp.outlet import Wanted
from captures.tcp.segment import End
from captures.tcp.table import ConnectionTable

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
    "Partition",
    "PrivilegeError",
    "ReadEngine",
    "SegmentFilter",
    "Segments",
    "Wanted",
    "drop_privileges",
    "find_captures",
    "list_interfaces",
    "open_capture",
    "open_captures",
    "open_live",
    "readable_name",
    "split_frame_id",
]
