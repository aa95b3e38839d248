"""A wire with an effect: what frames meet between two machines.

The kernel's own network emulator and tunnels are not everywhere, so a process
forwards the frames between two interfaces and does to them what a bad line, a
switch or a tunnel would do. Both ends are real TCP stacks, which retransmit and
reorder as they must.

An effect takes a frame and returns what becomes of it: frames, each with the
seconds that it is held back. A `Tunnel` wraps the frames for the distance
between two more interfaces, where they can be captured, and unwraps them again.
"""

from __future__ import annotations

import heapq
import itertools
import select
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

Effect = Callable[[bytes], list[tuple[float, bytes]]]

ETHERNET_BYTES = 14
IPV4_BYTES = 20
ETH_P_ALL = 3
ETH_P_IP = b"\x08\x00"
# linux/if_packet.h
PACKET_OUTGOING = 4

# the outer addresses of tunnels
TUNNEL_ENDS = socket.inet_aton("203.0.113.1") + socket.inet_aton("203.0.113.2")
DONT_FRAGMENT = 0x4000
MORE_FRAGMENTS = 0x2000


def is_ipv4(frame: bytes) -> bool:
    """Whether a frame carries IPv4; ARP does not go through tunnels."""
    return frame[12:ETHERNET_BYTES] == ETH_P_IP


def carries_data(frame: bytes) -> bool:
    """Whether a frame is a TCP segment over IPv4 with payload."""
    if not is_ipv4(frame) or frame[23] != socket.IPPROTO_TCP:
        return False
    ip_bytes = (frame[14] & 15) * 4
    total = int.from_bytes(frame[16:18], "big")
    tcp_bytes = (frame[ETHERNET_BYTES + ip_bytes + 12] >> 4) * 4
    return total > ip_bytes + tcp_bytes


def nothing(frame: bytes) -> list[tuple[float, bytes]]:
    """Pass a frame as it is."""
    return [(0, frame)]


def losing(every: int) -> Effect:
    """Lose one in some frames that carry data."""
    count = itertools.count(1)

    def effect(frame: bytes) -> list[tuple[float, bytes]]:
        lost = carries_data(frame) and next(count) % every == 0
        return [] if lost else [(0, frame)]

    return effect


def reordering(every: int, seconds: float) -> Effect:
    """Hold one in some frames that carry data back, so that later ones pass it."""
    count = itertools.count(1)

    def effect(frame: bytes) -> list[tuple[float, bytes]]:
        late = carries_data(frame) and next(count) % every == 0
        return [(seconds if late else 0, frame)]

    return effect


def duplicating(every: int) -> Effect:
    """Deliver one in some frames that carry data twice."""
    count = itertools.count(1)

    def effect(frame: bytes) -> list[tuple[float, bytes]]:
        twice = carries_data(frame) and next(count) % every == 0
        return [(0, frame), (0.001, frame)] if twice else [(0, frame)]

    return effect


def delaying(seconds: float) -> Effect:
    """Hold every frame back for the same time."""
    return lambda frame: [(seconds, frame)]


def overwriting(old: bytes, new: bytes) -> Effect:
    """Overwrite words of TCP payload with others of the same length."""

    def effect(frame: bytes) -> list[tuple[float, bytes]]:
        if not carries_data(frame) or old not in frame:
            return [(0, frame)]
        return [(0, _with_tcp_checksum(frame.replace(old, new)))]

    return effect


def inserting(behind: bytes, more: bytes) -> Effect:
    """Insert words behind others of a connection over IPv4, once.

    Both ends must not notice: what comes later has other numbers on either side.
    """
    # the addresses and ports of the side that is said to have sent more
    sender: list[bytes] = []

    def effect(frame: bytes) -> list[tuple[float, bytes]]:
        if not is_ipv4(frame) or frame[23] != socket.IPPROTO_TCP:
            return [(0, frame)]
        source, target = frame[26:30] + frame[34:36], frame[30:34] + frame[36:38]
        if not sender and behind in frame:
            sender.append(source)
            length = int.from_bytes(frame[16:18], "big")
            longer = frame[: ETHERNET_BYTES + length].replace(behind, behind + more)
            ip = bytearray(longer[ETHERNET_BYTES : ETHERNET_BYTES + IPV4_BYTES])
            struct.pack_into(">H", ip, 2, length + len(more))
            rest = longer[ETHERNET_BYTES + IPV4_BYTES :]
            frame = longer[:ETHERNET_BYTES] + _with_checksum(ip) + rest
        elif source in sender:
            frame = _renumbered(frame, 38, len(more))
        elif target in sender:
            frame = _renumbered(frame, 42, -len(more))
        return [(0, _with_tcp_checksum(frame))]

    return effect


def _renumbered(frame: bytes, at: int, by: int) -> bytes:
    """Return a frame with another sequence or acknowledgment number."""
    number = int.from_bytes(frame[at : at + 4], "big") + by
    return frame[:at] + struct.pack(">I", number % (1 << 32)) + frame[at + 4 :]


def fragmenting(mtu: int) -> Effect:
    """Cut IPv4 packets over an MTU into fragments (RFC 791 §3.2)."""

    def effect(frame: bytes) -> list[tuple[float, bytes]]:
        if not is_ipv4(frame) or len(frame) <= ETHERNET_BYTES + mtu:
            return [(0, frame)]
        return [(0, fragment) for fragment in _fragments(frame, mtu)]

    return effect


