"""The packets that `captures.decode` sets aside: fragments, tunnels, rare links.

Fragments are put together here; everything else is dissected by Scapy, which is
imported when the first such packet appears. What comes out are IP packets, for
`captures.decode` to read.
"""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from captures.batch import PacketBatch
from captures.fragments import Defragmenter

if TYPE_CHECKING:
    from scapy.packet import Packet

LINKTYPE_RAW = 101
# of packets in which tshark found neither Ethernet nor IP; no LINKTYPE_ value
UNKNOWN_LINK_TYPE = 0xFFFF


class SetAside(NamedTuple):
    """A packet that can't be decoded in columns.

    Attributes:
        kind: `fragment`, `tunnel` (both begin with an IP header), or `link`.
        packet: its index in the batch.
        vlan: its outermost VLAN, -1 without one.
        start: offset of the first byte in the batch's buffer.
        end: offset behind the last captured byte.
    """

    kind: str
    packet: int
    vlan: int
    start: int
    end: int


class Unwrapper:
    """Finds the IP packets inside of other packets.

    Attributes:
        undecoded: packets without an IP packet that could be found, by reason.
    """

    def __init__(self) -> None:
        self.undecoded: Counter[str] = Counter()
        self._defragmenter = Defragmenter()
        self._scapy: _Scapy | None = None

    def unwrap(
        self, batch: PacketBatch, aside: list[SetAside]
    ) -> tuple[PacketBatch, list[SetAside]] | None:
        """Unwrap packets of a batch.

        Returns:
            The IP packets inside as a batch, and for each the packet that it was
            in (or that completed it); `None` if there are none.
        """
        found: list[bytes] = []
        outer: list[SetAside] = []
        for each in sorted(aside, key=lambda each: each.packet):
            packet = batch.buffer[each.start : each.end].tobytes()
            if each.kind == "fragment":
                time_ns = int(batch.time_ns[each.packet])
                inner = self._defragmenter.receive(packet, time_ns)
            else:
                is_link = each.kind == "link"
                link_type = int(batch.link_type[each.packet]) if is_link else None
                inner = self._dissect(packet, link_type)
            if inner:
                found.append(inner)
                outer.append(each)
        if not found:
            return None
        return _batch_of(batch, found, [each.packet for each in outer]), outer

    def finish(self) -> Counter[str]:
        """All packets that were not decoded, now that no more will come."""
        incomplete = self._defragmenter.given_up + self._defragmenter.pending
        if incomplete:
            self.undecoded["IP fragment without the others"] = incomplete
        return self.undecoded

    def load(self) -> _Scapy:
        """Load Scapy's layers, which takes a moment."""
        if self._scapy is None:
            self._scapy = _Scapy()
        return self._scapy

    def _dissect(self, packet: bytes, link_type: int | None) -> bytes | None:
        inner, reason = self.load().innermost_ip(packet, link_type)
        if inner is None:
            self.undecoded[reason] += 1
        return inner


class _Scapy:
    """Scapy's layers, loaded."""

    def __init__(self) -> None:
        # Scapy warns on import about routes and addresses of this machine
        logging.getLogger("scapy").setLevel(logging.CRITICAL)
        from scapy.config import conf
        from scapy.contrib import erspan, geneve, gtp, mpls, nsh
        from scapy.layers import dot11, inet, inet6, l2, l2tp, ppp, vxlan

        # these are loaded for what they bind to ports and protocol numbers
        self._bindings = (dot11, erspan, geneve, gtp, l2, l2tp, mpls, nsh, ppp, vxlan)
        self._by_link_type = conf.l2types.num2layer
        self._ipv4, self._ipv6 = inet.IP, inet6.IPv6
        # packets that an ICMP error quotes did not arrive anywhere
        self._quoted = (inet.IPerror, inet6.IPerror6)
        self._fragment_header = inet6.IPv6ExtHdrFragment

    def innermost_ip(
        self, packet: bytes, link_type: int | None
    ) -> tuple[bytes | None, str]:
        """The bytes of the innermost IP packet; without one, the reason.

        Args:
            packet: from the link layer on, or from an IP header.
            link_type: `None` for an IP header.
        """
        if link_type is None:
            layer = self._ipv4 if packet[0] >> 4 == 4 else self._ipv6
        else:
            layer = self._by_link_type.get(link_type)
            if link_type == UNKNOWN_LINK_TYPE:
                return None, "link layer unknown, or without IP inside"
            if layer is None:
                return None, f"link type {link_type} unknown"
        try:
            dissected = layer(packet)
        except Exception:  # noqa: BLE001  # Scapy promises nothing on damaged packets
            return None, "packet that Scapy can't dissect"
        return self._find(dissected, skip_outermost=link_type is None)

    def _find(
        self, dissected: Packet, *, skip_outermost: bool
    ) -> tuple[bytes | None, str]:
        inner, names = None, []
        for number, each in enumerate(_layers(dissected)):
            if isinstance(each, self._quoted):
                break
            if isinstance(each, self._fragment_header):
                break
            if isinstance(each, (self._ipv4, self._ipv6)):
                if number or not skip_outermost:
                    inner = bytes(each.original)
                if isinstance(each, self._ipv4) and each.flags.MF:
                    # what it carries goes on in the next fragment
                    break
            elif each.name not in ("Raw", "Padding"):
                names.append(each.name)
        return inner, f"{names[-1] if names else 'tunnel'} without IP inside"


def _layers(packet: Packet) -> list[Packet]:
    layers = []
    while packet and packet.name != "NoPayload":
        layers.append(packet)
        packet = packet.payload
    return layers


def _batch_of(
    batch: PacketBatch, packets: list[bytes], index: list[int]
) -> PacketBatch:
    """A batch of IP packets that were inside packets of `batch`."""
    length = np.array([len(packet) for packet in packets], dtype=np.uint32)
    # bytes that the snap length cut off the outer packet are missing inside too
    cut = batch.wire_length[index] - np.minimum(
        batch.wire_length[index], batch.captured_length[index]
    )
    end = np.cumsum(length, dtype=np.int64)
    return PacketBatch(
        captures=batch.captures,
        capture=batch.capture[index],
        buffer=np.frombuffer(b"".join(packets), dtype=np.uint8),
        offset=end - length,
        captured_length=length,
        wire_length=length + cut,
        time_ns=batch.time_ns[index],
        link_type=np.full(len(packets), LINKTYPE_RAW, dtype=np.uint16),
        frame=batch.frame[index],
        position=batch.position,
    )
