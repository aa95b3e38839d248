"""Replies, and which commands they answer: what SMTP and POP3 have in common.

A line of the server that is no reply stands for one if the client, who had waited
for it, goes on: then nothing else answers the command.

After a gap, replies are not matched with commands across it.
"""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING, Generic

from dissectors.conversation.commands import (
    CommandT,
    OddLine,
    QueueReporter,
    ReplyT,
    SyncEvent,
)
from dissectors.conversation.dialogue import Dialogue
from dissectors.conversation.lines import decode_text
from dissectors.conversation.logins import Logins
from dissectors.events import (
    Exchange,
    ExchangeKind,
    Outcome,
    Side,
    StartTls,
    StartTlsAdvanced,
)

if TYPE_CHECKING:
    from dissectors.conversation.commands import Reply
    from dissectors.conversation.lines import LineBuffer
    from dissectors.credentials.sasl import SaslExchange
    from dissectors.limits import Limits

# enough of a line to see whether it begins with a verb, or is a reply
PEEK_BYTES = 64

# a member of an enum costs more to look up
_CLIENT, _SERVER = Side


class ReplyMatcher(Dialogue, abc.ABC, Generic[CommandT, ReplyT]):
    """Finds for each reply the command that it answers, and reports both."""

    __slots__ = ("_is_greeted", "logins", "queue")

    def __init__(self, limits: Limits) -> None:
        reporter: QueueReporter[CommandT] = QueueReporter(limits)
        super().__init__(reporter)
        self.queue = reporter.queue
        self.logins = Logins()
        self._is_greeted = False

    def _pass_greeting(self) -> None:
        """Note that what the server says next is no greeting."""
        self._is_greeted = True

    @abc.abstractmethod
    def _make_command(self, exchange: Exchange) -> CommandT:
        """Add to an exchange what the protocol needs to know of a command."""

    @abc.abstractmethod
    def _receive_server_line(self, line: bytes) -> None:
        """Act on a line of the server."""

    @staticmethod
    @abc.abstractmethod
    def _show_reply(line: bytes) -> bytes | None:
        """Return what may be shown of a line; `None` if it may be anything."""

    @abc.abstractmethod
    def _is_whole_reply(self, line: bytes) -> bool:
        """Return whether a line without end may be all that the server has to say."""

    @abc.abstractmethod
    def _handle_reply(self, command: CommandT, reply: ReplyT | None) -> None:
        """Act on the reply to a command; `None` if none will be seen."""

    @abc.abstractmethod
    def _take_unfinished_command(self) -> None:
        """Find what a reply answers: what the client sent without line end, perhaps."""

    # the server's lines

    def show_line(self, side: Side, line: bytes) -> str:
        """Show a line that is no command: what the protocol knows of the server."""
        shown = self._show_reply(line) if side is _SERVER else None
        if shown is None:
            return super().show_line(side, line)
        return decode_text(shown, self.limits.kept_text)

    def _read_server(self, unread: LineBuffer) -> None:
        while unread.data:
            line = self.plaintext.take_line(_SERVER)
            if line is None or self._releases_client(line):
                return

    def _releases_client(self, line: bytes) -> bool:
        """Act on a line of the server; return whether somebody else reads on."""
        waited = self._client_waits()
        self._receive_server_line(line)
        if self.successor is not None:
            return True
        return waited and not self._client_waits()

    def _client_waits(self) -> bool:
        decisive = self.queue.decisive
        return not (
            decisive is None or self.logins.is_challenged or self.queue.is_decision_lost
        )

    def _note_odd_line(self, line: bytes, *, is_reply: bool) -> None:
        """Learn of a line that may stand for a reply, or surely is one without code."""
        queue = self.queue
        # a line that waited was not what the client waited for
        waited = self.reporter.speaker is not _SERVER
        if queue.odd_line is None and queue.awaiting and not waited:
            self.reporter.withhold_held()
            client = self.streams[_CLIENT]
            at = (self.reporter.time_ns, self.reporter.frame)
            queue.odd_line = OddLine(line, *at, client.offset + len(client))
            if is_reply and len(queue.awaiting) > 1:
                # what else is awaited has replies of its own
                self._give_up_oldest()

    def interrupt(self, side: Side) -> None:
        """Take a reply without line end for whole if the client goes on."""
        unread = self.streams[side]
        if side is _CLIENT or b"\n" in unread.data:
            return
        if self._is_whole_reply(bytes(unread.data[:PEEK_BYTES])):
            # what the client says now is not among it yet
            self.reporter.withhold_held()
            self._receive_server_line(unread.take_unfinished_line())
            self.streams[_SERVER].may_be_rest = True

    def _skip_server_gap(self, length: int) -> None:
        """Deal with `length` bytes of replies that were lost."""
        unread = self.streams[_SERVER]
        unread.drop()
        unread.may_be_rest = True
        self._give_up_all_but_decisive()
        self.queue.lose_replies()

    def _finish_server(self, unread: LineBuffer) -> None:
        self._read_server(unread)
        line = unread.take_unfinished_line()
        if line and self._is_whole_reply(line):
            self._receive_server_line(line)

    # what they answer

    def _find_command(self, *, is_positive: bool) -> CommandT | None:
        """Find what a reply answers; `None` if nothing that was seen."""
        queue = self.queue
        queue.odd_line = None
        if queue.crosses_gap():
            queue.note(SyncEvent.REPLY_RECOGNISED)
            self._give_up_all_but_decisive()
            queue.lose_replies()
            return None
        awaiting = queue.awaiting
        if not awaiting:
            self._take_unfinished_command()
        # what is no command gets an error, if it gets a reply at all
        while awaiting and is_positive and awaiting[0].is_nameless:
            self._give_up_oldest()
        return awaiting.pop(0) if awaiting else None

    def _give_up_oldest(self) -> None:
        """Expect no reply any more; an odd line, if one came, is shown in its place."""
        self._complete(self.queue.give_up_oldest(self.limits.kept_text), None)

    def _give_up_all_but_decisive(self) -> None:
        """Expect no replies but that to the decisive command, which is the last one."""
        queue = self.queue
        while queue.awaiting and queue.awaiting[0] is not queue.decisive:
            self._give_up_oldest()

    def _give_up_before(self, command: CommandT) -> None:
        """Give up what was sent before a command whose reply is unmistakable."""
        queue = self.queue
        queue.note(SyncEvent.REPLY_RECOGNISED)
        while queue.awaiting and queue.awaiting[0] is not command:
            self._give_up_oldest()

    def _complete(self, command: CommandT, reply: ReplyT | None) -> None:
        """Report a command that was answered, or never will be."""
        exchange, queue, reporter = command.exchange, self.queue, self.reporter
        if reply is not None:
            reply.describe(exchange, self.limits.kept_text)
            exchange.reply_time_ns = queue.replied_ns = reporter.time_ns
            exchange.reply_frame = reporter.frame
            if command.pipelined and self._is_greeted:
                reporter.use_extension("PIPELINING")
        if reply is not None or not command.is_unclear:
            reporter.report(exchange)
        if command.stray is None:
            self._handle_reply(command, reply)
        elif (attempt := command.stray.finish(outcome_of(reply))) is not None:
            reporter.events.append(attempt)
        if command is queue.decisive:
            queue.decisive = None

    def _receive_unprompted(self, reply: ReplyT, kind: ExchangeKind) -> None:
        """Report a greeting, or a reply that answers nothing."""
        exchange = Exchange(self.reporter.next_number(), kind)
        self._complete(self._make_command(exchange), reply)

    # what they mean, in both protocols

    def _accept_tls(self) -> None:
        self.reporter.events.append(StartTlsAdvanced(StartTls.ACCEPTED))
        self.plaintext.start_tls()

    def _handle_starttls_reply(self, reply: ReplyT | None, *, accepted: bool) -> None:
        if accepted:
            self._accept_tls()
        elif reply is not None:
            self.reporter.events.append(StartTlsAdvanced(StartTls.REFUSED))

    def _handle_auth_reply(self, sasl: SaslExchange, reply: ReplyT | None) -> Outcome:
        outcome = outcome_of(reply)
        logins = self.logins
        logins.is_challenged = False
        self.reporter.events.append(sasl.finish(outcome))
        logins.unfinished = None if sasl.is_complete else sasl
        if reply is not None:
            unread = self.streams[_CLIENT]
            logins.sent_before_end = unread.offset + len(unread)
        return outcome


def outcome_of(reply: Reply | None) -> Outcome:
    """Return how a command ended that a reply answers, or `None`."""
    if reply is None:
        return Outcome.UNKNOWN
    return Outcome.SUCCESS if reply.is_positive else Outcome.FAILURE
