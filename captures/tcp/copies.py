"""Packets that were captured twice.

A switch that mirrors both ports of a conversation, or both sides of a router, hands
every packet over twice within a moment, perhaps with another VLAN, MAC address or TTL.
That is no retransmission: TCP sends again after a round trip at the least, with another
IPv4 identification (RFC 6864 §4), or with another timestamp (RFC 7323 §3).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from captures.packets.segments import HAS_OPTIONS, IDENTIFICATION_SHIFT
from captures.tcp.grouping import digest

if TYPE_CHECKING:
    import numpy.typing as npt

    from captures.packets.segments import Indices, Mask
    from captures.tcp.grouping import Rows

_MILLISECOND_NS = 1_000_000
# How much later a copy may be captured: if its packet has an identification; if the
# checksum covers options, such as a timestamp; and if there is nothing but numbers
# that a retransmission has, too.
MAX_DELAY_NS = 20 * _MILLISECOND_NS
_OPTIONS_DELAY_NS = 5 * _MILLISECOND_NS
_BARE_DELAY_NS = _MILLISECOND_NS - 1
_MAX_REMEMBERED = 1 << 16

# among the columns of `_Fingerprints`
_IDENTITY = 3


class Copies:
    """Finds the packets that are copies of others captured a moment before."""

    def __init__(self) -> None:
        # the packets of the last moment
        self._recent: _Fingerprints | None = None

    def find(self, rows: Rows) -> Mask | None:
        """Return (n,) which rows are copies of earlier packets; `None` if none is."""
        packets = _Fingerprints.of(rows)
        known = 0
        if self._recent is not None:
            known = len(self._recent.clock_ns)
            packets = self._recent.joined_with(packets)
        recent = packets.clock_ns >= packets.clock_ns.max() - MAX_DELAY_NS
        self._recent = packets.take(np.flatnonzero(recent)[-_MAX_REMEMBERED:])
        ordered = np.sort(packets.fingerprint)
        if not (ordered[1:] == ordered[:-1]).any():
            return None
        copies = packets.copies()[known:]
        return copies if copies.any() else None


class _Fingerprints(NamedTuple):
    """Packets as columns.

    Attributes:
        fingerprint: (n,) uint64, a hash of the other columns but the last one.
        columns: what a packet and its copy have in common, each (n,).
        clock_ns: (n,) int64.
    """

    fingerprint: npt.NDArray[np.uint64]
    columns: tuple[npt.NDArray[Any], ...]
    clock_ns: Indices

    @classmethod
    def of(cls, rows: Rows) -> _Fingerprints:
        segments = rows.segments
        numbers = segments.sequence.astype(np.uint64) << np.uint64(32)
        numbers |= segments.acknowledgment
        sizes = segments.flags.astype(np.uint64) << np.uint64(33)
        sizes |= rows.from_lower.astype(np.uint64) << np.uint64(32)
        sizes |= segments.length.astype(np.uint64)
        columns = (rows.digest, numbers, sizes, segments.identity)
        return cls(digest(columns), (*columns, *rows.key_columns), rows.clock_ns)

    def take(self, rows: Indices) -> _Fingerprints:
        columns = tuple(column[rows] for column in self.columns)
        return _Fingerprints(self.fingerprint[rows], columns, self.clock_ns[rows])

    def joined_with(self, later: _Fingerprints) -> _Fingerprints:
        columns = zip(self.columns, later.columns, strict=True)
        return _Fingerprints(
            np.concatenate([self.fingerprint, later.fingerprint]),
            tuple(np.concatenate(both) for both in columns),
            np.concatenate([self.clock_ns, later.clock_ns]),
        )

    def copies(self) -> Mask:
        """Return (n,) which packets are copies of the one before of the same look."""
        order = np.argsort(self.fingerprint, kind="stable")
        earlier, later = order[:-1], order[1:]
        delay = self.clock_ns[later] - self.clock_ns[earlier]
        is_copy = delay <= _limits(self.columns[_IDENTITY][later])
        # hashes may collide
        for column in (self.fingerprint, *self.columns):
            is_copy &= column[later] == column[earlier]
        copies = np.zeros(len(order), dtype=np.bool_)
        copies[later[is_copy]] = True
        return copies


def _limits(identity: npt.NDArray[np.uint64]) -> Indices:
    """Return (n,) by how much a packet may come behind its original."""
    has_options = (identity & HAS_OPTIONS) != 0
    limits = np.where(has_options, _OPTIONS_DELAY_NS, _BARE_DELAY_NS)
    has_identification = identity >> IDENTIFICATION_SHIFT != 0
    return np.where(has_identification, MAX_DELAY_NS, limits)
