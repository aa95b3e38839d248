"""TCP connections made by hand, for captures with any content.

    PacketScript(110).server(b"+OK\\r\\n").client(b"QUIT\\r\\n").server(b"+OK\\r\\n").close()

Each step is one packet, a millisecond after the one before. Acknowledgments ride
on the next packet of the other side. Checksums are left out: nobody looks at them
in a capture, since network cards fill them in.
"""

from __future__ import annotations

import ipaddress
import struct
from typing import TYPE_CHECKING, Self

from dissectors.events import Side
from tests.support.captures import Packet, packet, pcap

if TYPE_CHECKING:
    from pathlib import Path

CLIENT, SERVER = Side.CLIENT, Side.SERVER
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16

_MACS = (b"\x02\0\0\0\0\x01", b"\x02\0\0\0\0\x02")


class PacketScript:
    """The packets of one connection, step by step.

    Args:
        port: the server's port.
        client_port: the client's port.
        start_ms: when it begins.
        handshake: whether the connection's start is in the capture.
    """

    client_ip = "192.0.2.101"
    server_ip = "198.51.100.25"

    def __init__(
        self,
        port: int,
        *,
        client_port: int = 40_000,
        start_ms: int = 0,
        handshake: bool = True,
    ) -> None:
        self._ports = (client_port, port)
        self._next_ms = start_ms
        self._sequence = [1000, 5000]
        self.packets: list[Packet] = []
        if handshake:
            self.send(CLIENT, flags=SYN)
            self.send(SERVER, flags=SYN | ACK)
            self.send(CLIENT, flags=ACK)

    def client(self, data: bytes) -> Self:
        """The client sends a packet."""
        return self.send(CLIENT, data)

    def server(self, data: bytes) -> Self:
        """The server sends a packet."""
        return self.send(SERVER, data)

    def wait(self, milliseconds: int) -> Self:
        """Nothing happens for a while."""
        self._next_ms += milliseconds
        return self

    def lose(self, side: Side, length: int) -> Self:
        """A side sends bytes that are not captured."""
        self._sequence[side] += length
        return self

    def close(self) -> Self:
        """Both sides end."""
        self.send(CLIENT, flags=FIN | ACK)
        self.send(SERVER, flags=FIN | ACK)
        return self.send(CLIENT, flags=ACK)

    def send(self, side: Side, data: bytes = b"", flags: int = PSH | ACK) -> Self:
        """A side sends a packet with these flags."""
        acknowledgment = self._sequence[1 - side] if flags & ACK else 0
        segment = struct.pack(
            ">HHIIBBHHH",
            self._ports[side],
            self._ports[1 - side],
            self._sequence[side],
            acknowledgment,
            0x50,
            flags,
            65_535,
            0,
            0,
        )
        self._sequence[side] += len(data) + bool(flags & (SYN | FIN))
        frame = self._frame(side, segment + data)
        self.packets.append(packet(self._next_ms, frame))
        self._next_ms += 1
        return self

    def _frame(self, side: Side, segment: bytes) -> bytes:
        addresses = self.client_ip, self.server_ip
        source, target = (
            ipaddress.ip_address(addresses[end]) for end in (side, 1 - side)
        )
        if source.version == 6:
            kind = b"\x86\xdd"
            header = struct.pack(">IHBB", 6 << 28, len(segment), 6, 64)
        else:
            kind = b"\x08\x00"
            header = struct.pack(
                ">BBHHHBBH", 0x45, 0, 20 + len(segment), 0, 0x4000, 64, 6, 0
            )
        header += source.packed + target.packed
        return _MACS[1 - side] + _MACS[side] + kind + header + segment


def write_pcap(path: Path, *dialogues: PacketScript) -> Path:
    """Write the packets of some connections in time order."""
    path.write_bytes(pcap(merged(*dialogues)))
    return path


def merged(*dialogues: PacketScript) -> list[Packet]:
    """The packets of some connections in time order."""
    found = [each for dialogue in dialogues for each in dialogue.packets]
    return sorted(found, key=lambda each: each.time_ns)
