"""Link layers: what captures begin with, and PPP and IEEE 802.2 wherever they are."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np

from captures.link_types import LinkType
from captures.packets.columns import Encapsulation, Inside, followed_by, one_by_one
from captures.packets.kinds import (
    EtherType,
    Other,
    link_type,
    of_ethertype,
    of_ethertypes,
)

if TYPE_CHECKING:
    from captures.packets.columns import Gather, Kinds, Packets
    from captures.packets.segments import Mask

# RFC 1661 §2, RFC 1332, RFC 5072, RFC 3032; all others are foreign
_PPP_PROTOCOLS = {
    0x0021: Other.IP,
    0x0057: Other.IP,
    0x0281: EtherType.MPLS,
    # RFC 1144, RFC 1962, RFC 1968, on one link of several, RFC 2507
    0x002D: Other.PPP_COMPRESSED,
    0x002F: Other.PPP_COMPRESSED,
    0x0053: Other.PPP_COMPRESSED,
    0x0055: Other.PPP_COMPRESSED,
    0x00FB: Other.PPP_COMPRESSED,
    0x00FD: Other.PPP_COMPRESSED,
    0x0061: Other.PPP_COMPRESSED,
    0x0063: Other.PPP_COMPRESSED,
    0x0065: Other.PPP_COMPRESSED,
    0x0067: Other.PPP_COMPRESSED,
    0x0069: Other.PPP_COMPRESSED,
}
_PPP_MULTILINK = 0x003D
_PPP_KIND = np.full(1 << 16, Other.FOREIGN, dtype=np.int32)
_PPP_KIND[list(_PPP_PROTOCOLS)] = list(_PPP_PROTOCOLS.values())
_PPP_KIND[_PPP_MULTILINK] = Other.PPP_FRAGMENT
# RFC 1662 §3.1: all stations, unnumbered information
_HDLC_FRAMING = 0xFF03
# Cisco's HDLC: unicast, broadcast
_CISCO_HDLC = (0x0F00, 0x8F00)

_NFLOG_PAYLOAD = 9
# RFC 2427 §4: what an NLPID announces
_NLPID_SNAP = 0x80
_NLPIDS = {0xCC: Other.IP, 0x8E: Other.IP, 0xCF: EtherType.PPP}


def _with_ethertype(header_bytes: int, type_at: int) -> Encapsulation:
    """Return a header of fixed length with an EtherType in it."""

    def peel(gather: Gather, packets: Packets) -> Inside:
        start = packets.start
        kind = of_ethertypes(gather.be16[start + type_at])
        return Inside(kind, start + header_bytes)

    return Encapsulation("frame", header_bytes, peel)


def _before(kind: int, header_bytes: int = 0) -> Encapsulation:
    return Encapsulation("frame", header_bytes, followed_by(kind, header_bytes))


def _llc(gather: Gather, packets: Packets) -> Inside:
    """Peel IEEE 802.2 (§3), and the EtherType in a SNAP header (RFC 1042)."""
    at, end = packets.start, packets.end
    addresses = gather.be16[at]
    unnumbered = gather.byte[at + 2] == 0x03
    # IEEE 802.1H: bridged from Ethernet, which RFC 1042 has as organization 0
    organization = gather.be16_before(end, at + 3) << 8
    organization |= gather.byte_before(end, at + 5)
    is_snap = unnumbered & (addresses == 0xAAAA)
    is_snap &= (organization == 0) | (organization == 0xF8)
    kind = of_ethertypes(gather.be16_before(end, at + 6))
    kind[~is_snap | (kind == Other.LLC)] = Other.FOREIGN
    # RFC 948 §2
    is_ip = unnumbered & (addresses == 0x0606)
    kind[is_ip] = Other.IP
    start = at + np.where(is_snap, 8, 3)
    kind[start > end] = Other.UNCLEAR
    return Inside(kind, start)


def _ppp(gather: Gather, packets: Packets) -> Inside:
    """Peel PPP (RFC 1661 §2), also in HDLC-like framing, and Cisco's HDLC."""
    at, end = packets.start, packets.end
    first = gather.be16_before(end, at)
    cisco: Mask = np.isin(first, _CISCO_HDLC)
    at = at + np.where(first == _HDLC_FRAMING, 2, 0)
    protocol = gather.be16_before(end, at)
    # RFC 1661 §6.5: the field may be compressed to one byte, which is odd
    short = gather.byte_before(end, at) & 1
    protocol = np.where(short == 1, gather.byte_before(end, at), protocol)
    kind: Kinds = _PPP_KIND[protocol]
    at += np.where(short == 1, 1, 2)
    # RFC 1990 §3: beginning and end in one
    whole = (protocol == _PPP_MULTILINK) & (gather.byte_before(end, at) >= 0xC0)
    kind[whole] = EtherType.PPP
    at[whole] += 4
    hdlc = np.flatnonzero(cisco)
    kind[hdlc] = of_ethertypes(gather.be16_before(end, packets.start + 2)[hdlc])
    at[hdlc] = packets.start[hdlc] + 4
    kind[at > end] = Other.UNCLEAR
    return Inside(kind, at)


