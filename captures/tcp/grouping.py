"""A batch's segments, grouped by connection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from captures.packets.interest import Interest
from captures.packets.segments import TcpFlag
from captures.tcp.segment import ENDS, Segment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from captures.packets.segments import Indices, Mask, Segments
    from captures.tcp.endpoints import ConnectionKey

# odd 64-bit constants (from the digits of pi), for a hash to group by
_MIX = tuple(
    np.uint64(odd)
    for odd in (
        0x243F6A8885A308D3,
        0x13198A2E03707345,
        0xA4093822299F31D1,
        0x082EFA98EC4E6C89,
        0x452821E638D01377,
    )
)

# makes a `Segment` in a third of the time that `Segment(...)` takes
_new_tuple = tuple.__new__


@dataclass(frozen=True, slots=True)
class Partition:
    """One of several equal parts of all connections, divided by a hash of them.

    Attributes:
        index: which one, from 0 on.
        count: how many there are.
        by_hosts: connections of the same two hosts are in the same part, and are
            taken in the order of time.
    """

    index: int
    count: int
    by_hosts: bool = False


ALL = Partition(0, 1)
# `key_columns`, and those of them without the ports
KEY_COLUMNS, HOST_COLUMNS = 5, 4


class Rows:
    """Segments of interest, by connection, in capture order within each.

    The columns are Python lists, for loops; `segments` and the arrays hold the
    same rows for numpy.

    Attributes:
        segments: all columns as arrays.
        from_lower: (n,) bool, whether the source is the lower endpoint.
        clock_ns: (n,) int64, the latest time of any packet up to each one.
        keys: (runs,) key of each run of rows.
        stops: (runs,) index behind the last row of each run.
        mistimed: as in `PacketBatch`.
        key_columns: (n,) each, the parts of each row's key.
        digest: (n,) uint64, a hash of it.
        copied: (n,) bool, what was captured before; `None` if nothing was.
    """

    def __init__(
        self,
        segments: Segments,
        clock: Indices,
        mistimed: Mapping[int, int],
        partition: Partition = ALL,
    ) -> None:
        lower, columns = key_columns(segments)
        digests = digest(columns)
        order = _by_connection(columns, digests, segments, partition)
        self.digest = digests[order]
        self.copied: Mask | None = None
        columns = tuple(column[order] for column in columns)
        changes = np.zeros(len(order), dtype=np.bool_)
        changes[:1] = True
        for column in columns:
            changes[1:] |= column[1:] != column[:-1]
        self.key_columns = columns
        starts = np.flatnonzero(changes)
        first = [column[starts].tolist() for column in columns]
        self.keys: list[ConnectionKey] = list(zip(*first, strict=True))
        self.stops: list[int] = [*starts[1:].tolist(), len(order)][: len(starts)]
        self._buffer = segments.buffer.data
        self.segments = segments = segments.take(order)
        self.mistimed = mistimed
        self.from_lower = lower[order]
        self.clock_ns = clock[segments.order]
        self.source_is_lower: list[bool] = self.from_lower.tolist()
        self.clock: list[int] = self.clock_ns.tolist()
        self.sequence: list[int] = segments.sequence.tolist()
        self.acknowledgment: list[int] = segments.acknowledgment.tolist()
        self.flags: list[int] = segments.flags.tolist()
        self.payload: list[int] = segments.payload.tolist()
        self.captured: list[int] = segments.captured.tolist()
        self.length: list[int] = segments.length.tolist()
        self.interest: list[int] = segments.interest.tolist()
        self.vlan: list[int] = segments.vlan.tolist()
        self.time_ns: list[int] = segments.time_ns.tolist()
        self.frame: list[int] = segments.frame.tolist()
        self.order: list[int] = segments.order.tolist()

    def mark_copies(self, copied: Mask) -> None:
        """Remove the payload of packets that were captured before."""
        self.copied = copied
        segments = self.segments
        # the place of a FIN is behind the payload
        loses_fin = copied & (segments.length > 0)
        segments.flags = segments.flags & ~(loses_fin * np.uint8(TcpFlag.FIN))
        segments.length = np.where(copied, 0, segments.length)
        segments.captured = np.where(copied, 0, segments.captured)
        self.flags = segments.flags.tolist()
        self.length = segments.length.tolist()
        self.captured = segments.captured.tolist()

    def data(self, at: int) -> bytes:
        """Return the captured payload of a row."""
        start, length = self.payload[at], self.captured[at]
        return bytes(self._buffer[start : start + length])

    def segment(
        self, at: int, *, originator_is_lower: bool, with_data: bool
    ) -> Segment:
        """Return a row as a segment of its connection, with payload if wanted."""
        return _new_tuple(
            Segment,
            (
                ENDS[self.source_is_lower[at] is not originator_is_lower],
                self.sequence[at],
                self.acknowledgment[at],
                self.flags[at],
                self.length[at],
                self.captured[at],
                self.data(at) if with_data and self.captured[at] else b"",
                self.time_ns[at],
                self.frame[at],
            ),
        )


def key_columns(segments: Segments) -> tuple[Mask, tuple[npt.NDArray[Any], ...]]:
    """Return whether each source is the lower endpoint, and the key columns."""
    source_high, source_low = segments.source[:, 0], segments.source[:, 1]
    other_high, other_low = segments.destination[:, 0], segments.destination[:, 1]
    source_port = segments.source_port.astype(np.uint32)
    other_port = segments.destination_port.astype(np.uint32)
    lower = (source_high < other_high) | (
        (source_high == other_high)
        & (
            (source_low < other_low)
            | ((source_low == other_low) & (source_port <= other_port))
        )
    )
    return lower, (
        np.where(lower, source_high, other_high),
        np.where(lower, source_low, other_low),
        np.where(lower, other_high, source_high),
        np.where(lower, other_low, source_low),
        np.where(
            lower,
            source_port << np.uint32(16) | other_port,
            other_port << np.uint32(16) | source_port,
        ),
    )


def _by_connection(
    columns: tuple[npt.NDArray[Any], ...],
    hashed: npt.NDArray[np.uint64],
    segments: Segments,
    partition: Partition,
) -> Indices:
    """Return the indices of the segments of interest, grouped by connection."""
    chosen = (segments.interest & np.uint8(Interest.FOLLOWED)) != 0
    if partition.count > 1:
        shared = digest(columns[:HOST_COLUMNS]) if partition.by_hosts else hashed
        chosen &= shared % np.uint64(partition.count) == partition.index
    order = np.flatnonzero(chosen)
    if not partition.by_hosts:
        return order[np.argsort(hashed[order], kind="stable")]
    _, first, inverse = np.unique(hashed[order], return_index=True, return_inverse=True)
    return order[np.argsort(first[inverse], kind="stable")]


def digests_of(keys: Sequence[ConnectionKey]) -> npt.NDArray[np.uint64]:
    """Return the (n,) hashes of keys, which are those of their columns."""
    return digest(tuple(np.array(keys, np.uint64).reshape(-1, KEY_COLUMNS).T))


def digest(columns: tuple[npt.NDArray[Any], ...]) -> npt.NDArray[np.uint64]:
    """Return the (n,) hashes of up to five columns; different rows rarely collide."""
    result = np.zeros(len(columns[0]), dtype=np.uint64)
    for column, odd in zip(columns, _MIX, strict=False):
        result ^= column.astype(np.uint64) * odd
        result ^= result >> np.uint64(29)
        result *= _MIX[0]
    return result
