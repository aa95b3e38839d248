"""IP packets in every tunnel, behind every tag and in every link layer that is read."""

from __future__ import annotations

import struct
from collections.abc import Callable

from tests.support.packets import ethernet, ipv4, ipv6

Wrap = Callable[[bytes], bytes]

ADDRESSES = "203.0.113.1", "203.0.113.2"
MACS = bytes.fromhex("020000000002020000000001")
# of IEEE 802.11: to the access point, which is in the middle
WIFI = b"\x08\x01\0\0" + MACS + MACS[:6] + bytes(2)
QOS_WIFI = b"\x88\x01\0\0" + MACS + MACS[:6] + bytes(4)
LLC_SNAP = b"\xaa\xaa\x03\0\0\0"


def ethertype(packet: bytes) -> bytes:
    """The EtherType of an IP packet."""
    return b"\x08\0" if packet[0] >> 4 == 4 else b"\x86\xdd"


def frame(payload: bytes, ethertype: int) -> bytes:
    """An Ethernet frame."""
    return MACS + struct.pack(">H", ethertype) + payload


def carried(payload: bytes, protocol: int) -> bytes:
    """A frame with an IP packet that carries something."""
    return frame(ipv4(payload, ADDRESSES, protocol=protocol), 0x0800)


def datagram(payload: bytes, destination: int, source: int = 50_000) -> bytes:
    """A frame with a UDP datagram."""
    header = struct.pack(">HHHH", source, destination, 8 + len(payload), 0)
    return carried(header + payload, 17)


def inner_frame(packet: bytes) -> bytes:
    """An Ethernet frame that a tunnel carries."""
    return MACS + ethertype(packet) + packet


def ppp(packet: bytes) -> bytes:
    """RFC 1661 §2."""
    return (b"\0\x21" if packet[0] >> 4 == 4 else b"\0\x57") + packet


def tag(ethertype_of_tag: int, fields: str) -> Wrap:
    """Puts a tag before the EtherType."""
    return lambda ip: frame(
        bytes.fromhex(fields) + ethertype(ip) + ip, ethertype_of_tag
    )


def gre(flags: int, fields: str, protocol: int | None = None) -> Wrap:
    """RFC 2784, with optional fields."""

    def wrap(ip: bytes) -> bytes:
        kind = struct.pack(">H", protocol) if protocol else ethertype(ip)
        inner = inner_frame(ip) if protocol in {0x6558, 0x88BE, 0x22EB, 0x6400} else ip
        header = struct.pack(">H", flags) + kind + bytes.fromhex(fields)
        return carried(header + inner, 47)

    return wrap


def pptp(ip: bytes) -> bytes:
    """RFC 2637 §4.1."""
    payload = b"\xff\x03" + ppp(ip)
    header = struct.pack(">HHHHI", 0x3001, 0x880B, len(payload), 7, 1)
    return carried(header + payload, 47)


def pppoe(ip: bytes) -> bytes:
    """RFC 2516 §4."""
    payload = ppp(ip)
    return frame(struct.pack(">BBHH", 0x11, 0, 7, len(payload)) + payload, 0x8864)


def macsec(control: int, fields: str = "", icv: int = 16) -> Wrap:
    """IEEE 802.1AE §9."""
    header = struct.pack(">BBI", control, 0, 1) + bytes.fromhex(fields)
    return lambda ip: frame(header + ethertype(ip) + ip + bytes(icv), 0x88E5)


def authenticated(ip: bytes) -> bytes:
    """RFC 4302 §2.2, in transport mode: the packet keeps its addresses."""
    header = struct.pack(">BBHII", 6, 4, 0, 7, 1) + bytes(12)
    if ip[0] >> 4 == 6:
        return ethernet(
            ip[:4] + _longer(ip[4:6]) + b"\x33" + ip[7:40] + header + ip[40:]
        )
    return ethernet(
        ip[:2] + _longer(ip[2:4]) + ip[4:9] + b"\x33" + ip[10:20] + header + ip[20:]
    )


