"""One TCP connection: from segments in capture order to two ordered streams."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from captures.packets.segments import TcpFlag
from captures.tcp.flow import Flow
from captures.tcp.handshake import Handshake, completes
from captures.tcp.outlet import Outlet, StreamConsumer, Wanted
from captures.tcp.segment import CHANGES_STATE, MAX_WINDOW, End, Mistimed, Segment
from captures.tcp.timeouts import (
    CLOSED_TIMEOUT_NS,
    IDLE_TIMEOUT_NS,
    OPENING_TIMEOUT_NS,
)
from captures.tcp.waiting import HeldSegments

if TYPE_CHECKING:
    from collections.abc import Callable

    from captures.tcp.endpoints import Endpoint
    from captures.tcp.waiting import WaitingRoom

# plain integers: every `&` with an enum member makes another member
_FIN, _SYN = int(TcpFlag.FIN), int(TcpFlag.SYN)
_RST, _ACK = int(TcpFlag.RST), int(TcpFlag.ACK)

# packets with a wrong time that are remembered
MAX_MISTIMED = 1000
# what a connection takes before any data comes, with its key, its deadlines and its
# places in tables; and about how much its consumer may grow with its first bytes
_OWN_BYTES = 2304
_GROWTH_AT_ONCE = 12 << 10
_MISTIMED_BYTES = 320


class Ending(StrEnum):
    """How a connection ended."""

    CLOSED = "closed"
    RESET = "reset"
    TIMEOUT = "timeout"
    OPEN = "open"
    # it never began: the SYN was answered by RST, or not at all
    REFUSED = "refused"
    UNANSWERED = "unanswered"


class ConnectionConsumer(StreamConsumer, Protocol):
    """Takes the streams of one connection, and its account at the end."""

    @property
    def growth_bytes(self) -> int:
        """About how much it may have kept so far; a quick guess, rather too much."""

    @property
    def held_bytes(self) -> int:
        """How much memory it takes, measured, which takes a while."""

    def shrink(self) -> bool:
        """Hold as little as possible without a loss; return whether it is less."""

    def cut_short(self) -> Wanted | None:
        """Stop reading, and hold next to nothing; return `None` if it is no less."""

    def streams_ended(self, connection: Connection) -> Wanted:
        """Learn that both ends are done; what comes yet was most likely sent before.

        Only a refused connection may still begin, and then end once more.
        """

    def close(self, connection: Connection) -> None:
        """Learn that the connection is over; all streams were ended before.

        It is not called if nothing is wanted.
        """


class Connection:
    """One TCP connection.

    Attributes:
        originator: who opened it (without a SYN: who seems to be the client).
        responder: the other.
        serial: tells it from others between the same endpoints.
        first_frame: frame ID of its first packet.
        start_ns: time of its first packet.
        end_ns: time of its last packet (the latest, if time went back).
        last_frame: frame ID of its last packet.
        last_clock_ns: the latest time of any packet of the capture by then.
        handshake: how it began.
        vlan: outermost VLAN of the first packet, -1 without one.
        copied_packets: packets that were captured twice; only the flows' `packets`
            count them, too.
        mistimed: packets whose clock was wrong, by frame ID; `None` if there was none.
            Of more than `MAX_MISTIMED`, the first ones.
        ending: how it ended, once it is refused, closed or finished.
        outlet: where its streams go.
        flows: the two directions, by `End`.
        noted_bytes: what it holds at most; like `noted_growth_bytes`, for the
            `Budget` alone.
    """

    __slots__ = (
        "_held",
        "closed",
        "copied_packets",
        "end_ns",
        "ending",
        "first_frame",
        "flows",
        "handshake",
        "last_clock_ns",
        "last_frame",
        "mistimed",
        "noted_bytes",
        "noted_growth_bytes",
        "originator",
        "originator_is_lower",
        "outlet",
        "responder",
        "serial",
        "start_ns",
        "vlan",
    )

    def __init__(
        self,
        originator: Endpoint,
        responder: Endpoint,
        room: WaitingRoom,
        make_consumer: Callable[[Connection], ConnectionConsumer],
    ) -> None:
        self.serial = 0
        self.originator = originator
        self.responder = responder
        self.originator_is_lower = originator <= responder
        self.first_frame = 0
        self.start_ns = 0
        self.end_ns = 0
        self.last_frame = 0
        self.last_clock_ns = 0
        self.handshake = Handshake()
        self.copied_packets = 0
        self.mistimed: dict[int, Mistimed] | None = None
        self.vlan = -1
        self.closed = False
        self.ending = Ending.OPEN
        self.noted_bytes = self.noted_growth_bytes = 0
        self._held = HeldSegments(room)
        self.outlet = Outlet(make_consumer(self))
        self.flows = (
            Flow(End.ORIGINATOR, self.outlet, room),
            Flow(End.RESPONDER, self.outlet, room),
        )

    @property
    def timeout_ns(self) -> int:
        """How long it may be silent before it is over."""
        if self.closed:
            return CLOSED_TIMEOUT_NS
        if self.handshake.established_ns is None and self.handshake.syn_ns is not None:
            return OPENING_TIMEOUT_NS
        return IDLE_TIMEOUT_NS

    @property
    def is_contiguous(self) -> bool:
        """Whether nothing waits in either direction."""
        first, second = self.flows
        return not self._held.segments and first.is_contiguous and second.is_contiguous

    @property
    def is_settled(self) -> bool:
        """Whether it is established, runs both ways, and nothing waits."""
        return (
            self.handshake.established_ns is not None
            and self.is_contiguous
            and all(
                flow.next_sequence is not None and not flow.finished
                for flow in self.flows
            )
        )

    @property
    def is_complete(self) -> bool:
        """Whether the start and both directions were seen."""
        return self.handshake.syn_ns is not None and all(
            flow.packets for flow in self.flows
        )

    @property
    def carried_payload(self) -> bool:
        """Whether any payload byte was on the wire."""
        return any(flow.stream_bytes or flow.missing_bytes for flow in self.flows)

    @property
    def is_refused(self) -> bool:
        """Whether its SYN was answered by RST, and by nothing else so far."""
        return self.ending is Ending.REFUSED

    @property
    def is_attempt(self) -> bool:
        """Whether nothing is known of it but that a SYN was sent."""
        responder = self.flows[End.RESPONDER]
        return (
            self.handshake.syn_ns is not None
            and self.handshake.established_ns is None
            and responder.next_sequence is None
        )

    @property
    def growth_bytes(self) -> int:
        """About how much it may have kept so far; a quick guess, rather too much."""
        return (
            _GROWTH_AT_ONCE + self._mistimed_bytes + self.outlet.consumer.growth_bytes
        )

    @property
    def held_bytes(self) -> int:
        """How much memory it takes, measured, which takes a while; not what waits."""
        mine = _OWN_BYTES + self.tail_bytes + self._mistimed_bytes
        return mine + self.outlet.consumer.held_bytes

    @property
    def tail_bytes(self) -> int:
        """How much of what was delivered is kept, to compare retransmissions with."""
        return sum(flow.tail_bytes for flow in self.flows)

    @property
    def _mistimed_bytes(self) -> int:
        return _MISTIMED_BYTES * len(self.mistimed or ())

    def shrink(self) -> bool:
        """Forget tails, and all that the consumer can do without.

        Returns:
            Whether the consumer has to be measured by how much that is less.
        """
        for flow in self.flows:
            flow.forget_tail()
        return self.outlet.consumer.shrink()

    def receive(self, segment: Segment) -> None:
        """Take the next segment in capture order.

        What acknowledges bytes that were not captured yet came after them, so it
        is held back until they arrive, or for so long that they surely won't.
        """
        end, sequence, acknowledgment, flags, length, captured, data, time_ns, frame = (
            segment
        )
        if time_ns > self.end_ns:  # noqa: PLR1730, max() is slower
            self.end_ns = time_ns
        self.last_frame = frame
        flow = self.flows[end]
        flow.packets += 1
        if (
            acknowledgment == self.flows[1 - end].next_sequence
            and not flags & CHANGES_STATE
            and not self._held.segments
            and self.handshake.established_ns is not None
        ):
            # most segments of most connections
            if length:
                flow.receive(sequence, length, captured, data, time_ns, frame)
        elif self._held.segments or self._unseen(segment):
            self._held.add(segment)
            self._release_held(segment.time_ns)
        else:
            self._accept(segment)

    def mistime(self, frame: int, packet: Mistimed) -> None:
        """Learn that the packet which comes next has a wrong time."""
        if self.mistimed is None:
            self.mistimed = {}
        if len(self.mistimed) < MAX_MISTIMED:
            self.mistimed[frame] = packet

    def end_streams(self) -> None:
        """Tell the consumer that both ends are done, or that the SYN was refused."""
        self.outlet.wanted = self.outlet.consumer.streams_ended(self)

    def cut_short(self) -> bool:
        """Stop reading; return whether that changes what is held."""
        wanted = self.outlet.consumer.cut_short()
        if wanted is not None:
            self.outlet.wanted = wanted
        return wanted is not None

    def finish(self, ending: Ending) -> None:
        """End both streams and tell the consumer.

        Args:
            ending: how it ended if neither FIN nor RST was seen.
        """
        self._release_held(None)
        if not self.closed:
            self.ending = self._ending_without_close(ending)
        for flow in self.flows:
            flow.finish(self.end_ns, self.last_frame)
        if self.outlet.wanted is not Wanted.NOTHING:
            self.outlet.consumer.close(self)

    def discard(self) -> None:
        """Forget what waits: the connection is not mail."""
        self._held.discard()
        for flow in self.flows:
            flow.discard()

    def _ending_without_close(self, ending: Ending) -> Ending:
        if self.is_attempt:
            return Ending.REFUSED if self.is_refused else Ending.UNANSWERED
        is_half_closed = any(flow.finished for flow in self.flows)
        return Ending.CLOSED if is_half_closed else ending

    def _unseen(self, segment: Segment) -> int:
        """Return how many bytes it acknowledges before we saw them."""
        if not segment.flags & _ACK:
            return 0
        other = self.flows[1 - segment.end]
        if other.next_sequence is None or other.finished:
            return 0
        unseen = other.ahead(segment.acknowledgment)
        return unseen if 0 < unseen <= MAX_WINDOW else 0

    def _release_held(self, now_ns: int | None) -> None:
        """Take what need not wait any longer, in order; without a time, all."""
        held = self._held
        while held.segments:
            first = held.segments[0]
            if self._unseen(first):
                if now_ns is not None and not held.waited_enough(now_ns):
                    return
                self._report_unseen(first, is_last=now_ns is None)
            self._accept(held.take_first())

    def _report_unseen(self, segment: Segment, *, is_last: bool) -> None:
        """Report what a segment acknowledges and we did not see."""
        closing = (
            is_last
            or self.flows[segment.end].finished
            or any(held.flags & (_FIN | _RST) for held in self._held)
        ) and not any(held.is_behind(segment) for held in self._held)
        self.flows[1 - segment.end].report_gaps_until(
            segment.acknowledgment, segment.time_ns, segment.frame, closing=closing
        )

    def _accept(self, segment: Segment) -> None:
        end, sequence, _, flags, length, captured, data, time_ns, frame = segment
        flow = self.flows[end]
        if flags & _RST:
            self._receive_reset(flow, sequence, time_ns, frame)
            return
        if self.is_refused and end == End.RESPONDER:
            # it answers after all
            self.ending = Ending.OPEN
        if flags & _SYN:
            if flow.next_sequence is None:
                flow.start(sequence + 1)
            self.handshake.receive_syn(segment)
            # the SYN takes one sequence number, data in it comes behind
            sequence += 1
        elif self.handshake.established_ns is None and end == End.ORIGINATOR:
            self.handshake.established_ns = time_ns
            is_timed = not self.mistimed or frame not in self.mistimed
            if is_timed and completes(segment, *self.flows):
                self.handshake.acknowledged_ns = time_ns
        if length:
            flow.receive(sequence, length, captured, data, time_ns, frame)
        if flags & _FIN:
            flow.receive_fin(sequence + length, time_ns, frame)
        if flow.finished and self.flows[1 - end].finished:
            self._close(Ending.CLOSED)

    def _receive_reset(
        self, flow: Flow, sequence: int, time_ns: int, frame: int
    ) -> None:
        if self.is_attempt:
            # RFC 9293 §3.10.7.1: nobody listens; but the SYN may be sent again
            if flow is self.flows[End.RESPONDER]:
                self.ending = Ending.REFUSED
            return
        # RFC 9293 §3.5.3: one outside the window is not for this connection
        if not -MAX_WINDOW <= flow.ahead(sequence) <= MAX_WINDOW or self.closed:
            return
        is_half_closed = any(other.finished for other in self.flows)
        for other in self.flows:
            other.finish(time_ns, frame)
        self._close(Ending.CLOSED if is_half_closed else Ending.RESET)

    def _close(self, ending: Ending) -> None:
        """End it as it ended first, whatever comes behind that."""
        if not self.closed:
            self.closed = True
            self.ending = ending
