"""What is reported of a connection, and what of it must not be shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dissectors.conversation.lines import Place
from dissectors.conversation.streams import Stream
from dissectors.credentials.withheld import Withheld
from dissectors.events import Anomaly, ExtensionUsed, Side

if TYPE_CHECKING:
    from dissectors.conversation.line_ends import LineEnds
    from dissectors.events import Event, MessageTransferred
    from dissectors.limits import Limits

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
        dark_bytes: what nobody can read, and of which nothing is kept.
    """

    exchanges: int = 0
    anomalies: int = 0
    inflated_bytes: int = 0
    window_bytes: int = 0
    dark_bytes: int = 0


class Reporter:
    """Knows the packet that is read, and collects the events that it completes.

    Attributes:
        counts: what was counted, together with all that reads the same connection.
    """

    __slots__ = (
        "_events",
        "_extensions",
        "_frame",
        "_input",
        "_speaker",
        "_time_ns",
        "_withheld",
        "counts",
        "limits",
    )

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.counts = Counts()
        self._input = (Stream(limits.line), Stream(limits.line))
        self._events: list[Event] = []
        # what must not be shown, whoever says it
        self._withheld = Withheld()
        # those that were used, as each is reported once
        self._extensions: dict[str, None] = {}
        # the packet that is read: whose, when, which
        self._speaker: Side | None = None
        self._time_ns = 0
        self._frame = 0

    def _share_with(self, other: Reporter) -> None:
        """Report as one what is read by several."""
        other.counts = self.counts
        other._withheld = self._withheld
        other._extensions = self._extensions

    def _have_both_ended(self) -> bool:
        client, server = self._input
        return client.has_ended and server.has_ended

    def _withhold_unread(self) -> None:
        """What the client said and nobody has read yet, the server may have read."""
        unread = self._input[_CLIENT].data
        if unread and (self._speaker is _SERVER or self._have_both_ended()):
            self._withheld.add_line(bytes(unread[: self.limits.kept_text]))

    def _report(self, *events: Event) -> None:
        """Report what the server said, without what must not be shown of it."""
        self._withhold_unread()
        if self._withheld:
            for event in events:
                self._withheld.mask_event(event)
        self._events += events

    def _use_extension(self, name: str) -> None:
        """Report, once, that an extension was used."""
        known = self._extensions
        if name not in known and len(known) < self.limits.list_items:
            known[name] = None
            self._report(ExtensionUsed(name))

    def _report_message(self, message: MessageTransferred, side: Side) -> None:
        """Report a message, and what of it was over a limit."""
        self._events.append(message)
        place = Place(message.offset, message.time_ns, message.frame)
        for code in message.facts.overruns:
            self._anomaly(code, side, at=place)

    def _report_line_ends(self, ends: LineEnds, side: Side) -> None:
        """Report, once for a message, its line ends that are no CRLF."""
        for code, count, place in (
            ("message_bare_lf", ends.bare_lf, ends.first_lf),
            ("message_bare_cr", ends.bare_cr, ends.first_cr),
        ):
            if count:
                self._anomaly(code, side, f"{count} times", at=place)

    def _anomaly(
        self, code: str, side: Side, detail: str = "", *, at: Place | None = None
    ) -> None:
        """Report something odd: `at` its place, or else that of the last line."""
        self.counts.anomalies += 1
        is_kept = self.counts.anomalies <= self.limits.anomalies
        if is_kept or code in _FINAL_ANOMALIES:
            offset, time_ns, frame = at or self._last_line(side)
            self._events.append(Anomaly(code, side, offset, time_ns, frame, detail))

    def _last_line(self, side: Side) -> Place:
        """Where the line is that was taken last; of what waited, when it came."""
        unread = self._input[side]
        at = unread.place() or (self._time_ns, self._frame)
        return Place(unread.line_offset, *at)

    def _here(self, side: Side) -> Place:
        """Where the next unread byte of a side is."""
        offset = self._input[side].offset
        now = Place(offset, self._time_ns, self._frame)
        return self._input[side].place_of(offset) or now
