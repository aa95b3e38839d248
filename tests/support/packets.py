"""Packets made by hand, and batches of them."""

from __future__ import annotations

import ipaddress
import struct
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from captures import PacketBatch
from tests.support.captures import START_NS, Packet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from captures import Segments

FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10
ETHERNET, RAW = 1, 101

CLIENT, SERVER = "192.0.2.1", "198.51.100.25"


class SeenSegment(NamedTuple):
    """One row of `Segments` with its payload, and nothing that tells of offsets."""

    order: int
    source: str
    destination: str
    source_port: int
    destination_port: int
    sequence: int
    acknowledgment: int
    flags: int
    data: bytes
    length: int
    vlan: int


def batch_of(
    packets: Sequence[Packet], first: int = 1, between: bytes = b""
) -> PacketBatch:
    """A batch of packets.

    Args:
        packets: the packets.
        first: number of the first packet.
        between: what lies in the buffer before each packet.
    """
    length = np.array([len(each.data) for each in packets], dtype=np.uint32)
    buffer = b"".join(between + each.data for each in packets)
    return PacketBatch(
        captures=("a.pcap",),
        capture=np.zeros(len(packets), dtype=np.uint32),
        buffer=np.frombuffer(buffer, dtype=np.uint8),
        offset=np.cumsum(length + len(between), dtype=np.int64) - length,
        captured_length=length,
        wire_length=np.array([each.wire_length for each in packets], dtype=np.uint32),
        time_ns=np.array([each.time_ns for each in packets], dtype=np.int64),
        link_type=np.array([each.link_type for each in packets], dtype=np.uint16),
        frame=np.arange(first, first + len(packets), dtype=np.int64),
        position=len(buffer),
    )


def frame(data: bytes, link_type: int = ETHERNET, *, wire_length: int = 0) -> Packet:
    """A packet at `START_NS`."""
    return Packet(START_NS, data, wire_length or len(data), link_type)


def tcp(
    payload: bytes = b"",
    *,
    flags: int = ACK,
    sequence: int = 0,
    acknowledgment: int = 0,
    ports: tuple[int, int] = (40_000, 25),
    options: bytes = b"",
) -> bytes:
    """A TCP segment (RFC 9293 §3.1), its checksum left out."""
    words = 5 + len(options) // 4
    header = struct.pack(
        ">HHIIBBHHH",
        *ports,
        sequence % (1 << 32),
        acknowledgment % (1 << 32),
        words << 4,
        flags,
        65_535,
        0,
        0,
    )
    return header + options + payload


def ipv4(
    payload: bytes,
    addresses: tuple[str, str] = (CLIENT, SERVER),
    *,
    protocol: int = 6,
    fragment: int = 0,
    identification: int = 0,
    options: bytes = b"",
) -> bytes:
    """An IPv4 packet (RFC 791 §3.1), its checksum left out.

    Args:
        payload: what it carries.
        addresses: source and destination.
        protocol: of the payload.
        fragment: flags and fragment offset.
        identification: what all fragments share.
        options: a multiple of four bytes.
    """
    source, destination = (ipaddress.IPv4Address(each).packed for each in addresses)
    header = struct.pack(
        ">BBHHHBBH4s4s",
        0x45 + len(options) // 4,
        0,
        20 + len(options) + len(payload),
        identification,
        fragment,
        64,
        protocol,
        0,
        source,
        destination,
    )
    return header + options + payload


def ipv6(
    payload: bytes,
    addresses: tuple[str, str] = ("2001:db8::1", "2001:db8::25"),
    *,
    next_header: int = 6,
) -> bytes:
    """An IPv6 packet (RFC 8200 §3)."""
    source, destination = (ipaddress.IPv6Address(each).packed for each in addresses)
    fields = (6 << 28, len(payload), next_header, 64, source, destination)
    return struct.pack(">IHBB16s16s", *fields) + payload


def ethernet(packet: bytes, *tags: int) -> bytes:
    """An IP packet in an Ethernet frame, with 802.1Q tags."""
    ethertype = 0x0800 if packet[0] >> 4 == 4 else 0x86DD
    tagged = b"".join(struct.pack(">HH", 0x8100, tag) for tag in tags)
    return bytes(12) + tagged + struct.pack(">H", ethertype) + packet


def seen(segments: Segments) -> list[SeenSegment]:
    """Segments as they were decoded."""
    buffer = segments.buffer.tobytes()
    rows = []
    for at in range(len(segments)):
        payload, captured = int(segments.payload[at]), int(segments.captured[at])
        rows.append(
            SeenSegment(
                order=int(segments.order[at]),
                source=_address(*segments.source[at].tolist()),
                destination=_address(*segments.destination[at].tolist()),
                source_port=int(segments.source_port[at]),
                destination_port=int(segments.destination_port[at]),
                sequence=int(segments.sequence[at]),
                acknowledgment=int(segments.acknowledgment[at]),
                flags=int(segments.flags[at]),
                data=buffer[payload : payload + captured] if captured else b"",
                length=int(segments.length[at]),
                vlan=int(segments.vlan[at]),
            )
        )
    return rows


def _address(high: int, low: int) -> str:
    address = ipaddress.IPv6Address(high << 64 | low)
    return str(address.ipv4_mapped or address)
