"""All TCP connections of a capture that may be mail.

`ConnectionTable` groups a batch's segments by connection in numpy and follows
each connection in capture order. What is in order, nearly all, is taken in bulk
for all connections at once (`captures.tcp.in_order`); the rest segment by segment.

What is decided about a packet depends on earlier packets only, never on where
a batch ends, so that every batch size gives the same streams. Memory is bounded
by `MAX_CONNECTIONS` and the `Budget`: what is over it depends on batches, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from captures.packets.interest import Interest, is_by_originator
from captures.packets.segments import TcpFlag
from captures.tcp.attempts import MAX_ATTEMPTS, Attempt, PendingAttempts, is_attempt
from captures.tcp.budget import Budget
from captures.tcp.connection import Connection, Ending
from captures.tcp.copies import Copies
from captures.tcp.deadlines import Deadlines
from captures.tcp.endpoints import endpoints
from captures.tcp.grouping import ALL, Rows
from captures.tcp.in_order import Span, take_spans
from captures.tcp.other_ports import FollowedPorts, UnwantedConnections
from captures.tcp.outlet import Wanted
from captures.tcp.recent_handshakes import RecentHandshakes
from captures.tcp.segment import ENDS, Mistimed
from captures.tcp.timeouts import CLOSED_TIMEOUT_NS, OPENING_TIMEOUT_NS
from captures.tcp.waiting import WaitingRoom

if TYPE_CHECKING:
    from collections.abc import Callable

    from captures.batch import PacketBatch
    from captures.packets.segments import Mask, Segments
    from captures.tcp.connection import ConnectionConsumer
    from captures.tcp.endpoints import ConnectionKey, Endpoint
    from captures.tcp.grouping import Partition

MAX_CONNECTIONS = 65_536

_SYN, _ACK = int(TcpFlag.SYN), int(TcpFlag.ACK)


def _wants_connection(_: Attempt) -> bool:
    return False


class ConnectionTable:
    """Follows the connections of a capture.

    Args:
        make_consumer: called for every new connection; returns what takes its
            streams.
        count_attempt: is told of every connection that got no further than a SYN and
            its answer; returns whether that is all that is wanted. If not, it is made
            a connection and ended.
        partition: which of all connections to follow.

    Attributes:
        evicted: connections that were ended early to bound memory.
    """

    def __init__(
        self,
        make_consumer: Callable[[Connection], ConnectionConsumer],
        *,
        count_attempt: Callable[[Attempt], bool] = _wants_connection,
        partition: Partition = ALL,
    ) -> None:
        self.evicted = 0
        self._attempts = PendingAttempts(MAX_ATTEMPTS // partition.count)
        self._count_attempt = count_attempt
        self._partition = partition
        self._make_consumer = make_consumer
        self._connections: dict[ConnectionKey, Connection] = {}
        self._followed_ports = FollowedPorts()
        self._unwanted = UnwantedConnections(partition.count)
        self._handshakes = RecentHandshakes()
        self._copies = Copies()
        self._budget = Budget(partition.count)
        self._room = WaitingRoom(partition.count)
        self._max_connections = MAX_CONNECTIONS // partition.count
        self._deadlines = Deadlines(self._connections)
        self._connection_count = 0
        self._clock_ns = -(1 << 63)
        # of this batch: what may be taken in bulk
        self._spans: list[Span] = []

    @property
    def followed_ports(self) -> Mask:
        """(65536,) bool, the ports between which the next segments may be mail."""
        return self._followed_ports.mask

    def process(self, batch: PacketBatch, segments: Segments) -> None:
        """Take a batch and what `Decoder.decode` made of it."""
        if not len(batch):
            return
        # the running maximum: time never goes back, whatever the timestamps say
        clock = np.maximum.accumulate(batch.time_ns)
        np.maximum(clock, self._clock_ns, out=clock)
        self._clock_ns = int(clock[-1])
        self._handshakes.remember(segments, clock)
        rows = Rows(segments, clock, batch.mistimed, self._partition)
        if rows.keys:
            copied = self._copies.find(rows)
            if copied is not None:
                rows.mark_copies(copied)
            self._follow_all(rows)
        self._handshakes.end_batch(len(batch))
        self._expire()

    def advance(self, clock_ns: int) -> None:
        """Learn that time has passed without packets."""
        self._clock_ns = max(self._clock_ns, clock_ns)
        self._expire()

    def abandon(self) -> None:
        """Let go of all that can be done without, as memory ran out."""
        for key, connection in list(self._connections.items()):
            connection.discard()
            self._cut_short(key, connection)

    def close(self) -> None:
        """End all connections: the capture is over."""
        for attempt in self._attempts.clear():
            self._end_attempt(attempt, Ending.OPEN)
        for key, connection in list(self._connections.items()):
            self._end(key, connection, Ending.OPEN)

    def _follow_all(self, rows: Rows) -> None:
        # several runs with the same key: two hashes collided
        one_by_one = len(set(rows.keys)) != len(rows.keys)
        start = 0
        for key, stop in zip(rows.keys, rows.stops, strict=True):
            self._follow(key, rows, start, stop, one_by_one=one_by_one)
            start = stop
        spans, self._spans = self._spans, []
        for span, resume in zip(
            spans, take_spans(spans, rows, self._note), strict=True
        ):
            if span.connection.outlet.wanted is Wanted.NOTHING:
                self._forget(span.key, span.connection)
            self._follow(span.key, rows, resume, span.stop, one_by_one=True)

    def _follow(
        self, key: ConnectionKey, rows: Rows, start: int, stop: int, *, one_by_one: bool
    ) -> None:
        """Follow the rows between two endpoints: one connection, or some in turn.

        Unless `one_by_one`, rows of a settled connection are left for the bulk.
        """
        connection = self._connections.get(key)
        at = start
        while at < stop:
            if connection is not None and _is_over(connection, rows, at):
                self._end(key, connection, Ending.TIMEOUT)
                connection = None
            if connection is None:
                at = self._try(key, rows, at, stop)
                if at == stop:
                    return
                connection = self._connections.get(key)
                if connection is not None:
                    # a refused attempt, which may be over
                    continue
                connection = self._open(key, rows, at)
                if connection is None:
                    at += 1
                    continue
            elif not one_by_one and stop - at > 1 and connection.is_settled:
                self._spans.append(Span(key, connection, at, stop))
                return
            at = self._receive(key, connection, rows, at, stop, one_by_one=one_by_one)
            if connection.outlet.wanted is Wanted.NOTHING:
                self._forget(key, connection)
            else:
                self._note(connection)
            # unless it is over
            connection = self._connections.get(key)

    def _try(self, key: ConnectionKey, rows: Rows, start: int, stop: int) -> int:
        """Take rows that are no more than attempts; return the first other one."""
        attempt = self._attempts.get(key)
        for at in range(start, stop):
            if attempt is not None and attempt.is_over(rows, at):
                self._end_attempt(attempt, Ending.TIMEOUT)
                attempt = None
            if attempt is None:
                if not is_attempt(rows, at):
                    return at
                self._unwanted.forget(key)
                attempt = Attempt(key, rows, at)
            elif not attempt.take(rows, at):
                self._add(key, self._promote(attempt))
                return at
            self._attempts.touch(attempt)
            if attempt.ending is Ending.REFUSED and not attempt.is_counted:
                attempt.is_counted = self._count_attempt(attempt)
                if not attempt.is_counted:
                    connection = self._promote(attempt)
                    self._add(key, connection)
                    connection.end_streams()
                    self._note(connection)
                    return at + 1
        return stop

    def _promote(self, attempt: Attempt) -> Connection:
        """Return the connection that an attempt became."""
        self._attempts.forget(attempt)
        connection = self._new_connection(attempt.originator, attempt.responder)
        attempt.replay(connection)
        return connection

    def _end_attempt(self, attempt: Attempt, ending: Ending) -> None:
        """End an attempt; `ending` holds if it was answered."""
        self._attempts.forget(attempt)
        if attempt.ending is Ending.OPEN:
            attempt.ending = ending
        if not (attempt.is_counted or self._count_attempt(attempt)):
            self._promote(attempt).finish(attempt.ending)

    def _receive(
        self,
        key: ConnectionKey,
        connection: Connection,
        rows: Rows,
        start: int,
        stop: int,
        *,
        one_by_one: bool,
    ) -> int:
        """Hand at least one row to a connection; return the first not taken."""
        outlet = connection.outlet
        was_closed, earlier_ending = connection.closed, connection.ending
        originator_is_lower = connection.originator_is_lower
        clock = rows.clock
        at = start
        while True:
            connection.last_clock_ns = clock[at]
            if rows.mistimed and rows.frame[at] in rows.mistimed:
                _mistime(connection, rows, at)
            if rows.copied is not None:
                connection.copied_packets += int(rows.copied[at])
            connection.receive(
                rows.segment(
                    at,
                    originator_is_lower=originator_is_lower,
                    with_data=outlet.wanted is Wanted.DATA,
                )
            )
            at += 1
            if at == stop or outlet.wanted is Wanted.NOTHING:
                break
            if _is_over(connection, rows, at):
                break
            if not one_by_one and connection.is_settled:
                break
        if connection.closed and not was_closed:
            self._deadlines.set(key, connection, CLOSED_TIMEOUT_NS)
            connection.end_streams()
        elif connection.ending is Ending.REFUSED is not earlier_ending:
            connection.end_streams()
        return at

    def _open(self, key: ConnectionKey, rows: Rows, at: int) -> Connection | None:
        """Open a new connection; none if the row shows nothing that may be mail."""
        interest = rows.interest[at]
        elsewhere = not interest & Interest.MAIL_PORT
        if elsewhere and not interest & Interest.BEGINNING:
            return None
        if self._unwanted.holds(key, rows, at):
            return None
        find = self._handshakes.find
        earlier = find(key, rows.order[at], rows.clock[at]) if elsewhere else []
        if earlier:
            by_originator = not earlier[0].flags & TcpFlag.ACK
            originator_is_lower = earlier[0].source_is_lower is by_originator
        else:
            by_originator = is_by_originator(rows.flags[at], interest)
            originator_is_lower = rows.source_is_lower[at] is by_originator
        lower, higher = endpoints(key)
        connection = self._new_connection(
            lower if originator_is_lower else higher,
            higher if originator_is_lower else lower,
        )
        connection.vlan = rows.vlan[at]
        connection.first_frame, connection.start_ns = rows.frame[at], rows.time_ns[at]
        connection.end_ns = connection.start_ns
        connection.last_clock_ns = rows.clock[at]
        for syn in earlier:
            end = ENDS[syn.source_is_lower is not originator_is_lower]
            connection.receive(syn.segment(end))
        if earlier:
            connection.first_frame = earlier[0].frame
            connection.start_ns = earlier[0].time_ns
            handshake = connection.handshake
            if handshake.established_ns is None:
                handshake.established_ns = handshake.syn_ack_ns
        self._add(key, connection)
        if elsewhere:
            self._followed_ports.add(key)
        return connection

    def _new_connection(self, originator: Endpoint, responder: Endpoint) -> Connection:
        connection = Connection(originator, responder, self._room, self._make_consumer)
        self._connection_count += 1
        connection.serial = self._connection_count
        return connection

    def _add(self, key: ConnectionKey, connection: Connection) -> None:
        """Follow a connection."""
        self._make_room()
        self._connections[key] = connection
        self._deadlines.set(key, connection, OPENING_TIMEOUT_NS)

    def _end(self, key: ConnectionKey, connection: Connection, ending: Ending) -> None:
        """End a connection; `ending` holds if it did not end by itself."""
        connection.finish(ending)
        self._drop(key, connection)

    def _forget(self, key: ConnectionKey, connection: Connection) -> None:
        """Stop following what turned out not to be mail."""
        self._drop(key, connection)
        connection.discard()
        self._unwanted.add(key, connection.last_clock_ns)

    def _note(self, connection: Connection) -> None:
        """Make sure that all connections together don't hold too much."""
        self._budget.note(connection)
        if self._budget.is_exceeded:
            steps = (self._shrink, self._cut_short, self._evict_for_good)
            self._budget.enforce(self._connections, steps)

    def _shrink(self, _key: ConnectionKey, connection: Connection) -> bool:
        return self._budget.shrink(connection)

    def _cut_short(self, key: ConnectionKey, connection: Connection) -> bool:
        is_cut = connection.cut_short()
        if connection.outlet.wanted is Wanted.NOTHING:
            self._forget(key, connection)
        return is_cut

    def _evict(self, key: ConnectionKey, connection: Connection) -> bool:
        self.evicted += 1
        self._end(key, connection, Ending.OPEN)
        return True

    def _evict_for_good(self, key: ConnectionKey, connection: Connection) -> bool:
        """End a connection that would otherwise come back with its next packet."""
        self._evict(key, connection)
        self._unwanted.add(key, connection.last_clock_ns)
        return True

    def _drop(self, key: ConnectionKey, connection: Connection) -> None:
        self._budget.forget(connection)
        if self._connections.get(key) is connection:
            del self._connections[key]
            self._followed_ports.discard(key)

    def _expire(self) -> None:
        """End the connections that no later packet can belong to."""
        for attempt, ending in self._attempts.evict(self._clock_ns):
            self._end_attempt(attempt, ending)
        for key, connection in self._deadlines.due(self._clock_ns):
            if self._clock_ns - connection.last_clock_ns > connection.timeout_ns:
                self._end(key, connection, Ending.TIMEOUT)
            else:
                self._deadlines.set(key, connection, connection.timeout_ns)

    def _make_room(self) -> None:
        """Evict the connections due first, if there are too many."""
        while len(self._connections) >= self._max_connections:
            if first := self._deadlines.first():
                self._evict(*first)


def _mistime(connection: Connection, rows: Rows, at: int) -> None:
    """Tell a connection that the clock of a row's packet is wrong."""
    frame = rows.frame[at]
    end = ENDS[rows.source_is_lower[at] is not connection.originator_is_lower]
    packet = Mistimed(end, rows.mistimed[frame], rows.time_ns[at])
    connection.mistime(frame, packet)


def _is_over(connection: Connection, rows: Rows, at: int) -> bool:
    """Return whether a row no longer belongs to the connection."""
    silent_ns = rows.clock[at] - connection.last_clock_ns
    if silent_ns > CLOSED_TIMEOUT_NS and silent_ns > connection.timeout_ns:
        return True
    flags = rows.flags[at]
    return (
        flags & _SYN != 0
        and not flags & _ACK
        and connection.handshake.is_of_another(rows.sequence[at])
    )
