"""Columns of a session from its connection: who, when and how much."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.sessions.columns import columns, columns_of
from analyzer.sessions.identity import address_text, community_id
from analyzer.sessions.role import role
from analyzer.sessions.wrong_clock import seconds_between
from captures import split_frame_id
from dissectors.registry import service_by_port

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analyzer.sessions.columns import Row
    from analyzer.sessions.session import Session
    from captures import Connection

_NS = 1e9


@columns(
    "community_id",
    "protocol",
    "service",
    "role",
    "client_ip",
    "client_port",
    "server_ip",
    "server_port",
    "vlan",
    "capture",
    "first_frame",
)
def identity(session: Session, connection: Connection, captures: Sequence[str]) -> Row:
    """Name the service, the role, both sides, and the first packet."""
    client, server = connection.originator, connection.responder
    service = service_by_port().get(server.port)
    fits = service is not None and service.protocol == session.protocol
    capture, frame = split_frame_id(connection.first_frame)
    return (
        community_id(client, server),
        session.protocol,
        service.name if service is not None and fits else session.protocol,
        role(session, connection),
        address_text(client.address),
        client.port,
        address_text(server.address),
        server.port,
        connection.vlan if connection.vlan >= 0 else None,
        captures[capture],
        frame,
    )


@columns(
    "tcp_rtt_s",
    "banner_delay_s",
    "login_delay_s",
)
def _handshake_delays(session: Session, connection: Connection) -> Row:
    acknowledged_ns = connection.handshake.acknowledged_ns
    ends = (
        (connection.handshake.syn_ns, acknowledged_ns),
        (acknowledged_ns, session.greeting_time_ns),
        (acknowledged_ns, session.login_time_ns),
    )
    corrected = {packet.time_ns for packet in (connection.mistimed or {}).values()}
    return tuple(
        seconds_between(*both) if corrected.isdisjoint(both) else None for both in ends
    )


@columns(
    "start",
    "end",
    "duration_s",
    *columns_of(_handshake_delays),
    "idle_s",
    "slowest_verb",
    "slowest_s",
)
def timing(session: Session, connection: Connection) -> Row:
    """Tell when it was, and how long it all took."""
    slowest_ns, slowest_verb = session.slowest(connection)
    return (
        connection.start_ns,
        connection.end_ns,
        (connection.end_ns - connection.start_ns) / _NS,
        *_handshake_delays(session, connection),
        session.idle_ns / _NS if session.idle_ns is not None else None,
        slowest_verb,
        slowest_ns / _NS if slowest_verb is not None else None,
    )


@columns(
    "client_packets",
    "server_packets",
    "copied_packets",
    "client_bytes",
    "server_bytes",
    "missing_bytes",
    "retransmitted_bytes",
    "ended",
    "complete",
)
def volume(session: Session, connection: Connection) -> Row:
    """Count packets and bytes, and tell how the connection ended."""
    client, server = connection.flows
    return (
        client.packets,
        server.packets,
        connection.copied_packets,
        client.stream_bytes,
        server.stream_bytes,
        client.missing_bytes + server.missing_bytes,
        client.retransmitted_bytes + server.retransmitted_bytes,
        connection.ending,
        connection.is_complete and "cut_short" not in session.oddities,
    )