def _longer(length: bytes) -> bytes:
    return struct.pack(">H", int.from_bytes(length, "big") + 24)


def authenticated_tunnel(ip: bytes) -> bytes:
    """RFC 4302 §3.1.2."""
    following = 4 if ip[0] >> 4 == 4 else 41
    return carried(struct.pack(">BBHII", following, 4, 0, 7, 1) + bytes(12) + ip, 51)


def ip_in_ip(ip: bytes) -> bytes:
    """RFC 2003, RFC 4213."""
    return carried(ip, 4 if ip[0] >> 4 == 4 else 41)


def ip_in_ipv6(ip: bytes) -> bytes:
    """RFC 2473."""
    following = 4 if ip[0] >> 4 == 4 else 41
    outer = ipv6(ip, ("2001:db8:1::1", "2001:db8:1::2"), next_header=following)
    return frame(outer, 0x86DD)


def gtp(flags: int, fields: str = "") -> Wrap:
    """3GPP TS 29.281 §5.1."""

    def wrap(ip: bytes) -> bytes:
        payload = bytes.fromhex(fields) + ip
        header = struct.pack(">BBHI", flags, 255, len(payload), 7)
        return datagram(header + payload, 2152)

    return wrap


def of_ip(header: str, port: int) -> Wrap:
    """An IP packet behind a header of a UDP port."""
    return lambda ip: datagram(bytes.fromhex(header) + ip, port)


def of_frame(header: str, port: int) -> Wrap:
    """An Ethernet frame behind a header of a UDP port."""
    return lambda ip: datagram(bytes.fromhex(header) + inner_frame(ip), port)


def by_protocol(before: str, after: str, port: int) -> Wrap:
    """A header that says 1 for IPv4 and 2 for IPv6."""

    def wrap(ip: bytes) -> bytes:
        number = b"\1" if ip[0] >> 4 == 4 else b"\2"
        header = bytes.fromhex(before) + number + bytes.fromhex(after)
        return datagram(header + ip, port) if port else frame(header + ip, 0x894F)

    return wrap


