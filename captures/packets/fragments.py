"""IP fragments, put together (RFC 791 §3.2, RFC 8200 §4.5).

The first copy of every byte wins. Memory is bounded by `MAX_DATAGRAMS` and
`MAX_TOTAL_BYTES`: the oldest incomplete datagram makes room for the newest. Cost is
linear in the bytes of the fragments.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_DATAGRAMS = 1024
MAX_TOTAL_BYTES = 16 << 20
# what Python needs to keep a piece, however short it is
_PIECE_OVERHEAD_BYTES = 128
# and a frame ID, of a piece or of a copy of one
_FRAME_BYTES = 40
# RFC 8200 §4.5: 60 seconds after the first fragment arrived
TIMEOUT_NS = 60_000_000_000
_MAX_LENGTH = 65_535
_IPV6_HEADER_BYTES = 40
_FRAGMENT_HEADER = 44
# an IPv6 packet with more extension headers before its fragment header is odd
_MAX_EXTENSIONS = 16


class IpFragment(NamedTuple):
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


class _DatagramPiece(NamedTuple):
    """A part of a datagram's payload; pieces never overlap."""

    start: int
    payload: bytes

    @property
    def end(self) -> int:
        return self.start + len(self.payload)


@dataclass(slots=True)
class _Datagram:
    """A datagram of which fragments were seen.

    `reach` is the farthest byte's end, `frames` are the packets that brought fragments.
    """

    time_ns: int
    header: bytes = b""
    length: int | None = None
    reach: int = 0
    size: int = 0
    pieces: list[_DatagramPiece] = field(default_factory=list)
    frames: list[int] = field(default_factory=list)

    @property
    def is_complete(self) -> bool:
        """Whether all is there, and nothing lies behind what ought to be the end."""
        return self.size == self.reach == self.length and bool(self.header)

    @property
    def memory(self) -> int:
        """About how many bytes it takes."""
        overhead = _PIECE_OVERHEAD_BYTES * len(self.pieces)
        return self.size + overhead + _FRAME_BYTES * len(self.frames)

    def add(self, fragment: IpFragment) -> None:
        """Add what is new in a fragment."""
        if fragment.offset == 0 and not self.header:
            self.header = fragment.header
        start, end = fragment.offset, fragment.offset + len(fragment.payload)
        if not fragment.more and self.length is None:
            self.length = end
        self.reach = max(self.reach, end)
        at = bisect_right(self.pieces, start, key=_start)
        if at:
            start = max(start, self.pieces[at - 1].end)
        while start < end:
            following = self.pieces[at] if at < len(self.pieces) else None
            stop = end if following is None else min(end, following.start)
            if start < stop:
                skip = start - fragment.offset
                payload = fragment.payload[skip : stop - fragment.offset]
                self.pieces.insert(at, _DatagramPiece(start, payload))
                self.size += len(payload)
                at += 1
            if following is None:
                break
            start = max(start, following.end)
            at += 1


def _start(piece: _DatagramPiece) -> int:
    return piece.start


class Defragmenter:
    """Collects fragments until a datagram is complete.

    Attributes:
        dropped: fragments whose datagram was never completed.
        completed_by: frame IDs of what made the datagram that was completed last.
    """

    def __init__(self) -> None:
        self.dropped = 0
        self.completed_by: list[int] = []
        self._datagrams: dict[tuple[bytes, ...], _Datagram] = {}
        self._memory = 0

    @property
    def pending(self) -> int:
        """Fragments that wait for others."""
        return sum(len(datagram.pieces) for datagram in self._datagrams.values())

    def receive(
        self, packet: bytes, time_ns: int, frames: Sequence[int] = ()
    ) -> bytes | None:
        """Take a fragment; return the datagram it completes.

        Args:
            packet: IP header first.
            time_ns: when it came.
            frames: frame IDs of the packets that brought it.
        """
        fragment = read_fragment(packet)
        if fragment is None:
            self.dropped += 1
            return None
        datagram = self._datagrams.get(fragment.key)
        if datagram is not None and time_ns - datagram.time_ns > TIMEOUT_NS:
            self._evict(fragment.key)
            datagram = None
        if datagram is None:
            datagram = self._datagrams[fragment.key] = _Datagram(time_ns)
        self._memory -= datagram.memory
        datagram.add(fragment)
        datagram.frames += frames
        self._memory += datagram.memory
        if datagram.is_complete:
            self._memory -= datagram.memory
            del self._datagrams[fragment.key]
            self.completed_by = datagram.frames
            return self._assemble(datagram)
        while len(self._datagrams) > MAX_DATAGRAMS or self._memory > MAX_TOTAL_BYTES:
            self._evict(next(iter(self._datagrams)))
        return None

    def _evict(self, key: tuple[bytes, ...]) -> None:
        datagram = self._datagrams.pop(key)
        self.dropped += len(datagram.pieces)
        self._memory -= datagram.memory

    def _assemble(self, datagram: _Datagram) -> bytes | None:
        """Return the datagram with its true length; `None` if that is too long."""
        header = bytearray(datagram.header)
        is_ipv4 = header[0] >> 4 == 4
        # RFC 791 §3.1 counts the header too, RFC 8200 §3 does not
        length = datagram.size + (len(header) if is_ipv4 else 0)
        if length > _MAX_LENGTH:
            self.dropped += len(datagram.pieces)
            return None
        struct.pack_into(">H", header, 2 if is_ipv4 else 4, length)
        return bytes(header) + b"".join(piece.payload for piece in datagram.pieces)


def read_fragment(packet: bytes) -> IpFragment | None:
    """Read an IP packet that is a fragment; `None` if it is none, or cut."""
    if len(packet) >= 20 and packet[0] >> 4 == 4:
        return _read_ipv4(packet)
    if len(packet) >= _IPV6_HEADER_BYTES and packet[0] >> 4 == 6:
        return _read_ipv6(packet)
    return None


def _read_ipv4(packet: bytes) -> IpFragment | None:
    header_bytes = (packet[0] & 0x0F) * 4
    total, _, flags_and_offset = struct.unpack_from(">HHH", packet, 2)
    if header_bytes < 20 or not header_bytes <= total <= len(packet):
        return None
    # the datagram's header is that of its first fragment, without the M bit
    header = packet[:6] + b"\0\0" + packet[8:header_bytes]
    return IpFragment(
        key=(packet[12:20], packet[9:10], packet[4:6]),
        header=header,
        offset=(flags_and_offset & 0x1FFF) * 8,
        more=bool(flags_and_offset & 0x2000),
        payload=packet[header_bytes:total],
    )


def _read_ipv6(packet: bytes) -> IpFragment | None:
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
    return IpFragment(
        key=(packet[8:40], packet[at + 4 : at + 8]),
        header=header,
        offset=offset_and_more & 0xFFF8,
        more=bool(offset_and_more & 1),
        payload=packet[at + 8 : total],
    )
