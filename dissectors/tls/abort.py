"""What follows a fatal alert, which ends a handshake: perhaps no TLS any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dissectors.events import Side
from dissectors.tls.flow import FlowState
from dissectors.tls.registries.content_types import ContentType
from dissectors.tls.registries.handshake_types import HandshakeType

if TYPE_CHECKING:
    from dissectors.tls.flow import TlsFlow
    from dissectors.tls.records import RecordPiece


def behind_abort(flow: TlsFlow, data: bytes) -> tuple[bytes, int] | None:
    """Look behind an alert for what is none of the records that it ended.

    Args:
        flow: whose bytes they are.
        data: its next bytes.

    Returns:
        What is no record, or begins another handshake, and its place in the stream;
        `None` as long as records follow that were on their way with the alert.
    """
    records = flow.records
    if flow.state is FlowState.LOST:
        # nobody knows where its records begin
        return data, records.end
    for piece in records.read(data):
        if _is_client_hello(flow, piece):
            begin = records.consumed - len(piece.data)
            return records.header + data[begin:], records.offset
    if records.is_invalid:
        return records.header + data[records.consumed :], records.offset
    return None


def _is_client_hello(flow: TlsFlow, piece: RecordPiece) -> bool:
    """Tell a new hello from messages that were on their way with the alert."""
    data = piece.data
    is_first_byte = data != b"" and flow.records.body_bytes == len(data)
    is_handshake = piece.content_type == ContentType.HANDSHAKE
    is_ours = flow.side is Side.CLIENT and is_handshake and is_first_byte
    return is_ours and data[0] == HandshakeType.CLIENT_HELLO
