"""Captures made by hand, to have them in every variant and with any damage."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

from captures import CaptureError, open_capture

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from captures import PacketBatch

MICROSECONDS = 0xA1B2C3D4
NANOSECONDS = 0xA1B23C4D
MODIFIED = 0xA1B2CD34

# 2023-11-14 22:13:20 UTC
START_NS = 1_700_000_000_000_000_000


class Packet(NamedTuple):
    """A packet as written and as read back."""

    time_ns: int
    data: bytes
    wire_length: int
    link_type: int = 1


def packet(
    milliseconds: int, data: bytes = b"", wire_length: int = 0, link_type: int = 1
) -> Packet:
    """Make a packet some time after `START_NS`."""
    time_ns = START_NS + milliseconds * 1_000_000
    return Packet(time_ns, data, wire_length or len(data), link_type)


def packets(count: int, size: int = 60, first: int = 0) -> list[Packet]:
    """Make packets a millisecond apart, each with its number in it."""
    return [
        packet(first + i, struct.pack(">I", first + i).ljust(size + i % 7, b"."))
        for i in range(count)
    ]


def pcap(
    content: Iterable[Packet],
    *,
    order: str = "<",
    magic: int = MICROSECONDS,
    network: int = 1,
    snap_length: int = 65_535,
) -> bytes:
    """Write a pcap file."""
    header = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, snap_length, network)
    return header + b"".join(record(each, order, magic) for each in content)


def record(content: Packet, order: str = "<", magic: int = MICROSECONDS) -> bytes:
    """Write one packet of a pcap file."""
    seconds, fraction = divmod(content.time_ns, 1_000_000_000)
    if magic != NANOSECONDS:
        fraction //= 1000
    lengths = len(content.data), content.wire_length
    header = struct.pack(order + "IIII", seconds, fraction, *lengths)
    if magic == MODIFIED:
        header += bytes(8)
    return header + content.data


def pcapng(content: Iterable[Packet], *, order: str = "<", link_type: int = 1) -> bytes:
    """Write a pcapng file with one section and one interface."""
    return b"".join(
        [
            section(order),
            interface(order, link_type=link_type),
            *(enhanced_packet(order, each) for each in content),
        ]
    )


def block(order: str, block_type: int, body: bytes) -> bytes:
    """Write a pcapng block."""
    body += bytes(-len(body) % 4)
    length = struct.pack(order + "I", len(body) + 12)
    return struct.pack(order + "I", block_type) + length + body + length


def section(order: str = "<") -> bytes:
    """Write a Section Header Block, without a length of the section."""
    return block(order, 0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1))


def interface(
    order: str = "<",
    *,
    link_type: int = 1,
    snap_length: int = 0,
    options: Sequence[tuple[int, bytes]] = (),
) -> bytes:
    """Write an Interface Description Block."""
    body = struct.pack(order + "HHI", link_type, 0, snap_length)
    for code, value in options:
        body += struct.pack(order + "HH", code, len(value))
        body += value + bytes(-len(value) % 4)
    return block(order, 1, body)


def enhanced_packet(
    order: str, content: Packet, *, number: int = 0, ticks: int | None = None
) -> bytes:
    """Write an Enhanced Packet Block, in microseconds unless told otherwise."""
    if ticks is None:
        ticks = content.time_ns // 1000
    lengths = len(content.data), content.wire_length
    body = struct.pack(order + "IIIII", number, *divmod(ticks, 1 << 32), *lengths)
    return block(order, 6, body + content.data)


def obsolete_packet(order: str, content: Packet, *, number: int = 0) -> bytes:
    """Write a Packet Block, with some drops counted."""
    ticks = divmod(content.time_ns // 1000, 1 << 32)
    lengths = len(content.data), content.wire_length
    body = struct.pack(order + "HHIIII", number, 0xFFFF, *ticks, *lengths)
    return block(order, 2, body + content.data)


def simple_packet(order: str, content: Packet) -> bytes:
    """Write a Simple Packet Block."""
    return block(order, 3, struct.pack(order + "I", content.wire_length) + content.data)


def secrets(order: str, secrets_type: int, data: bytes) -> bytes:
    """Write a Decryption Secrets Block."""
    return block(order, 10, struct.pack(order + "II", secrets_type, len(data)) + data)


def unpack(batch: PacketBatch) -> list[Packet]:
    """Take the packets out of a batch."""
    columns = zip(
        batch.offset.tolist(),
        batch.captured_length.tolist(),
        batch.time_ns.tolist(),
        batch.wire_length.tolist(),
        batch.link_type.tolist(),
        strict=True,
    )
    return [
        Packet(time_ns, batch.buffer[at : at + length].tobytes(), wire, link_type)
        for at, length, time_ns, wire, link_type in columns
    ]


def read(path: Path) -> list[Packet]:
    """Read a capture to its end."""
    with open_capture(path) as reader:
        return [each for batch in reader for each in unpack(batch)]


def read_until_damage(path: Path) -> tuple[list[Packet], CaptureError]:
    """Read a capture that is damaged."""
    found: list[Packet] = []
    try:
        with open_capture(path) as reader:
            for batch in reader:
                found += unpack(batch)
    except CaptureError as error:
        return found, error
    raise AssertionError(f"{path} is not damaged")
