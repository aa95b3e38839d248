"""What is reported of a connection, and what of it must not be shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dissectors.conversation.lines import Place
from dissectors.conversation.streams import Stream
from dissectors.credentials.withheld import Withheld
from dissectors.events import Anomaly, ExtensionUsed, Side
from dissectors.message import MessageReader

if TYPE_CHECKING:
    from dissectors.conversation.line_ends import LineEnds
    from dissectors.conversation.receiver import LineRecorder
    from dissectors.events import Event, MessageFacts, MessageTransferred
    from dissectors.limits import Limits
    from dissectors.message import Copies

# a member of an enum costs more to look up
_CLIENT, _SERVER = Side
# they come once per side, and tell that the rest could not be read
_FINAL_ANOMALIES = frozenset({"imap_compression_lost", "imap_compression_bomb"})


@dataclass(slots=True)
class Counts:
    """What there was so far.

    Attributes:
        exchanges: also those that are not over.
        anomalies: also those that are not reported.
        inflated_bytes: what came out of compression.
        window_bytes: what compression keeps for itself.
        opaque_bytes: what nobody can read, and of which nothing is kept.
    """

    exchanges: int = 0
    anomalies: int = 0
    inflated_bytes: int = 0
    window_bytes: int = 0
    opaque_bytes: int = 0


class Reporter:
    """Knows the packet that is read, and collects the events that it completes.

    A protocol whose clients' words wait elsewhere than in the client's stream has a
    reporter of its own, which withholds them too.

    Attributes:
        limits: what to keep at most.
        streams: the client's and the server's.
        counts: what was counted, together with all that reads the same connection.
        withheld: what must not be shown, whoever says it.
        events: those of the packet that is read, until somebody takes them.
        recorder: notes what is said, if somebody asks.
        speaker: whose packet it is; `None` before the first one.
        time_ns: when it came.
        frame: which it is.
        copies: begins copies of messages and their files, if they are asked for.
    """

    __slots__ = (
        "_extensions",
        "copies",
        "counts",
        "events",
        "frame",
        "limits",
        "recorder",
        "speaker",
        "streams",
        "time_ns",
        "withheld",
    )

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.streams = (Stream(limits.line), Stream(limits.line))
        self.counts = Counts()
        self.withheld = Withheld()
        self.events: list[Event] = []
        self.recorder: LineRecorder | None = None
        self.speaker: Side | None = None
        self.time_ns = 0
        self.frame = 0
        self.copies: Copies | None = None
        # those that were used, as each is reported once
        self._extensions: dict[str, None] = {}

    def share_with(self, other: Reporter) -> None:
        """Report as one what is read by several."""
        other.counts = self.counts
        other.withheld = self.withheld
        other.copies = self.copies
        other._extensions = self._extensions

    def take_events(self) -> list[Event]:
        """Return what happened since it was asked last."""
        events, self.events = self.events, []
        return events

    def next_number(self) -> int:
        """Count an exchange that begins; return its number."""
        self.counts.exchanges = number = self.counts.exchanges + 1
        return number

    def have_both_ended(self) -> bool:
        """Return whether nothing follows."""
        client, server = self.streams
        return client.has_ended and server.has_ended

    def withhold_unread(self) -> None:
        """Withhold what nobody has read yet, if the server may have."""
        if self.speaker is _SERVER or self.have_both_ended():
            self.withhold_held()
        tls = self.streams[_CLIENT].tls
        if tls is not None and tls.client_hello is None:
            # it is no TLS, then, but perhaps what the server repeats
            self.withheld.withhold_all()

    def withhold_held(self) -> None:
        """Withhold what the client has said, and nobody has read yet."""
        if held := self.streams[_CLIENT].data:
            self.withheld.add_line(bytes(held[: self.limits.kept_text]))

    def report(self, *events: Event) -> None:
        """Report what the server said, without what must not be shown of it."""
        self.withhold_unread()
        if self.withheld:
            for event in events:
                self.withheld.mask_event(event)
        self.events += events
        if self.recorder is not None:
            self.recorder.hear(events)

    def use_extension(self, name: str) -> None:
        """Report, once, that an extension was used."""
        known = self._extensions
        if name not in known and len(known) < self.limits.list_items:
            known[name] = None
            self.report(ExtensionUsed(name))

    def new_message(self) -> MessageReader:
        """Return what reads a message."""
        return MessageReader(self.limits, self.copies)

    def report_message(self, message: MessageTransferred, side: Side) -> None:
        """Report a message, and what of it was over a limit."""
        self.events.append(message)
        place = Place(message.offset, message.time_ns, message.frame)
        self.report_limits(message.facts, side, place)

    def report_limits(self, facts: MessageFacts, side: Side, place: Place) -> None:
        """Report what of a message was over a limit, at the place where it ended."""
        for code in facts.exceeded_limits:
            self.anomaly(code, side, at=place)

    def report_line_ends(self, ends: LineEnds, side: Side) -> None:
        """Report, once for a message, its line ends that are no CRLF."""
        for code, count, place in (
            ("message_bare_lf", ends.bare_lf, ends.first_lf),
            ("message_bare_cr", ends.bare_cr, ends.first_cr),
        ):
            if count:
                self.anomaly(code, side, f"{count} times", at=place)

    def anomaly(
        self, code: str, side: Side, detail: str = "", *, at: Place | None = None
    ) -> None:
        """Report something odd.

        Args:
            code: of `dissectors.anomalies`, or of the protocol.
            side: whose it is.
            detail: a few words.
            at: its place; that of the side's last line if it is not given.
        """
        self.counts.anomalies += 1
        is_kept = self.counts.anomalies <= self.limits.anomalies
        if is_kept or code in _FINAL_ANOMALIES:
            offset, time_ns, frame = at or self.last_line(side)
            self.events.append(Anomaly(code, side, offset, time_ns, frame, detail))

    def last_line(self, side: Side) -> Place:
        """Return where the line is that was taken last; of what waited, its packet."""
        unread = self.streams[side]
        at = unread.place() or (self.time_ns, self.frame)
        return Place(unread.line_offset, *at)

    def here(self, side: Side) -> Place:
        """Return where the next unread byte of a side is."""
        unread = self.streams[side]
        now = Place(unread.offset, self.time_ns, self.frame)
        return unread.place_of(unread.offset) or now
