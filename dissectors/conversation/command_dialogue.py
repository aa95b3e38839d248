"""The client's lines, and commands that decide what the next of them are.

The client's lines are commands. Each joins the queue of those that await their
reply, and replies answer the queue in order, pipelined or not.

What follows a decisive command (DATA, AUTH, STARTTLS, STLS) depends on its
reply, so the client's bytes behind it wait. If no reply can come any more (a
gap in the server's stream, its end, too many bytes held), they speak for
themselves: a line with a known verb is a command, others are what the command
announced.

A line without end counts as complete when the other side goes on as if it were.

After a gap, the client's lines are passed over until one of them is surely a command.
What may be mail text (behind a refused DATA) is no command unless its verb is known.

Nothing of a line is shown but what its grammar proves to be harmless: verbs that are
known or that the server announced, and arguments that fit their verb. What is left
out is `Withheld`, and so are lines that belong to a login which the server refused.

Memory is bounded by `Limits.pending_commands` and `Limits.held`.
"""

from __future__ import annotations

import abc
import enum
import re
from typing import TYPE_CHECKING, ClassVar

from dissectors.conversation.commands import CommandKind, CommandT, ReplyT
from dissectors.conversation.http import is_http_request
from dissectors.conversation.replies import PEEK_BYTES, ReplyMatcher
from dissectors.credentials.names import MASK
from dissectors.credentials.sasl import SaslExchange
from dissectors.credentials.strays import StrayLogin, split_sasl
from dissectors.events import (
    Exchange,
    ExchangeKind,
    Side,
    StartTls,
    StartTlsAdvanced,
)
from dissectors.limits import DEFAULT_LIMITS
from dissectors.tls.registries.content_types import ContentType

if TYPE_CHECKING:
    from collections.abc import Callable

    from dissectors.conversation.lines import LineBuffer
    from dissectors.limits import Limits

_CONNECT = re.compile(rb"CONNECT [A-Za-z0-9.-]+:[0-9]+ HTTP/1\.[01]")


class Sense(enum.Enum):
    """What a line of the client is that has no known verb."""

    # nothing shows yet that this is the protocol: no exchange, unless it is answered
    UNCLEAR = enum.auto()
    COMMAND = enum.auto()
    # of a message, perhaps: behind a gap, or where nobody wants one
    TEXT = enum.auto()
    # though a greeting came since
    TEXT_OR_COMMAND = enum.auto()


# a member of an enum costs more to look up
_CLIENT, _SERVER = Side
_COMMAND = ExchangeKind.COMMAND
_UNCLEAR, _IS_COMMAND, _TEXT, _TEXT_OR_COMMAND = Sense

_MAYBE_TEXT = (_TEXT, _TEXT_OR_COMMAND)
# what they are behind a greeting; behind a known verb, all are commands
_GREETED = {
    _UNCLEAR: _IS_COMMAND,
    _IS_COMMAND: _IS_COMMAND,
    _TEXT: _TEXT_OR_COMMAND,
    _TEXT_OR_COMMAND: _TEXT_OR_COMMAND,
}


