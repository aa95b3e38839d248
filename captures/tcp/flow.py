"""One direction of a TCP connection, put in order (RFC 9293 §3.4).

Segments that arrive early wait until the gap before them is filled. If it is not, its
length is reported, and reading goes on behind it. The first copy of every byte wins.
Memory per direction is bounded by `MAX_WAITING_BYTES`.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, NamedTuple

from captures.tcp.outlet import Wanted
from captures.tcp.segment import MAX_WINDOW, SEGMENT_OVERHEAD_BYTES, SEQUENCE_MASK

if TYPE_CHECKING:
    from collections.abc import Sequence

    from captures.tcp.outlet import Outlet, StreamConsumer
    from captures.tcp.segment import End
    from captures.tcp.waiting import WaitingRoom

# A gap is reported when this much waits behind it. Mail senders seldom have more than
# some hundred KiB in flight.
MAX_WAITING_BYTES = 1 << 20
MAX_WAITING_SEGMENTS = 1024
# to look it up in the class takes longer
_DATA = Wanted.DATA
# How much of what was delivered is kept to compare retransmissions with: one
# full segment of the usual Ethernet size.
_KEPT_TAIL_BYTES = 2048


class _Piece(NamedTuple):
    """Bytes of the stream that one packet carried, by place in the stream.

    `data` may be shorter than the piece: cut by the snap length, or not read.
    """

    start: int
    end: int
    captured: int
    data: bytes
    time_ns: int
    frame: int

    def between(self, start: int, end: int) -> _Piece:
        """Return the part from `start` to `end`, which both lie within the piece."""
        skip = start - self.start
        length = end - start
        captured = min(max(self.captured - skip, 0), length)
        data = self.data[skip : skip + length]
        return _Piece(start, end, captured, data, self.time_ns, self.frame)


class Flow:
    """One direction of a connection.

    Attributes:
        next_sequence: sequence number expected next; `None` before any packet.
        packets: packets seen.
        stream_bytes: distinct payload bytes that packets of the capture carried.
        retransmitted_bytes: payload bytes of copies.
        conflicting_bytes: payload bytes of copies that differ from the first.
        missing_bytes: stream bytes that were not captured.
        finished: the end of the stream was reached.
    """

    __slots__ = (
        "_end",
        "_fin",
        "_outlet",
        "_position",
        "_room",
        "_tail",
        "_waiting",
        "_waiting_bytes",
        "conflicting_bytes",
        "finished",
        "missing_bytes",
        "next_sequence",
        "packets",
        "retransmitted_bytes",
        "stream_bytes",
    )

    def __init__(
        self, end: End, outlet: Outlet[StreamConsumer], room: WaitingRoom
    ) -> None:
        self._end = end
        self._outlet = outlet
        self._room = room
        self._position = 0
        # place in the stream, time and frame of a FIN that is not reached yet
        self._fin: tuple[int, int, int] | None = None
        self._waiting: list[_Piece] = []
        self._tail = b""
        self._waiting_bytes = 0
        self.next_sequence: int | None = None
        self.packets = 0
        self.stream_bytes = 0
        self.retransmitted_bytes = 0
        self.conflicting_bytes = 0
        self.missing_bytes = 0
        self.finished = False

    @property
    def is_contiguous(self) -> bool:
        """Whether nothing waits behind a gap."""
        return not self._waiting and self._fin is None

    def ahead(self, sequence: int) -> int:
        """Return the distance from the next byte to `sequence`, negative if old."""
        if self.next_sequence is None:
            return 0
        distance = (sequence - self.next_sequence) & SEQUENCE_MASK
        return distance if distance < 1 << 31 else distance - (1 << 32)

    def is_first(self, sequence: int) -> bool:
        """Return whether this numbers the stream's first byte, as far as is known."""
        return self._position + self.ahead(sequence) == 0

    def start(self, sequence: int) -> None:
        """Expect the stream's first byte at `sequence`."""
        self.next_sequence = sequence & SEQUENCE_MASK

    def remember(self, pieces: Sequence[bytes]) -> None:
        """Keep what was delivered last, to compare retransmissions with."""
        kept = b""
        for piece in reversed([self._tail, *pieces]):
            kept = piece + kept
            if len(kept) >= _KEPT_TAIL_BYTES:
                break
        self._tail = kept[-_KEPT_TAIL_BYTES:]

    def count_in_order(self, packets: int, length: int, missing: int) -> None:
        """Take `length` bytes that came in order and are not read, `missing` cut."""
        self.packets += packets
        self.stream_bytes += length
        self.missing_bytes += missing
        self._advance(length)

    def receive(
        self,
        sequence: int,
        length: int,
        captured: int,
        data: bytes,
        time_ns: int,
        frame: int,
    ) -> None:
        """Take a segment with `length` bytes on the wire.

        Args:
            sequence: of its first byte.
            length: at least 1.
            captured: how many of the bytes were captured.
            data: these bytes, or nothing if the consumer does not read.
            time_ns: when.
            frame: where in the capture.
        """
        if self.next_sequence is None:
            self.start(sequence)
        if sequence == self.next_sequence and not self._waiting and not self.finished:
            self._deliver(length, captured, data, time_ns, frame)
            if self._fin is not None:
                self._release()
            return
        ahead = self.ahead(sequence)
        if not -MAX_WINDOW <= ahead <= MAX_WINDOW:
            return
        start = self._position + ahead
        piece = _Piece(start, start + length, captured, data, time_ns, frame)
        if ahead < 0:
            old_end = min(piece.end, self._position)
            self._receive_copy(piece.between(start, old_end))
            if piece.end <= self._position:
                return
            piece = piece.between(self._position, piece.end)
        if self.finished:
            return
        self._keep(piece)
        self._release()
        while self._waiting and self._waits_too_much:
            self.report_first_gap(time_ns, frame)

    def receive_fin(self, sequence: int, time_ns: int, frame: int) -> None:
        """Take a FIN; `sequence` is its own, behind the segment's last byte."""
        if self.finished:
            return
        if self.next_sequence is None:
            self.start(sequence)
        ahead = self.ahead(sequence)
        if ahead == 0 and not self._waiting:
            self._finish(time_ns, frame)
        elif 0 <= ahead <= MAX_WINDOW:
            self._fin = (self._position + ahead, time_ns, frame)

    def report_first_gap(self, time_ns: int, frame: int) -> None:
        """Report the first gap, and deliver what waits behind it."""
        gap_end = self._gap_end()
        if gap_end is not None:
            self._report_gap(gap_end - self._position, time_ns, frame)
            self._release()

    def report_gaps_until(
        self, sequence: int, time_ns: int, frame: int, *, closing: bool
    ) -> None:
        """Report as gaps what was not seen before `sequence`: it was received.

        If the connection is `closing`, one number that nothing follows is a FIN.
        """
        while not self.finished and (unseen := self.ahead(sequence)) > 0:
            gap_end = self._gap_end()
            if gap_end is not None and gap_end - self._position <= unseen:
                self.report_first_gap(time_ns, frame)
            elif unseen == 1 and closing:
                self._finish(time_ns, frame)
            else:
                self._report_gap(unseen, time_ns, frame)
                self._release()

    def finish(self, time_ns: int, frame: int) -> None:
        """End the stream: nothing more will be captured."""
        while not self.finished and not self.is_contiguous:
            self.report_first_gap(time_ns, frame)
        if not self.finished:
            self._finish(time_ns, frame)

    @property
    def tail_bytes(self) -> int:
        """How much of what was delivered is kept."""
        return len(self._tail)

    def forget_tail(self) -> None:
        """Compare nothing with what was delivered so far."""
        self._tail = b""

    def discard(self) -> None:
        """Drop what waits."""
        self._count_waiting(-self._waiting_bytes)
        self._waiting.clear()

    @property
    def _waits_too_much(self) -> bool:
        return (
            self._waiting_bytes > MAX_WAITING_BYTES
            or len(self._waiting) > MAX_WAITING_SEGMENTS
            or self._room.is_full
        )

    def _count_waiting(self, change: int) -> None:
        self._waiting_bytes += change
        self._room.taken_bytes += change

    def _advance(self, length: int) -> None:
        assert self.next_sequence is not None
        self._position += length
        self.next_sequence = (self.next_sequence + length) & SEQUENCE_MASK

    def _deliver(
        self, length: int, captured: int, data: bytes, time_ns: int, frame: int
    ) -> None:
        self.stream_bytes += length
        self._position += length
        self.next_sequence = (self.next_sequence + length) & SEQUENCE_MASK  # type: ignore[operator]
        outlet = self._outlet
        if data and outlet.wanted is _DATA:
            tail = self._tail + data if length < _KEPT_TAIL_BYTES else data
            self._tail = tail[-_KEPT_TAIL_BYTES:]
            receive = outlet.consumer.receive_data
            outlet.wanted = receive(self._end, data, time_ns, frame)
        else:
            self._tail = b""
        if captured < length:
            cut = length - captured
            self.missing_bytes += cut
            self._tail = b""
            self._deliver_gap(cut, time_ns, frame)

    def _keep(self, piece: _Piece) -> None:
        """Let a piece wait for its turn, without what others already cover."""
        waiting = self._waiting
        at = bisect_right(waiting, piece.start, key=_start)
        start = piece.start
        if at and waiting[at - 1].end > start:
            at -= 1
        while start < piece.end:
            covering = waiting[at] if at < len(waiting) else None
            if covering is not None and covering.start <= start:
                end = min(covering.end, piece.end)
                self._receive_copy(piece.between(start, end), covering)
            else:
                end = piece.end if covering is None else covering.start
                end = min(end, piece.end)
                waiting.insert(at, piece.between(start, end))
                self._count_waiting(end - start + SEGMENT_OVERHEAD_BYTES)
            at += 1
            start = end

    def _gap_end(self) -> int | None:
        """Return where the first gap ends; `None` if nothing is known to follow."""
        if self._waiting:
            return self._waiting[0].start
        return self._fin[0] if self._fin is not None else None

    def _release(self) -> None:
        """Deliver what waited and is next now."""
        ready = 0
        for piece in self._waiting:
            if piece.start != self._position:
                break
            ready += 1
            length = piece.end - piece.start
            self._count_waiting(-length - SEGMENT_OVERHEAD_BYTES)
            self._deliver(
                length, piece.captured, piece.data, piece.time_ns, piece.frame
            )
        del self._waiting[:ready]
        if self._fin is not None and not self._waiting:
            position, time_ns, frame = self._fin
            if position <= self._position:
                self._finish(time_ns, frame)

    def _receive_copy(self, copy: _Piece, first: _Piece | None = None) -> None:
        """Count bytes that came again, and look whether they are the same."""
        length = copy.end - copy.start
        if length == 1 and copy.end == self._position:
            # a keep-alive probe repeats one byte, whatever it is (RFC 9293 §3.8.4)
            return
        self.retransmitted_bytes += length
        if first is not None:
            seen = first.between(copy.start, copy.end).data
        else:
            back = self._position - copy.start
            seen = self._tail[-back:][:length] if back <= len(self._tail) else b""
        compared = min(len(seen), len(copy.data))
        if compared and seen[:compared] != copy.data[:compared]:
            self.conflicting_bytes += length

    def _report_gap(self, length: int, time_ns: int, frame: int) -> None:
        self.missing_bytes += length
        self._tail = b""
        self._advance(length)
        if length:
            self._deliver_gap(length, time_ns, frame)

    def _deliver_gap(self, length: int, time_ns: int, frame: int) -> None:
        outlet = self._outlet
        if outlet.wanted is _DATA:
            receive = outlet.consumer.receive_gap
            outlet.wanted = receive(self._end, length, time_ns, frame)

    def _finish(self, time_ns: int, frame: int) -> None:
        self.finished = True
        self.discard()
        self._tail = b""
        self._fin = None
        if self.next_sequence is not None:
            self._advance(1)
        outlet = self._outlet
        outlet.wanted = outlet.consumer.receive_eof(self._end, time_ns, frame)


def _start(piece: _Piece) -> int:
    return piece.start