TUNNELS: dict[str, Wrap] = {
    "IP in IP": ip_in_ip,
    "IP in IPv6": ip_in_ipv6,
    "old IP in IP": lambda ip: carried(ip, 94),
    "GRE": gre(0, ""),
    "GRE with checksum": gre(0x8000, "00000000"),
    "GRE with key": gre(0x2000, "00000007"),
    "GRE with sequence number": gre(0x1000, "00000001"),
    "GRE with all": gre(0xB000, "00000000 00000007 00000001"),
    "GRE with routing": gre(0x4000, "00000000 08000004 c0000201 00000000"),
    "Ethernet in GRE": gre(0, "", 0x6558),
    "NVGRE": gre(0x2000, "00000707", 0x6558),
    "EoIP": gre(0x2001, "003e0007", 0x6400),
    "PPTP": pptp,
    "PPP in GRE": lambda ip: carried(b"\0\0\x88\x0b" + ppp(ip), 47),
    "MPLS in GRE": gre(0, "00010140", 0x8847),
    "WCCP": gre(0, "", 0x883E),
    "WCCP with redirect header": gre(0, "c0000007", 0x883E),
    "Cisco MetaData in GRE": lambda ip: carried(
        b"\0\0\x89\x09" + ethertype(ip) + bytes.fromhex("0101 0001 0005") + ip, 47
    ),
    "ERSPAN I": gre(0, "", 0x88BE),
    "ERSPAN II": gre(0x1000, "00000001 10070007 00000000", 0x88BE),
    "ERSPAN III": gre(0x1000, "00000001 20070007 00000000 00000000", 0x22EB),
    "ERSPAN III with subheader": gre(
        0x1000, "00000001 20070007 00000000 00000001 1c000000 00000000", 0x22EB
    ),
    "EtherIP": lambda ip: carried(b"\x30\0" + inner_frame(ip), 97),
    "Ethernet in IP": lambda ip: carried(inner_frame(ip), 143),
    "MPLS in IP": lambda ip: carried(bytes.fromhex("00010140") + ip, 137),
    "AH in transport mode": authenticated,
    "AH in tunnel mode": authenticated_tunnel,
    "L2TPv3 over IP": lambda ip: carried(b"\0\0\0\7" + inner_frame(ip), 115),
    "L2TPv3 over IP with cookie": lambda ip: carried(
        bytes.fromhex("00000007 0123456789abcdef 00000000") + inner_frame(ip), 115
    ),
    "VXLAN": of_frame("08000000 00000700", 4789),
    "VXLAN of early Linux": of_frame("08000000 00000700", 8472),
    "VXLAN with policy": of_frame("88000007 00000700", 4789),
    "VXLAN-GPE": by_protocol("0c0000", "00000700", 4790),
    "VXLAN-GPE with Ethernet": of_frame("0c000003 00000700", 4790),
    "Geneve": of_frame("00006558 00000700", 6081),
    "Geneve with options": of_frame("02006558 00000700 0102800100000000", 6081),
    "IP in Geneve": lambda ip: datagram(
        b"\0\0" + ethertype(ip) + b"\0\0\7\0" + ip, 6081
    ),
    "GTP-U": gtp(0x30),
    "GTP-U with sequence number": gtp(0x32, "00010000"),
    "GTP-U with extension headers": gtp(0x34, "00000085 01000985 01000900"),
    "LISP": of_ip("80000001 00000001", 4341),
    "GUE": lambda ip: datagram(
        (b"\0\4\0\0" if ip[0] >> 4 == 4 else b"\0\x29\0\0") + ip, 6080
    ),
    "GUE, bare": of_ip("", 6080),
    "MPLS in UDP": of_ip("00010140", 6635),
    "GRE in UDP": lambda ip: datagram(b"\0\0" + ethertype(ip) + ip, 4754),
    "Juniper mirror": of_ip("00000001 00000002", 30_030),
    "L2TP": lambda ip: datagram(
        bytes.fromhex("0002 0007 0007") + b"\xff\x03" + ppp(ip), 1701
    ),
    "L2TP with all": lambda ip: datagram(
        bytes.fromhex("4a02 0053 0007 0007 0001 0000 0002 0000") + ppp(ip), 1701
    ),
    "L2TP's answer": lambda ip: datagram(
        bytes.fromhex("0002 0007 0007") + b"\xff\x03" + ppp(ip), 50_000, 1701
    ),
    "L2TPv3": of_frame("00030000 00000007", 1701),
    "L2TPv3 with cookie": of_frame("00030000 00000007 01234567", 1701),
    "HDLC in L2TPv3": lambda ip: datagram(
        bytes.fromhex("00030000 00000007 0f00") + ethertype(ip) + ip, 1701
    ),
    "TZSP": of_frame("01000001 01", 37_008),
    "TZSP with tags": of_frame("01000001 0a01c3 00 29020010 01", 37_008),
    "802.11 in TZSP": lambda ip: datagram(
        bytes.fromhex("01000012 01") + WIFI + LLC_SNAP + ethertype(ip) + ip, 37_008
    ),
    "CAPWAP": of_frame("00100200 00000000", 5247),
    "CAPWAP's answer": lambda ip: datagram(
        bytes.fromhex("00100200 00000000") + inner_frame(ip), 50_000, 5247
    ),
    "802.11 in CAPWAP": lambda ip: datagram(
        bytes.fromhex("00200310 00000000 04c0a8010a000000")
        + WIFI
        + LLC_SNAP
        + ethertype(ip)
        + ip,
        5247,
    ),
    "swapped 802.11 in CAPWAP": lambda ip: datagram(
        bytes.fromhex("00100300 00000000 0108")
        + WIFI[2:]
        + LLC_SNAP
        + ethertype(ip)
        + ip,
        5247,
    ),
    "802.11 in LWAPP": lambda ip: datagram(
        bytes.fromhex("0000 0040 0000 0801") + WIFI[2:] + LLC_SNAP + ethertype(ip) + ip,
        12_222,
    ),
    "HP mirror": of_frame("00000000 00000000 00000000", 7932),
    "PPPoE": pppoe,
    "MPLS": lambda ip: frame(bytes.fromhex("00010140") + ip, 0x8847),
    "MPLS with labels": lambda ip: frame(
        bytes.fromhex("00010040 00011040 00012140") + ip, 0x8847
    ),
    "MPLS pseudo-wire": lambda ip: frame(
        bytes.fromhex("00010140 00000000") + inner_frame(ip), 0x8847
    ),
    "MPLS pseudo-wire without control word": lambda ip: frame(
        bytes.fromhex("00010140") + inner_frame(ip), 0x8847
    ),
    "MPLS pseudo-wire to an address like IP": lambda ip: frame(
        bytes.fromhex("00010140 48a2e6fffffe") + inner_frame(ip)[6:], 0x8847
    ),
    "NSH": by_protocol("000601", "00000100" + 16 * "00", 0),
    "802.1ah": lambda ip: frame(bytes.fromhex("00000007") + inner_frame(ip), 0x88E7),
    "TRILL": lambda ip: frame(
        bytes.fromhex("0006 0001 0002") + inner_frame(ip), 0x22F3
    ),
    "TRILL with options": lambda ip: frame(
        bytes.fromhex("0046 0001 0002 00000000") + inner_frame(ip), 0x22F3
    ),
    "FabricPath": lambda ip: frame(bytes.fromhex("0007") + inner_frame(ip), 0x8903),
}

