"""Commands and replies in order: what SMTP and POP3 have in common.

The client's lines are commands. Each joins the queue of those that await their
reply, and replies answer the queue in order, pipelined or not (RFC 2920 §3.1,
RFC 2449 §6.8).

What follows a decisive command (DATA, AUTH, STARTTLS, STLS) depends on its
reply, so the client's bytes behind it wait. If no reply can come any more (a
hole in the server's stream, its end, too many bytes held), they speak for
themselves: a line with a known verb is a command, others are what the command
announced.

A line of the server that is no reply stands for one if the client, who had waited
for it, goes on: then nothing else answers the command.

A line without end counts as complete when the other side goes on as if it were.

After a hole, replies are not matched with commands across it, and the client's lines
are passed over until one of them is surely a command. What may be mail text (behind a
refused DATA) is no command unless its verb is known.

Nothing of a line is shown but what its grammar proves to be harmless: verbs that are
known or that the server announced, and arguments that fit their verb. What is left
out is `Withheld`, and so are lines that belong to a login which the server refused.

Memory is bounded by `Limits.pending_commands` and `Limits.held`.
"""

from __future__ import annotations

import abc
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Generic, NamedTuple, Protocol, TypeVar

from dissectors.conversation.dissector import MailDissector
from dissectors.conversation.lines import decode_text
from dissectors.credentials.names import MASK
from dissectors.credentials.sasl import SaslExchange
from dissectors.credentials.strays import StrayLogin, StrayLogins, split_sasl
from dissectors.events import (
    CredentialsCrossed,
    Exchange,
    ExchangeKind,
    Outcome,
    Side,
    StartTls,
    StartTlsAdvanced,
)
from dissectors.limits import DEFAULT_LIMITS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dissectors.conversation.lines import LineBuffer
    from dissectors.limits import Limits

# enough of a line to see whether it begins with a verb
_PEEK_BYTES = 64
# RFC 8446 §5.1: ContentType handshake
_TLS_HANDSHAKE = 0x16

# a member of an enum costs more to look up
_CLIENT, _SERVER = Side
_COMMAND = ExchangeKind.COMMAND

_WORD = re.compile(rb"[A-Za-z0-9-]{1,32}\Z")
# what clients of HTTP, and of one mail protocol say to the port of another
_FOREIGN_VERBS = """
    CAPA CAPABILITY CONNECT DATA DELETE EHLO GET HEAD HELO LIST LOGOUT MAIL NOOP OPTIONS
    POST PUT QUIT RCPT RSET SELECT STARTTLS STAT STLS TRACE UIDL
"""
_CONNECT = re.compile(rb"CONNECT [A-Za-z0-9.-]+:[0-9]+ HTTP/1\.[01]")
FOREIGN_VERBS = frozenset(_FOREIGN_VERBS.split())


def parse_verb(word: bytes, known: Mapping[bytes, str]) -> str | None:
    """Read a verb, in upper case; `None` if the word is none.

    A word that is not known may be a secret: it is `***` if it looks like a verb. In
    mixed case it does not, but like base64.

    Args:
        word: what may be a verb.
        known: the known verbs by their bytes.
    """
    verb = known.get(word.upper())
    if verb is not None:
        return verb
    if _WORD.match(word) and (word.isupper() or word.islower() or word.istitle()):
        return MASK
    return None


@dataclass(slots=True)
class Command:
    """A command that awaits its reply.

    Attributes:
        unreported: it is no exchange, unless it is answered.
        offset: where its line is in the client's stream.
        pipelined: it was sent before the reply to another one came.
        stray: the login, or part of one, that it is, and no command.
        opens_message: what follows can be nothing but a message.
    """

    exchange: Exchange
    sasl: SaslExchange | None = None
    stray: StrayLogin | None = None
    unreported: bool = False
    pipelined: bool = False
    opens_message: bool = False
    offset: int = 0


class _OddLine(NamedTuple):
    """A line of the server that is no reply, but may stand for one.

    Attributes:
        client_end: how far the client's stream had come then.
    """

    text: bytes
    time_ns: int
    frame: int
    client_end: int


