"""Which packets belong to connections that were found before.

A connection is known by its ends, its first packet and the time of its last one. What
goes between the same ends belongs to the last connection that has begun by then.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from captures.packets.interest import SegmentFilter
from captures.tcp.endpoints import connection_key
from captures.tcp.grouping import digest, digests_of, key_columns

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt

    from captures.packets.segments import Indices, Mask, Segments
    from captures.tcp.endpoints import ConnectionKey, Endpoint


@dataclass(slots=True)
class KnownConnection:
    """A connection that was found before.

    Attributes:
        originator: who opened it.
        responder: the other end.
        first_frames: frame IDs of its first packet, in all places where it may be.
        end_ns: time of its last packet.
        is_wanted: whether its packets are asked for; if not, it only tells where
            another one ends.
    """

    originator: Endpoint
    responder: Endpoint
    first_frames: Sequence[int]
    end_ns: int
    is_wanted: bool = True

    @property
    def key(self) -> ConnectionKey:
        """What all its packets have in common."""
        return connection_key(self.originator, self.responder)


class Membership:
    """Finds the packets of connections, batch by batch.

    Args:
        connections: all that were found between the ends of those that are wanted, in
            the order of their first packets.

    Attributes:
        segment_filter: keeps all segments of these connections, and few others.
    """

    def __init__(self, connections: Iterable[KnownConnection]) -> None:
        self._waiting: dict[ConnectionKey, list[KnownConnection]] = {}
        self._current: dict[ConnectionKey, KnownConnection] = {}
        ports = set()
        for connection in connections:
            self._waiting.setdefault(connection.key, []).append(connection)
            ports.add(connection.responder.port)
        keys = list(self._waiting)
        self._by_digest = dict(zip(digests_of(keys).tolist(), keys, strict=True))
        self._digests = np.array(sorted(self._by_digest), np.uint64)
        self.segment_filter = SegmentFilter(ports)

    @property
    def not_found(self) -> list[KnownConnection]:
        """The wanted connections whose first packets did not come so far."""
        return [
            connection
            for waiting in self._waiting.values()
            for connection in waiting
            if connection.is_wanted
        ]

    def find(self, segments: Segments) -> Segments:
        """Return, in no order, the segments of a batch that wanted connections have."""
        _, columns = key_columns(segments)
        hashed = digest(columns)
        known = np.flatnonzero(np.isin(hashed, self._digests))
        known = known[np.argsort(hashed[known], kind="stable")]
        edges = np.flatnonzero(np.diff(hashed[known])) + 1
        found = [
            self._wanted(rows, columns, hashed, segments)
            for rows in np.split(known, edges)
            if len(rows)
        ]
        return segments.take(np.concatenate([np.empty(0, np.int64), *found]))

    def _wanted(
        self,
        rows: Indices,
        columns: tuple[npt.NDArray[Any], ...],
        hashed: npt.NDArray[np.uint64],
        segments: Segments,
    ) -> Indices:
        """Return which of the rows, all between two ends, are wanted."""
        key = self._by_digest[int(hashed[rows[0]])]
        for part, column in zip(key, columns, strict=True):
            # two keys may have the same digest
            rows = rows[column[rows] == part]
        frames, times = segments.frame[rows], segments.time_ns[rows]
        wanted = np.zeros(len(rows), np.bool_)
        self._mark(key, frames, times, wanted)
        return rows[wanted]

    def _mark(
        self,
        key: ConnectionKey,
        frames: npt.NDArray[np.int64],
        times: npt.NDArray[np.int64],
        wanted: Mask,
    ) -> None:
        waiting, start = self._waiting[key], 0
        while start < len(frames):
            begins = np.flatnonzero(np.isin(frames[start:], _first_frames(waiting)))
            stop = start + int(begins[0]) if len(begins) else len(frames)
            current = self._current.get(key)
            if current is not None and current.is_wanted:
                wanted[start:stop] = times[start:stop] <= current.end_ns
            if not len(begins):
                return
            self._current[key] = waiting.pop(0)
            current = self._current[key]
            wanted[stop] = current.is_wanted
            start = stop + 1


def _first_frames(waiting: Sequence[KnownConnection]) -> Sequence[int]:
    return waiting[0].first_frames if waiting else ()