class CommandDialogue(ReplyMatcher[CommandT, ReplyT]):
    """A dialogue of commands that are answered in order.

    A protocol says how lines are parsed and what commands and replies mean; what
    it adds to a client's stream besides lines it reads in `_read_next`.
    """

    __slots__ = ("_must_decide", "_sense")

    # known verbs, in upper case, those whose argument may be any word, and of these
    # what clients hardly say after they were refused; the anomaly of a line without
    # any verb
    _VERBS: ClassVar[frozenset[str]]
    _WORDY_VERBS: ClassVar[frozenset[str]] = frozenset()
    _RARE_VERBS: ClassVar[frozenset[str]] = frozenset()
    _UNKNOWN_COMMAND: ClassVar[str]

    def __init__(self, limits: Limits = DEFAULT_LIMITS) -> None:
        super().__init__(limits)
        self._sense = _UNCLEAR
        # what the client sent behind a decisive command can't wait for its reply
        self._must_decide = False

    @abc.abstractmethod
    def _parse_command(self, line: bytes) -> tuple[str | None, bytes]:
        """Split a line into verb, in upper case, and argument."""

    @abc.abstractmethod
    def _is_surely_command(self, line: bytes) -> bool:
        """Return whether a line, or its beginning, can hardly be but a command."""

    @abc.abstractmethod
    def _receive_command(self, verb: str, argument: bytes) -> None:
        """Act on a command line with a known verb."""

    def _decide_by_line(self, command: CommandT, *, is_command: bool) -> None:
        """Act on what follows a decisive command whose reply is not seen."""

    def line_reader(self, side: Side) -> Callable[[bytes], object] | None:
        """Return what acts on the next line of a side, unless it may have to wait."""
        if side is _SERVER:
            return self._receive_server_line
        if self.queue.decisive is not None and not self.logins.is_challenged:
            return None
        return self._receive_client_line

    def read(self, side: Side) -> None:
        """Read what can be read of a side's lines."""
        unread = self.streams[side]
        if side is _CLIENT:
            while unread.data and self._read_next(unread):
                pass
        else:
            self._read_server(unread)

    def _read_next(self, unread: LineBuffer) -> bool:
        """Read one thing of the client; `False` if it must wait."""
        decisive = self.queue.decisive
        if decisive is not None and not self.logins.is_challenged:
            return self._decide_without_reply(unread, decisive)
        line = self.plaintext.take_line(_CLIENT)
        if line is None:
            return False
        self._receive_client_line(line)
        return True

    def _receive_client_line(self, line: bytes) -> None:
        """Act on a line, which is a command, a response or neither."""
        verb, argument = self._parse_command(line)
        is_known = verb in self._VERBS
        logins, queue, unread = self.logins, self.queue, self.streams[0]
        if logins.is_challenged and self._receive_response(line, is_known=is_known):
            return
        if queue.awaiting and queue.is_answered_oddly(unread.line_offset):
            self._give_up_oldest()
        if unread.is_lost:
            if not self._is_surely_command(line):
                self.reporter.withheld.add_line(line)
                return
            unread.is_lost = False
        is_rest, unread.may_be_rest = unread.may_be_rest, False
        if verb is not None and is_known:
            if logins.unfinished is not None:
                # what follows no longer fits its grammar
                logins.unfinished.receive_gap()
            self._sense = _IS_COMMAND
            if argument and self._may_be_late_response(verb):
                self.reporter.withheld.add_login(argument)
                self.send(verb, MASK).stray = StrayLogin(verb, MASK)
            else:
                self._receive_command(verb, argument)
        elif is_rest:
            self.reporter.withheld.add_line(line)
        else:
            self._receive_unknown(verb, line)

    def _may_be_late_response(self, verb: str) -> bool:
        """Return whether a verb with a word behind it may belong to a refused AUTH."""
        if self.logins.unfinished is None:
            return False
        was_blind = self.streams[_CLIENT].offset <= self.logins.sent_before_end
        return verb in (self._WORDY_VERBS if was_blind else self._RARE_VERBS)

    def _receive_response(self, line: bytes, *, is_known: bool) -> bool:
        """Take the answer to a challenge; return whether the line is one."""
        self.logins.is_challenged = False
        decisive = self.queue.decisive
        if decisive is not None and decisive.sasl is not None:
            if self.logins.is_cut:
                decisive.sasl.receive_gap()
            decisive.sasl.receive_response(line)
            return True
        # a response to a challenge whose AUTH was not seen, unless it is a command
        if is_known:
            return False
        if self.logins.unfinished is not None:
            self._receive_late_response(self.logins.unfinished, line)
        else:
            self.reporter.withheld.add_login(line)
        return True

    def _receive_unknown(self, verb: str | None, line: bytes) -> None:
        """Report a line that is no command, and see whether it is part of a login."""
        stray = self._read_stray(line)
        if stray is not None:
            self.send(stray.verb, stray.argument).stray = stray
            if stray.sasl is not None:
                self.logins.unfinished = stray.sasl
            return
        if self.logins.unfinished is not None and line.strip():
            # first, as room for a command may end the authentication
            self._receive_late_response(self.logins.unfinished, line)
            self.send(MASK)
            return
        if not _CONNECT.fullmatch(line):
            self.reporter.withheld.add_line(line)
        if self._sense not in _MAYBE_TEXT and is_http_request(line):
            self.reporter.anomaly("http_request", _CLIENT)
        if self._sense is _UNCLEAR or self._sense is _TEXT:
            self.send(None).kind = CommandKind.UNCLEAR
            return
        if verb is None:
            self.reporter.anomaly(self._UNKNOWN_COMMAND, _CLIENT)
        self.send(self.logins.read_foreign(line) or verb)

    def _read_stray(self, line: bytes) -> StrayLogin | None:
        """Read a line as a login, unless it may be one of a message."""
        if self._sense is _TEXT or self._sense is _TEXT_OR_COMMAND:
            return None
        return self.logins.read_stray(line, self.reporter.withheld)

    def _receive_late_response(self, sasl: SaslExchange, line: bytes) -> None:
        """Report what crossed of an authentication that has ended."""
        crossed = self.logins.receive_late_response(sasl, line)
        self.reporter.events.append(crossed)

    def send(
        self,
        verb: str | None,
        argument: str | None = None,
        kind: ExchangeKind = ExchangeKind.COMMAND,
    ) -> CommandT:
        """Let a command await its reply."""
        queue, reporter = self.queue, self.reporter
        number, time_ns = reporter.next_number(), reporter.time_ns
        command = self._make_command(
            Exchange(number, kind, verb, argument, time_ns, reporter.frame)
        )
        if kind is _COMMAND:
            unread = self.streams[0]
            command.pipelined = not unread.is_lost and queue.is_in_flight(time_ns)
            command.offset = unread.line_offset
        queue.add(command)
        if len(queue.awaiting) > self.limits.pending_commands:
            reporter.anomaly("too_many_pending_commands", _CLIENT)
            self._give_up_oldest()
        return command

    def send_auth(self, verb: str, argument: bytes) -> None:
        """Let AUTH await its reply: a mechanism, perhaps a response (RFC 4954 §4)."""
        mechanism, response = split_sasl(argument)
        sasl = SaslExchange(mechanism, self.reporter.withheld, self.logins.offered)
        shown = sasl.mechanism if mechanism else None
        if self.logins.is_cut:
            sasl.receive_gap()
        if response:
            sasl.receive_initial_response(response)
            shown = f"{sasl.mechanism} {MASK}"
        command = self.send(verb, shown)
        command.sasl = sasl
        self.queue.decisive = command

    def send_starttls(self, verb: str) -> None:
        """Let the command for the upgrade to TLS await its reply."""
        self.reporter.events.append(StartTlsAdvanced(StartTls.REQUESTED))
        self.queue.decisive = self.send(verb)

    # what follows a decisive command

    def _decide_without_reply(self, unread: LineBuffer, command: CommandT) -> bool:
        """Tell what the client's bytes are if no reply will; `False` if it may."""
        if not (
            self.queue.is_decision_lost
            or self.queue.is_answered_oddly(unread.offset)
            or self._must_decide
            or self.streams[_SERVER].has_ended
            or len(unread) > self.limits.held
        ):
            return False
        if command.sasl is not None:
            return self._read_unasked_response(unread, command)
        start = bytes(unread.data[:PEEK_BYTES])
        if start[0] == ContentType.HANDSHAKE:
            self._give_up_decisive(command)
            self._accept_tls()
            return True
        is_all = self._must_decide or self.reporter.have_both_ended()
        if b"\n" not in start and len(start) < PEEK_BYTES and not is_all:
            return False
        self._give_up_decisive(command)
        is_command = self._is_surely_command(start.split(b"\n")[0].rstrip(b"\r"))
        self._decide_by_line(command, is_command=is_command)
        return True

    def _read_unasked_response(self, unread: LineBuffer, command: CommandT) -> bool:
        line = self.plaintext.take_line(_CLIENT)
        if line is None:
            return False
        if self._parse_command(line)[0] in self._VERBS:
            self._give_up_decisive(command)
            self._receive_client_line(line)
        elif command.sasl is not None:
            command.sasl.receive_response(line)
        return True

    def _give_up_decisive(self, command: CommandT) -> None:
        queue = self.queue
        is_lost = queue.is_decision_lost or queue.odd_line is not None
        queue.decisive = None
        if is_lost or self.streams[_SERVER].has_ended:
            self._give_up_before(command)
            self._give_up_oldest()

    def _take_unfinished_command(self) -> None:
        """Find what a reply answers: what the client sent without line end, perhaps."""
        if self.reporter.speaker is not _SERVER:
            return
        unread = self.streams[_CLIENT]
        start = bytes(unread.data[:PEEK_BYTES])
        if b"\n" not in start and self._parse_command(start)[0] in self._VERBS:
            self._receive_client_line(unread.take_unfinished_line())
            self.streams[_CLIENT].may_be_rest = True

    # gaps, and the end

    def skip_gap(self, side: Side, length: int) -> None:
        """Deal with a gap: commands or replies were lost."""
        if side is _CLIENT:
            self._skip_client_gap(length)
        else:
            self._skip_server_gap(length)

    def _skip_client_gap(self, length: int) -> None:
        """Deal with `length` bytes of commands that were lost."""
        self._release_held()
        decisive, unread = self.queue.decisive, self.streams[_CLIENT]
        if decisive is not None and decisive.sasl is not None:
            decisive.sasl.receive_gap()
        self.logins.receive_gap()
        unread.drop()
        unread.may_be_rest = True
        self._expect_text()
        unread.is_lost = True
        self.queue.lose_commands(self.reporter.counts.exchanges)

    def _expect_text(self) -> None:
        """Take lines for those of a message, perhaps, until a known verb comes."""
        self._sense = _TEXT

    def skip_greeting(self) -> None:
        """Learn that the server has greeted already, before TLS."""
        self._pass_greeting()
        self._expect_commands()

    def _expect_commands(self) -> None:
        """Learn that the server greets: this is the protocol."""
        self._sense = _GREETED[self._sense]

    def _release_held(self) -> None:
        """Read what was held, as it must not join what follows."""
        if self.queue.decisive is not None and self.streams[_CLIENT].data:
            self._must_decide = True
            self.read(_CLIENT)
            self._must_decide = False

    def finish(self) -> None:
        """Learn that nothing follows: report what was still waiting for a reply."""
        client, server = self.streams
        line = client.take_unfinished_line()
        self.logins.is_cut = True
        is_command = line and self._parse_command(line)[0] in self._VERBS
        if is_command or self.logins.is_challenged:
            self._receive_client_line(line)
        elif line:
            self._receive_unfinished(line)
        self.logins.is_cut = False
        self._finish_server(server)
        while self.queue.awaiting:
            self._give_up_oldest()

    def _receive_unfinished(self, line: bytes) -> None:
        """See whether what is no command, and perhaps no line, is a login still."""
        self.reporter.withheld.add_line(line)
        stray = self._read_stray(line)
        if stray is not None:
            self.send(stray.verb, stray.argument).stray = stray
