"""How connections and packets are named: addresses, IDs, places in captures."""

from __future__ import annotations

import base64
import hashlib
import socket
import struct
from functools import lru_cache
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from captures import Endpoint, split_frame_id

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from captures import Connection

_IPV4_MAPPED = 0xFFFF
_PROTOCOL_TCP = 6


@lru_cache(maxsize=4096)
def packed_address(address: int) -> bytes:
    """Pack an address in network order: 4 bytes if it is IPv4-mapped, else 16."""
    if address >> 32 == _IPV4_MAPPED:
        return (address & 0xFFFF_FFFF).to_bytes(4, "big")
    return address.to_bytes(16, "big")


@lru_cache(maxsize=4096)
def address_text(address: int) -> str:
    """Return an address as text (RFC 5952)."""
    packed = packed_address(address)
    family = socket.AF_INET if len(packed) == 4 else socket.AF_INET6
    return socket.inet_ntop(family, packed)


def address_number(text: str) -> int:
    """Read an address; IPv4 becomes IPv4-mapped (RFC 4291 §2.5.5.2)."""
    address = ip_address(text)
    return int(address) | (_IPV4_MAPPED << 32 if address.version == 4 else 0)


def ends_of(session: Mapping[str, Any]) -> tuple[Endpoint, Endpoint]:
    """Return the ends, client and server, that a row of `sessions` names."""
    client, server = (
        Endpoint(address_number(session[f"{end}_ip"]), session[f"{end}_port"])
        for end in ("client", "server")
    )
    return client, server


def session_id(connection: Connection) -> str:
    """Return a name that depends only on the connection's own packets."""
    first, second = connection.originator, connection.responder
    identity = struct.pack(
        ">16sH16sHq",
        first.address.to_bytes(16, "big"),
        first.port,
        second.address.to_bytes(16, "big"),
        second.port,
        connection.start_ns,
    )
    return hashlib.blake2b(identity, digest_size=8).hexdigest()


def community_id(originator: Endpoint, responder: Endpoint) -> str:
    """Return the Community ID, version 1 with seed 0, of a TCP connection."""
    ends = (packed_address(end.address) for end in (originator, responder))
    source, destination = zip(ends, (originator.port, responder.port), strict=True)
    lower, higher = sorted((source, destination))
    digest = hashlib.sha1(usedforsecurity=False)
    digest.update(b"\0\0" + lower[0] + higher[0])
    digest.update(struct.pack(">BBHH", _PROTOCOL_TCP, 0, lower[1], higher[1]))
    return "1:" + base64.b64encode(digest.digest()).decode("ascii")


def capture_and_frame(
    frame_id: int | None, captures: Sequence[str]
) -> tuple[str | None, int | None]:
    """Return the capture that holds a packet, and its number there."""
    if frame_id is None:
        return None, None
    capture, number = split_frame_id(frame_id)
    try:
        return captures[capture], number
    except IndexError:
        # a plug-in took something else for a frame ID
        return None, None
