"""IP fragments, put together (RFC 791 §3.2, RFC 8200 §4.5).

The first copy of every byte wins. Memory is bounded by `MAX_DATAGRAMS` and
`MAX_TOTAL_BYTES`: the oldest incomplete datagram makes room for the newest.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import NamedTuple

MAX_DATAGRAMS = 1024
MAX_TOTAL_BYTES = 16 << 20
# RFC 8200 §4.5: 60 seconds after the first fragment arrived
TIMEOUT_NS = 60_000_000_000
_MAX_PAYLOAD = 65_535
_IPV6_HEADER_BYTES = 40
_FRAGMENT_HEADER = 44
# an IPv6 packet with more extension headers before its fragment header is odd
_MAX_EXTENSIONS = 16


class Fragment(NamedTuple):
    """One fragment.

    Attributes:
        key: what all fragments of a datagram share.
        header: IP header of the whole datagram, lengths not yet right.
        offset: place of `payload` in the datagram's payload.
        more: whether more fragments follow.
    """

    key: tuple[bytes, ...]
    header: bytes
    offset: int
    more: bool
    payload: bytes


@dataclass(slots=True)
class _Datagram:
    """A datagram of which fragments were seen."""

    time_ns: int
    header: bytes = b""
    length: int | None = None
    # offset -> payload; never overlapping
    pieces: dict[int, bytes] = field(default_factory=dict)
    size: int = 0


class Defragmenter:
    """Collects fragments until a datagram is complete.

    Attributes:
        given_up: fragments whose datagram was never completed.
    """

    def __init__(self) -> None:
        self.given_up = 0
        self._datagrams: dict[tuple[bytes, ...], _Datagram] = {}
        self._size = 0

    @property
    def pending(self) -> int:
        """Fragments that wait for others."""
        return sum(len(each.pieces) for each in self._datagrams.values())

    def receive(self, packet: bytes, time_ns: int) -> bytes | None:
        """Take a fragment, IP header first; return the datagram it completes."""
        fragment = read_fragment(packet)
        if fragment is None:
            self.given_up += 1
            return None
        datagram = self._datagrams.get(fragment.key)
        if datagram is not None and time_ns - datagram.time_ns > TIMEOUT_NS:
            self._drop(fragment.key)
            datagram = None
        if datagram is None:
            datagram = self._datagrams[fragment.key] = _Datagram(time_ns)
        self._add(datagram, fragment)
        if datagram.size == datagram.length and 0 in datagram.pieces:
            del self._datagrams[fragment.key]
            self._size -= datagram.size
            return _whole(datagram)
        while len(self._datagrams) > MAX_DATAGRAMS or self._size > MAX_TOTAL_BYTES:
            self._drop(next(iter(self._datagrams)))
        return None

    def _add(self, datagram: _Datagram, fragment: Fragment) -> None:
        if fragment.offset == 0 and not datagram.header:
            datagram.header = fragment.header
        end = fragment.offset + len(fragment.payload)
        if not fragment.more and datagram.length is None:
            datagram.length = end
        start = fragment.offset
        for at in sorted(datagram.pieces):
            if at >= end or start >= end:
                break
            piece_end = at + len(datagram.pieces[at])
            if start < at:
                self._add_piece(datagram, fragment, start, at)
            start = max(start, piece_end)
        self._add_piece(datagram, fragment, start, end)

    def _add_piece(
        self, datagram: _Datagram, fragment: Fragment, start: int, end: int
    ) -> None:
        if start < end:
            skip = start - fragment.offset
            payload = fragment.payload[skip : end - fragment.offset]
            datagram.pieces[start] = payload
            datagram.size += len(payload)
            self._size += len(payload)

    def _drop(self, key: tuple[bytes, ...]) -> None:
        datagram = self._datagrams.pop(key)
        self.given_up += len(datagram.pieces)
        self._size -= datagram.size


def read_fragment(packet: bytes) -> Fragment | None:
    """Read an IP packet that is a fragment; `None` if it is none, or cut."""
    if len(packet) >= 20 and packet[0] >> 4 == 4:
        return _read_ipv4(packet)
    if len(packet) >= _IPV6_HEADER_BYTES and packet[0] >> 4 == 6:
        return _read_ipv6(packet)
    return None


def _read_ipv4(packet: bytes) -> Fragment | None:
    header_bytes = (packet[0] & 0x0F) * 4
    total, _, flags_and_offset = struct.unpack_from(">HHH", packet, 2)
    if header_bytes < 20 or not header_bytes <= total <= len(packet):
        return None
    # the datagram's header is that of its first fragment, without the M bit
    header = packet[:6] + b"\0\0" + packet[8:header_bytes]
    return Fragment(
        key=(packet[12:20], packet[9:10], packet[4:6]),
        header=header,
        offset=(flags_and_offset & 0x1FFF) * 8,
        more=bool(flags_and_offset & 0x2000),
        payload=packet[header_bytes:total],
    )


def _read_ipv6(packet: bytes) -> Fragment | None:
    total = _IPV6_HEADER_BYTES + int.from_bytes(packet[4:6], "big")
    if total > len(packet):
        return None
    following, at = packet[6], _IPV6_HEADER_BYTES
    for _ in range(_MAX_EXTENSIONS):
        if at + 8 > total:
            return None
        if following == _FRAGMENT_HEADER:
            break
        following, at = packet[at], at + 8 + packet[at + 1] * 8
    else:
        return None
    offset_and_more = int.from_bytes(packet[at + 2 : at + 4], "big")
    # the headers before the fragment header say nothing about the payload
    header = packet[:6] + packet[at : at + 1] + packet[7:_IPV6_HEADER_BYTES]
    return Fragment(
        key=(packet[8:40], packet[at + 4 : at + 8]),
        header=header,
        offset=offset_and_more & 0xFFF8,
        more=bool(offset_and_more & 1),
        payload=packet[at + 8 : total],
    )


def _whole(datagram: _Datagram) -> bytes | None:
    """The datagram with its length put right; `None` if no packet can be so long."""
    payload = b"".join(datagram.pieces[at] for at in sorted(datagram.pieces))
    if len(payload) > _MAX_PAYLOAD - 60:
        return None
    header = bytearray(datagram.header)
    if header[0] >> 4 == 4:
        struct.pack_into(">H", header, 2, len(header) + len(payload))
    else:
        struct.pack_into(">H", header, 4, len(payload))
    return bytes(header) + payload