# Teredo (RFC 4380) carries IPv6 only
TEREDO: dict[str, Wrap] = {
    "Teredo": of_ip("", 3544),
    "Teredo with origin": of_ip("0000 63bf 3fffff0e", 3544),
    "Teredo with both": of_ip("0001 0000 0123456789abcdef 00 0000 63bf 3fffff0e", 3544),
    "Teredo's answer": lambda ip: datagram(ip, 50_000, 3544),
}

TAGS: dict[str, Wrap] = {
    "VN-Tag": tag(0x8926, "80010001"),
    "802.1BR": tag(0x893F, "00010002 0000"),
    "Cisco MetaData": tag(0x8909, "0101 0001 0005"),
    "Cisco timestamp": tag(0x8988, "0123456789ab"),
    "Arista timestamp": tag(0xD28B, "0001 0010 0123456789abcdef"),
    "short Arista timestamp": tag(0xD28B, "0001 0120 0123456789ab"),
    "HSR": tag(0x892F, "00340001"),
    "802.1CB": tag(0xF1C1, "00000001"),
    "DSA": tag(0xDADA, "0000 40000000"),
    "Broadcom": tag(0x8874, "20000001"),
    "MACsec": macsec(0x00),
    "MACsec with SCI": macsec(0x20, "020000000001 0001"),
    "VLAN": tag(0x8100, "0005"),
}

