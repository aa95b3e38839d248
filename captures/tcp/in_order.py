"""Takes runs of segments that are in order, of many connections at once.

Once a connection is established, nearly all its segments come in order. Whether
they do is found out in numpy, for all connections of a batch together. Then only
segments with payload that is read cost any Python; acknowledgments, and all that
is encrypted, are counted in numpy alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from captures.tcp.outlet import Wanted
from captures.tcp.segment import CHANGES_STATE, ENDS
from captures.tcp.timeouts import IDLE_TIMEOUT_NS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from captures.packets.segments import Indices, Mask
    from captures.tcp.connection import Connection
    from captures.tcp.endpoints import ConnectionKey
    from captures.tcp.grouping import Rows

# to look it up in the class takes longer
_DATA = Wanted.DATA
# keeps the running maxima of different spans apart
_SPAN_OFFSET = np.int64(1 << 33)


class Span(NamedTuple):
    """The rows `start` to `stop` of one connection."""

    key: ConnectionKey
    connection: Connection
    start: int
    stop: int


def take_spans(
    spans: Sequence[Span], rows: Rows, note: Callable[[Connection], None]
) -> list[int]:
    """Take from the beginning of each span what is in order.

    A consumer that no longer wants its connection is given nothing more.

    Args:
        spans: the spans.
        rows: of a batch.
        note: is told of each connection that was given data.

    Returns:
        For each span, the first row that was not taken.
    """
    if not spans:
        return []
    first = np.array([span.start for span in spans], dtype=np.int64)
    flagged = np.flatnonzero(rows.segments.flags & np.uint8(CHANGES_STATE))
    next_flagged = np.append(flagged, len(rows.order))[np.searchsorted(flagged, first)]
    stop = np.minimum(next_flagged, np.array([_stop(span) for span in spans]))
    # numpy's reductions know no empty groups
    nonempty = np.flatnonzero(stop > first)
    resume: list[int] = first.tolist()
    if not len(nonempty):
        return resume
    columns = _Columns(
        [spans[number] for number in nonempty.tolist()],
        first[nonempty],
        stop[nonempty],
        rows,
    )
    for number, taken in zip(nonempty.tolist(), columns.take(rows, note), strict=True):
        resume[number] = taken
    return resume


def _stop(span: Span) -> int:
    """Return where a span ends: at once if its connection made room for another."""
    return span.start if span.connection.flows[0].finished else span.stop


class _Columns:
    """The rows of some spans, one span after another; no span is empty.

    Attributes:
        spans: the spans.
        starts: (spans,) int64, where each span begins in the columns.
        row: (n,) int64, which row it is.
        span: (n,) int64, which span a row is of.
        end: (n,) int64, which end sent it, as in `End`.
        offset: (n,) int64, offset of the first byte in that end's stream, counted
            from what the flow expects before the span.
        acknowledged: (n,) int64, likewise for the acknowledgment number.
        length: (n,) int64, payload bytes.
        missing: (n,) int64, how many of them were not captured.
        mistimed: by frame ID, packets whose clock was wrong.
    """

    def __init__(
        self, spans: Sequence[Span], first: Indices, stop: Indices, rows: Rows
    ) -> None:
        count = stop - first
        self.spans = spans
        self.starts = np.cumsum(count) - count
        self.span = np.repeat(np.arange(len(count)), count)
        self.row = np.arange(int(count.sum())) + np.repeat(first - self.starts, count)
        connections = [span.connection for span in spans]
        lower = np.array([connection.originator_is_lower for connection in connections])
        from_lower = rows.from_lower[self.row]
        self.end = (from_lower != lower[self.span]).astype(np.int64)
        expected = np.array(
            [
                [flow.next_sequence for flow in connection.flows]
                for connection in connections
            ],
            dtype=np.uint32,
        )
        segments = rows.segments
        self.offset = _distance(
            segments.sequence[self.row], expected[self.span, self.end]
        )
        self.acknowledged = _distance(
            segments.acknowledgment[self.row], expected[self.span, 1 - self.end]
        )
        self.length = segments.length[self.row]
        self.missing = self.length - segments.captured[self.row]
        self.time_ns = segments.time_ns[self.row]
        self.frame = segments.frame[self.row]
        self.clock_ns = rows.clock_ns[self.row]
        self.mistimed = rows.mistimed

    def take(self, rows: Rows, note: Callable[[Connection], None]) -> list[int]:
        """Take what is in order; return the first row of each span that was not."""
        behind = self._first_misfit()
        taken_rows = np.arange(len(self.span)) < behind[self.span]
        counts = self._counts(taken_rows)
        latest_ns = self._latest_ns(taken_rows)
        payload = np.flatnonzero(self.length > 0)
        first_payload = np.searchsorted(payload, self.starts).tolist()
        behind_payload = np.searchsorted(payload, behind).tolist()
        payload_rows = self.row[payload].tolist()
        resume = []
        for number, span in enumerate(self.spans):
            start, stop = int(self.starts[number]), int(behind[number])
            # what was ended meanwhile takes nothing
            taken = stop - start if not span.connection.flows[0].finished else 0
            if taken and span.connection.outlet.wanted is _DATA:
                mine = payload_rows[first_payload[number] : behind_payload[number]]
                rejected = _deliver(span.connection, rows, mine)
                if rejected is not None:
                    span.connection.last_clock_ns = rows.clock[rejected]
                    resume.append(rejected + 1)
                    continue
            if taken and rows.copied is not None:
                copied = rows.copied[self.row[start:stop]]
                span.connection.copied_packets += int(np.count_nonzero(copied))
            if taken:
                self._account(span.connection, stop, latest_ns[number], counts[number])
                note(span.connection)
            resume.append(span.start + taken)
        return resume

    def _first_misfit(self) -> Indices:
        """Return (spans,) where in the columns each span stops being in order."""
        fits = np.ones(len(self.span), dtype=np.bool_)
        span_base = self.span * _SPAN_OFFSET
        has_payload = self.length > 0
        reach = []
        for end in ENDS:
            own = has_payload & (self.end == end)
            reached = np.where(own, self.offset + self.length, 0) + span_base
            reached = np.maximum.accumulate(reached) - span_base
            before = np.empty_like(reached)
            before[1:] = reached[:-1]
            before[self.starts] = 0
            fits &= ~own | (self.offset == before)
            reach.append(reached)
        # nobody acknowledges what was not captured
        fits &= self.acknowledged <= np.where(self.end == 0, reach[1], reach[0])
        silent = np.diff(self.clock_ns, prepend=self.clock_ns[:1])
        last_clock = [span.connection.last_clock_ns for span in self.spans]
        silent[self.starts] = self.clock_ns[self.starts] - np.array(last_clock)
        fits &= silent <= IDLE_TIMEOUT_NS
        reading = np.array(
            [span.connection.outlet.wanted is _DATA for span in self.spans]
        )
        # a gap that the snap length cut must be told to who reads
        fits &= ~reading[self.span] | (self.missing == 0)
        if self.mistimed:
            fits &= ~np.isin(self.frame, list(self.mistimed))
        misfits = np.flatnonzero(~fits)
        stops = np.append(self.starts[1:], len(self.span))
        nearest = np.append(misfits, len(self.span))
        behind: Indices = np.minimum(
            nearest[np.searchsorted(misfits, self.starts)], stops
        )
        return behind

    def _counts(self, taken: Mask) -> list[list[tuple[int, int, int]]]:
        """Count packets, payload and missing bytes, for each span and end."""
        flow = (self.span * 2 + self.end)[taken]
        size = 2 * len(self.spans)
        packets = np.bincount(flow, minlength=size)
        length = np.bincount(flow, self.length[taken], size).astype(np.int64)
        missing = np.bincount(flow, self.missing[taken], size).astype(np.int64)
        per_flow = list(
            zip(packets.tolist(), length.tolist(), missing.tolist(), strict=True)
        )
        return [per_flow[at : at + 2] for at in range(0, size, 2)]

    def _latest_ns(self, taken: Mask) -> list[int]:
        """Return for each span the latest time of what is taken."""
        earliest = np.iinfo(np.int64).min
        time_ns = np.where(taken, self.time_ns, earliest)
        latest: list[int] = np.maximum.reduceat(time_ns, self.starts).tolist()
        return latest

    def _account(
        self,
        connection: Connection,
        stop: int,
        latest_ns: int,
        counts: list[tuple[int, int, int]],
    ) -> None:
        connection.end_ns = max(connection.end_ns, latest_ns)
        connection.last_frame = int(self.frame[stop - 1])
        connection.last_clock_ns = int(self.clock_ns[stop - 1])
        for flow, (packets, length, missing) in zip(
            connection.flows, counts, strict=True
        ):
            flow.count_in_order(packets, length, missing)


def _deliver(connection: Connection, rows: Rows, payload_rows: list[int]) -> int | None:
    """Hand payloads to the consumer as long as it reads.

    Returns:
        The row after which it no longer wants the connection, if it comes to that.
    """
    outlet = connection.outlet
    receive = outlet.consumer.receive_data
    originator_is_lower = connection.originator_is_lower
    delivered: tuple[list[bytes], list[bytes]] = ([], [])
    for row in payload_rows:
        end = ENDS[rows.source_is_lower[row] is not originator_is_lower]
        data = rows.data(row)
        delivered[end].append(data)
        wanted = receive(end, data, rows.time_ns[row], rows.frame[row])
        if wanted is not _DATA:
            outlet.wanted = wanted
            if wanted is Wanted.NOTHING:
                return row
            break
    for flow, pieces in zip(connection.flows, delivered, strict=True):
        flow.remember(pieces)
    return None


def _distance(
    sequence: npt.NDArray[np.uint32], expected: npt.NDArray[np.uint32]
) -> npt.NDArray[np.int64]:
    """Return (n,) signed distances between sequence numbers, modulo 2**32."""
    return (sequence - expected).view(np.int32).astype(np.int64)
