"""FETCH responses: whole messages, and pieces of others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dissectors.events import (
    Delivery,
    Direction,
    MessageTransferred,
    Side,
    Use,
    UseCounted,
)
from dissectors.imap.partial_fetches import PartialFetches
from dissectors.imap.retrieval import Retrieval

if TYPE_CHECKING:
    from dissectors.conversation.literals import Literal, LiteralSink
    from dissectors.conversation.reporter import Reporter
    from dissectors.events import MessageFacts
    from dissectors.imap.partial_fetches import Preview


class FetchedMessages:
    """Reports the messages that a client fetched.

    Attributes:
        mailbox: the one that is selected, if its name is known.
        number: of the message that the response is about.
        begin_ns: when the first byte of the last whole message was seen.
        partial: the messages of which pieces came.
    """

    __slots__ = ("_reporter", "begin_ns", "mailbox", "number", "partial")

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self.partial = PartialFetches(reporter)
        self.mailbox: str | None = None
        self.number = b""
        self.begin_ns: int | None = None

    def report_whole(self, facts: MessageFacts, *, complete: bool) -> None:
        """Report a message that was fetched as a whole, or broke off."""
        if complete:
            self.partial.forget(self.number)
        outcome = Delivery.COMPLETE if complete else Delivery.CUT
        reporter = self._reporter
        place = (reporter.time_ns, reporter.frame, self.begin_ns)
        offset = reporter.streams[Side.SERVER].offset
        self._report(facts, outcome, *place, offset)

    def report_previews(self, previews: list[Preview]) -> None:
        """Report messages of which only pieces were fetched."""
        for preview in previews:
            self._report_preview(preview)

    def _report_preview(self, preview: Preview) -> None:
        facts = preview.finish()
        if not (preview.has_header or preview.parts_seen or preview.structure):
            return
        outcome = Delivery.CUT if facts.cut else Delivery.PARTIAL
        place = (preview.time_ns, preview.frame, preview.begin_ns)
        self._report(facts, outcome, *place)
        events = self._reporter.events
        if preview.has_header:
            events.append(UseCounted(Use.HEADERS_FETCHED, 1))
        if preview.parts_seen:
            events.append(UseCounted(Use.PARTS_FETCHED, len(preview.parts_seen)))

    def _report(
        self,
        facts: MessageFacts,
        outcome: Delivery,
        time_ns: int,
        frame: int,
        begin_ns: int | None,
        offset: int = -1,
    ) -> None:
        message = MessageTransferred(
            Direction.RETRIEVED,
            outcome,
            facts,
            time_ns,
            frame,
            mailbox=self.mailbox,
            verb="FETCH",
            begin_ns=begin_ns,
            offset=offset,
        )
        self._reporter.report_message(message, Side.SERVER)


class Fetches:
    """Reads the FETCH responses of a session, one after the other."""

    __slots__ = ("_messages", "_reporter", "_retrieval")

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._messages = FetchedMessages(reporter)
        self._retrieval = Retrieval(reporter.new_message, self._messages.report_whole)

    def enter_mailbox(self, mailbox: str | None) -> None:
        """Learn which mailbox messages are in from now on; `None` if in none."""
        self._messages.mailbox = mailbox

    def open_response(self, number: bytes) -> None:
        """Begin a response about the message with this sequence number."""
        messages = self._messages
        messages.number = number
        self._retrieval.open_response(number)
        messages.partial.open_response(number)

    def read_fragment(
        self, fragment: bytes, literal: Literal | None
    ) -> LiteralSink | None:
        """Read the text of a response; return where its literal shall go."""
        messages, time_ns = self._messages, self._reporter.time_ns
        sink = self._retrieval.read_fragment(fragment, literal)
        piece = messages.partial.read_fragment(
            fragment, literal, time_ns, is_taken=sink is not None
        )
        if literal is not None and self._retrieval.begins:
            messages.begin_ns = time_ns
        return sink or piece

    def close_response(self, asked: tuple[int, int] | None) -> None:
        """End a response.

        Args:
            asked: origin and length of the chunk that the client asked for.
        """
        messages, reporter = self._messages, self._reporter
        self._retrieval.close_response(asked)
        at = (reporter.time_ns, reporter.frame)
        messages.report_previews(messages.partial.close_response(*at))

    def report_previews(self) -> None:
        """Report the messages of which pieces came: their numbers are not valid."""
        self._messages.report_previews(self._messages.partial.take_all())
