"""POP3 sessions: commands, responses, authentication and retrieved messages.

Handled: RFC 1939 with CAPA and pipelining (RFC 2449), STLS (RFC 2595), AUTH (RFC
5034), UTF8 and LANG (RFC 6856). Of the listings only CAPA is read, of TOP nothing
is kept. Left out: XTND XMIT, the timestamp of APOP.

A response is a status line; some commands have a multi-line response if it is
positive. A message that has begun goes on after a hole; if the hole swallowed
its end, a status line behind the client's next command shows it.

Memory per connection is bounded by `Limits`: a line per side, a listing, the
commands without response. The cost is linear in the bytes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from dissectors.conversation import decode_text, remember_short
from dissectors.dialogue import Command, DialogueDissector, parse_verb
from dissectors.dotstuffing import StuffedText
from dissectors.events import (
    AuthAttempted,
    CapabilitiesAnnounced,
    Delivery,
    Direction,
    Exchange,
    ExchangeKind,
    Exposure,
    GreetingReceived,
    MessagesDeleted,
    MessageTransferred,
    Outcome,
    Side,
    SoftwareIdentified,
    StartTls,
    StartTlsAdvanced,
)
from dissectors.limits import DEFAULT_LIMITS
from dissectors.message import MessageReader
from dissectors.software import find_software

if TYPE_CHECKING:
    from collections.abc import Callable

    from dissectors.conversation import LineBuffer
    from dissectors.limits import Limits

_VERBS = (
    "APOP AUTH CAPA DELE LANG LAST LIST NOOP PASS QUIT RETR RPOP RSET STAT STLS TOP "
    "UIDL USER UTF8 XAUTH XSENDER XTND"
)
VERBS = frozenset(_VERBS.split())
_VERB_OF = {verb.encode(): verb for verb in VERBS}

# RFC 1939 §3: the status indicators; servers must send them in upper case
_STATUS = re.compile(rb"(\+OK|-ERR)(?![A-Za-z0-9])[ \t]*", re.IGNORECASE)
_STATUS_BYTES = 5
_PLUS = 0x2B


def parse_command(line: bytes) -> tuple[str | None, bytes]:
    """Split a command line into verb, in upper case, and argument.

    The argument keeps its blanks, which may be part of a password.
    """
    word, _, argument = line.lstrip().replace(b"\t", b" ", 1).partition(b" ")
    return parse_verb(word, _VERB_OF), argument


def parse_status(line: bytes) -> tuple[str, bytes] | None:
    """Split a status line into the indicator and the text behind it."""
    match = _STATUS.match(line)
    if match is None:
        return None
    return "+OK" if line[0] == _PLUS else "-ERR", line[match.end() :]


@remember_short
def parse_capabilities(raw: bytes, line_limit: int, text_limit: int) -> tuple[str, ...]:
    """Read the lines of a CAPA response.

    Args:
        raw: the lines behind the status line.
        line_limit: how many of them to read.
        text_limit: how many bytes of each to keep.
    """
    capabilities = []
    for line in raw.splitlines()[:line_limit]:
        # RFC 2449 §3: a tag, and parameters; the tag is not case-sensitive
        tag, blank, parameters = line.strip().partition(b" ")
        if tag:
            text = tag.upper() + blank + parameters
            capabilities.append(decode_text(text, text_limit))
    return tuple(capabilities)


@dataclass(slots=True)
class _Response:
    """A status line; the multi-line part streams by."""

    status: str
    text: bytes

    @property
    def is_positive(self) -> bool:
        return self.status == "+OK"

    def describe(self, exchange: Exchange, limit: int) -> None:
        exchange.status = self.status
        exchange.reply_text = decode_text(self.text, limit)


@dataclass(slots=True)
class _Pop3Command(Command):
    """A command; `user` is the one that PASS and APOP log in."""

    user: str | None = None
    is_multi_line: bool = False


@dataclass(slots=True)
class _MultiLine:
    """The lines that follow a positive status line."""

    verb: str
    text: StuffedText
    message: MessageReader | None
    kept: bytearray = field(default_factory=bytearray)
    has_hole: bool = False
    # after a hole, the client has sent a command: a status line may be next
    may_have_ended: bool = False


class Pop3Dissector(DialogueDissector[_Pop3Command, _Response]):
    """Dissects one POP3 connection."""

    _VERBS = VERBS
    _UNKNOWN_COMMAND = "pop3_unknown_command"

    def __init__(self, limits: Limits = DEFAULT_LIMITS) -> None:
        super().__init__(limits)
        self._user: str | None = None
        self._multi_line: _MultiLine | None = None
        self._deleted = 0

    # commands

    def _parse_command(self, line: bytes) -> tuple[str | None, bytes]:
        return parse_command(line)

    def _make_command(self, exchange: Exchange) -> _Pop3Command:
        return _Pop3Command(exchange)

    def _receive_command(self, verb: str, argument: bytes) -> None:
        if verb == "AUTH" and argument.strip():
            self._send_auth(verb, argument.strip())
        elif verb == "STLS":
            self._send_starttls(verb)
        elif verb == "PASS":
            self._send(verb, "***").user = self._user
        elif verb == "APOP":
            name = self._decode(argument.split(b" ", 1)[0])
            self._send(verb, f"{name} ***").user = name
        else:
            if verb == "USER":
                self._user = self._decode(argument.strip())
            text = self._decode(argument.strip()) or None
            command = self._send(verb, text)
            command.is_multi_line = _is_multi_line(verb, has_argument=text is not None)

    def _send(
        self,
        verb: str | None,
        argument: str | None = None,
        kind: ExchangeKind = ExchangeKind.COMMAND,
    ) -> _Pop3Command:
        if self._multi_line is not None and self._multi_line.has_hole:
            self._multi_line.may_have_ended = True
        return super()._send(verb, argument, kind)

    def _decode(self, raw: bytes) -> str:
        return decode_text(raw, self.limits.kept_text)

    def _line_reader(self, side: Side) -> Callable[[bytes], object] | None:
        return None if self._multi_line is not None else super()._line_reader(side)

    # responses

    def _read_server(self, unread: LineBuffer) -> None:
        while unread.data:
            if self._multi_line is not None:
                if not self._read_multi_line(unread, self._multi_line):
                    return
            else:
                line = self._take_line(Side.SERVER)
                if line is None or self._releases_client(line):
                    return

    def _is_whole_reply(self, line: bytes) -> bool:
        if self._multi_line is not None or parse_status(line) is None:
            return False
        return not (self._awaiting and self._awaiting[0].is_multi_line)

    def _receive_server_line(self, line: bytes) -> None:
        is_rest, self._rest_of_line[1] = self._rest_of_line[1], False
        status = parse_status(line)
        sasl = self._decisive.sasl if self._decisive is not None else None
        if status is not None:
            self._receive_response_line(_Response(*status))
        elif sasl is not None and line[:2] in (b"+", b"+ "):
            # RFC 5034 §4: a challenge
            self._challenged = True
            sasl.receive_challenge(line[2:])
        elif not (is_rest or self._stray_replies):
            self._anomaly("pop3_unexpected_line", Side.SERVER)

    def _receive_response_line(self, response: _Response) -> None:
        if not self._greeted:
            self._greeted = True
            if not self._awaiting:
                self._receive_greeting(response)
                return
        command = self._find_command(is_positive=response.is_positive)
        if command is not None:
            self._complete(command, response)
        elif not self._stray_replies:
            self._receive_unprompted(response, ExchangeKind.UNSOLICITED)

    def _receive_greeting(self, response: _Response) -> None:
        self._words_are_verbs = True
        self._receive_unprompted(response, ExchangeKind.GREETING)
        text = self._decode(response.text).strip()
        self._events.append(GreetingReceived(text, find_software(text)))

    def _handle_reply(self, command: _Pop3Command, reply: _Response | None) -> None:
        if command.sasl is not None:
            self._handle_auth_reply(command.sasl, reply)
            return
        verb = command.exchange.verb or ""
        if reply is not None and reply.is_positive and command.is_multi_line:
            self._begin_multi_line(verb)
        on_reply = self._ON_REPLY.get(verb)
        if on_reply is not None:
            on_reply(self, command, reply)

    def _on_login_reply(self, command: _Pop3Command, reply: _Response | None) -> None:
        result = Outcome.UNKNOWN
        if reply is not None:
            result = Outcome.SUCCESS if reply.is_positive else Outcome.FAILURE
        if command.exchange.verb == "APOP":
            attempt = AuthAttempted("APOP", command.user, result, Exposure.OFFLINE)
        else:
            attempt = AuthAttempted("USER", command.user, result, Exposure.PASSWORD)
        self._events.append(attempt)

    def _on_stls_reply(self, _command: _Pop3Command, reply: _Response | None) -> None:
        accepted = reply is not None and reply.is_positive
        self._handle_starttls_reply(reply, accepted=accepted)

    def _on_dele_reply(self, _command: _Pop3Command, reply: _Response | None) -> None:
        self._deleted += reply is not None and reply.is_positive

    def _on_rset_reply(self, _command: _Pop3Command, reply: _Response | None) -> None:
        if reply is not None and reply.is_positive:
            self._deleted = 0

    def _on_quit_reply(self, _command: _Pop3Command, reply: _Response | None) -> None:
        # RFC 1939 §6: only the UPDATE state removes messages
        if self._deleted and reply is not None and reply.is_positive:
            self._events.append(MessagesDeleted(self._deleted))
            self._deleted = 0

    # multi-line responses

    def _begin_multi_line(self, verb: str) -> None:
        text = StuffedText(bare_lf=self._input[Side.SERVER].bare_lf)
        message = MessageReader(self.limits) if verb == "RETR" else None
        self._multi_line = _MultiLine(verb, text, message)

    def _read_multi_line(self, unread: LineBuffer, lines: _MultiLine) -> bool:
        """Read what is there; `False` if more has to come."""
        if lines.may_have_ended:
            start = bytes(unread.data[:_STATUS_BYTES])
            if len(start) < _STATUS_BYTES and b"\n" not in start:
                return False
            lines.may_have_ended = False
            if parse_status(start) is not None:
                self._end_multi_line(lines)
                return True
        self._receive_text(lines, lines.text.read(unread))
        if lines.text.ended:
            self._end_multi_line(lines)
            return True
        return False

    def _receive_text(self, lines: _MultiLine, text: bytes) -> None:
        if not text:
            return
        if lines.message is not None:
            lines.message.feed(text)
        elif lines.verb == "CAPA" and len(lines.kept) < self.limits.line:
            lines.kept += text[: self.limits.line - len(lines.kept)]

    def _end_multi_line(self, lines: _MultiLine) -> None:
        self._multi_line = None
        if lines.message is not None:
            self._report_message(lines.message, lines, Delivery.COMPLETE)
        elif lines.verb == "CAPA":
            self._report_capabilities(lines)

    def _report_message(
        self, reader: MessageReader, lines: _MultiLine, outcome: Delivery
    ) -> None:
        complete = outcome is Delivery.COMPLETE and not lines.has_hole
        facts = reader.finish(complete=complete)
        self._events.append(
            MessageTransferred(
                Direction.RETRIEVED, outcome, facts, self._time_ns, self._frame
            )
        )

    def _report_capabilities(self, lines: _MultiLine) -> None:
        capabilities = parse_capabilities(
            bytes(lines.kept), self.limits.list_items, self.limits.kept_text
        )
        if not lines.has_hole:
            self._events.append(CapabilitiesAnnounced(list(capabilities)))
        for capability in capabilities:
            tag_name, _, parameter = capability.partition(" ")
            if tag_name == "IMPLEMENTATION" and parameter:
                self._events.append(SoftwareIdentified(Side.SERVER, parameter))
        offered = "STLS" in capabilities
        if offered or not lines.has_hole:
            step = StartTls.OFFERED if offered else StartTls.NOT_OFFERED
            self._events.append(StartTlsAdvanced(step))

    # holes and the end

    def _skip_server_gap(self, length: int) -> None:
        lines = self._multi_line
        if lines is None:
            super()._skip_server_gap(length)
            return
        self._receive_text(lines, lines.text.cross_gap(self._input[Side.SERVER]))
        lines.has_hole = True
        if lines.message is not None:
            lines.message.skip_gap(length)

    def _finish(self) -> None:
        lines = self._multi_line
        if lines is not None and lines.message is not None:
            lines.message.feed(lines.text.cross_gap(self._input[Side.SERVER]))
            self._report_message(lines.message, lines, Delivery.CUT)
        self._multi_line = None
        super()._finish()

    _ON_REPLY: ClassVar[
        dict[str, Callable[[Pop3Dissector, _Pop3Command, _Response | None], None]]
    ] = {
        "PASS": _on_login_reply,
        "APOP": _on_login_reply,
        "STLS": _on_stls_reply,
        "DELE": _on_dele_reply,
        "RSET": _on_rset_reply,
        "QUIT": _on_quit_reply,
    }


def _is_multi_line(verb: str, *, has_argument: bool) -> bool:
    if verb in ("CAPA", "RETR", "TOP"):
        return True
    # RFC 1939 §5 and §7, RFC 5034 §4, RFC 6856 §3.2: a listing of all
    return verb in ("LIST", "UIDL", "AUTH", "LANG") and not has_argument
