"""TCP segments as Scapy finds them, packet by packet: what decoding must equal."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from tests.support.packets import SeenSegment

logging.getLogger("scapy").setLevel(logging.CRITICAL)

from scapy.config import conf  # noqa: E402  # its warnings are turned off first
from scapy.contrib import erspan, geneve, gtp, mpls  # noqa: E402, F401
from scapy.layers import dot11, l2, l2tp, ppp, vxlan  # noqa: E402, F401
from scapy.layers.inet import ICMP, IP, TCP  # noqa: E402
from scapy.layers.inet6 import IPv6, IPv6ExtHdrFragment, _ICMPv6Error  # noqa: E402
from scapy.layers.l2 import Dot1AD, Dot1Q  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.support.captures import Packet


class ScapyDecoder:
    """Decodes packets one by one, and puts IP fragments together."""

    def __init__(self) -> None:
        self._fragments: dict[tuple[Any, ...], dict[int, tuple[bytes, bool]]] = {}

    def decode(self, packets: Sequence[Packet]) -> list[SeenSegment]:
        """All TCP segments of a capture."""
        found = []
        for order, packet in enumerate(packets):
            layer = conf.l2types.num2layer[packet.link_type]
            segment = self._segment(order, layer(packet.data), packet, -1)
            if segment is not None:
                found.append(segment)
        return found

    def _segment(
        self, order: int, dissected: Any, packet: Packet, vlan: int
    ) -> SeenSegment | None:
        address, each = None, dissected
        while each and each.name != "NoPayload":
            if isinstance(each, (ICMP, _ICMPv6Error)):
                return None
            if isinstance(each, (Dot1Q, Dot1AD)) and vlan < 0 and address is None:
                vlan = each.vlan
            if isinstance(each, (IP, IPv6)):
                address = each
                whole = self._put_together(each)
                if whole is None:
                    return None
                if whole is not each:
                    return self._segment(order, whole, packet, vlan)
            if isinstance(each, TCP):
                assert address is not None
                data = bytes(each.original)[each.dataofs * 4 :]
                return SeenSegment(
                    order,
                    address.src,
                    address.dst,
                    each.sport,
                    each.dport,
                    each.seq,
                    each.ack,
                    int(each.flags) & 0xFF,
                    data,
                    _wire_length(address, each, packet),
                    vlan,
                )
            each = each.payload
        return None

    def _put_together(self, address: Any) -> Any:
        """The whole datagram once all is there; what is no fragment as it is."""
        if isinstance(address, IPv6):
            header = address.getlayer(IPv6ExtHdrFragment)
            if header is None:
                return address
            key: tuple[Any, ...] = (address.src, address.dst, header.id)
            offset, more = header.offset, bool(header.m)
            data = bytes(header.original)[8:]
            following = header.nh
        else:
            if not address.frag and not address.flags.MF:
                return address
            key = (address.src, address.dst, address.proto, address.id)
            offset, more = address.frag, bool(address.flags.MF)
            data = bytes(address.original)[address.ihl * 4 : address.len]
            following = address.proto
        pieces = self._fragments.setdefault(key, {})
        pieces.setdefault(offset * 8, (data, more))
        payload = b""
        for at in sorted(pieces):
            if at != len(payload):
                return None
            payload += pieces[at][0]
        if pieces[max(pieces)][1]:
            return None
        del self._fragments[key]
        if isinstance(address, IPv6):
            return IPv6(
                bytes(IPv6(src=address.src, dst=address.dst, nh=following) / payload)
            )
        return IP(
            bytes(IP(src=address.src, dst=address.dst, proto=following) / payload)
        )


def _wire_length(address: Any, segment: Any, packet: Packet) -> int:
    """Payload bytes on the wire, as the IP header tells."""
    total = address.len if isinstance(address, IP) else address.plen + 40
    cut = packet.wire_length - len(packet.data)
    headers = len(address.original) - len(segment.original)
    padding = address.lastlayer().load if address.lastlayer().name == "Padding" else b""
    tcp_header: int = segment.dataofs * 4
    if not total:
        return len(segment.original) - tcp_header + cut
    length: int = total - headers + len(padding) - tcp_header
    return length
