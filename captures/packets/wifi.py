"""IEEE 802.11 frames, and what captures put before them."""

from __future__ import annotations

import struct

from captures.link_types import LinkType
from captures.packets.columns import Encapsulation, followed_by, one_by_one
from captures.packets.kinds import Other, link_type

# IEEE 802.11 §9.2.4.1: frame control
_DATA = 2
_NULL_SUBTYPE, _QOS_SUBTYPE = 0x40, 0x80
_BOTH_SYSTEMS, _MORE_FRAGMENTS, _PROTECTED, _HT_CONTROL = 0x03, 0x04, 0x40, 0x80
_AGGREGATE = 0x80
_SNAP = b"\xaa\xaa"
_AVS_MAGIC = 0x8021_1000


def _wifi(packet: memoryview) -> tuple[int, int]:
    """Peel 802.11 data frames (§9.3.2.1) that are whole and in plaintext."""
    return _data(packet, packet[0], packet[1])


def _swapped_wifi(packet: memoryview) -> tuple[int, int]:
    """Peel 802.11 as access points of some makers send it to controllers."""
    return _data(packet, packet[1], packet[0])


def _data(packet: memoryview, control: int, flags: int) -> tuple[int, int]:
    if control & 0x03 or control >> 2 & 0x03 != _DATA or control & _NULL_SUBTYPE:
        return Other.FOREIGN, 0
    if flags & _PROTECTED:
        return Other.WIFI_ENCRYPTED, 0
    if flags & _MORE_FRAGMENTS or packet[22] & 0x0F:
        return Other.WIFI_FRAGMENT, 0
    size = 30 if flags & _BOTH_SYSTEMS == _BOTH_SYSTEMS else 24
    if control & _QOS_SUBTYPE:
        if packet[size] & _AGGREGATE:
            return Other.WIFI_AGGREGATE, 0
        size += 6 if flags & _HT_CONTROL else 2
    # some drivers pad the header to a multiple of four bytes
    padded = size + 3 & ~3
    if packet[padded + 2] == 0x03 and packet[padded : padded + 2] == _SNAP:
        size = padded
    return Other.LLC, size


def _radiotap(packet: memoryview) -> tuple[int, int]:
    (size,) = struct.unpack_from("<H", packet, 2)
    return Other.WIFI, max(size, 8)


def _prism(packet: memoryview) -> tuple[int, int]:
    """Peel Prism, in either byte order; AVS may be in its place."""
    (code,) = struct.unpack_from(">I", packet)
    if code & 0xFFFF_F000 == _AVS_MAGIC:
        return _avs(packet)
    order = "<" if packet[0] else ">"
    (size,) = struct.unpack_from(f"{order}I", packet, 4)
    return Other.WIFI, max(size, 8)


def _avs(packet: memoryview) -> tuple[int, int]:
    (size,) = struct.unpack_from(">I", packet, 4)
    return Other.WIFI, max(size, 8)


def _ppi(packet: memoryview) -> tuple[int, int]:
    """Peel per-packet information, which may precede any link type."""
    size, following = struct.unpack_from("<2xHI", packet)
    return link_type(following & 0xFFFF), max(size, 8)


WIFI: dict[int, Encapsulation] = {
    Other.WIFI: Encapsulation("802.11", 2, one_by_one(_wifi)),
    Other.SWAPPED_WIFI: Encapsulation("802.11", 2, one_by_one(_swapped_wifi)),
    link_type(LinkType.IEEE802_11): Encapsulation(
        "802.11", 2, followed_by(Other.WIFI, 0)
    ),
    link_type(LinkType.IEEE802_11_RADIOTAP): Encapsulation(
        "radiotap", 8, one_by_one(_radiotap)
    ),
    link_type(LinkType.IEEE802_11_PRISM): Encapsulation("Prism", 8, one_by_one(_prism)),
    link_type(LinkType.IEEE802_11_AVS): Encapsulation("AVS", 8, one_by_one(_avs)),
    link_type(LinkType.PPI): Encapsulation("PPI", 8, one_by_one(_ppi)),
}
