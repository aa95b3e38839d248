"""The IMAP session machine (RFC 9051, RFC 3501).

Handled: greeting, capabilities, STARTTLS, LOGIN, AUTHENTICATE with SASL-IR
(RFC 4959), ID (RFC 2971), IDLE (RFC 2177), mailbox selection, messages that
APPEND (RFC 3502 too) and FETCH carry, expunges (also RFC 6851 MOVE and RFC 7162
VANISHED), literals anywhere (RFC 7888). Every other command is framed, paired
with its tagged response and reported. Behind COMPRESS (RFC 4978) nothing is
read. Left out: the data of LIST, STATUS, SEARCH, ENVELOPE and BODYSTRUCTURE.

The two sides are read on their own; what joins them is the tag of a command.
After a hole in its stream, a side is taken up again with the first line that
can't be anything but a command or a response. A tag or a message that lost some
of its bytes is never completed from the other side of the hole.

Memory per connection: the commands in progress, the text of one response, one
message in each direction, all within `Limits`. The cost is linear in the bytes.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from dissectors.conversation import MailDissector
from dissectors.events import (
    Delivery,
    Direction,
    Exchange,
    ExchangeKind,
    MessageTransferred,
    Side,
    StartTls,
    StartTlsAdvanced,
)
from dissectors.imap import grammar
from dissectors.imap.commands import (
    AppendedMessage,
    Command,
    CommandsInProgress,
    Response,
)
from dissectors.imap.fetch import (
    MessageLiteral,
    Retrieval,
    may_hold_message,
    parse_asked_chunk,
)
from dissectors.imap.framing import FragmentReader, KeptLiteral, find_literal
from dissectors.imap.outcomes import (
    conclude,
    describe_appended,
    describe_capabilities,
    describe_greeting,
    describe_software,
    named_mailbox,
    set_response,
)
from dissectors.limits import DEFAULT_LIMITS
from dissectors.message import MessageReader
from dissectors.sasl import SaslExchange
from dissectors.tls import TLS_PREFIX_BYTES, looks_like_tls

if TYPE_CHECKING:
    from collections.abc import Callable

    from dissectors.events import MessageFacts
    from dissectors.imap.framing import Literal, LiteralSink
    from dissectors.limits import Limits

# a member of an enum costs more to look up
_CLIENT, _SERVER = Side

_STATUSES = {b"OK": "OK", b"NO": "NO", b"BAD": "BAD"}
_UNTAGGED_STATUSES = frozenset({*_STATUSES, b"BYE", b"PREAUTH"})

_FIRST_LITERAL_KEPT = frozenset({"LOGIN", "SELECT", "EXAMINE", "APPEND"})
_EXPUNGING = ("EXPUNGE", "UID EXPUNGE", "MOVE", "UID MOVE")
_SELECTING = frozenset({"SELECT", "EXAMINE"})
_DESELECTING = frozenset({"CLOSE", "UNSELECT", "UNAUTHENTICATE"})


class ImapDissector(MailDissector):
    """A sans-IO machine for one IMAP connection."""

    def __init__(self, limits: Limits = DEFAULT_LIMITS) -> None:
        super().__init__(limits)
        self._fragments = (
            FragmentReader(self._input[Side.CLIENT]),
            FragmentReader(self._input[Side.SERVER]),
        )
        # a hole was passed, and no line since was surely a command or response
        self._client_is_lost = self._server_is_lost = False
        self._holes = [0, 0]
        self._in_progress = CommandsInProgress()
        # the command that the client is still sending
        self._open: Command | None = None
        # the command after whose response the client's bytes may be no commands
        self._switch: Command | None = None
        self._compressed = False
        # what is unread of a side stays unread for now
        self._paused = False
        # the client waits for leave to send a literal, as far as is known
        self._may_withhold = False
        self._command_seen = False
        self._expects_greeting = True
        self._mailbox: str | None = None
        self._retrieval = Retrieval(limits, self._report_retrieved)
        # what reads the fragment behind a literal in a response
        self._continuation: Callable[[bytes], None] | None = None
        # messages that were appended and wait for their tagged response
        self._held_messages = 0

    def _line_reader(self, side: Side) -> Callable[[bytes], object] | None:
        if self._compressed or self._fragments[side].literal is not None:
            return None
        if side is _SERVER:
            return self._receive_response
        return self._receive_command if self._switch is None else None

    def _read(self, side: Side) -> None:
        if self._compressed:
            self._input[side].drop()
            return
        self._paused = side is Side.CLIENT and self._waits_for_switch()
        unread, fragments = self._input[side], self._fragments[side]
        receive = self._receive_response if side else self._receive_command
        while unread.data and not self._paused:
            fragment = fragments.take_fragment()
            if fragment is None:
                if not self._at_eof[side] or fragments.in_literal:
                    return
                fragment = unread.take_unfinished_line()
            receive(fragment)
            if unread.overlong:
                unread.overlong = 0
                self._anomaly("line_too_long", side)
                # the rest of the line is skipped, and a literal's size with it
                self._lose_track(side)

    def _skip_gap(self, side: Side, length: int) -> None:
        self._holes[side] += 1
        if side is Side.SERVER:
            self._expects_greeting = False
        if not self._fragments[side].skip_gap(length):
            self._lose_track(side)

    def _finish(self) -> None:
        if self._open is not None:
            self._withhold_literal(self._open)
        for fragments in self._fragments:
            fragments.abandon()
        for command in self._in_progress:
            self._end_command(command, None)
        if self._open is not None:
            self._close_command(self._open)
        # it refers to this dissector: no reference cycle outlives the session
        del self._retrieval

    def _lose_track(self, side: Side) -> None:
        """Where the next command or response begins is not known."""
        if side is Side.SERVER:
            self._server_is_lost = True
            self._continuation = None
        else:
            self._client_is_lost = True
            if self._open is not None:
                self._close_command(self._open)

    def _next_number(self) -> int:
        self._exchange_count += 1
        return self._exchange_count

    # The client's side

    def _receive_command(self, fragment: bytes) -> None:
        if self._open is not None:
            self._continue_command(self._open, fragment)
        else:
            self._begin_command(fragment)

    def _begin_command(self, line: bytes) -> None:
        parsed = grammar.parse_command(line)
        is_known = parsed is not None and grammar.is_known(parsed[1])
        if not is_known and self._client_is_lost:
            return
        authenticate = None if is_known else self._in_progress.first("AUTHENTICATE")
        if authenticate is not None:
            # RFC 9051 §6.2.2: until the tagged response, lines are SASL responses
            if authenticate.sasl is not None:
                authenticate.sasl.receive_response(line)
        elif parsed is not None:
            self._client_is_lost = False
            self._command_seen = True
            tag, verb, argument = parsed
            self._continue_command(self._add_command(tag, verb), argument)
        elif line and line.upper() != b"DONE":
            self._anomaly("imap_invalid_command", Side.CLIENT)

    def _add_command(self, tag: bytes, verb: str) -> Command:
        command = Command(
            self._next_number(),
            tag,
            verb,
            self._time_ns,
            self._frame,
            server_holes=self._holes[Side.SERVER],
        )
        same_tag = self._in_progress.oldest_of_tag(tag)
        if same_tag is not None:
            if same_tag.server_holes < command.server_holes:
                # its response was in the hole, or the tag would not be used again
                self._end_command(same_tag, None)
            else:
                self._anomaly("imap_tag_reused", Side.CLIENT)
        self._in_progress.add(command)
        if len(self._in_progress) > self.limits.pending_commands:
            self._anomaly("too_many_pending_commands", Side.CLIENT)
            self._end_command(self._in_progress.oldest(), None)
        return command

    def _continue_command(self, command: Command, fragment: bytes) -> None:
        literal = find_literal(fragment)
        if literal is None:
            command.add_fragment(fragment, self.limits.kept_text)
            self._close_command(command)
            return
        sink = self._choose_sink(command, fragment, literal)
        command.add_fragment(fragment, self.limits.kept_text)
        self._open = command
        self._may_withhold = literal.synchronizing
        self._fragments[Side.CLIENT].expect_literal(literal, sink)

    def _choose_sink(
        self, command: Command, fragment: bytes, literal: Literal
    ) -> LiteralSink | None:
        """Decide where a literal of a command goes; most are of no interest."""
        if not command.argument and not fragment[: literal.start].strip():
            if (
                command.verb in _FIRST_LITERAL_KEPT
                and literal.size <= self.limits.kept_text
            ):
                command.first_literal = KeptLiteral()
            return command.first_literal
        # RFC 4469: CATENATE's literals are parts of a message
        is_part = b" CATENATE (" in (command.argument + fragment).upper()
        if command.verb == "APPEND" and not is_part:
            on_end = partial(self._hold_appended, command)
            return MessageLiteral(MessageReader(self.limits), on_end)
        return None

    def _hold_appended(
        self, command: Command, reader: MessageReader, *, complete: bool
    ) -> None:
        facts = reader.finish(complete=complete)
        message = AppendedMessage(facts, complete, self._time_ns, self._frame)
        if self._held_messages < self.limits.list_items:
            self._held_messages += 1
            command.messages.append(message)
        else:
            self._events.append(
                describe_appended(command, message, Delivery.UNKNOWN, self.limits)
            )

    def _close_command(self, command: Command) -> None:
        """All of a command was sent, or all of it that will ever be seen."""
        self._open = None
        if command.verb == "AUTHENTICATE":
            self._begin_authentication(command)
        command.close()
        match command.verb:
            case "STARTTLS":
                self._events.append(StartTlsAdvanced(StartTls.REQUESTED))
                self._await_switch(command)
            case "COMPRESS":
                self._await_switch(command)
            case "FETCH" | "UID FETCH":
                command.asked_chunk = parse_asked_chunk(command.argument)
            case "ID":
                self._events += describe_software(
                    Side.CLIENT, command.argument, self.limits
                )
        if command.is_over:
            self._complete(command)

    def _end_command(self, command: Command, response: Response | None) -> None:
        """Wait no longer for a command's response: it is here, or will never be."""
        self._in_progress.remove(command)
        command.response = response
        command.is_over = True
        if not command.is_open:
            self._complete(command)

    def _complete(self, command: Command) -> None:
        """A command was sent and answered, or as much of it as will be."""
        response = command.response
        self._held_messages -= len(command.messages)
        self._events += conclude(command, response, self.limits)
        is_done = response is not None and response.status == "OK"
        if command.verb in _SELECTING:
            # RFC 9051 §6.3.2: a SELECT that fails leaves no mailbox selected
            self._mailbox = named_mailbox(command, self.limits) if is_done else None
        elif command.verb in _DESELECTING and is_done:
            self._mailbox = None
        if command is self._switch:
            # the client's bytes that waited come before the next response
            self._switch = None
            self._paused = True
            if is_done and command.verb == "COMPRESS":
                self._start_compression()
            elif is_done:
                self._start_tls()

    def _begin_authentication(self, command: Command) -> None:
        parsed = grammar.parse_mechanism(command.argument)
        if parsed is not None:
            mechanism, initial_response = parsed
            command.sasl = SaslExchange(mechanism)
            if initial_response is not None:
                command.sasl.receive_initial_response(initial_response)

    def _await_switch(self, command: Command) -> None:
        """Read no more of the client until it is known what its bytes are."""
        self._switch = command
        self._paused = True

    def _waits_for_switch(self) -> bool:
        """Whether the client's bytes wait for the answer to STARTTLS or COMPRESS."""
        if self._switch is None:
            return False
        unread = self._input[Side.CLIENT].data
        is_answer_lost = self._holes[Side.SERVER] > self._switch.server_holes
        if not unread or not (
            is_answer_lost
            or self._at_eof[Side.SERVER]
            or len(unread) > self.limits.held
        ):
            return True
        # no answer will be seen: what the client sent next tells what it was
        if self._switch.verb == "COMPRESS":
            self._start_compression()
            return True
        is_tls = looks_like_tls(bytes(unread[:TLS_PREFIX_BYTES]))
        if is_tls:
            self._events.append(StartTlsAdvanced(StartTls.ACCEPTED))
            self._start_tls()
        elif is_tls is False:
            self._switch = None
        return is_tls is not False

    def _start_compression(self) -> None:
        self._compressed = self.opaque = True
        for unread in self._input:
            unread.drop()
        self._anomaly("imap_compression_lost", Side.SERVER)

    # The server's side

    def _receive_response(self, fragment: bytes) -> None:
        if self._continuation is not None:
            self._continuation(fragment)
        elif self._server_is_lost and not self._is_surely_response(fragment):
            return
        elif fragment.startswith(b"* "):
            self._receive_untagged(fragment)
        elif fragment.startswith(b"+"):
            self._receive_continuation_request(fragment)
        elif fragment:
            self._receive_tagged(fragment)

    def _is_surely_response(self, line: bytes) -> bool:
        """Whether a line behind a hole is a response and not part of a message."""
        is_sure = grammar.begins_response(line)
        if not is_sure and grammar.begins_tagged_response(line):
            is_any_tag = self._holes[Side.CLIENT] or not self._command_seen
            is_sure = bool(is_any_tag) or line.partition(b" ")[0] in self._in_progress
        self._server_is_lost = not is_sure
        return is_sure

    def _receive_untagged(self, line: bytes) -> None:
        words = line.split(b" ", 3)
        name = words[1].upper()
        if name.isdigit() and len(words) > 2:
            number, name = name, words[2].upper()
            if name == b"FETCH":
                self._receive_fetch(number, line)
                return
            if name == b"EXPUNGE":
                self._count_expunged(1)
        elif name in _UNTAGGED_STATUSES:
            self._receive_status(name, line[3 + len(name) :])
            return
        elif name == b"CAPABILITY":
            self._events += describe_capabilities(line[13:], self.limits)
        elif name == b"ID":
            self._events += describe_software(Side.SERVER, line[5:], self.limits)
        elif name == b"VANISHED" and words[2:] and words[2].upper() != b"(EARLIER)":
            self._count_expunged(grammar.count_uids(words[2]))
        self._expects_greeting = False
        if line.endswith(b"}"):
            self._skip_literals(line)

    def _skip_literals(self, fragment: bytes) -> None:
        """Pass over a response, or the rest of one, that needs no reading."""
        self._continuation = None
        literal = find_literal(fragment)
        if literal is not None:
            self._continuation = self._skip_literals
            self._fragments[Side.SERVER].expect_literal(literal, None)

    def _receive_fetch(self, number: bytes, line: bytes) -> None:
        if line.endswith(b"}") or may_hold_message(line):
            self._retrieval.open_response(number)
            self._continue_fetch(line)

    def _continue_fetch(self, fragment: bytes) -> None:
        literal = find_literal(fragment)
        sink = self._retrieval.read_fragment(fragment, literal)
        if literal is not None:
            self._continuation = self._continue_fetch
            self._fragments[Side.SERVER].expect_literal(literal, sink)
        else:
            self._continuation = None
            command = self._in_progress.first("FETCH", "UID FETCH")
            asked = None if command is None else command.asked_chunk
            self._retrieval.close_response(asked)

    def _receive_status(self, status: bytes, text: bytes) -> None:
        is_bye = status == b"BYE"
        is_leaving = is_bye and self._in_progress.first("LOGOUT") is not None
        if self._expects_greeting and not is_leaving and grammar.may_greet(text):
            self._events.append(describe_greeting(text, self.limits))
            self._report_untagged(ExchangeKind.GREETING, status, text)
        elif is_bye and not is_leaving:
            self._report_untagged(ExchangeKind.UNSOLICITED, status, text)
        self._expects_greeting = False
        self._read_code(text)

    def _receive_continuation_request(self, line: bytes) -> None:
        authenticate = self._in_progress.first("AUTHENTICATE")
        if authenticate is not None and authenticate.sasl is not None:
            authenticate.sasl.receive_challenge(line[2:])
        self._may_withhold = False

    def _receive_tagged(self, line: bytes) -> None:
        self._expects_greeting = False
        tag, _, rest = line.partition(b" ")
        word, _, text = rest.partition(b" ")
        status = _STATUSES.get(word.upper())
        if status is None:
            self._anomaly("imap_invalid_response", Side.SERVER)
            return
        response = Response(status, text, self._time_ns, self._frame)
        command = self._in_progress.oldest_of_tag(tag)
        if command is None:
            if self._command_seen and not self._holes[Side.CLIENT]:
                self._anomaly("imap_unknown_tag", Side.SERVER)
            self._report_response(ExchangeKind.COMMAND, response)
        else:
            # RFC 9051 §4.3: the client doesn't send a literal that is refused
            is_refused = status != "OK" and self._may_withhold
            if command.is_open and is_refused and self._withhold_literal(command):
                self._close_command(command)
            self._end_command(command, response)
        self._read_code(text)

    def _withhold_literal(self, command: Command) -> bool:
        """Note that a literal was announced and not sent, if that is so."""
        fragments = self._fragments[Side.CLIENT]
        command.literal_withheld = fragments.is_untouched
        if command.literal_withheld:
            fragments.withdraw_literal()
        return command.literal_withheld

    def _read_code(self, text: bytes) -> None:
        if text.startswith(b"[") and text[:12].upper() == b"[CAPABILITY ":
            capability_data = text[12:].partition(b"]")[0]
            self._events += describe_capabilities(capability_data, self.limits)

    # Reports

    def _count_expunged(self, count: int) -> None:
        """Credit the command that expunges; others report what others expunged."""
        command = self._in_progress.first(*_EXPUNGING)
        if command is not None:
            command.expunged += count

    def _report_untagged(self, kind: ExchangeKind, status: bytes, text: bytes) -> None:
        status_shown = f"* {status.decode()}"
        response = Response(status_shown, text, self._time_ns, self._frame)
        self._report_response(kind, response)

    def _report_response(self, kind: ExchangeKind, response: Response) -> None:
        exchange = Exchange(self._next_number(), kind)
        set_response(exchange, response, self.limits)
        self._events.append(exchange)

    def _report_retrieved(self, facts: MessageFacts, *, complete: bool) -> None:
        self._events.append(
            MessageTransferred(
                Direction.RETRIEVED,
                Delivery.COMPLETE if complete else Delivery.CUT,
                facts,
                self._time_ns,
                self._frame,
                mailbox=self._mailbox,
            )
        )
