"""Writes pcapng (draft-ietf-opsawg-pcapng): one section, little-endian.

Interfaces are described when their first packet comes; a packet is an Enhanced Packet
Block, whatever block it was in before. Names and statistics are not written.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

from captures.files.pcapng import BYTE_ORDER_MAGIC, BlockType

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import BinaryIO

# code and value, numbers of which are little-endian
Option = tuple[int, bytes]


class RawInterface(NamedTuple):
    """An interface as a capture describes it.

    Attributes:
        link_type: of its packets.
        snap_length: how much of each packet was kept at most.
        options: all that is said of it besides (§4.2).
        resolution: `if_tsresol`, which is among the options, too.
        offset_s: `if_tsoffset` likewise.
    """

    link_type: int
    snap_length: int
    options: tuple[Option, ...] = ()
    resolution: int = 6
    offset_s: int = 0


class RawPacket(NamedTuple):
    """A packet as a capture holds it.

    Attributes:
        interface: index of its interface among those of the capture.
        ticks: when it came, in the interface's units.
        wire_length: bytes that it had.
        data: those that were captured.
        options: all that is said of it besides (§4.3).
    """

    interface: int
    ticks: int
    wire_length: int
    data: bytes
    options: tuple[Option, ...] = ()


class PcapngWriter:
    """Writes the packets of any number of interfaces.

    Args:
        file: takes the bytes.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._interfaces = 0
        self._file.write(SECTION)

    def add_secrets(self, kind: int, data: bytes) -> None:
        """Write secrets of TLS, which must come before the packets that need them."""
        header = struct.pack("<II", kind, len(data))
        self._write(BlockType.DECRYPTION_SECRETS, header + data + bytes(-len(data) % 4))

    def add_interface(self, interface: RawInterface) -> int:
        """Describe an interface; return its number."""
        body = struct.pack("<HHI", interface.link_type, 0, interface.snap_length)
        self._write(BlockType.INTERFACE_DESCRIPTION, body + _encode(interface.options))
        self._interfaces += 1
        return self._interfaces - 1

    def add_packet(self, interface: int, packet: RawPacket) -> None:
        """Write a packet of an interface that was described."""
        data = packet.data
        header = struct.pack(
            "<IIIII",
            interface,
            packet.ticks >> 32 & 0xFFFF_FFFF,
            packet.ticks & 0xFFFF_FFFF,
            len(data),
            packet.wire_length,
        )
        body = header + data + bytes(-len(data) % 4) + _encode(packet.options)
        self._write(BlockType.ENHANCED_PACKET, body)

    def _write(self, block_type: int, body: bytes) -> None:
        self._file.write(_block(block_type, body))


def _block(block_type: int, body: bytes) -> bytes:
    length = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", block_type) + length + body + length


def _encode(options: Iterable[Option]) -> bytes:
    """Return options with what ends them; nothing if there are none (§3.5)."""
    encoded = b"".join(
        struct.pack("<HH", code, len(value)) + value + bytes(-len(value) % 4)
        for code, value in options
    )
    return encoded + bytes(4) if encoded else b""


# code of `shb_userappl` (§4.1), by which mailtap knows its own captures
_WRITTEN_BY = (4, b"mailtap")
# what every capture that is written begins with: version 1.0, of unknown length
SECTION = _block(
    BlockType.SECTION_HEADER,
    struct.pack("<IHHq", BYTE_ORDER_MAGIC, 1, 0, -1) + _encode([_WRITTEN_BY]),
)
