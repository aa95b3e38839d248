"""Multi-line responses (RFC 1939 §3): messages, and listings.

A message that has begun goes on after a gap; if the gap swallowed its end, a status
line behind the client's next command shows it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dissectors.conversation.capabilities import report_capabilities
from dissectors.conversation.lines import decode_text, split_words
from dissectors.events import (
    Delivery,
    Direction,
    LoginOffered,
    MessageTransferred,
    Side,
    SoftwareIdentified,
    Use,
    UseCounted,
)
from dissectors.pop3 import grammar
from dissectors.pop3.responses import LinesGap, MultiLine

if TYPE_CHECKING:
    from dissectors.conversation.logins import Logins
    from dissectors.conversation.reporter import Reporter
    from dissectors.message import MessageReader
    from dissectors.pop3.maildrop import Maildrop
    from dissectors.pop3.responses import Pop3Command

# a member of an enum costs more to look up
_SERVER = Side.SERVER


class MultiLineReader:
    """Reads the lines that follow a positive status line.

    Attributes:
        lines: those that are being read; `None` if a status line is next.
    """

    __slots__ = ("_limits", "_logins", "_maildrop", "_reporter", "_server", "lines")

    def __init__(self, reporter: Reporter, logins: Logins, maildrop: Maildrop) -> None:
        self.lines: MultiLine | None = None
        self._reporter = reporter
        self._limits = reporter.limits
        self._server = reporter.streams[_SERVER]
        self._logins = logins
        self._maildrop = maildrop

    def expect(self, command: Pop3Command) -> None:
        """Expect the lines that answer a command."""
        bare_lf = self._server.bare_lf
        self.lines = MultiLine.behind(command, self._reporter, bare_lf=bare_lf)

    def note_command(self) -> None:
        """Learn that the client has sent a command: the end may be in a gap."""
        if self.lines is not None and self.lines.has_gap:
            self.lines.gap = LinesGap.MAY_HOLD_END

    def read(self, lines: MultiLine) -> bool:
        """Read what is there; return whether that was all of it."""
        unread = self._server
        if lines.gap is LinesGap.MAY_HOLD_END:
            start = bytes(unread.data[: grammar.STATUS_BYTES])
            if len(start) < grammar.STATUS_BYTES and b"\n" not in start:
                return False
            lines.gap = LinesGap.CROSSED
            if grammar.parse_status(start) is not None:
                self._end(lines)
                return True
        begin = unread.offset
        text = lines.text.read(unread)
        lines.receive(text, self._reporter.time_ns, self._limits.line)
        recorder = self._reporter.recorder
        if recorder is not None and lines.message is None:
            ended = lines.text.ended
            recorder.take_listing(text, begin, has_ended=ended)
        if lines.text.ended:
            self._end(lines)
            return True
        return False

    def cross_gap(self, length: int) -> bool:
        """Go on behind a gap; return whether it is in such lines."""
        lines = self.lines
        if lines is None:
            return False
        rest = lines.text.cross_gap(self._server)
        lines.receive(rest, self._reporter.time_ns, self._limits.line)
        if not lines.has_gap:
            lines.gap = LinesGap.CROSSED
        if lines.message is not None:
            lines.message.skip_gap(length)
        return True

    def break_off(self) -> None:
        """Learn that nothing follows: report what there is of a message."""
        lines = self.lines
        if lines is not None:
            # what may be the start of its end is no line by itself
            rest = lines.text.cross_gap(self._server)
            if lines.message is not None:
                lines.message.feed(rest)
                self._end_message(lines.message, lines, Delivery.CUT)
        self.lines = None

    def report_previews(self) -> None:
        """Report the messages of which only TOP was seen."""
        for message in self._maildrop.take_previews():
            self._report_preview(message)

    def _end(self, lines: MultiLine) -> None:
        self.lines = None
        reporter = self._reporter
        if lines.message is not None:
            self._end_message(lines.message, lines, Delivery.COMPLETE)
        elif lines.verb == "CAPA":
            self._report_capabilities(lines)
        elif lines.verb == "AUTH":
            # RFC 5034 §4, and what servers answered before it: a mechanism a line
            text = decode_text(bytes(lines.kept), self._limits.kept_text)
            names = split_words(text.upper())
            reporter.report(LoginOffered(names[: self._limits.list_items]))
        elif lines.verb in ("LIST", "UIDL") and not lines.has_gap:
            reporter.events += self._maildrop.count(lines.line_count, None)

    def _end_message(
        self, reader: MessageReader, lines: MultiLine, outcome: Delivery
    ) -> None:
        reporter = self._reporter
        reporter.report_line_ends(lines.text.line_ends, _SERVER)
        complete = outcome is Delivery.COMPLETE and not lines.has_gap
        if lines.verb == "TOP" and outcome is Delivery.COMPLETE:
            outcome = Delivery.PARTIAL
        message = MessageTransferred(
            Direction.RETRIEVED,
            outcome,
            reader.finish(complete=complete),
            reporter.time_ns,
            reporter.frame,
            verb=lines.verb,
            begin_ns=lines.begin_ns,
            offset=self._server.offset,
        )
        if lines.verb == "RETR":
            is_whole = outcome is Delivery.COMPLETE
            self._maildrop.retrieve(lines.number, complete=is_whole)
            reporter.report_message(message, _SERVER)
        else:
            previews = self._limits.previews
            over = self._maildrop.keep_preview(lines.number, message, previews)
            for preview in over:
                self._report_preview(preview)

    def _report_preview(self, message: MessageTransferred) -> None:
        self._reporter.report_message(message, _SERVER)
        self._reporter.events.append(UseCounted(Use.HEADERS_FETCHED, 1))

    def _report_capabilities(self, lines: MultiLine) -> None:
        limits = self._limits
        capabilities = grammar.parse_capabilities(
            bytes(lines.kept), limits.list_items, limits.kept_text
        )
        report_capabilities(
            self._reporter,
            self._logins,
            capabilities,
            grammar.parse_mechanisms(capabilities),
            upgrade="STLS",
            is_whole=not lines.has_gap,
        )
        for capability in capabilities:
            tag_name, _, parameter = capability.partition(" ")
            if tag_name == "IMPLEMENTATION" and parameter:
                self._reporter.report(SoftwareIdentified(_SERVER, parameter))
