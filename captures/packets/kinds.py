"""Numbers for all that may follow in a packet.

EtherTypes are their own numbers. IP protocols, UDP ports, link types and the few
things that have no number anywhere follow, each in a range of its own.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

from captures.link_types import UNKNOWN_LINK_TYPE

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

    from captures.packets.columns import Kinds
    from captures.packets.segments import Mask

IP_PROTOCOLS = 0x1_0000
UDP_PORTS = 0x2_0000
LINK_TYPES = 0x3_0000
_OTHERS = 0x4_0000
KIND_COUNT = 0x4_0100


class EtherType(IntEnum):
    """The EtherTypes that are read."""

    IPV4 = 0x0800
    TRILL = 0x22F3
    ERSPAN_III = 0x22EB
    ETHERNET_OVER_IP = 0x6400
    ETHERNET = 0x6558
    VLAN = 0x8100
    IPV6 = 0x86DD
    PPP = 0x880B
    WCCP = 0x883E
    MPLS = 0x8847
    MPLS_MULTICAST = 0x8848
    PPPOE = 0x8864
    BROADCOM_TAG = 0x8874
    SERVICE_VLAN = 0x88A8
    ERSPAN = 0x88BE
    MACSEC = 0x88E5
    BACKBONE_BRIDGE = 0x88E7
    FABRIC_PATH = 0x8903
    CISCO_METADATA = 0x8909
    VN_TAG = 0x8926
    HSR = 0x892F
    E_TAG = 0x893F
    NSH = 0x894F
    CISCO_TIMESTAMP = 0x8988
    OLD_VLAN = 0x9100
    OLDER_VLAN = 0x9200
    OLDEST_VLAN = 0x9300
    ARISTA_TIMESTAMP = 0xD28B
    DSA_TAG = 0xDADA
    REDUNDANCY_TAG = 0xF1C1


class Other(IntEnum):
    """What has no number of its own."""

    # nothing that mail could be in
    FOREIGN = _OTHERS
    # IPv4 or IPv6, as the first four bits say
    IP = _OTHERS + 1
    # IEEE 802.2
    LLC = _OTHERS + 2
    # IP or an Ethernet frame, which the header before doesn't tell
    IP_OR_ETHERNET = _OTHERS + 3
    # behind the last label: IP, or a pseudo-wire
    MPLS_PAYLOAD = _OTHERS + 4
    WIFI = _OTHERS + 5
    # with the bytes of its first field swapped
    SWAPPED_WIFI = _OTHERS + 6
    # which has the EtherType first, not last as in Ethernet
    CISCO_METADATA_IN_GRE = _OTHERS + 7
    # what can't be read
    UNCLEAR = _OTHERS + 16
    MACSEC_ENCRYPTED = _OTHERS + 17
    WIFI_ENCRYPTED = _OTHERS + 18
    WIFI_FRAGMENT = _OTHERS + 19
    WIFI_AGGREGATE = _OTHERS + 20
    PPP_COMPRESSED = _OTHERS + 21
    PPP_FRAGMENT = _OTHERS + 22
    CAPWAP_ENCRYPTED = _OTHERS + 23
    CAPWAP_FRAGMENT = _OTHERS + 24


def ip_protocol(number: int) -> int:
    """Return the kind that an IP protocol number announces."""
    return IP_PROTOCOLS + number


def udp_port(number: int) -> int:
    """Return the kind that a UDP port announces."""
    return UDP_PORTS + number


def link_type(number: int) -> int:
    """Return the kind of packets of a link type."""
    return LINK_TYPES + number


def table_of(kinds: Iterable[int]) -> Mask:
    """Return a table that says of every kind whether it is one of these."""
    table = np.zeros(KIND_COUNT, dtype=np.bool_)
    table[list(kinds)] = True
    return table


# IEEE 802.3 §3.2.6: below, it is a length and no type
_ETHERTYPE_MIN = 0x0600

# GRE's keepalives, OSI, Cisco Discovery Protocol, NHRP: only in GRE and the like
_FOREIGN_IN_TUNNELS = (0x0000, 0x00FE, 0x2000, 0x2001)
# Without TCP inside: those of RFC 9542 and the IEEE's list that are met in networks.
_FOREIGN_ETHERTYPES = (
    # ARP, Wake-on-LAN, AVTP, stream reservation, RARP, AppleTalk, IPX, SNMP
    *(0x0806, 0x0842, 0x22EA, 0x22F0, 0x22F4, 0x8035, 0x809B, 0x80F3, 0x8137, 0x814C),
    # DEC's
    *range(0x6000, 0x6008),
    # Cisco's for wireless access points, SLPP, loop detection of several makers
    *(0x8102, 0x8103, 0x872D, 0x8783, 0x88B4, 0x8918, 0x9003, 0x9998, 0xFFFA),
    # flow control, slow protocols such as LACP, PPPoE discovery, network load balancing
    *(0x8808, 0x8809, 0x8863, 0x886C, 0x886D, 0x886F, 0x8870, 0x887B, 0x8899),
    # EAPOL, industrial Ethernet, ATA and Fibre Channel over Ethernet
    *(0x888E, 0x8892, 0x88A2, 0x88A4, 0x88AB, 0x88B8, 0x88B9, 0x88BA, 0x88CD),
    *(0x8906, 0x8914, 0x8915, 0x88E1, 0x88E3, 0x88FB, 0x891D, 0x80E1, 0x3E3F),
    # 802.11 preauthentication, TIPC, LLDP, LLTD, WSMP, registration protocols, PTP
    *(0x88C7, 0x88CA, 0x88CC, 0x88D9, 0x88DC, 0x88EE, 0x88F5, 0x88F6, 0x88F7, 0x88F8),
    # maintenance, 802.11 management, IEEE 1905, edge control, loopback test, eCPRI
    *(0x8902, 0x890D, 0x893A, 0x8940, 0x9000, 0xAEFE, 0x8999, 0x88DE, 0x88BF),
)
# ICMP, IGMP, EGP, IGRP, UDP, DCCP, RSVP, NHRP, ICMPv6, nothing, EIGRP, OSPF, PIM,
# VRRP, PGM, SCTP, mobility, UDP-Lite, HIP, Shim6, pfsync
_FOREIGN_PROTOCOLS = (
    *(1, 2, 8, 9, 17, 33, 46, 54, 58, 59, 88, 89, 103, 112, 113, 132, 134, 135, 136),
    *(139, 140, 240),
)

FOREIGN = frozenset(
    (
        Other.FOREIGN,
        *_FOREIGN_IN_TUNNELS,
        *_FOREIGN_ETHERTYPES,
        *(ip_protocol(number) for number in _FOREIGN_PROTOCOLS),
    )
)
_UNREADABLE = {
    Other.UNCLEAR: "tunnel without IP or Ethernet inside",
    Other.MACSEC_ENCRYPTED: "MACsec, encrypted",
    Other.WIFI_ENCRYPTED: "802.11, encrypted",
    Other.WIFI_FRAGMENT: "802.11 fragment",
    Other.WIFI_AGGREGATE: "802.11 aggregate",
    Other.PPP_COMPRESSED: "PPP, compressed or encrypted",
    Other.PPP_FRAGMENT: "PPP multilink fragment",
    Other.CAPWAP_ENCRYPTED: "CAPWAP, encrypted",
    Other.CAPWAP_FRAGMENT: "CAPWAP fragment",
    ip_protocol(50): "ESP, encrypted",
    ip_protocol(55): "Mobile IP's minimal encapsulation",
    ip_protocol(108): "IPComp, compressed",
    link_type(UNKNOWN_LINK_TYPE): "link layer unknown, or without IP inside",
}

# which EtherTypes there are, to recognise a frame by its type
IS_ETHERTYPE = table_of((*EtherType, *_FOREIGN_ETHERTYPES))


def of_ethertypes(values: npt.NDArray[np.integer]) -> Kinds:
    """Return the (n,) kinds that the type fields of frames announce."""
    kinds = values.astype(np.int32)
    kinds[kinds < _ETHERTYPE_MIN] = Other.LLC
    return kinds


def of_ethertype(value: int) -> int:
    """Return the kind that the type field of a frame announces."""
    return value if value >= _ETHERTYPE_MIN else Other.LLC


def unreadable_reason(kind: int) -> str:
    """Say why packets of a kind that no table has can't be decoded."""
    if kind in _UNREADABLE:
        return _UNREADABLE[kind]
    if kind >= LINK_TYPES:
        return f"link type {kind - LINK_TYPES} unknown"
    if kind >= IP_PROTOCOLS:
        return f"IP protocol {kind - IP_PROTOCOLS} unknown"
    return f"EtherType 0x{kind:04x} unknown"
