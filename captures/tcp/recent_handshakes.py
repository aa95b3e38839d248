"""Remembers the handshakes of connections that may later turn out to be mail.

On ports that are not known, a connection is noticed by its first mail-like
payload; what its handshake told (who opened it, when, the round-trip time) is
looked up here then. Memory is bounded by `MEMORY_PACKETS`, the cost of a search by
`MAX_LOOKED_AT`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from captures.packets.expected_acks import MAX_ACK_PACKETS
from captures.packets.interest import Interest
from captures.packets.segments import Segments, TcpFlag
from captures.tcp.grouping import digest, digests_of, key_columns
from captures.tcp.segment import SEQUENCE_MASK, Segment
from captures.tcp.timeouts import OPENING_TIMEOUT_NS

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from captures.packets.segments import Indices
    from captures.tcp.endpoints import ConnectionKey
    from captures.tcp.segment import End

# How many packets of the capture back a SYN is remembered.
MEMORY_PACKETS = 1 << 18
# How many SYNs with a connection's digest are looked at per memory, the last ones
# first: more than a few of one connection are of an attacker.
MAX_LOOKED_AT = 16


class Syn(NamedTuple):
    """A SYN, a SYN and ACK, or the ACK behind them."""

    source_is_lower: bool
    sequence: int
    acknowledgment: int
    flags: int
    time_ns: int
    frame: int

    def segment(self, end: End) -> Segment:
        """Return it as a segment; data in it was not kept."""
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
    """SYNs as columns, sorted by the digest of their connection's key, then age."""

    digest: npt.NDArray[np.uint64]
    serial: Indices
    clock_ns: Indices
    from_lower: npt.NDArray[np.bool_]
    segments: Segments

    @classmethod
    def of(cls, syns: Segments, serial: Indices, clock_ns: Indices) -> _Memory:
        lower, columns = key_columns(syns)
        digests = digest(columns)
        order = np.argsort(digests, kind="stable")
        return cls(
            digests[order],
            serial[order],
            clock_ns[order],
            lower[order],
            syns.take(order),
        )

    def merged_with(self, newer: _Memory) -> _Memory:
        return _Memory.of(
            Segments.concat([self.segments, newer.segments]),
            np.concatenate([self.serial, newer.serial]),
            np.concatenate([self.clock_ns, newer.clock_ns]),
        )

    def last_before(self, serial: int, wanted: np.uint64) -> range:
        """Return indices of SYNs with a digest before a packet, last one first."""
        first = int(np.searchsorted(self.digest, wanted, "left"))
        behind = int(np.searchsorted(self.digest, wanted, "right"))
        behind = first + int(np.searchsorted(self.serial[first:behind], serial))
        return range(behind - 1, max(first, behind - MAX_LOOKED_AT) - 1, -1)


class RecentHandshakes:
    """SYNs on ports that are not mail ports, the last `MEMORY_PACKETS` packets.

    Memories grow like the digits of a binary counter: one is merged with the
    next unless that is less than half as large, so that there are few, and each
    SYN is sorted few times.
    """

    def __init__(self) -> None:
        self._serial = 0
        self._memories: list[_Memory] = []

    def remember(self, segments: Segments, clock_ns: Indices) -> None:
        """Remember a batch's handshakes; `clock_ns` is that of all its packets."""
        on_mail_port = (segments.interest & Interest.MAIL_PORT) != 0
        is_part = (segments.flags & TcpFlag.SYN) != 0
        is_part |= (segments.interest & Interest.HANDSHAKE) != 0
        chosen = np.flatnonzero(is_part & ~on_mail_port)
        if not len(chosen):
            return
        # nothing else may keep the batch
        syns = segments.take(chosen).without_payload()
        memories = self._memories
        memories.append(
            _Memory.of(syns, syns.order + self._serial, clock_ns[syns.order])
        )
        while len(memories) > 1 and _is_small_beside(*memories[-2:]):
            newer = memories.pop()
            memories.append(memories.pop().merged_with(newer))

    def end_batch(self, packets: int) -> None:
        """Learn that a batch is over, and how many packets it had."""
        self._serial += packets
        oldest = self._serial - MEMORY_PACKETS
        while self._memories and int(self._memories[0].serial.max()) < oldest:
            del self._memories[0]

    def find(self, key: ConnectionKey, order: int, clock_ns: int) -> list[Syn]:
        """Find the handshake of a connection, before the batch's `order`-th packet.

        Only the last SYN of each side counts, with those that it repeats, and only if
        it is recent.
        """
        last: dict[bool, Syn] = {}
        # the last one first, as all here, with their serial numbers
        syns: list[tuple[int, Syn]] = []
        acks: list[tuple[int, Syn]] = []
        for at, syn in self._recent(key, self._serial + order, clock_ns):
            if not syn.flags & TcpFlag.SYN:
                acks.append((at, syn))
            elif last.setdefault(syn.source_is_lower, syn).sequence == syn.sequence:
                syns.append((at, syn))
        if len(last) == 2 and not _belong_together(*last.values()):
            # port reuse: a SYN is not answered by what answered the one before
            newest = next(iter(last))
            syns = [item for item in syns if item[1].source_is_lower is newest]
        handshake = [syn for _, syn in reversed(syns)]
        ack = next((ack for ack in reversed(acks) if _completes(ack, syns)), None)
        return handshake if ack is None else [*handshake, ack[1]]

    def _recent(
        self, key: ConnectionKey, serial: int, clock_ns: int
    ) -> Iterator[tuple[int, Syn]]:
        """Yield what is remembered of a connection before a packet, last first."""
        [wanted] = digests_of([key])
        for memory in reversed(self._memories):
            for at in memory.last_before(serial, wanted):
                found_at = int(memory.serial[at])
                is_old = (
                    serial - found_at >= MEMORY_PACKETS
                    or clock_ns - int(memory.clock_ns[at]) > OPENING_TIMEOUT_NS
                )
                if is_old:
                    return
                if _key_of(memory, at) == key:
                    yield found_at, _syn(memory, at)


def _belong_together(first: Syn, second: Syn) -> bool:
    """Return whether one is a SYN, and the other the SYN and ACK to it."""
    syn, answer = sorted(
        (first, second), key=lambda segment: segment.flags & TcpFlag.ACK
    )
    return answer.acknowledgment == (syn.sequence + 1) & SEQUENCE_MASK


def _completes(ack: tuple[int, Syn], syns: list[tuple[int, Syn]]) -> bool:
    """Return whether an ACK comes soon after a SYN and ACK, to acknowledge it."""
    serial, segment = ack
    before = (item for item in syns if item[0] < serial and item[1].flags & TcpFlag.ACK)
    at, answer = next(before, (serial - MAX_ACK_PACKETS - 1, segment))
    return serial - at <= MAX_ACK_PACKETS and (
        (segment.sequence, segment.acknowledgment)
        == (answer.acknowledgment, (answer.sequence + 1) & SEQUENCE_MASK)
    )


def _is_small_beside(older: _Memory, newer: _Memory) -> bool:
    """Return whether two memories should merge: sizes then at least double."""
    return len(older.serial) < 2 * len(newer.serial)


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
