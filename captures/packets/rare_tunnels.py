"""Tunnels that few packets are in, peeled in plain Python.

What has a UDP port may be something else: unless its header is that of the tunnel, it
is foreign.
"""

from __future__ import annotations

import struct

from captures.link_types import LinkType
from captures.packets.columns import Encapsulation, one_by_one
from captures.packets.kinds import (
    IS_ETHERTYPE,
    EtherType,
    Other,
    ip_protocol,
    link_type,
    udp_port,
)

_FOREIGN = Other.FOREIGN, 0

# RFC 2661 §3.1
_L2TP_CONTROL, _L2TP_LENGTH, _L2TP_SEQUENCE = 0x8000, 0x4000, 0x0800
_L2TP_OFFSET = 0x0200
# RFC 3931 §4.1: a cookie of 0, 4 or 8 bytes and a sublayer of 0 or 4, which only the
# control connection tells
_L2TP_SESSION_HEADERS = (0, 4, 8, 12)
_PPP_FRAMING = 0xFF03
_PPP_IP = (0x0021, 0x0057)
_HDLC = (0x0F00, 0x8F00)

_TZSP_RECEIVED, _TZSP_TO_SEND = 0, 1
_TZSP_PADDING, _TZSP_END = 0, 1
_TZSP_PROTOCOLS = {
    1: EtherType.ETHERNET,
    4: EtherType.PPP,
    7: Other.IP,
    18: Other.WIFI,
    119: link_type(LinkType.IEEE802_11_PRISM),
    127: link_type(LinkType.IEEE802_11_AVS),
}

# RFC 5415 §4.3, of three bytes
_CAPWAP_NATIVE, _CAPWAP_FRAGMENT, _CAPWAP_KEEP_ALIVE = 0x100, 0x80, 0x08
_WIFI_DATA = 0x08


def _be16(packet: memoryview, at: int) -> int:
    return packet[at] << 8 | packet[at + 1]


def _is_ip(packet: memoryview, at: int) -> bool:
    """Return whether a possible IP header begins there, as far as was captured."""
    first = packet[at]
    if first >> 4 == 6:
        return packet[at + 7] > 0
    return 0x45 <= first <= 0x4F and _be16(packet, at + 2) >= 20


def _is_frame(packet: memoryview, at: int) -> bool:
    """Return whether an Ethernet frame with a known EtherType begins there."""
    return bool(IS_ETHERTYPE[_be16(packet, at + 12)])


def _l2tp(packet: memoryview) -> tuple[int, int]:
    """Peel L2TP (RFC 2661 §3.1), and version 3 over UDP (RFC 3931 §4.1.2)."""
    flags = _be16(packet, 0)
    if flags & _L2TP_CONTROL:
        return _FOREIGN
    version = flags & 0x0F
    if version == 3:
        kind, skipped = _l2tp_session(packet[8:])
        return kind, 8 + skipped
    if version != 2:
        return _FOREIGN
    at = 6
    at += 2 if flags & _L2TP_LENGTH else 0
    at += 4 if flags & _L2TP_SEQUENCE else 0
    at += 2 + _be16(packet, at) if flags & _L2TP_OFFSET else 0
    return EtherType.PPP, at


def _l2tp_over_ip(packet: memoryview) -> tuple[int, int]:
    """Peel L2TP over IP (RFC 3931 §4.1.1); session 0 is for control messages."""
    if not any(packet[:4]):
        return _FOREIGN
    kind, skipped = _l2tp_session(packet[4:])
    return kind, 4 + skipped


def _l2tp_session(packet: memoryview) -> tuple[int, int]:
    """Guess what is in a session, behind any cookie."""
    for at in _L2TP_SESSION_HEADERS:
        if at + 14 <= len(packet) and _is_frame(packet, at):
            return EtherType.ETHERNET, at
    for at in _L2TP_SESSION_HEADERS:
        framed = at + 2 if _be16(packet, at) == _PPP_FRAMING else at
        if _be16(packet, framed) in _PPP_IP and _is_ip(packet, framed + 2):
            return EtherType.PPP, at
        if _be16(packet, at) in _HDLC and IS_ETHERTYPE[_be16(packet, at + 2)]:
            return link_type(LinkType.C_HDLC), at
        if _is_ip(packet, at):
            return Other.IP, at
    return Other.UNCLEAR, 0


def _teredo(packet: memoryview) -> tuple[int, int]:
    """Peel Teredo (RFC 4380 §5.1), with authentication and origin if present."""
    at = 0
    if _be16(packet, at) == 0x0001:
        at += 4 + packet[at + 2] + packet[at + 3] + 9
    if _be16(packet, at) == 0x0000:
        at += 8
    return (Other.IP, at) if packet[at] >> 4 == 6 else _FOREIGN


