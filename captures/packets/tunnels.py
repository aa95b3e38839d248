"""Tunnels that whole networks may run in, peeled in columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from captures.packets.columns import Encapsulation, Inside, followed_by
from captures.packets.kinds import (
    IS_ETHERTYPE,
    EtherType,
    Other,
    ip_protocol,
    udp_port,
)

if TYPE_CHECKING:
    from captures.packets.columns import Gather, Kinds, Packets
    from captures.packets.segments import Indices, Mask

_MPLS_BOTTOM = 0x01
# RFC 2516 §4: version and type
_PPPOE_VERSION = 0x11

# RFC 2784 §2.1, RFC 2890 §2, RFC 1701, and RFC 2637 §4.1 for version 1
_GRE_CHECKSUM, _GRE_ROUTING, _GRE_KEY, _GRE_SEQUENCE = 0x8000, 0x4000, 0x2000, 0x1000
_GRE_ACKNOWLEDGMENT, _GRE_VERSION = 0x0080, 0x0007
_MAX_GRE_ROUTES = 16

# draft-foschiano-erspan-03 §4.2, §4.3
_ERSPAN_II, _ERSPAN_III = 1, 2
_ERSPAN_ETHERNET, _ERSPAN_IP = 0, 2

# RFC 7348 §5, draft-ietf-nvo3-vxlan-gpe §3.1
_VXLAN_ID, _VXLAN_NEXT_PROTOCOL = 0x08, 0x04

# 3GPP TS 29.281 §5.1, §5.2
_GTP_VERSION, _GTP_VERSION_1 = 0xF0, 0x30
_GTP_OPTIONAL, _GTP_EXTENSION = 0x07, 0x04
_GTP_PAYLOAD = 255
_MAX_GTP_EXTENSIONS = 16

# RFC 8300 §2.2, also what VXLAN-GPE has
_NEXT_PROTOCOL = np.full(256, Other.UNCLEAR, dtype=np.int32)
_NEXT_PROTOCOL[1:6] = (
    Other.IP,
    Other.IP,
    EtherType.ETHERNET,
    EtherType.NSH,
    EtherType.MPLS,
)


def _is_frame(gather: Gather, packets: Packets, start: Indices) -> Mask:
    """Return whether an Ethernet frame with a known EtherType begins there."""
    return IS_ETHERTYPE[gather.be16_before(packets.end, start + 12)]


def _ip_or_ethernet(gather: Gather, packets: Packets) -> Inside:
    """Take what fits: an IP header with a possible length, or an EtherType.

    An Ethernet address may begin like an IP header (RFC 8469).
    """
    start, end = packets.start, packets.end
    first = gather.byte[start]
    version = first >> 4
    room = packets.wire_end - start
    total = gather.be16_before(end, start + 2)
    fits = (version == 4) & (first & 0x0F >= 5) & (total <= room)
    total = gather.be16_before(end, start + 4) + 40
    fits |= (version == 6) & (total <= room)
    is_frame = ~fits & _is_frame(gather, packets, start)
    kind = np.full(len(packets), Other.UNCLEAR, dtype=np.int32)
    kind[(version == 4) | (version == 6)] = Other.IP
    kind[is_frame] = EtherType.ETHERNET
    return Inside(kind, start)


def _mpls(gather: Gather, packets: Packets) -> Inside:
    """Peel one MPLS label (RFC 3032 §2.1)."""
    bottom = gather.byte[packets.start + 2] & _MPLS_BOTTOM
    kind = np.where(bottom, Other.MPLS_PAYLOAD, EtherType.MPLS).astype(np.int32)
    return Inside(kind, packets.start + 4)


def _mpls_payload(gather: Gather, packets: Packets) -> Inside:
    """Tell pseudo-wires from IP (RFC 4928 §3): 0 is a control word, 1 management.

    Without one, an Ethernet address may begin with these bits as well.
    """
    start = packets.start
    nibble = gather.byte[start] >> 4
    kind = np.full(len(packets), Other.IP_OR_ETHERNET, dtype=np.int32)
    bare = _is_frame(gather, packets, start) & ~_is_frame(gather, packets, start + 4)
    has_word = (nibble == 0) & ~bare
    kind[has_word] = EtherType.ETHERNET
    kind[(nibble == 1) & ~bare] = Other.FOREIGN
    return Inside(kind, start + np.where(has_word, 4, 0))


def _pppoe(gather: Gather, packets: Packets) -> Inside:
    """Peel PPPoE (RFC 2516 §4)."""
    start = packets.start + 6
    data = gather.be16[packets.start] == _PPPOE_VERSION << 8
    kind = np.where(data, EtherType.PPP, Other.FOREIGN).astype(np.int32)
    end = start + gather.be16[packets.start + 4].astype(np.int64)
    return Inside(kind, start, np.minimum(end, packets.wire_end))


def _gre(gather: Gather, packets: Packets) -> Inside:
    """Peel GRE (RFC 2784 §2, RFC 2890 §2, RFC 1701), and PPTP (RFC 2637 §4.1)."""
    at, end = packets.start, packets.end
    flags = gather.be16[at].astype(np.int64)
    kind = gather.be16[at + 2].astype(np.int32)
    version = flags & _GRE_VERSION
    has_acknowledgment = (version == 1) & (flags & _GRE_ACKNOWLEDGMENT != 0)
    start = at + 4
    start += np.where(flags & (_GRE_CHECKSUM | _GRE_ROUTING), 4, 0)
    start += np.where(flags & _GRE_KEY, 4, 0)
    start += np.where(flags & _GRE_SEQUENCE, 4, 0)
    start += np.where(has_acknowledgment, 4, 0)
    _skip_gre_routes(gather, end, start, np.flatnonzero(flags & _GRE_ROUTING))
    # the first type of ERSPAN has neither a sequence number nor a header
    bare = (kind == EtherType.ERSPAN) & (flags & _GRE_SEQUENCE == 0)
    kind[bare | (kind == EtherType.ETHERNET_OVER_IP)] = EtherType.ETHERNET
    kind[kind == EtherType.CISCO_METADATA] = Other.CISCO_METADATA_IN_GRE
    kind[version > 1] = Other.UNCLEAR
    # RFC 2637 §4.1: without a sequence number it is an acknowledgment alone
    is_pptp = (version == 1) & (kind == EtherType.PPP)
    kind[is_pptp & (flags & _GRE_SEQUENCE == 0)] = Other.FOREIGN
    length = gather.be16_before(end, at + 4)
    wire_end = np.where(is_pptp, start + length, packets.wire_end)
    return Inside(kind, start, np.minimum(wire_end, packets.wire_end))


def _skip_gre_routes(
    gather: Gather, end: Indices, start: Indices, routed: Indices
) -> None:
    """Skip source routes (RFC 1701), the last of which is empty, in `start`."""
    for _ in range(_MAX_GRE_ROUTES):
        if not len(routed):
            return
        family = gather.be16_before(end[routed], start[routed])
        length = gather.byte_before(end[routed], start[routed] + 3)
        start[routed] += 4 + length
        routed = routed[(family != 0) | (length != 0)]


def _erspan(gather: Gather, packets: Packets) -> Inside:
    """Peel ERSPAN (draft-foschiano-erspan-03 §4.2, §4.3)."""
    at, end = packets.start, packets.end
    version = gather.byte[at] >> 4
    last = gather.be16_before(end, at + 10)
    frame_type = last >> 10 & 0x1F
    is_third = version == _ERSPAN_III
    kind = np.full(len(packets), Other.UNCLEAR, dtype=np.int32)
    is_frame = (version == _ERSPAN_II) | (is_third & (frame_type == _ERSPAN_ETHERNET))
    kind[is_frame] = EtherType.ETHERNET
    kind[is_third & (frame_type == _ERSPAN_IP)] = Other.IP
    # a platform's own header may follow
    third = np.where(last & 1, 20, 12)
    return Inside(kind, at + np.where(is_third, third, 8))


def _wccp(gather: Gather, packets: Packets) -> Inside:
    """Peel WCCP; in version 2 a redirect header begins with 0x00 to 0xC0."""
    first = gather.byte[packets.start]
    bare = ((first >= 0x45) & (first <= 0x4F)) | (first >> 4 == 6)
    return Inside(Other.IP, packets.start + np.where(bare, 0, 4))


def _vxlan(gather: Gather, packets: Packets) -> Inside:
    """Peel VXLAN (RFC 7348 §5), and the next protocol of VXLAN-GPE."""
    at = packets.start
    flags = gather.byte[at]
    kind = np.full(len(packets), EtherType.ETHERNET, dtype=np.int32)
    named = np.flatnonzero(flags & _VXLAN_NEXT_PROTOCOL)
    kind[named] = _NEXT_PROTOCOL[gather.byte[at[named] + 3]]
    kind[flags & _VXLAN_ID == 0] = Other.FOREIGN
    return Inside(kind, at + 8)


def _geneve(gather: Gather, packets: Packets) -> Inside:
    """Peel Geneve (RFC 8926 §3.4)."""
    at = packets.start
    first = gather.byte[at].astype(np.int64)
    kind = gather.be16[at + 2].astype(np.int32)
    kind[first >> 6 != 0] = Other.FOREIGN
    return Inside(kind, at + 8 + (first & 0x3F) * 4)


def _gtp(gather: Gather, packets: Packets) -> Inside:
    """Peel the user data of GTP (3GPP TS 29.281 §5.1) and extensions (§5.2)."""
    at, end = packets.start, packets.end
    flags = gather.byte[at]
    length = gather.be16[at + 2].astype(np.int64)
    start = at + np.where(flags & _GTP_OPTIONAL, 12, 8)
    following = gather.byte_before(end, start - 1)
    following[flags & _GTP_EXTENSION == 0] = 0
    for _ in range(_MAX_GTP_EXTENSIONS):
        extended = np.flatnonzero(following)
        if not len(extended):
            break
        size = gather.byte_before(end[extended], start[extended]) * 4
        start[extended] += size
        following[extended] = gather.byte_before(end[extended], start[extended] - 1)
        following[extended[size == 0]] = 0
    is_data = flags & _GTP_VERSION == _GTP_VERSION_1
    is_data &= gather.byte[at + 1] == _GTP_PAYLOAD
    kind: Kinds = np.where(is_data, Other.IP_OR_ETHERNET, Other.FOREIGN)
    wire_end = np.minimum(at + 8 + length, packets.wire_end)
    return Inside(kind.astype(np.int32), start, wire_end)


def _nsh(gather: Gather, packets: Packets) -> Inside:
    """Peel NSH (RFC 8300 §2.2), whose length is in words."""
    at = packets.start
    size = (gather.be16[at] & 0x3F).astype(np.int64) * 4
    return Inside(_NEXT_PROTOCOL[gather.byte[at + 3]], at + np.maximum(size, 8))


def _trill(gather: Gather, packets: Packets) -> Inside:
    """Peel TRILL (RFC 6325 §3), whose options are counted in words."""
    options = gather.be16[packets.start].astype(np.int64) >> 6 & 0x1F
    return Inside(EtherType.ETHERNET, packets.start + 6 + options * 4)


def _etherip(gather: Gather, packets: Packets) -> Inside:
    """Peel EtherIP (RFC 3378 §4)."""
    is_known = gather.byte[packets.start] >> 4 == 3
    kind = np.where(is_known, EtherType.ETHERNET, Other.UNCLEAR).astype(np.int32)
    return Inside(kind, packets.start + 2)


_MPLS = Encapsulation("MPLS", 4, _mpls)
_GRE = Encapsulation("GRE", 4, _gre)
_ERSPAN = Encapsulation("ERSPAN", 8, _erspan)
_VXLAN = Encapsulation("VXLAN", 8, _vxlan)

TUNNELS: dict[int, Encapsulation] = {
    Other.IP_OR_ETHERNET: Encapsulation("tunnel", 1, _ip_or_ethernet),
    Other.MPLS_PAYLOAD: Encapsulation("MPLS", 1, _mpls_payload),
    EtherType.MPLS: _MPLS,
    EtherType.MPLS_MULTICAST: _MPLS,
    EtherType.PPPOE: Encapsulation("PPPoE", 6, _pppoe),
    EtherType.ERSPAN: _ERSPAN,
    EtherType.ERSPAN_III: _ERSPAN,
    EtherType.WCCP: Encapsulation("WCCP", 4, _wccp),
    EtherType.NSH: Encapsulation("NSH", 8, _nsh),
    EtherType.TRILL: Encapsulation("TRILL", 6, _trill),
    # IEEE 802.1Q §9.7: the service's number, then a customer's frame
    EtherType.BACKBONE_BRIDGE: Encapsulation(
        "802.1ah", 4, followed_by(EtherType.ETHERNET, 4)
    ),
    EtherType.FABRIC_PATH: Encapsulation(
        "FabricPath", 2, followed_by(EtherType.ETHERNET, 2)
    ),
    ip_protocol(47): _GRE,
    ip_protocol(97): Encapsulation("EtherIP", 2, _etherip),
    # RFC 4023, RFC 7510, RFC 8086
    ip_protocol(137): _MPLS,
    udp_port(6635): _MPLS,
    udp_port(4754): _GRE,
    # also as early Linux had it, and OTV
    udp_port(4789): _VXLAN,
    udp_port(8472): _VXLAN,
    udp_port(4790): _VXLAN,
    udp_port(6081): Encapsulation("Geneve", 8, _geneve),
    udp_port(2152): Encapsulation("GTP-U", 8, _gtp),
}
