"""The state machine of POP3, on top of commands and responses in order.

AUTHORIZATION -> TRANSACTION -> UPDATE (RFC 1939 §3): a login that succeeds leads to
the second, and only QUIT from there to the third, which removes messages. A response
that was not seen changes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dissectors.conversation.command_dialogue import CommandDialogue
from dissectors.conversation.forwarding import read_forwarded
from dissectors.conversation.lines import decode_text
from dissectors.conversation.replies import outcome_of
from dissectors.conversation.software import find_software
from dissectors.credentials.names import MASK
from dissectors.credentials.sasl import SaslExchange
from dissectors.events import (
    AuthAttempted,
    Exchange,
    ExchangeKind,
    Exposure,
    GreetingReceived,
    LoginOffered,
    Outcome,
    Side,
    State,
    StateChanged,
)
from dissectors.limits import DEFAULT_LIMITS
from dissectors.pop3 import grammar
from dissectors.pop3.grammar import parse_status
from dissectors.pop3.maildrop import Maildrop
from dissectors.pop3.multi_line import MultiLineReader
from dissectors.pop3.responses import Pop3Command, StatusLine

if TYPE_CHECKING:
    from collections.abc import Callable

    from dissectors.conversation.lines import LineBuffer
    from dissectors.limits import Limits

# a member of an enum costs more to look up
_CLIENT, _SERVER = Side
_LOGIN_VERBS = frozenset({"APOP", "PASS"})
_NUMBERED_VERBS = frozenset({"RETR", "TOP", "DELE"})


class Pop3Dialogue(CommandDialogue[Pop3Command, StatusLine]):
    """Dissects one POP3 connection."""

    __slots__ = ("_maildrop", "_multi_line", "_state", "_user")

    _VERBS = grammar.VERBS
    _UNKNOWN_COMMAND = "pop3_unknown_command"
    _show_reply = staticmethod(grammar.show_response)

    def __init__(self, limits: Limits = DEFAULT_LIMITS) -> None:
        super().__init__(limits)
        self._user: str | None = None
        self._maildrop = Maildrop()
        self._multi_line = MultiLineReader(self.reporter, self.logins, self._maildrop)
        self._state: State | None = None

    def new_inside(self, *, greeted: bool) -> Pop3Dialogue:
        """Return what reads the session inside TLS."""
        inside = Pop3Dialogue(self.limits)
        if greeted:
            inside.skip_greeting()
        return inside

    # commands

    def _parse_command(self, line: bytes) -> tuple[str | None, bytes]:
        return grammar.parse_command(line)

    def _is_surely_command(self, line: bytes) -> bool:
        return grammar.parse_command(line)[0] in self._VERBS

    def _make_command(self, exchange: Exchange) -> Pop3Command:
        return Pop3Command(exchange)

    def _receive_command(self, verb: str, argument: bytes) -> None:
        if verb == "AUTH" and argument.strip():
            self.send_auth(verb, argument)
        elif verb == "STLS":
            self.send_starttls(verb)
        elif verb == "PASS":
            self._receive_password(argument)
        elif verb == "APOP":
            self.reporter.withheld.add_login(argument)
            name = grammar.parse_apop(argument)
            shown = f"{name} {MASK}" if name else MASK
            self.send(verb, shown).user = name
        else:
            self._send_plain(verb, argument.strip(b" "))

    def _receive_password(self, argument: bytes) -> None:
        self.reporter.withheld.add_login(argument, ())
        command = self.send(verb="PASS", argument=MASK if argument else None)
        command.user = self._user
        if not argument.strip():
            # some clients send it on a line of its own
            self.logins.unfinished = SaslExchange.of_password(self.reporter.withheld)

    def _send_plain(self, verb: str, argument: bytes) -> None:
        """Send a command whose argument is shown if it is well formed."""
        shown = grammar.show_argument(verb, argument) if argument else None
        if self.logins.is_cut and verb == "USER":
            shown = MASK
        if shown is not None and MASK in shown:
            self.reporter.withheld.add_login(argument)
        if verb == "USER":
            self._user = shown if shown != MASK else None
        command = self.send(verb, shown)
        command.is_multi_line = grammar.has_multi_line_response(
            verb, has_argument=shown is not None
        )
        if shown not in (None, MASK) and verb in _NUMBERED_VERBS:
            command.number = shown.split(" ")[0].lstrip("0")

    def send(
        self,
        verb: str | None,
        argument: str | None = None,
        kind: ExchangeKind = ExchangeKind.COMMAND,
    ) -> Pop3Command:
        """Let a command await its response."""
        self._multi_line.note_command()
        return super().send(verb, argument, kind)

    def _decode(self, raw: bytes) -> str:
        return decode_text(raw, self.limits.kept_text)

    def line_reader(self, side: Side) -> Callable[[bytes], object] | None:
        """Return what acts on the next line of a side, if lines are what comes."""
        return super().line_reader(side) if self._multi_line.lines is None else None

    # responses

    def _read_server(self, unread: LineBuffer) -> None:
        while unread.data:
            lines = self._multi_line.lines
            if lines is not None:
                if not self._multi_line.read(lines):
                    return
            else:
                line = self.plaintext.take_line(_SERVER)
                if line is None or self._releases_client(line):
                    return

    def _is_whole_reply(self, line: bytes) -> bool:
        if self._multi_line.lines is not None or parse_status(line) is None:
            return False
        return not (self.queue.awaiting and self.queue.awaiting[0].is_multi_line)

    def _receive_server_line(self, line: bytes) -> None:
        unread, decisive = self.streams[1], self.queue.decisive
        is_rest, unread.may_be_rest = unread.may_be_rest, False
        status = parse_status(line)
        sasl = decisive.sasl if decisive is not None else None
        if status is not None:
            self._receive_response_line(StatusLine(*status))
        elif sasl is not None and line[:2] in (b"+", b"+ "):
            # RFC 5034 §4: a challenge
            self.logins.is_challenged = True
            self.queue.odd_line = None
            sasl.receive_challenge(line[2:])
        elif self.queue.is_in_step and not (is_rest or self._is_client_unseen()):
            self.reporter.anomaly("pop3_unexpected_line", _SERVER)
            self._note_odd_line(line, is_reply=False)

    def _is_client_unseen(self) -> bool:
        """Return whether nobody knows what to expect, behind the greeting."""
        client = self.streams[_CLIENT]
        return self._is_greeted and not (client.offset or client.data)

    def _receive_response_line(self, response: StatusLine) -> None:
        if not self._is_greeted:
            self._pass_greeting()
            # words of another protocol may come first
            if all(command.is_unclear for command in self.queue.awaiting):
                self._receive_greeting(response)
                return
        command = self._find_command(is_positive=response.is_positive)
        if command is not None:
            self._complete(command, response)
        elif self.queue.is_in_step:
            self._receive_unprompted(response, ExchangeKind.UNSOLICITED)

    def _receive_greeting(self, response: StatusLine) -> None:
        self._expect_commands()
        self._receive_unprompted(response, ExchangeKind.GREETING)
        text = self._decode(response.text).strip()
        self.reporter.report(GreetingReceived(text, find_software(text)))
        if response.is_positive:
            self._enter(State.AUTHORIZATION)
            if grammar.has_timestamp(response.text):
                self.reporter.report(LoginOffered(["APOP"]))

    def _enter(self, state: State) -> None:
        if state is not self._state:
            self._state = state
            self.reporter.events.append(StateChanged(state))

    def _handle_reply(self, command: Pop3Command, reply: StatusLine | None) -> None:
        is_positive = reply is not None and reply.is_positive
        if command.sasl is not None:
            self._handle_auth_reply(command.sasl, reply)
        elif command.exchange.verb in _LOGIN_VERBS:
            self._report_login(command, outcome_of(reply))
        elif command.exchange.verb == "STLS":
            self._handle_starttls_reply(reply, accepted=is_positive)
        if reply is not None and is_positive:
            self._handle_success(command, reply)

    def _handle_success(self, command: Pop3Command, reply: StatusLine) -> None:
        verb = command.exchange.verb or ""
        if command.sasl is not None or verb in _LOGIN_VERBS:
            self._enter(State.TRANSACTION)
        if command.is_multi_line:
            self._multi_line.expect(command)
        on_success = _ON_SUCCESS.get(verb)
        if on_success is not None:
            on_success(self, command, reply)
        if verb in grammar.EXTENSION_VERBS:
            self.reporter.use_extension(grammar.EXTENSION_VERBS[verb])

    def _report_login(self, command: Pop3Command, outcome: Outcome) -> None:
        if command.exchange.verb == "APOP":
            attempt = AuthAttempted("APOP", command.user, outcome, Exposure.OFFLINE)
        else:
            has_crossed = command.exchange.argument is not None
            exposure = Exposure.PASSWORD if has_crossed else Exposure.NOTHING
            attempt = AuthAttempted("USER", command.user, outcome, exposure)
        self.reporter.events.append(attempt)

    def _on_xclient(self, command: Pop3Command, _reply: StatusLine) -> None:
        told = read_forwarded(command.exchange, self.limits.kept_text)
        self.reporter.events.append(told)

    def _on_stat(self, _command: Pop3Command, reply: StatusLine) -> None:
        listing = grammar.parse_drop_listing(reply.text)
        if listing is not None:
            self.reporter.events += self._maildrop.count(*listing)

    def _on_dele(self, command: Pop3Command, _reply: StatusLine) -> None:
        self._maildrop.delete(command.number)

    def _on_rset(self, _command: Pop3Command, _reply: StatusLine) -> None:
        self._maildrop.undelete_all()

    def _on_quit(self, _command: Pop3Command, _reply: StatusLine) -> None:
        self.reporter.events += self._maildrop.remove_deleted()
        if self._state is State.TRANSACTION:
            self._enter(State.UPDATE)

    # gaps and the end

    def _skip_server_gap(self, length: int) -> None:
        if not self._multi_line.cross_gap(length):
            super()._skip_server_gap(length)

    def finish(self) -> None:
        """Learn that nothing follows: report what was still to come."""
        self._multi_line.break_off()
        super().finish()
        self._multi_line.report_previews()


# by verb: what acts on a positive response
_ON_SUCCESS: dict[str, Callable[[Pop3Dialogue, Pop3Command, StatusLine], None]] = {
    "DELE": Pop3Dialogue._on_dele,
    "RSET": Pop3Dialogue._on_rset,
    "QUIT": Pop3Dialogue._on_quit,
    "STAT": Pop3Dialogue._on_stat,
    "XCLIENT": Pop3Dialogue._on_xclient,
}