class Reply(Protocol):
    """What a server answers."""

    @property
    def is_positive(self) -> bool:
        """The command succeeded."""

    def describe(self, exchange: Exchange, limit: int) -> None:
        """Fill in the code or status, and up to `limit` bytes of the text."""


CommandT = TypeVar("CommandT", bound=Command)
ReplyT = TypeVar("ReplyT", bound=Reply)


class DialogueDissector(MailDissector, Generic[CommandT, ReplyT]):
    """A dissector of commands that are answered in order.

    A protocol says how lines are parsed and what commands and replies mean; what
    it adds to a client's stream besides lines it reads in `_read_next`.
    """

    __slots__ = (
        "_announced",
        "_awaiting",
        "_challenged",
        "_decisive",
        "_greeted",
        "_is_lost",
        "_may_be_text",
        "_must_decide",
        "_odd_line",
        "_offered",
        "_replied_ns",
        "_reply_lost",
        "_rest_of_line",
        "_sent_before_end",
        "_sent_before_hole",
        "_stray_replies",
        "_strays",
        "_unfinished",
        "_words_are_verbs",
    )

    # known verbs, in upper case, those whose argument may be any word, and of these
    # what clients hardly say after they were refused; the anomaly of a line without
    # any verb
    _VERBS: ClassVar[frozenset[str]]
    _WORDY_VERBS: ClassVar[frozenset[str]] = frozenset()
    _RARE_VERBS: ClassVar[frozenset[str]] = frozenset()
    _UNKNOWN_COMMAND: ClassVar[str]

    def __init__(self, limits: Limits = DEFAULT_LIMITS) -> None:
        super().__init__(limits)
        # a list: an empty deque takes more than all the rest
        self._awaiting: list[CommandT] = []
        self._decisive: CommandT | None = None
        # the server asked for the next line of the client, which is a secret
        self._challenged = False
        self._greeted = False
        # lines may be those of a message, behind a hole or where nobody wants it
        self._words_are_verbs = self._may_be_text = False
        # around holes: no reply will come to the decisive command; its reply can't
        # be waited for; replies may answer what was lost; so many commands were
        # sent before a hole
        self._reply_lost = False
        self._must_decide = False
        self._stray_replies = False
        self._sent_before_hole: int | None = None
        # behind a hole no line of the client was surely a command yet
        self._is_lost = False
        self._odd_line: _OddLine | None = None
        # when the last reply came
        self._replied_ns = 0
        # per side: the next line may be the rest of one that was taken or lost
        self._rest_of_line = [False, False]
        # what the server offers, and what else it announces as verbs
        self._offered: frozenset[str] = frozenset()
        self._announced: frozenset[str] = frozenset()
        self._strays = StrayLogins()
        # an authentication that ended before all of it had crossed: some clients send
        # the rest all the same; up to where they did before they knew
        self._unfinished: SaslExchange | None = None
        self._sent_before_end = 0

    @abc.abstractmethod
    def _parse_command(self, line: bytes) -> tuple[str | None, bytes]:
        """Split a line into verb, in upper case, and argument."""

    @abc.abstractmethod
    def _is_surely_command(self, line: bytes) -> bool:
        """Whether a line, or its first bytes, can hardly be anything but a command."""

    @abc.abstractmethod
    def _make_command(self, exchange: Exchange) -> CommandT:
        """Add to an exchange what the protocol needs to know of a command."""

    @abc.abstractmethod
    def _receive_command(self, verb: str, argument: bytes) -> None:
        """Act on a command line with a known verb."""

    @abc.abstractmethod
    def _receive_server_line(self, line: bytes) -> None:
        """Act on a line of the server."""

    @abc.abstractmethod
    def _is_whole_reply(self, line: bytes) -> bool:
        """Whether a line without end may be all that the server has to say."""

    @abc.abstractmethod
    def _handle_reply(self, command: CommandT, reply: ReplyT | None) -> None:
        """Act on the reply to a command; `None` if none will be seen."""

    def _decide_by_line(self, command: CommandT, *, is_command: bool) -> None:
        """Act on what follows a decisive command whose reply is not seen."""

    def _line_reader(self, side: Side) -> Callable[[bytes], object] | None:
        if side is _SERVER:
            return self._receive_server_line
        if self._decisive is not None and not self._challenged:
            return None
        return self._receive_client_line

    # the client

    def _read(self, side: Side) -> None:
        unread = self._input[side]
        if side is _CLIENT:
            while unread.data and self._read_next(unread):
                pass
        else:
            self._read_server(unread)

    def _read_next(self, unread: LineBuffer) -> bool:
        """Read one thing of the client; `False` if it must wait."""
        if self._decisive is not None and not self._challenged:
            return self._decide_without_reply(unread, self._decisive)
        line = self._take_line(Side.CLIENT)
        if line is None:
            return False
        self._receive_client_line(line)
        return True

    def _receive_client_line(self, line: bytes) -> None:
        verb, argument = self._parse_command(line)
        is_known = verb in self._VERBS
        if self._challenged and self._receive_response(line, is_known=is_known):
            return
        if self._awaiting and self._is_answered_oddly(self._input[0].line_offset):
            self._give_up_oldest()
        if self._is_lost:
            if not self._is_surely_command(line):
                self._withheld.add_line(line)
                return
            self._is_lost = False
        is_rest, self._rest_of_line[0] = self._rest_of_line[0], False
        if verb is not None and is_known:
            self._words_are_verbs, self._may_be_text = True, False
            if argument and self._may_be_late_response(verb):
                self._withheld.add_login(argument)
                self._send(verb, MASK).stray = StrayLogin(verb, MASK)
            else:
                self._receive_command(verb, argument)
        elif is_rest:
            self._withheld.add_line(line)
        else:
            self._receive_unknown(verb, line)

    def _may_be_late_response(self, verb: str) -> bool:
        """Whether a command with a word behind it may belong to a refused AUTH."""
        if self._unfinished is None:
            return False
        was_blind = self._input[_CLIENT].offset <= self._sent_before_end
        return verb in (self._WORDY_VERBS if was_blind else self._RARE_VERBS)

    def _receive_response(self, line: bytes, *, is_known: bool) -> bool:
        self._challenged = False
        if self._decisive is not None and self._decisive.sasl is not None:
            if self._is_cut:
                self._decisive.sasl.receive_gap()
            self._decisive.sasl.receive_response(line)
            return True
        # a response to a challenge whose AUTH was not seen, unless it is a command
        if is_known:
            return False
        if self._unfinished is not None:
            self._receive_late_response(self._unfinished, line)
        else:
            self._withheld.add_login(line)
        return True

    def _receive_unknown(self, verb: str | None, line: bytes) -> None:
        """Report a line that is no command, and see whether it is part of a login."""
        stray = None
        if not self._may_be_text:
            stray = self._read_stray(line)
        if stray is not None:
            self._send(stray.verb, stray.argument).stray = stray
            if stray.sasl is not None:
                self._unfinished = stray.sasl
        elif self._unfinished is not None and line.strip():
            self._send(MASK)
            self._receive_late_response(self._unfinished, line)
        elif not self._words_are_verbs:
            if not _CONNECT.fullmatch(line):
                self._withheld.add_line(line)
            self._send(None).unreported = True
        else:
            if not _CONNECT.fullmatch(line):
                self._withheld.add_line(line)
            if verb is None:
                self._anomaly(self._UNKNOWN_COMMAND, Side.CLIENT)
            self._send(self._read_foreign(line) or verb)

    def _withhold_unread(self) -> None:
        # What waits behind DATA is a message, and nothing repeats it before that reply;
        # but behind a login it may be a password.
        decisive = self._decisive
        is_message = (
            decisive is not None
            and decisive.opens_message
            and decisive in self._awaiting[-1:]
        )
        if not is_message or self._withheld or self._have_both_ended():
            super()._withhold_unread()

    def _read_stray(self, line: bytes) -> StrayLogin | None:
        return self._strays.read(
            line, self._withheld, self._offered, is_cut=self._is_cut
        )

    def _read_foreign(self, line: bytes) -> str | None:
        """The verb of a line if the server announced it, or another protocol has it."""
        word = line.split(b" ", 1)[0].upper().decode("ascii", "replace")
        return word if word in self._announced or word in FOREIGN_VERBS else None

    def _receive_late_response(self, sasl: SaslExchange, line: bytes) -> None:
        """What belongs to an authentication that has ended has crossed all the same."""
        if self._is_cut:
            sasl.receive_gap()
        sasl.receive_response(line)
        self._events.append(CredentialsCrossed(sasl.user, sasl.exposure, sasl.authzid))
        if sasl.is_complete:
            self._unfinished = None

    def _send(
        self,
        verb: str | None,
        argument: str | None = None,
        kind: ExchangeKind = ExchangeKind.COMMAND,
    ) -> CommandT:
        """Let a command await its reply."""
        self.counts.exchanges = number = self.counts.exchanges + 1
        command = self._make_command(
            Exchange(number, kind, verb, argument, self._time_ns, self._frame)
        )
        if self._sent_before_hole is None:
            self._stray_replies = False
        if kind is _COMMAND:
            command.pipelined = self._is_in_flight()
            command.offset = self._input[_CLIENT].line_offset
        self._awaiting.append(command)
        if len(self._awaiting) > self.limits.pending_commands:
            self._anomaly("too_many_pending_commands", Side.CLIENT)
            self._give_up_oldest()
        return command

    def _is_in_flight(self) -> bool:
        """Whether a command is sent while another one waits for its reply."""
        if self._sent_before_hole is not None or self._is_lost:
            return False
        if not self._awaiting:
            # it may have been read later than it came
            return self._time_ns < self._replied_ns
        oldest = self._awaiting[0]
        return not (oldest.unreported or _is_nameless(oldest.exchange))

    def _send_auth(self, verb: str, argument: bytes) -> None:
        """AUTH: a mechanism, and perhaps an initial response (RFC 4954 §4)."""
        mechanism, response = split_sasl(argument)
        sasl = SaslExchange(mechanism, self._withheld, self._offered)
        shown = sasl.mechanism if mechanism else None
        if self._is_cut:
            sasl.receive_gap()
        if response:
            sasl.receive_initial_response(response)
            shown = f"{sasl.mechanism} {MASK}"
        command = self._send(verb, shown)
        command.sasl = sasl
        self._make_decisive(command)

    def _send_starttls(self, verb: str) -> None:
        self._events.append(StartTlsAdvanced(StartTls.REQUESTED))
        self._make_decisive(self._send(verb))

    def _make_decisive(self, command: CommandT) -> None:
        self._decisive = command
        self._reply_lost = False

    def _decide_without_reply(self, unread: LineBuffer, command: CommandT) -> bool:
        """Tell what the client's bytes are if no reply will; `False` if it may."""
        if not (
            self._reply_lost
            or self._is_answered_oddly(unread.offset)
            or self._must_decide
            or self._input[Side.SERVER].has_ended
            or len(unread) > self.limits.held
        ):
            return False
        if command.sasl is not None:
            return self._read_unasked_response(unread, command)
        start = bytes(unread.data[:_PEEK_BYTES])
        if start[0] == _TLS_HANDSHAKE:
            self._give_up_decisive(command)
            self._accept_tls()
            return True
        is_all = self._must_decide or self._have_both_ended()
        if b"\n" not in start and len(start) < _PEEK_BYTES and not is_all:
            return False
        self._give_up_decisive(command)
        is_command = self._is_surely_command(start.split(b"\n")[0].rstrip(b"\r"))
        self._decide_by_line(command, is_command=is_command)
        return True

    def _read_unasked_response(self, unread: LineBuffer, command: CommandT) -> bool:
        line = self._take_line(Side.CLIENT)
        if line is None:
            return False
        if self._parse_command(line)[0] in self._VERBS:
            self._give_up_decisive(command)
            self._receive_client_line(line)
        elif command.sasl is not None:
            command.sasl.receive_response(line)
        return True

    def _give_up_decisive(self, command: CommandT) -> None:
        self._decisive = None
        is_lost = self._reply_lost or self._odd_line is not None
        if is_lost or self._input[Side.SERVER].has_ended:
            self._give_up_before(command)
            self._give_up_oldest()

    # the server

    def _read_server(self, unread: LineBuffer) -> None:
        while unread.data:
            line = self._take_line(Side.SERVER)
            if line is None or self._releases_client(line):
                return

    def _releases_client(self, line: bytes) -> bool:
        """Act on a line of the server; whether somebody else reads on."""
        waited = self._client_waits()
        self._receive_server_line(line)
        if self._swapped is not None:
            return True
        return waited and not self._client_waits()

    def _client_waits(self) -> bool:
        return (
            self._decisive is not None and not self._challenged and not self._reply_lost
        )

    def _note_odd_line(self, line: bytes, *, is_reply: bool) -> None:
        """Learn of a line that may stand for a reply, or surely is one without code."""
        # a line that waited was not what the client waited for
        waited = self._speaker is not Side.SERVER
        if self._odd_line is None and self._awaiting and not waited:
            client = self._input[_CLIENT]
            at = (self._time_ns, self._frame)
            self._odd_line = _OddLine(line, *at, client.offset + len(client))
            if is_reply and len(self._awaiting) > 1:
                # what else is awaited has replies of its own
                self._give_up_oldest()

    def _is_answered_oddly(self, offset: int) -> bool:
        """Whether the client sent what is at this place behind an odd line."""
        return self._odd_line is not None and offset >= self._odd_line.client_end

    def _find_command(self, *, is_positive: bool) -> CommandT | None:
        """Find what a reply answers; `None` if nothing that was seen."""
        self._odd_line = None
        if self._sent_before_hole is not None and self._crosses_hole():
            return None
        awaiting = self._awaiting
        if not awaiting:
            self._take_unfinished_command()
        # what is no command gets an error, if it gets a reply at all
        while awaiting and is_positive and _is_nameless(awaiting[0].exchange):
            self._give_up_oldest()
        return awaiting.pop(0) if awaiting else None

    def _crosses_hole(self) -> bool:
        """Whether a reply is to a command that was lost; nobody knows how many."""
        if self._sent_before_hole is None or (
            self._awaiting
            and self._awaiting[0].exchange.number <= self._sent_before_hole
        ):
            return False
        self._sent_before_hole = None
        self._give_up_all_but_decisive()
        self._reply_lost = self._stray_replies = True
        return True

    def _take_unfinished_command(self) -> None:
        """A reply to nothing: perhaps to what the client sent without line end."""
        if self._speaker is not Side.SERVER:
            return
        unread = self._input[Side.CLIENT]
        start = bytes(unread.data[:_PEEK_BYTES])
        if b"\n" not in start and self._parse_command(start)[0] in self._VERBS:
            self._receive_client_line(unread.take_unfinished_line())
            self._rest_of_line[Side.CLIENT] = True

    def _give_up_oldest(self) -> None:
        """No reply will come; if an odd line did, it is shown in the place of one."""
        command = self._awaiting.pop(0)
        odd, self._odd_line = self._odd_line, None
        if odd is not None:
            exchange = command.exchange
            exchange.reply_text = decode_text(odd.text, self.limits.kept_text)
            exchange.reply_time_ns, exchange.reply_frame = odd.time_ns, odd.frame
        self._complete(command, None)

    def _give_up_all_but_decisive(self) -> None:
        """The decisive command is the last one; it may still be told apart."""
        while self._awaiting and self._awaiting[0] is not self._decisive:
            self._give_up_oldest()

    def _give_up_before(self, command: CommandT) -> None:
        """An unmistakable reply: what was sent before was answered, unseen."""
        self._sent_before_hole = None
        while self._awaiting and self._awaiting[0] is not command:
            self._give_up_oldest()

    def _complete(self, command: CommandT, reply: ReplyT | None) -> None:
        """Report a command that was answered, or never will be."""
        exchange = command.exchange
        if reply is not None:
            reply.describe(exchange, self.limits.kept_text)
            exchange.reply_time_ns, exchange.reply_frame = self._time_ns, self._frame
            self._replied_ns = self._time_ns
            if command.pipelined and self._greeted:
                self._use_extension("PIPELINING")
        if reply is not None or not command.unreported:
            self._report(exchange)
        if command.stray is None:
            self._handle_reply(command, reply)
        elif (attempt := command.stray.finish(_outcome(reply))) is not None:
            self._events.append(attempt)
        if command is self._decisive:
            self._decisive = None

    def _receive_unprompted(self, reply: ReplyT, kind: ExchangeKind) -> None:
        """Report a greeting, or a reply that answers nothing."""
        self.counts.exchanges = number = self.counts.exchanges + 1
        self._complete(self._make_command(Exchange(number, kind)), reply)

    def _accept_tls(self) -> None:
        self._events.append(StartTlsAdvanced(StartTls.ACCEPTED))
        self._start_tls()

    def _handle_starttls_reply(self, reply: ReplyT | None, *, accepted: bool) -> None:
        if accepted:
            self._accept_tls()
        elif reply is not None:
            self._events.append(StartTlsAdvanced(StartTls.REFUSED))

    def _handle_auth_reply(self, sasl: SaslExchange, reply: ReplyT | None) -> Outcome:
        outcome = _outcome(reply)
        self._challenged = False
        self._events.append(sasl.finish(outcome))
        self._unfinished = None if sasl.is_complete else sasl
        if reply is not None:
            unread = self._input[_CLIENT]
            self._sent_before_end = unread.offset + len(unread)
        return outcome

    # missing line ends, holes, the end

    def _interrupt(self, side: Side) -> None:
        unread = self._input[side]
        if side is Side.CLIENT or b"\n" in unread.data:
            return
        if self._is_whole_reply(bytes(unread.data[:_PEEK_BYTES])):
            self._receive_server_line(unread.take_unfinished_line())
            self._rest_of_line[Side.SERVER] = True

    def _skip_gap(self, side: Side, length: int) -> None:
        if side is Side.CLIENT:
            self._skip_client_gap(length)
        else:
            self._skip_server_gap(length)

    def _skip_client_gap(self, length: int) -> None:
        """Commands were lost: `length` bytes of them."""
        self._release_held()
        if self._decisive is not None and self._decisive.sasl is not None:
            self._decisive.sasl.receive_gap()
        if self._unfinished is not None:
            self._unfinished.receive_gap()
        self._input[Side.CLIENT].drop()
        self._expect_text()
        self._is_lost = True
        self._rest_of_line[Side.CLIENT] = True
        self._stray_replies = True
        if self._sent_before_hole is None:
            self._sent_before_hole = self.counts.exchanges

    def _expect_text(self) -> None:
        """Until a known verb comes, lines may be those of a message."""
        self._words_are_verbs, self._may_be_text = False, True

    def _release_held(self) -> None:
        """What was held can't wait any longer, as it must not join what follows."""
        if self._decisive is not None and self._input[Side.CLIENT].data:
            self._must_decide = True
            self._read(Side.CLIENT)
            self._must_decide = False

    def _skip_server_gap(self, length: int) -> None:
        """Replies were lost: `length` bytes of them."""
        self._input[Side.SERVER].drop()
        self._rest_of_line[Side.SERVER] = True
        self._give_up_all_but_decisive()
        self._reply_lost = self._stray_replies = True

    def _finish(self) -> None:
        client, server = self._input
        line = client.take_unfinished_line()
        self._is_cut = True
        if self._challenged or (line and self._parse_command(line)[0] in self._VERBS):
            self._receive_client_line(line)
        elif line:
            self._receive_unfinished(line)
        self._is_cut = False
        self._finish_server(server)
        while self._awaiting:
            self._give_up_oldest()

    def _receive_unfinished(self, line: bytes) -> None:
        """What is no command, and perhaps no whole line, may be a login still."""
        self._withheld.add_line(line)
        stray = None
        if not self._may_be_text:
            stray = self._read_stray(line)
        if stray is not None:
            self._send(stray.verb, stray.argument).stray = stray

    def _finish_server(self, unread: LineBuffer) -> None:
        self._read_server(unread)
        line = unread.take_unfinished_line()
        if line and self._is_whole_reply(line):
            self._receive_server_line(line)


def _outcome(reply: Reply | None) -> Outcome:
    if reply is None:
        return Outcome.UNKNOWN
    return Outcome.SUCCESS if reply.is_positive else Outcome.FAILURE


def _is_nameless(exchange: Exchange) -> bool:
    return exchange.verb is None and exchange.kind is _COMMAND