def _tzsp(packet: memoryview) -> tuple[int, int]:
    """Peel the TaZmen Sniffer Protocol: tags up to the end tag, then the packet."""
    if packet[0] != 1 or packet[1] not in {_TZSP_RECEIVED, _TZSP_TO_SEND}:
        return _FOREIGN
    kind = _TZSP_PROTOCOLS.get(_be16(packet, 2), Other.UNCLEAR)
    at = 4
    while packet[at] != _TZSP_END:
        at += 1 if packet[at] == _TZSP_PADDING else 2 + packet[at + 1]
    return kind, at + 1


def _capwap(packet: memoryview) -> tuple[int, int]:
    """Peel CAPWAP (RFC 5415 §4.3): 802.3 frames, or those of a radio (802.11)."""
    version_and_type = packet[0]
    if version_and_type == 0x01:
        return Other.CAPWAP_ENCRYPTED, 0
    header = _be16(packet, 1) << 8 | packet[3]
    size = (header >> 19) * 4
    if version_and_type or size < 8 or header & _CAPWAP_KEEP_ALIVE:
        return _FOREIGN
    if header & _CAPWAP_FRAGMENT:
        return Other.CAPWAP_FRAGMENT, 0
    if not header & _CAPWAP_NATIVE:
        return EtherType.ETHERNET, size
    return _wifi_kind(packet, size), size


def _lwapp(packet: memoryview) -> tuple[int, int]:
    """Peel LWAPP (RFC 5412 §3.2); control messages and fragments are foreign."""
    if packet[0] & 0xC7:
        return _FOREIGN
    return _wifi_kind(packet, 6), 6


def _wifi_kind(packet: memoryview, at: int) -> int:
    """Tell swapped 802.11 frames: some controllers get the first two bytes so."""
    is_swapped = packet[at] & 0x0F != _WIFI_DATA and packet[at + 1] & 0x0F == _WIFI_DATA
    return Other.SWAPPED_WIFI if is_swapped else Other.WIFI


def _hp_mirror(packet: memoryview) -> tuple[int, int]:
    return (EtherType.ETHERNET, 12) if _is_frame(packet, 12) else _FOREIGN


def _lisp(packet: memoryview) -> tuple[int, int]:
    """Peel LISP (RFC 9300 §5)."""
    return (Other.IP, 8) if _is_ip(packet, 8) else _FOREIGN


def _gue(packet: memoryview) -> tuple[int, int]:
    """Peel GUE (draft-ietf-intarea-gue-09 §3, §4), whose variant 1 is bare IP."""
    first = packet[0]
    if first >> 6 == 1:
        return (Other.IP, 0) if _is_ip(packet, 0) else _FOREIGN
    if first & 0xE0:
        # another variant, or a control message
        return _FOREIGN
    at = 4 + (first & 0x1F) * 4
    protocol = packet[1]
    if protocol in {4, 41}:
        return (Other.IP, at) if _is_ip(packet, at) else _FOREIGN
    return (ip_protocol(protocol), at) if protocol in {47, 97, 137} else _FOREIGN


def _juniper_mirror(packet: memoryview) -> tuple[int, int]:
    """Peel two identifiers, behind which is what was intercepted."""
    return (Other.IP, 8) if _is_ip(packet, 8) else _FOREIGN


def _amt(packet: memoryview) -> tuple[int, int]:
    """Peel the multicast data of AMT (RFC 7450 §5.1.6)."""
    return (Other.IP, 2) if packet[0] == 6 and _is_ip(packet, 2) else _FOREIGN


def _esp_in_udp(packet: memoryview) -> tuple[int, int]:
    """Peel ESP in UDP (RFC 3948 §2), unless it is a keepalive, or IKE."""
    (index,) = struct.unpack_from(">I", packet)
    return (ip_protocol(50), 0) if index else _FOREIGN


_LWAPP = Encapsulation("LWAPP", 8, one_by_one(_lwapp))

RARE_TUNNELS: dict[int, Encapsulation] = {
    ip_protocol(115): Encapsulation("L2TP", 4, one_by_one(_l2tp_over_ip)),
    udp_port(1701): Encapsulation("L2TP", 6, one_by_one(_l2tp)),
    udp_port(2268): Encapsulation("AMT", 22, one_by_one(_amt)),
    udp_port(3544): Encapsulation("Teredo", 40, one_by_one(_teredo)),
    udp_port(4341): Encapsulation("LISP", 28, one_by_one(_lisp)),
    udp_port(4500): Encapsulation("ESP", 8, one_by_one(_esp_in_udp)),
    udp_port(5247): Encapsulation("CAPWAP", 8, one_by_one(_capwap)),
    udp_port(6080): Encapsulation("GUE", 4, one_by_one(_gue)),
    udp_port(7932): Encapsulation("HP mirror", 26, one_by_one(_hp_mirror)),
    udp_port(12222): _LWAPP,
    udp_port(12223): _LWAPP,
    udp_port(30030): Encapsulation("Juniper mirror", 28, one_by_one(_juniper_mirror)),
    udp_port(37008): Encapsulation("TZSP", 5, one_by_one(_tzsp)),
}
