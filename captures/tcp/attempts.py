"""Connections of which only a SYN and its answer were seen.

Most become connections with the next packet. Of a flood of SYNs, or a scan, none does:
so that these cost little, they are no `Connection` but the first packets and some
counts. Memory is bounded by `MAX_ATTEMPTS`.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from captures.packets.interest import Interest
from captures.packets.segments import TcpFlag
from captures.tcp.connection import (
    Connection,
    Ending,
)
from captures.tcp.endpoints import endpoints
from captures.tcp.segment import ENDS, End
from captures.tcp.timeouts import OPENING_TIMEOUT_NS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from captures.tcp.endpoints import ConnectionKey, Endpoint
    from captures.tcp.grouping import Rows
    from captures.tcp.segment import Segment

MAX_ATTEMPTS = 32_768

_SYN, _ACK = int(TcpFlag.SYN), int(TcpFlag.ACK)
_RST, _FIN = int(TcpFlag.RST), int(TcpFlag.FIN)
_MAIL_PORT = int(Interest.MAIL_PORT)
_OPENS = _SYN | _ACK | _RST | _FIN


class Attempt:
    """A SYN, and what came of it so far.

    Attributes:
        key: whose it is.
        originator_is_lower: the lower endpoint of the key sent the SYN.
        segments: the first SYN, and the first SYN and ACK.
        packets: of each `End`.
        copied_packets: as of a `Connection`.
        vlan: outermost VLAN of the first packet, -1 without one.
        end_ns: time of the last packet, the latest if time went back.
        last_frame: frame ID of the last packet.
        last_clock_ns: as of a `Connection`.
        ending: how it ended.
        is_counted: its account was taken.
    """

    __slots__ = (
        "copied_packets",
        "end_ns",
        "ending",
        "is_counted",
        "key",
        "last_clock_ns",
        "last_frame",
        "originator_is_lower",
        "packets",
        "segments",
        "vlan",
    )

    def __init__(self, key: ConnectionKey, rows: Rows, at: int) -> None:
        self.key = key
        self.originator_is_lower = rows.source_is_lower[at]
        self.segments: tuple[Segment, ...] = (self._segment(rows, at),)
        self.packets = (0, 0)
        self.copied_packets = 0
        self.vlan = rows.vlan[at]
        self.end_ns = rows.time_ns[at]
        self.ending = Ending.UNANSWERED
        self.is_counted = False
        self._count(End.ORIGINATOR, rows, at)

    @property
    def originator(self) -> Endpoint:
        """Who sent the SYN."""
        return endpoints(self.key)[not self.originator_is_lower]

    @property
    def responder(self) -> Endpoint:
        """To whom."""
        return endpoints(self.key)[self.originator_is_lower]

    @property
    def first_frame(self) -> int:
        """Frame ID of the first packet."""
        return self.segments[0].frame

    def is_over(self, rows: Rows, at: int) -> bool:
        """Return whether a row is of another attempt."""
        if rows.clock[at] - self.last_clock_ns > OPENING_TIMEOUT_NS:
            return True
        is_syn = rows.flags[at] & (_SYN | _ACK) == _SYN
        return is_syn and rows.sequence[at] != self.segments[0].sequence

    def take(self, rows: Rows, at: int) -> bool:
        """Take a row, if there is still no more than an attempt behind it."""
        flags = rows.flags[at] & _OPENS
        end = ENDS[rows.source_is_lower[at] is not self.originator_is_lower]
        if rows.length[at] or flags & _FIN or rows.frame[at] in rows.mistimed:
            return False
        if flags & _RST:
            if len(self.segments) == 2:
                self.ending = Ending.RESET
            elif end is End.RESPONDER:
                self.ending = Ending.REFUSED
        elif flags == _SYN | _ACK and end is End.RESPONDER:
            if len(self.segments) == 1:
                self.segments += (self._segment(rows, at),)
                self.ending = Ending.OPEN
        elif flags != _SYN or end is End.RESPONDER:
            return False
        self._count(end, rows, at)
        return True

    def replay(self, connection: Connection) -> None:
        """Give a connection all that belongs to the attempt."""
        first = self.segments[0]
        connection.vlan = self.vlan
        connection.first_frame, connection.start_ns = first.frame, first.time_ns
        for segment in self.segments:
            connection.receive(segment)
        for flow, packets in zip(connection.flows, self.packets, strict=True):
            flow.packets = packets
        connection.copied_packets = self.copied_packets
        connection.end_ns = self.end_ns
        connection.last_frame = self.last_frame
        connection.last_clock_ns = self.last_clock_ns
        if self.ending is Ending.REFUSED:
            connection.ending = self.ending

    def _segment(self, rows: Rows, at: int) -> Segment:
        return rows.segment(
            at, originator_is_lower=self.originator_is_lower, with_data=False
        )

    def _count(self, end: End, rows: Rows, at: int) -> None:
        first, second = self.packets
        self.packets = (first + (end == 0), second + (end == 1))
        self.end_ns = max(self.end_ns, rows.time_ns[at])
        self.last_frame = rows.frame[at]
        if rows.copied is not None:
            self.copied_packets += int(rows.copied[at])
        self.last_clock_ns = rows.clock[at]


class PendingAttempts:
    """The attempts that may still become connections, a bounded number of them."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        # those first that had no packet for the longest time
        self._attempts: OrderedDict[ConnectionKey, Attempt] = OrderedDict()

    def __len__(self) -> int:
        return len(self._attempts)

    def get(self, key: ConnectionKey) -> Attempt | None:
        """Return the attempt between two endpoints."""
        return self._attempts.get(key)

    def touch(self, attempt: Attempt) -> None:
        """Remember an attempt as the one with the latest packet."""
        self._attempts[attempt.key] = attempt
        self._attempts.move_to_end(attempt.key)

    def forget(self, attempt: Attempt) -> None:
        """Forget an attempt: it is over, or a connection."""
        self._attempts.pop(attempt.key, None)

    def evict(self, clock_ns: int) -> Iterator[tuple[Attempt, Ending]]:
        """Forget and yield those that timed out, or are too many."""
        attempts = self._attempts
        while attempts:
            key, attempt = attempts.popitem(last=False)
            is_old = clock_ns - attempt.last_clock_ns > OPENING_TIMEOUT_NS
            if not is_old and len(attempts) < self._limit:
                attempts[key] = attempt
                attempts.move_to_end(key, last=False)
                return
            yield attempt, Ending.TIMEOUT if is_old else Ending.OPEN

    def clear(self) -> Iterator[Attempt]:
        """Forget and yield all."""
        attempts, self._attempts = self._attempts, OrderedDict()
        yield from attempts.values()


def is_attempt(rows: Rows, at: int) -> bool:
    """Return whether a row is a bare SYN to or from a mail port."""
    return (
        rows.flags[at] & _OPENS == _SYN
        and not rows.length[at]
        and rows.interest[at] & _MAIL_PORT != 0
        and rows.frame[at] not in rows.mistimed
    )