def _fragments(frame: bytes, mtu: int) -> Iterator[bytes]:
    ethernet, packet = frame[:ETHERNET_BYTES], frame[ETHERNET_BYTES:]
    payload = packet[IPV4_BYTES : int.from_bytes(packet[2:4], "big")]
    step = (mtu - IPV4_BYTES) // 8 * 8
    for start in range(0, len(payload), step):
        part = payload[start : start + step]
        more = MORE_FRAGMENTS if start + step < len(payload) else 0
        header = bytearray(packet[:IPV4_BYTES])
        struct.pack_into(">H", header, 2, IPV4_BYTES + len(part))
        struct.pack_into(">H", header, 6, more | start // 8)
        yield ethernet + _with_checksum(header) + part


def _checksum(data: bytes) -> int:
    """Return the Internet checksum (RFC 1071)."""
    data += bytes(len(data) % 2)
    total: int = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _with_checksum(header: bytearray) -> bytes:
    """Return an IPv4 header with its checksum."""
    struct.pack_into(">H", header, 10, 0)
    struct.pack_into(">H", header, 10, _checksum(bytes(header)))
    return bytes(header)


def _with_tcp_checksum(frame: bytes) -> bytes:
    """Return a frame of TCP over IPv4 without options with its checksum."""
    start = ETHERNET_BYTES + IPV4_BYTES
    end = ETHERNET_BYTES + int.from_bytes(frame[16:18], "big")
    segment = bytearray(frame[start:end])
    struct.pack_into(">H", segment, 16, 0)
    # RFC 9293 §3.1: addresses, protocol and length are summed too
    pseudo = frame[26:34] + struct.pack(">HH", socket.IPPROTO_TCP, len(segment))
    struct.pack_into(">H", segment, 16, _checksum(pseudo + bytes(segment)))
    return frame[:start] + bytes(segment)


@dataclass(frozen=True, slots=True)
class Tunnel:
    """An encapsulation that replaces a frame's Ethernet type.

    Attributes:
        ethernet_type: of the frames on the way.
        header: what is put before the inner packet, given its length.
        arrives_as: what is left of it where the kernel takes the outermost VLAN tag
            off before a raw socket sees the frame.
    """

    ethernet_type: bytes
    header: Callable[[int], bytes]
    arrives_as: Tunnel | None = None

    def wrap(self, frame: bytes) -> list[tuple[float, bytes]]:
        """Put a frame's IPv4 packet into the tunnel."""
        if not is_ipv4(frame):
            return [(0, frame)]
        packet = frame[ETHERNET_BYTES:]
        header = self.ethernet_type + self.header(len(packet))
        return [(0, frame[:12] + header + packet)]

    def unwrap(self, frame: bytes) -> list[tuple[float, bytes]]:
        """Take the IPv4 packet out of a frame of the tunnel."""
        if self.arrives_as:
            return self.arrives_as.unwrap(frame)
        if frame[12:ETHERNET_BYTES] != self.ethernet_type:
            return [(0, frame)]
        packet = frame[ETHERNET_BYTES + len(self.header(0)) :]
        return [(0, frame[:12] + ETH_P_IP + packet)]


def _outer_ipv4(protocol: int, length: int) -> bytes:
    header = struct.pack(
        ">BBHHHBBH", 0x45, 0, IPV4_BYTES + length, 0, DONT_FRAGMENT, 64, protocol, 0
    )
    return _with_checksum(bytearray(header + TUNNEL_ENDS))


# RFC 2784: no checksum, version 0, protocol type IPv4
GRE = Tunnel(ETH_P_IP, lambda n: _outer_ipv4(47, 4 + n) + bytes(2) + ETH_P_IP)
# RFC 2003
IPIP = Tunnel(ETH_P_IP, lambda n: _outer_ipv4(4, n))
# IEEE 802.1Q: VLAN 42; 802.1ad: service VLAN 7 around it
VLAN = Tunnel(b"\x81\x00", lambda _: b"\x00\x2a" + ETH_P_IP)
QINQ = Tunnel(b"\x88\xa8", lambda _: b"\x00\x07\x81\x00\x00\x2a" + ETH_P_IP, VLAN)
# RFC 3032: labels 16 and 2026, the latter at the bottom of the stack
MPLS = Tunnel(
    b"\x88\x47", lambda _: struct.pack(">II", 16 << 12 | 64, 2026 << 12 | 320)
)
# RFC 2516: session 17; RFC 1332: PPP protocol 0x0021 is IPv4
PPPOE = Tunnel(b"\x88\x64", lambda n: struct.pack(">BBHHH", 0x11, 0, 17, n + 2, 0x21))


class _Port:
    """One end of the wire: a raw socket on an interface."""

    def __init__(self, interface: str) -> None:
        self.socket = socket.socket(
            socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL)
        )
        self.socket.bind((interface, 0))

    def fileno(self) -> int:
        return self.socket.fileno()

    def receive(self) -> bytes | None:
        frame, address = self.socket.recvfrom(65536)
        return None if address[2] == PACKET_OUTGOING else frame


def forward(routes: list[tuple[str, str, Effect]]) -> None:
    """Forward frames from interface to interface, for ever."""
    names = {name for route in routes for name in route[:2]}
    ports = {name: _Port(name) for name in names}
    ways = {ports[start]: (ports[end], effect) for start, end, effect in routes}
    numbers = itertools.count()
    waiting: list[tuple[float, int, _Port, bytes]] = []
    while True:
        pause = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
        for port in select.select(list(ways), [], [], pause)[0]:
            frame = port.receive()
            if frame is None:
                continue
            out, effect = ways[port]
            now = time.monotonic()
            for delay, result in effect(frame):
                heapq.heappush(waiting, (now + delay, next(numbers), out, result))
        while waiting and waiting[0][0] <= time.monotonic():
            _, _, out, frame = heapq.heappop(waiting)
            out.socket.send(frame)
