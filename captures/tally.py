"""Counts the segments of connections that need not be read, in numpy.

Encrypted mail is most of all mail traffic, and what a session table says of it
is numbers: packets, bytes, when it ended. As long as such a connection's
segments are in order, no Python runs per segment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from captures.connection import CHANGES_STATE, CLOSED_TIMEOUT_NS, Connection

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from captures.rows import ConnectionKey, Rows
    from captures.segments import Indices

# keeps the running maxima of different spans apart
_SPAN_OFFSET = np.int64(1 << 33)


class Span(NamedTuple):
    """The rows `start` to `stop` of one connection."""

    key: ConnectionKey
    connection: Connection
    start: int
    stop: int


class _Columns:
    """The rows of all spans, one after another.

    Attributes:
        span: (n,) which span a row is of.
        starts: (spans,) the first row of each span.
        end: (n,) which end sent it, as in `End`.
        place: (n,) int64, place of the first byte in that end's stream, counted
            from what the span's flow expects.
        acknowledged: (n,) int64, likewise for the acknowledgment number.
    """

    def __init__(
        self,
        connections: Sequence[Connection],
        first: Indices,
        count: Indices,
        rows: Rows,
    ) -> None:
        self.starts = np.cumsum(count) - count
        self.span = np.repeat(np.arange(len(count)), count)
        row = np.arange(int(count.sum())) + np.repeat(first - self.starts, count)
        segments = rows.segments
        lower = np.array([c.originator_is_lower for c in connections])
        self.end = (rows.from_lower[row] != lower[self.span]).astype(np.int64)
        expected = np.array(
            [[flow.next_sequence or 0 for flow in c.flows] for c in connections],
            dtype=np.uint32,
        )
        self.length = segments.length[row]
        self.missing = self.length - segments.captured[row]
        self.place = _distance(segments.sequence[row], expected[self.span, self.end])
        self.acknowledged = _distance(
            segments.acknowledgment[row], expected[self.span, 1 - self.end]
        )
        self.time_ns = segments.time_ns[row]
        self.frame = segments.frame[row]
        self.clock = rows.clock_ns[row]


def tally(spans: Sequence[Span], rows: Rows) -> list[int]:
    """Count what can be counted.

    Returns:
        For each span, the first row that was not counted.
    """
    resume = [span.start for span in spans]
    flagged = np.flatnonzero(rows.segments.flags & np.uint8(CHANGES_STATE))
    chosen, firsts, counts = [], [], []
    starts = np.array(resume, dtype=np.int64)
    behind = np.append(flagged, len(rows.order))[np.searchsorted(flagged, starts)]
    for number, (span, stop) in enumerate(zip(spans, behind.tolist(), strict=True)):
        count = min(stop, span.stop) - span.start
        if count > 1 and _can_be_tallied(span.connection):
            chosen.append(number)
            firsts.append(span.start)
            counts.append(count)
    if not chosen:
        return resume
    connections = [spans[number].connection for number in chosen]
    columns = _Columns(connections, np.array(firsts), np.array(counts), rows)
    in_order = _in_order(columns, connections)
    _count(columns, connections, in_order)
    for number, first, count, good in zip(
        chosen, firsts, counts, in_order.tolist(), strict=True
    ):
        if good:
            resume[number] = first + count
    return resume


def _can_be_tallied(connection: Connection) -> bool:
    return (
        connection.in_order
        and connection.established_ns is not None
        and all(
            flow.next_sequence is not None and not flow.finished
            for flow in connection.flows
        )
    )


def _distance(
    sequence: npt.NDArray[np.uint32], expected: npt.NDArray[np.uint32]
) -> npt.NDArray[np.int64]:
    """(n,) signed distances between sequence numbers, modulo 2**32."""
    return (sequence - expected).view(np.int32).astype(np.int64)


def _in_order(
    columns: _Columns, connections: Sequence[Connection]
) -> npt.NDArray[np.bool_]:
    """(spans,) whether all of a span is in order and nothing is missing."""
    reach = []
    fits = np.ones(len(columns.span), dtype=np.bool_)
    offset = columns.span * _SPAN_OFFSET
    has_payload = columns.length > 0
    for end in (0, 1):
        own = has_payload & (columns.end == end)
        stop = np.where(own, columns.place + columns.length, 0)
        reached = np.maximum.accumulate(stop + offset) - offset
        before = np.empty_like(reached)
        before[1:] = reached[:-1]
        before[columns.starts] = 0
        fits &= ~own | (columns.place == before)
        reach.append(reached)
    # nobody acknowledges what was not captured
    fits &= columns.acknowledged <= np.where(columns.end == 0, reach[1], reach[0])
    silent = np.diff(columns.clock, prepend=columns.clock[:1])
    silent[columns.starts] = columns.clock[columns.starts] - np.array(
        [connection.last_clock_ns for connection in connections]
    )
    fits &= silent <= CLOSED_TIMEOUT_NS
    result: npt.NDArray[np.bool_] = np.logical_and.reduceat(fits, columns.starts)
    return result


def _count(
    columns: _Columns,
    connections: Sequence[Connection],
    in_order: npt.NDArray[np.bool_],
) -> None:
    """Add the spans that are in order to their connections."""
    flow = columns.span * 2 + columns.end
    size = 2 * len(connections)
    packets = np.bincount(flow, minlength=size).tolist()
    length = np.bincount(flow, columns.length, size).astype(np.int64).tolist()
    missing = np.bincount(flow, columns.missing, size).astype(np.int64).tolist()
    latest = np.maximum.reduceat(columns.time_ns, columns.starts).tolist()
    last = np.append(columns.starts[1:], len(columns.span)) - 1
    last_frame = columns.frame[last].tolist()
    last_clock = columns.clock[last].tolist()
    for number in np.flatnonzero(in_order).tolist():
        connection = connections[number]
        connection.end_ns = max(connection.end_ns, latest[number])
        connection.last_frame = last_frame[number]
        connection.last_clock_ns = last_clock[number]
        for end, each in enumerate(connection.flows):
            at = 2 * number + end
            each.count_in_order(packets[at], length[at], missing[at])
