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
from captures.tcp.grouping import digest, key_columns

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt

    from captures.packets.decoder import Decoder
    from captures.packets.segments import Indices, Mask, Segments
    from captures.tcp.endpoints import ConnectionKey, Endpoint

# RFC 8446 §5.1 and §4: a record, a message in it, and the random of a ClientHello
_HANDSHAKE, _MAJOR_VERSION, _CLIENT_HELLO = 22, 3, 1
_HELLO_AT, _RANDOM = 5, slice(11, 43)


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
        randoms: those of the ClientHellos in wanted connections (RFC 8446 §4.1.2), by
            which key logs name them.
    """

    def __init__(self, connections: Iterable[KnownConnection]) -> None:
        self._waiting: dict[ConnectionKey, list[KnownConnection]] = {}
        self._current: dict[ConnectionKey, KnownConnection] = {}
        ports = set()
        for connection in connections:
            self._waiting.setdefault(connection.key, []).append(connection)
            ports.add(connection.responder.port)
        keys = list(self._waiting)
        parts = [np.array(part, np.uint64) for part in zip(*keys, strict=True)]
        digests = digest(tuple(parts)).tolist() if keys else []
        self._by_digest = dict(zip(digests, keys, strict=True))
        self._digests = np.array(sorted(self._by_digest), np.uint64)
        self.segment_filter = SegmentFilter(ports)
        self.randoms: set[bytes] = set()

    @property
    def not_found(self) -> list[KnownConnection]:
        """The wanted connections whose first packets did not come so far."""
        return [
            connection
            for waiting in self._waiting.values()
            for connection in waiting
            if connection.is_wanted
        ]

    def find(self, segments: Segments, decoder: Decoder) -> npt.NDArray[np.int64]:
        """Return frame IDs of what belongs to wanted connections in a batch.

        Args:
            segments: those of the batch.
            decoder: has made them, and knows which of them are made of fragments.

        Returns:
            In no order; fragments may be of earlier batches.
        """
        _, columns = key_columns(segments)
        hashed = digest(columns)
        known = np.flatnonzero(np.isin(hashed, self._digests))
        known = known[np.argsort(hashed[known], kind="stable")]
        edges = np.flatnonzero(np.diff(hashed[known])) + 1
        found = [
            self._take(rows, columns, hashed, segments)
            for rows in np.split(known, edges)
            if len(rows)
        ]
        frames = np.concatenate([np.empty(0, np.int64), *found])
        if not decoder.fragments:
            return frames
        others = [
            other
            for frame in frames.tolist()
            for other in decoder.fragments.get(frame, ())
        ]
        return np.concatenate([frames, np.array(others, np.int64)])

    def _take(
        self,
        rows: Indices,
        columns: tuple[npt.NDArray[Any], ...],
        hashed: npt.NDArray[np.uint64],
        segments: Segments,
    ) -> npt.NDArray[np.int64]:
        """Return the frame IDs of what is wanted between two ends."""
        key = self._by_digest[int(hashed[rows[0]])]
        for part, column in zip(key, columns, strict=True):
            # two keys may have the same digest
            rows = rows[column[rows] == part]
        frames, times = segments.frame[rows], segments.time_ns[rows]
        wanted = np.zeros(len(rows), np.bool_)
        self._mark(key, frames, times, wanted)
        self._read_hellos(segments, rows[wanted])
        return frames[wanted]

    def _read_hellos(self, segments: Segments, rows: Indices) -> None:
        """Note the randoms of segments that begin with a ClientHello."""
        rows = rows[segments.captured[rows] >= _RANDOM.stop]
        at, buffer = segments.payload[rows], segments.buffer
        is_hello = (buffer[at] == _HANDSHAKE) & (buffer[at + 1] == _MAJOR_VERSION)
        is_hello &= buffer[at + _HELLO_AT] == _CLIENT_HELLO
        for start in at[is_hello].tolist():
            hello = buffer[start : start + _RANDOM.stop]
            self.randoms.add(hello[_RANDOM].tobytes())

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
