"""From packets to TCP segments, a batch at a time in numpy.

`captures.packets` peels link layers, tags, tunnels and IP headers off; what is left
is TCP (RFC 9293 §3.1). Fragments are put together, and the packets that they make are
decoded like any other. What can't be decoded is counted by reason.

Cost: a fixed number of numpy passes per batch. Only bytes that are needed are
gathered: ports decide first, and the rest is read for what may be mail.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from captures.batch import PacketBatch, frame_ids
from captures.link_types import LinkType
from captures.packets.columns import Gather, Packets
from captures.packets.expected_acks import ExpectedAcks
from captures.packets.fragments import Defragmenter
from captures.packets.interest import Candidates, Interest
from captures.packets.peeler import FoundFragment, Peeler
from captures.packets.segments import (
    HAS_OPTIONS,
    IDENTIFICATION_SHIFT,
    Indices,
    Mask,
    Segments,
    TcpFlag,
)

if TYPE_CHECKING:
    from captures.packets.interest import SegmentFilter

# up to the flags: enough to follow a connection whose payload was cut off
_TCP_HEADER_NEEDED = 14

_CONTROL = np.uint8(TcpFlag.SYN | TcpFlag.ACK | TcpFlag.FIN | TcpFlag.RST)

# IPv4 addresses are kept as IPv4-mapped IPv6 addresses (RFC 4291 §2.5.5.2)
_IPV4_MAPPED = np.uint64(0xFFFF_0000_0000)


@dataclass(slots=True)
class _Level:
    """The packets of a batch, or those that fragments make.

    `order` is each packet's place in the batch that is decoded, `base` what separates
    offsets in this level's buffer from those in `Segments`.
    """

    batch: PacketBatch
    packets: Packets
    order: Indices
    base: int


@dataclass(slots=True)
class _TcpHeaders:
    """What is read of every TCP header, to tell whether it may be mail."""

    level: _Level
    gather: Gather
    packets: Packets
    is_ipv6: bool
    candidates: Candidates
    flags: npt.NDArray[np.uint8]
    payload: Indices
    captured: Indices


class Decoder:
    """Turns batches into the segments that may be mail.

    Args:
        segment_filter: tells which may be.
    """

    def __init__(self, segment_filter: SegmentFilter) -> None:
        # by the frame ID of a packet that completed a datagram, those of all that
        # brought fragments of it; of the batch that was decoded last
        self._fragments: dict[int, list[int]] = {}
        self._filter = segment_filter
        self._undecoded: Counter[str] = Counter()
        self._defragmenter = Defragmenter()
        self._acks = ExpectedAcks()

    def decode(
        self, batch: PacketBatch, followed_ports: Mask | None = None
    ) -> Segments:
        """Decode a batch.

        Args:
            batch: the next packets of the capture.
            followed_ports: (65536,) bool, the ports off the mail ports between which
                connections may be mail; `None` if there are none.

        Returns:
            The segments that may be mail.
        """
        self._fragments = {}
        header_groups: list[_TcpHeaders] = []
        together = bytearray()
        everything = np.arange(len(batch), dtype=np.int64)
        level: _Level | None = _Level(batch, _packets_of(batch), everything, 0)
        while level is not None:
            gather = Gather(level.batch.buffer)
            peeler = Peeler(gather, self._undecoded)
            for packets, is_ipv6 in peeler.peel(level.packets, level.batch.link_type):
                header_groups.append(
                    self._read_headers(level, gather, packets, is_ipv6=is_ipv6)
                )
            base = batch.buffer.size + len(together)
            level = self._put_together(level, peeler.fragments, base)
            if level is not None:
                together += level.batch.buffer.data
        candidates = [headers.candidates for headers in header_groups]
        self._filter.mark_followed(candidates, followed_ports)
        for headers in header_groups:
            self._expect_acks(headers)
        for headers in header_groups:
            self._mark_acks(headers)
        self._acks.end_batch(len(batch))
        buffer = batch.buffer
        if together:
            buffer = np.concatenate([buffer, np.frombuffer(together, np.uint8)])
        parts = [self._read_segments(headers, buffer) for headers in header_groups]
        return Segments.merge(parts)

    def frames_of(self, segments: Segments) -> npt.NDArray[np.int64]:
        """Return frame IDs of all packets that brought segments.

        Args:
            segments: some of the batch that was decoded last.

        Returns:
            In no order; fragments may be of earlier batches.
        """
        frames = segments.frame
        if not self._fragments:
            return frames
        others = [
            other
            for frame in frames.tolist()
            for other in self._fragments.get(frame, ())
        ]
        return np.concatenate([frames, np.array(others, np.int64)])

    @property
    def undecoded(self) -> Counter[str]:
        """How many packets could not be decoded so far, by reason."""
        return self._undecoded.copy()

    def finish(self) -> Counter[str]:
        """Return how many packets could not be decoded, by reason."""
        incomplete = self._defragmenter.dropped + self._defragmenter.pending
        return self._undecoded + Counter({"IP fragment without the others": incomplete})

    def _put_together(
        self, level: _Level, fragments: list[FoundFragment], base: int
    ) -> _Level | None:
        """Return the packets that fragments make, if they make any."""
        whole: list[bytes] = []
        last: list[FoundFragment] = []
        batch = level.batch
        frame_ids = batch.frame_ids
        for fragment in sorted(fragments):
            packet = batch.buffer[fragment.start : fragment.end].tobytes()
            time_ns = int(batch.time_ns[fragment.packet])
            frame = int(frame_ids[fragment.packet])
            # what is in a tunnel may be a fragment, and its packet made of some
            frames = self._fragments.get(frame, [frame])
            if datagram := self._defragmenter.receive(packet, time_ns, frames):
                whole.append(datagram)
                last.append(fragment)
                self._fragments[frame] = self._defragmenter.completed_by
        if not whole:
            return None
        made_by = [fragment.packet for fragment in last]
        batch = batch.take(made_by).with_packets(whole, LinkType.RAW)
        packets = replace(
            _packets_of(batch),
            vlan=np.array([fragment.vlan for fragment in last], dtype=np.int32),
            depth=np.array([fragment.depth for fragment in last], dtype=np.int8),
        )
        return _Level(batch, packets, level.order[made_by], base)

    def _count(self, reason: str, mask: Mask) -> None:
        if count := int(np.count_nonzero(mask)):
            self._undecoded[reason] += count

    def _read_headers(
        self, level: _Level, gather: Gather, packets: Packets, *, is_ipv6: bool
    ) -> _TcpHeaders:
        """Read what tells from TCP headers whether the segments may be mail."""
        whole = packets.holding(_TCP_HEADER_NEEDED)
        start = packets.start
        # as many 32-bit words as the data offset says
        words = np.zeros(len(packets), dtype=np.uint8)
        words[whole] = gather.byte[start[whole] + 12] >> 4
        payload = start + words.astype(np.int64) * 4
        sane = (words >= 5) & (payload <= packets.wire_end)
        if not sane.all():
            self._count("TCP header cut", ~whole)
            self._count("TCP header invalid", whole & ~sane)
            packets, payload = packets.take(sane), payload[sane]
            start = packets.start
        ports = gather.be32[start].astype(np.uint32)
        source_port = (ports >> 16).astype(np.uint16)
        destination_port = ports.astype(np.uint16)
        captured = np.maximum(packets.end - payload, 0)
        first_four = np.zeros(len(packets), dtype=np.uint32)
        long_enough = np.flatnonzero(captured >= 4)
        first_four[long_enough] = gather.be32[payload[long_enough]]
        interest = self._filter.interest(source_port, destination_port, first_four)
        self._filter.look_at_handshakes(
            interest,
            first_four,
            lambda at: gather.byte[payload[at] :][: captured[at]].tobytes(),
        )
        return _TcpHeaders(
            level=level,
            gather=gather,
            packets=packets,
            is_ipv6=is_ipv6,
            candidates=Candidates(source_port, destination_port, interest),
            flags=gather.byte[start + 13],
            payload=payload,
            captured=captured,
        )

    def _expect_acks(self, headers: _TcpHeaders) -> None:
        """Remember which numbers will complete the handshakes that are answered."""
        both = TcpFlag.SYN | TcpFlag.ACK
        answers = np.flatnonzero((headers.flags & both) == both)
        if len(answers):
            at = headers.packets.start[answers]
            be32 = headers.gather.be32
            order = headers.level.order[headers.packets.index[answers]]
            self._acks.expect(be32[at + 4], be32[at + 8], order)

    def _mark_acks(self, headers: _TcpHeaders) -> None:
        """Mark the bare ACKs that complete a handshake off the mail ports."""
        if not len(self._acks):
            return
        interest = headers.candidates.interest
        is_bare = (headers.flags & _CONTROL) == TcpFlag.ACK
        is_bare &= headers.payload >= headers.packets.wire_end
        is_bare &= (interest & Interest.MAIL_PORT) == 0
        bare = np.flatnonzero(is_bare)
        # most numbers differ in their low digits already
        low = headers.gather.be16[headers.packets.start[bare] + 10]
        bare = bare[self._acks.may_end_in(low)]
        at = headers.packets.start[bare]
        be32 = headers.gather.be32
        completes = self._acks.contain(be32[at + 4], be32[at + 8])
        interest[bare[completes]] |= np.uint8(Interest.HANDSHAKE)

    def _read_segments(
        self, headers: _TcpHeaders, buffer: npt.NDArray[np.uint8]
    ) -> Segments:
        """Read all columns of what may be mail; `buffer` holds the payloads."""
        level, gather, packets = headers.level, headers.gather, headers.packets
        batch = level.batch
        source_port, destination_port, interest = headers.candidates
        kept = (interest != 0) | ((headers.flags & TcpFlag.SYN) != 0)
        chosen = np.flatnonzero(kept)
        header = packets.ip_header[chosen]
        at, index = packets.start[chosen], packets.index[chosen]
        payload = headers.payload[chosen]
        source, destination = _addresses(gather, header, is_ipv6=headers.is_ipv6)
        return Segments(
            buffer=buffer,
            source=source,
            destination=destination,
            source_port=source_port[chosen],
            destination_port=destination_port[chosen],
            sequence=gather.be32[at + 4].astype(np.uint32),
            acknowledgment=gather.be32[at + 8].astype(np.uint32),
            flags=headers.flags[chosen],
            payload=payload + level.base,
            captured=headers.captured[chosen],
            length=packets.wire_end[chosen] - payload,
            identity=_identity(headers, chosen),
            vlan=packets.vlan[chosen],
            interest=interest[chosen],
            time_ns=batch.time_ns[index],
            frame=frame_ids(batch.capture[index], batch.frame[index]),
            order=level.order[index],
        )


def _identity(headers: _TcpHeaders, chosen: Indices) -> npt.NDArray[np.uint64]:
    """Return (n,) IPv4 identifications; else checksums, and what these cover."""
    gather, packets = headers.gather, headers.packets
    if not headers.is_ipv6:
        identification = gather.be16[packets.ip_header[chosen] + 4].astype(np.uint64)
        identity = identification << IDENTIFICATION_SHIFT
        unidentified = chosen[identification == 0]
    else:
        identity = np.zeros(len(chosen), dtype=np.uint64)
        unidentified = chosen
    whole = unidentified[packets.end[unidentified] - packets.start[unidentified] >= 18]
    at = packets.start[whole]
    checksum = gather.be16[at + 16].astype(np.uint64)
    is_covered = (headers.payload[whole] - at > 20) & (checksum != 0)
    identity[np.searchsorted(chosen, whole)] = checksum | is_covered * HAS_OPTIONS
    return identity


def _packets_of(batch: PacketBatch) -> Packets:
    """Return all packets of a batch, from their link layers on."""
    count = len(batch)
    return Packets(
        index=np.arange(count, dtype=np.int64),
        start=batch.offset,
        end=batch.offset + batch.captured_length,
        wire_end=batch.offset + np.maximum(batch.wire_length, batch.captured_length),
        vlan=np.full(count, -1, dtype=np.int32),
        depth=np.zeros(count, dtype=np.int8),
        ip_header=batch.offset,
    )


def _addresses(
    gather: Gather, header: Indices, *, is_ipv6: bool
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    """Return (n, 2) source and destination addresses of IP headers, as halves."""
    source = np.zeros((len(header), 2), dtype=np.uint64)
    destination = np.zeros((len(header), 2), dtype=np.uint64)
    if is_ipv6:
        source[:, 0] = gather.be64[header + 8]
        source[:, 1] = gather.be64[header + 16]
        destination[:, 0] = gather.be64[header + 24]
        destination[:, 1] = gather.be64[header + 32]
    else:
        source[:, 1] = gather.be32[header + 12].astype(np.uint64) | _IPV4_MAPPED
        destination[:, 1] = gather.be32[header + 16].astype(np.uint64) | _IPV4_MAPPED
    return source, destination
