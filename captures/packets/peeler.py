"""Peels the headers off packets, one of each packet in a round.

What is inside is another place in the same buffer, so nothing is copied. Packets that
can't be followed are counted by reason.

Cost: tunnels are followed `MAX_TUNNELS` deep, and `MAX_HEADERS` headers in all, so
that a packet costs what its bytes cost.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from captures.packets import kinds
from captures.packets.columns import Packets, concat
from captures.packets.encapsulations import (
    ENCAPSULATIONS,
    IP_KINDS,
    IS_ANSWERING_PORT,
    IS_FOREIGN,
    IS_READ,
    IS_TUNNEL_PORT,
)
from captures.packets.internet import TCP, UDP, read_ipv4, read_ipv6
from captures.packets.kinds import EtherType, Other

if TYPE_CHECKING:
    from collections import Counter

    import numpy.typing as npt

    from captures.packets.columns import Gather, Inside, Kinds
    from captures.packets.internet import IpPackets
    from captures.packets.segments import Indices, Mask

MAX_TUNNELS = 8
# tags, labels and tunnels together
MAX_HEADERS = 64
_TOO_DEEP = "tunnels nested too deeply"
# packets may say anything of themselves
_MAX_REASONS = 64
_OTHER_REASONS = "other encapsulations"

# what is in an IP packet, by its protocol number
_CARRIED = np.arange(256, dtype=np.int32) + kinds.IP_PROTOCOLS
# RFC 2003 and RFC 4213, and what was before both; RFC 8986 §4.9
_CARRIED[[4, 41, 94]] = Other.IP
_CARRIED[143] = EtherType.ETHERNET


class FoundFragment(NamedTuple):
    """An IP fragment, and what the headers around it tell.

    Attributes:
        packet: its place in the batch.
        vlan: its outermost VLAN, -1 without one.
        depth: how many tunnels it is in.
        start: offset of its IP header.
        end: offset behind its last captured byte.
    """

    packet: int
    vlan: int
    depth: int
    start: int
    end: int


class Peeler:
    """Finds the TCP segments in the packets of a buffer.

    Args:
        gather: reads the buffer.
        undecoded: counts what can't be followed, by reason.

    Attributes:
        fragments: IP fragments, which must be put together first.
    """

    def __init__(self, gather: Gather, undecoded: Counter[str]) -> None:
        self.fragments: list[FoundFragment] = []
        self._gather = gather
        self._undecoded = undecoded
        self._pending: defaultdict[int, list[Packets]] = defaultdict(list)
        self._tcp_over_ipv4: list[Packets] = []
        self._tcp_over_ipv6: list[Packets] = []

    def peel(
        self, packets: Packets, link_type: npt.NDArray[np.uint16]
    ) -> list[tuple[Packets, bool]]:
        """Peel packets of these link types.

        Returns:
            Packets that start with a TCP header, and whether that is over IPv6; in
            capture order.
        """
        self._follow(packets, link_type.astype(np.int32) + kinds.LINK_TYPES)
        for _ in range(MAX_HEADERS):
            pending, self._pending = self._pending, defaultdict(list)
            for kind, parts in pending.items():
                if kind in IP_KINDS:
                    self._read_ip(concat(parts))
                else:
                    self._peel(kind, concat(parts))
        for parts in self._pending.values():
            self._count(_TOO_DEEP, sum(map(len, parts)))
        none = packets.take(np.zeros(0, dtype=np.int64))
        tcp = [(concat(self._tcp_over_ipv4 or [none]), False)]
        if self._tcp_over_ipv6:
            tcp.append((concat(self._tcp_over_ipv6), True))
        return tcp

    def _count(self, reason: str, count: int) -> None:
        if reason not in self._undecoded and len(self._undecoded) >= _MAX_REASONS:
            reason = _OTHER_REASONS
        self._undecoded[reason] += count

    def _only(self, reason: str, packets: Packets, good: Mask) -> Packets:
        """Return the good packets, and count the others as undecoded."""
        bad = len(packets) - int(np.count_nonzero(good))
        if bad:
            self._count(reason, bad)
        return packets.take(good)

    # -- what follows --

    def _follow(self, packets: Packets, kind: Kinds) -> None:
        """Remember packets for the next round, by what they go on with."""
        if not len(packets):
            return
        first = int(kind[0])
        is_first = kind == first
        if IS_READ[first]:
            self._pending[first].append(packets.take(is_first))
            if is_first.all():
                return
            rest = np.flatnonzero(~is_first)
        else:
            rest = np.arange(len(packets))
        is_read = IS_READ[kind[rest]]
        self._leave(kind[rest[~is_read]])
        rest = rest[is_read]
        if not len(rest):
            return
        rest = rest[np.argsort(kind[rest], kind="stable")]
        edges = np.flatnonzero(np.diff(kind[rest])) + 1
        for group in np.split(rest, edges):
            self._pending[int(kind[group[0]])].append(packets.take(group))

    def _leave(self, kind: Kinds) -> None:
        """Count what can't be read, unless no mail could be in it."""
        unread, counts = np.unique(kind[~IS_FOREIGN[kind]], return_counts=True)
        for value, count in zip(unread.tolist(), counts.tolist(), strict=True):
            self._count(kinds.unreadable_reason(value), count)

    # -- tags and tunnels --

    def _peel(self, kind: int, packets: Packets) -> None:
        encapsulation = ENCAPSULATIONS[kind]
        cut = f"{encapsulation.name} cut"
        holds = packets.holding(encapsulation.header_bytes)
        if kinds.UDP_PORTS <= kind < kinds.LINK_TYPES:
            # too short for what has this port: it is something else
            size = packets.wire_end - packets.start
            is_long = size >= encapsulation.header_bytes
            packets, holds = packets.take(is_long), holds[is_long]
        packets = self._only(cut, packets, holds)
        if not len(packets):
            return
        inside = encapsulation.peel(self._gather, packets)
        followed, following = _inside(packets, inside)
        is_whole = (followed.start <= followed.end) | (following == Other.FOREIGN)
        self._follow(self._only(cut, followed, is_whole), following[is_whole])

    # -- IP --

    def _read_ip(self, packets: Packets) -> None:
        packets = self._only("IP header cut", packets, packets.holding(1))
        version = self._gather.byte[packets.start] >> 4
        is_ipv4, is_ipv6 = version == 4, version == 6
        packets_ipv4, packets_ipv6 = packets.take(is_ipv4), packets.take(is_ipv6)
        self._only("IP version unknown", packets, is_ipv4 | is_ipv6)
        packets = self._only("IP header cut", packets_ipv4, packets_ipv4.holding(20))
        if len(packets):
            headers = read_ipv4(self._gather, packets)
            self._tcp_over_ipv4.append(self._only_tcp(headers))
        packets = self._only("IP header cut", packets_ipv6, packets_ipv6.holding(40))
        if len(packets):
            headers = read_ipv6(self._gather, packets)
            self._tcp_over_ipv6.append(self._only_tcp(headers))

    def _only_tcp(self, headers: IpPackets) -> Packets:
        """Return packets that carry TCP, and remember fragments and tunnels."""
        packets, protocol, is_valid, is_cut, is_fragment = headers
        is_usable = is_valid & ~is_fragment & ~is_cut
        is_tcp: Mask = is_usable & (protocol == TCP)
        if is_tcp.all():
            return packets
        self._only("IP header invalid", packets, is_valid)
        self._only("IP header cut", packets, ~(is_valid & is_cut & ~is_fragment))
        self._remember_fragments(packets.take(is_valid & is_fragment))
        others = np.flatnonzero(is_usable & (protocol != TCP))
        self._enter_tunnels(packets.take(others), protocol[others])
        return packets.take(is_tcp)

    def _remember_fragments(self, packets: Packets) -> None:
        columns = (
            packets.index,
            packets.vlan,
            packets.depth,
            packets.ip_header,
            packets.end,
        )
        rows = zip(*(column.tolist() for column in columns), strict=True)
        self.fragments += [FoundFragment(*row) for row in rows]

    def _enter_tunnels(self, packets: Packets, protocol: npt.NDArray[np.uint8]) -> None:
        kind = _CARRIED[protocol]
        udp = np.flatnonzero((protocol == UDP) & packets.holding(8))
        if len(udp):
            kind[udp] = self._tunnel_ports(packets.start[udp])
            packets.start[udp] += 8
        is_shallow = (packets.depth < MAX_TUNNELS) | ~IS_READ[kind]
        packets = self._only(_TOO_DEEP, packets, is_shallow)
        packets.depth = packets.depth + np.int8(1)
        self._follow(packets, kind[is_shallow])

    def _tunnel_ports(self, at: Indices) -> Kinds:
        """Return the kinds of tunnel that UDP ports (RFC 768) stand for."""
        source, destination = self._gather.be16[at], self._gather.be16[at + 2]
        is_answer = ~IS_TUNNEL_PORT[destination] & IS_ANSWERING_PORT[source]
        port = np.where(is_answer, source, destination)
        kind = port.astype(np.int32) + kinds.UDP_PORTS
        kind[~IS_TUNNEL_PORT[port]] = Other.FOREIGN
        return kind


def _inside(packets: Packets, inside: Inside) -> tuple[Packets, Kinds]:
    """Return the packets inside, and their kinds."""
    kind = inside.kind
    if isinstance(kind, int):
        kind = np.full(len(inside.start), kind, dtype=np.int32)
    followed = packets.inside(inside.start, inside.wire_end)
    if inside.vlan is not None:
        followed = replace(followed, vlan=inside.vlan)
    return followed, kind
