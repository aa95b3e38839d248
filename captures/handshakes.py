"""Remembers the SYNs of connections that may later turn out to be mail.

On ports that are not known, a connection is noticed by its first mail-like
payload; what its handshake told (who opened it, when, the round-trip time) is
looked up here then. Memory is bounded by `MEMORY_PACKETS`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from captures.connection import OPENING_TIMEOUT_NS, Segment
from captures.rows import digest, key_columns
from captures.segments import Interest, Segments, TcpFlag

if TYPE_CHECKING:
    import numpy.typing as npt

    from captures.reassembly import End
    from captures.rows import ConnectionKey
    from captures.segments import Indices

# How many packets of the capture back a SYN is remembered.
MEMORY_PACKETS = 1 << 18


class Syn(NamedTuple):
    """A SYN, or a SYN and ACK."""

    source_is_lower: bool
    sequence: int
    acknowledgment: int
    flags: int
    time_ns: int
    frame: int

    def segment(self, end: End) -> Segment:
        """The same as a segment; data in it was not kept."""
        return Segment(
            end,
            self.sequence,
            self.acknowledgment,
            self.flags,
            0,
            0,
            b"",
            self.time_ns,
            self.frame,
        )


class _Memory(NamedTuple):
    """SYNs as columns, sorted by the digest of their connection's key."""

    digest: npt.NDArray[np.uint64]
    serial: Indices
    clock_ns: Indices
    from_lower: npt.NDArray[np.bool_]
    segments: Segments

    @classmethod
    def of(cls, syns: Segments, serial: Indices, clock_ns: Indices) -> _Memory:
        lower, columns = key_columns(syns)
        order = np.argsort(digest(columns), kind="stable")
        return cls(
            digest(columns)[order],
            serial[order],
            clock_ns[order],
            lower[order],
            syns.take(order),
        )

    def merged_with(self, newer: _Memory) -> _Memory:
        return _Memory.of(
            Segments.joined([self.segments, newer.segments]),
            np.concatenate([self.serial, newer.serial]),
            np.concatenate([self.clock_ns, newer.clock_ns]),
        )


class RecentHandshakes:
    """SYNs on ports that are not mail ports, the last `MEMORY_PACKETS` packets.

    Memories grow like the digits of a binary counter: one is merged with the
    next as soon as that is as large, so that there are few, and each SYN is
    sorted few times.
    """

    def __init__(self) -> None:
        self._serial = 0
        self._memories: list[_Memory] = []

    def remember(self, segments: Segments, clock_ns: Indices) -> None:
        """Remember the SYNs of a batch; `clock_ns` is that of all its packets."""
        on_mail_port = (segments.interest & Interest.MAIL_PORT) != 0
        is_syn = (segments.flags & TcpFlag.SYN) != 0
        chosen = np.flatnonzero(is_syn & ~on_mail_port)
        if not len(chosen):
            return
        syns = segments.take(chosen)
        memories = self._memories
        memories.append(
            _Memory.of(syns, syns.order + self._serial, clock_ns[syns.order])
        )
        while len(memories) > 1 and len(memories[-2].serial) <= len(
            memories[-1].serial
        ):
            newer = memories.pop()
            memories.append(memories.pop().merged_with(newer))

    def end_batch(self, packets: int) -> None:
        """Learn that a batch is over, and how many packets it had."""
        self._serial += packets
        oldest = self._serial - MEMORY_PACKETS
        while self._memories and int(self._memories[0].serial.max()) < oldest:
            del self._memories[0]

    def find(self, key: ConnectionKey, order: int, clock_ns: int) -> list[Syn]:
        """The SYNs of the connection whose packet is the batch's `order`-th.

        Only the last SYN of each side counts, and only if it is recent.
        """
        serial = self._serial + order
        columns = tuple(np.array([part], dtype=np.uint64) for part in key)
        wanted = digest(columns)[0]
        found: dict[bool, tuple[int, Syn]] = {}
        for memory in self._memories:
            first = int(np.searchsorted(memory.digest, wanted, "left"))
            behind = int(np.searchsorted(memory.digest, wanted, "right"))
            for at in range(first, behind):
                age = serial - int(memory.serial[at])
                recent = clock_ns - int(memory.clock_ns[at]) <= OPENING_TIMEOUT_NS
                if 0 < age < MEMORY_PACKETS and recent:
                    syn = _syn(memory, at)
                    if _key_of(memory, at) == key and (
                        syn.source_is_lower not in found
                        or age < found[syn.source_is_lower][0]
                    ):
                        found[syn.source_is_lower] = (age, syn)
        return [syn for _, syn in sorted(found.values(), reverse=True)]


def _key_of(memory: _Memory, at: int) -> ConnectionKey:
    _, columns = key_columns(memory.segments.take(np.array([at])))
    first, second, third, fourth, both_ports = (int(c[0]) for c in columns)
    return first, second, third, fourth, both_ports


def _syn(memory: _Memory, at: int) -> Syn:
    segments = memory.segments
    return Syn(
        bool(memory.from_lower[at]),
        int(segments.sequence[at]),
        int(segments.acknowledgment[at]),
        int(segments.flags[at]),
        int(segments.time_ns[at]),
        int(segments.frame[at]),
    )