# link type -> how IP packets are in it
LINKS: dict[str, tuple[int, Wrap]] = {
    "null": (0, lambda ip: b"\2\0\0\0" + ip),
    "loop": (108, lambda ip: b"\0\0\0\2" + ip),
    "raw": (101, lambda ip: ip),
    "PPP": (9, ppp),
    "PPP with framing": (9, lambda ip: b"\xff\x03" + ppp(ip)),
    "compressed PPP": (9, lambda ip: ppp(ip)[1:]),
    "PPP in one of several links": (9, lambda ip: b"\0\x3d\xc0\0\0\1" + ppp(ip)),
    "PPP in HDLC": (50, lambda ip: b"\xff\x03" + ppp(ip)),
    "Cisco HDLC as PPP": (50, lambda ip: b"\x0f\0" + ethertype(ip) + ip),
    "Cisco HDLC": (104, lambda ip: b"\x0f\0" + ethertype(ip) + ip),
    "PPPoE": (51, lambda ip: pppoe(ip)[14:]),
    "ATM": (100, lambda ip: LLC_SNAP + ethertype(ip) + ip),
    "IP over LLC": (100, lambda ip: b"\x06\x06\x03" + ip),
    "802.11": (105, lambda ip: WIFI + LLC_SNAP + ethertype(ip) + ip),
    "802.11 with QoS": (105, lambda ip: QOS_WIFI + LLC_SNAP + ethertype(ip) + ip),
    "802.11 between systems": (
        105,
        lambda ip: b"\x08\x03" + WIFI[2:] + MACS[:6] + LLC_SNAP + ethertype(ip) + ip,
    ),
    "802.11 padded": (
        105,
        lambda ip: QOS_WIFI + bytes(2) + LLC_SNAP + ethertype(ip) + ip,
    ),
    "radiotap": (
        127,
        lambda ip: b"\0\0\x08\0" + bytes(4) + QOS_WIFI + LLC_SNAP + ethertype(ip) + ip,
    ),
    "Prism": (
        119,
        lambda ip: (
            struct.pack("<II136x", 0x44, 144) + WIFI + LLC_SNAP + ethertype(ip) + ip
        ),
    ),
    "AVS": (
        163,
        lambda ip: (
            struct.pack(">II56x", 0x80211001, 64) + WIFI + LLC_SNAP + ethertype(ip) + ip
        ),
    ),
    "AVS as Prism": (
        119,
        lambda ip: (
            struct.pack(">II56x", 0x80211001, 64) + WIFI + LLC_SNAP + ethertype(ip) + ip
        ),
    ),
    "PPI": (
        192,
        lambda ip: (
            struct.pack("<BBHI", 0, 0, 8, 105) + WIFI + LLC_SNAP + ethertype(ip) + ip
        ),
    ),
    "Frame Relay": (
        107,
        lambda ip: b"\x18\x41\x03" + (b"\xcc" if ip[0] >> 4 == 4 else b"\x8e") + ip,
    ),
    "Frame Relay with LLC_SNAP": (
        107,
        lambda ip: b"\x18\x41\x03\0\x80\0\0\0" + ethertype(ip) + ip,
    ),
    "Cisco's Frame Relay": (107, lambda ip: b"\x18\x41" + ethertype(ip) + ip),
    "NFLOG": (239, lambda ip: _nflog(ip, "<")),
    "NFLOG of a big-endian machine": (239, lambda ip: _nflog(ip, ">")),
    "PFLOG": (117, lambda ip: struct.pack(">BB59x", 61, 2) + bytes(3) + ip),
    "encrypted interface": (109, lambda ip: b"\0\0\0\2" + bytes(8) + ip),
    "MPLS": (219, lambda ip: bytes.fromhex("00010140") + ip),
    "netANALYZER": (240, lambda ip: bytes(4) + inner_frame(ip)),
    "transparent netANALYZER": (241, lambda ip: bytes(12) + inner_frame(ip)),
    "Linux cooked": (113, lambda ip: bytes(14) + ethertype(ip) + ip),
    "Linux cooked v2": (276, lambda ip: ethertype(ip) + bytes(18) + ip),
}


def _nflog(ip: bytes, order: str) -> bytes:
    """Family, version, resource, then attributes, here a mark and the payload."""
    family = 2 if ip[0] >> 4 == 4 else 10
    mark = struct.pack(f"{order}HH4s", 8, 5, bytes(4))
    prefix = struct.pack(f"{order}HH2sxx", 6, 10, b"a")
    payload = struct.pack(f"{order}HH", 4 + len(ip), 9)
    return struct.pack(">BBH", family, 0, 0) + mark + prefix + payload + ip