def _frame_relay(packet: memoryview) -> tuple[int, int]:
    """Peel Frame Relay (RFC 2427 §4), or Cisco's with an EtherType."""
    # Q.922 §3.2: the last byte of the address has its lowest bit set
    at = next(number + 1 for number in range(4) if packet[number] & 1 or number == 3)
    if packet[at] != 0x03:
        return of_ethertype(packet[at] << 8 | packet[at + 1]), at + 2
    # a pad byte may align what follows
    at += 2 if packet[at + 1] == 0 else 1
    if packet[at] == _NLPID_SNAP:
        organization, following = struct.unpack_from(">3sH", packet, at + 1)
        return Other.FOREIGN if any(organization) else of_ethertype(following), at + 6
    return _NLPIDS.get(packet[at], Other.FOREIGN), at + 1


def _nflog(packet: memoryview) -> tuple[int, int]:
    """Peel attributes in the byte order of the machine that captured them."""
    for order in "<>":
        at = 4
        while at + 4 <= len(packet):
            length, attribute = struct.unpack_from(f"{order}HH", packet, at)
            if attribute == _NFLOG_PAYLOAD:
                return Other.IP, at + 4
            if length < 4:
                break
            at += length + 3 & ~3
    raise IndexError


def _pflog(packet: memoryview) -> tuple[int, int]:
    return Other.IP, packet[0] + 3 & ~3


_RAW = _before(Other.IP)
_PPP = Encapsulation("PPP", 2, _ppp)

LINKS: dict[int, Encapsulation] = {
    EtherType.ETHERNET: _with_ethertype(14, 12),
    EtherType.PPP: _PPP,
    Other.LLC: Encapsulation("frame", 3, _llc),
    link_type(LinkType.ETHERNET): _with_ethertype(14, 12),
    link_type(LinkType.LINUX_SLL): _with_ethertype(16, 14),
    link_type(LinkType.LINUX_SLL2): _with_ethertype(20, 0),
    link_type(LinkType.C_HDLC): _with_ethertype(4, 2),
    link_type(LinkType.NULL): _before(Other.IP, 4),
    link_type(LinkType.LOOP): _before(Other.IP, 4),
    link_type(LinkType.ENC): _before(Other.IP, 12),
    link_type(LinkType.RAW): _RAW,
    link_type(LinkType.DLT_RAW_BSD): _RAW,
    link_type(LinkType.DLT_RAW_OPENBSD): _RAW,
    link_type(LinkType.IPV4): _RAW,
    link_type(LinkType.IPV6): _RAW,
    link_type(LinkType.PPP): _PPP,
    link_type(LinkType.PPP_HDLC): _PPP,
    link_type(LinkType.PPP_ETHER): _before(EtherType.PPPOE),
    link_type(LinkType.MPLS): _before(EtherType.MPLS),
    link_type(LinkType.ATM_RFC1483): _before(Other.LLC),
    link_type(LinkType.NETANALYZER): _before(EtherType.ETHERNET, 4),
    # with the preamble of the frame
    link_type(LinkType.NETANALYZER_TRANSPARENT): _before(EtherType.ETHERNET, 12),
    link_type(LinkType.FRELAY): Encapsulation(
        "Frame Relay", 4, one_by_one(_frame_relay)
    ),
    link_type(LinkType.NFLOG): Encapsulation("NFLOG", 4, one_by_one(_nflog)),
    link_type(LinkType.PFLOG): Encapsulation("PFLOG", 1, one_by_one(_pflog)),
}
