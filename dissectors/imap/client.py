"""The client's side of IMAP: commands, and the literals that they carry.

A command is open until its last fragment came, and in progress until its tagged
response came; either may be first, as a server may refuse what it has not seen to its
end. When both are there it is completed.

Behind STARTTLS and COMPRESS the client's bytes wait for the server's answer, which
tells what they are.
"""

from __future__ import annotations

import abc
from functools import partial
from typing import TYPE_CHECKING

from dissectors.conversation.dissector import MailDissector
from dissectors.conversation.lines import Place
from dissectors.conversation.literals import (
    FragmentReader,
    KeptLiteral,
    SecretLiteral,
    find_literal,
)
from dissectors.credentials.names import MASK
from dissectors.credentials.sasl import SaslExchange
from dissectors.credentials.strays import StrayLogins, split_sasl
from dissectors.events import (
    CredentialsCrossed,
    Delivery,
    Side,
    StartTls,
    StartTlsAdvanced,
)
from dissectors.imap import grammar
from dissectors.imap.commands import AppendedMessage, Command, CommandsInProgress
from dissectors.imap.extensions import used_by
from dissectors.imap.fetch import MessageLiteral, parse_asked_chunk
from dissectors.imap.outcomes import conclude, describe_appended, describe_software
from dissectors.limits import DEFAULT_LIMITS
from dissectors.message import MessageReader
from dissectors.tls import TLS_PREFIX_BYTES, looks_like_tls

if TYPE_CHECKING:
    from dissectors.conversation.literals import Literal, LiteralSink
    from dissectors.credentials.strays import StrayLogin
    from dissectors.imap.commands import Response
    from dissectors.limits import Limits

_FIRST_LITERAL_KEPT = frozenset({"LOGIN", "SELECT", "EXAMINE", "APPEND"})
_APPENDING = frozenset({"APPEND", "REPLACE", "UID REPLACE"})
_CATENATE = b"CATENATE ("


class ClientReader(MailDissector):
    """The part of an IMAP dissector that reads the client."""

    __slots__ = (
        "_announced",
        "_challenged",
        "_client_is_lost",
        "_command_seen",
        "_fragments",
        "_held_messages",
        "_holes",
        "_in_progress",
        "_literal_ns",
        "_may_withhold",
        "_offered",
        "_open",
        "_paused",
        "_server_is_lost",
        "_strays",
        "_switch",
        "_unfinished",
    )

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
        # what is unread of a side stays unread for now
        self._paused = False
        # the client waits for leave to send a literal, as far as is known; and when
        # it was announced, or that leave came
        self._may_withhold = False
        self._literal_ns = 0
        self._command_seen = False
        # the server asked for a SASL response
        self._challenged = False
        # what the server offers, and what else it announces as verbs
        self._offered: frozenset[str] = frozenset()
        self._announced: frozenset[str] = frozenset()
        self._strays = StrayLogins()
        # an authentication that ended before all of it had crossed: some clients send
        # the rest all the same
        self._unfinished: SaslExchange | None = None
        # messages that were appended and wait for their tagged response
        self._held_messages = 0

    @abc.abstractmethod
    def _act_on(self, command: Command, response: Response | None) -> None:
        """A command was completed: note what it changed."""

    @abc.abstractmethod
    def _start_compression(self) -> None:
        """From the next unread byte on, both sides are compressed."""

    @abc.abstractmethod
    def _lose_stream(self, side: Side, code: str) -> None:
        """Read no more of a side, and report why."""

    def _next_number(self) -> int:
        self.counts.exchanges += 1
        return self.counts.exchanges

    def _receive_command(self, fragment: bytes) -> None:
        if self._open is not None:
            self._continue_command(self._open, fragment)
        else:
            self._begin_command(fragment)

    def _begin_command(self, line: bytes) -> None:
        parsed = grammar.parse_command(line)
        is_known = parsed is not None and grammar.is_known(parsed[1])
        if self._client_is_lost and not (is_known and grammar.is_surely_command(line)):
            self._withheld.add_line(line)
        elif self._receive_sasl_response(line, is_known=is_known):
            pass
        elif parsed is None or not is_known or parsed[0].upper() == b"AUTH":
            self._receive_unknown(line, parsed)
        else:
            self._client_is_lost = False
            self._command_seen = True
            tag, verb, argument = parsed
            is_untidy = self._expects_response()
            command = self._add_command(tag, verb)
            command.is_untidy = is_untidy
            self._continue_command(command, argument)

    def _withhold_unread(self) -> None:
        super()._withhold_unread()
        if self._open is not None and self._open.secret is not None:
            self._withheld.add_line(bytes(self._open.secret.data))

    def _expects_response(self) -> bool:
        """Whether the client owes a SASL response, which a line may be by its place."""
        authenticate = self._in_progress.first("AUTHENTICATE")
        sasl = None if authenticate is None else authenticate.sasl
        return sasl is not None and not sasl.is_complete

    def _receive_sasl_response(self, line: bytes, *, is_known: bool) -> bool:
        """RFC 9051 §6.2.2: until the tagged response, lines are SASL responses.

        A line that looks like a command is one, unless the server asked for it.
        """
        authenticate = self._in_progress.first("AUTHENTICATE")
        if authenticate is None or (is_known and not self._challenged):
            return False
        self._challenged = False
        if authenticate.sasl is not None:
            if self._is_cut:
                authenticate.sasl.receive_gap()
            authenticate.sasl.receive_response(line)
        return True

    def _receive_unknown(
        self, line: bytes, parsed: tuple[bytes, str, bytes] | None
    ) -> None:
        """Report a line that is no command, and see whether it is part of a login."""
        untidy = grammar.parse_untidy_login(line)
        stray = None
        if untidy is None:
            stray = self._strays.read(
                line, self._withheld, self._offered, is_cut=self._is_cut
            )
        if untidy is not None:
            tag, verb, argument = untidy
            self._send_untidy(tag, verb, argument)
        elif stray is not None:
            words = line.split(None, 1)
            self._send_untidy(words[0], stray.verb, b"".join(words[1:]), stray)
            if stray.sasl is not None:
                self._unfinished = stray.sasl
        elif line.upper() != b"DONE":
            self._receive_unreadable(line, parsed)

    def _receive_unreadable(
        self, line: bytes, parsed: tuple[bytes, str, bytes] | None
    ) -> None:
        if self._unfinished is not None and line.strip():
            sasl = self._unfinished
            if self._is_cut:
                sasl.receive_gap()
            sasl.receive_response(line)
            self._events.append(
                CredentialsCrossed(sasl.user, sasl.exposure, sasl.authzid)
            )
            if sasl.is_complete:
                self._unfinished = None
        else:
            self._withheld.add_line(line)
        if parsed is None:
            if line:
                self._anomaly("imap_invalid_command", Side.CLIENT)
            return
        tag, verb, argument = parsed
        shown = verb if verb in self._announced else MASK
        self._send_untidy(tag, shown, argument)

    def _send_untidy(
        self, tag: bytes, verb: str, argument: bytes, stray: StrayLogin | None = None
    ) -> None:
        """Let what is no command of the grammar await its response all the same."""
        self._command_seen = True
        command = self._add_command(tag, verb)
        command.is_untidy, command.stray = True, stray
        self._continue_command(command, argument)

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
        if command.secret is not None:
            # a wrong size may cut it in two
            self._withheld.add_login(bytes(command.secret.data) + fragment)
            command.secret = None
        literal = find_literal(fragment)
        if literal is None:
            if command.catenation is not None:
                self._end_catenation(command, fragment)
            command.add_fragment(fragment, self.limits.kept_text)
            self._close_command(command)
            return
        sink = self._choose_sink(command, fragment, literal)
        command.add_fragment(fragment, self.limits.kept_text)
        self._open = command
        self._may_withhold = literal.synchronizing
        self._literal_ns = self._time_ns
        if not literal.synchronizing:
            self._use_extension("LITERAL+")
        self._fragments[Side.CLIENT].expect_literal(literal, sink)

    def _choose_sink(
        self, command: Command, fragment: bytes, literal: Literal
    ) -> LiteralSink | None:
        """Decide where a literal of a command goes; most are of no interest."""
        if not command.argument and not fragment[: literal.start].strip():
            if command.verb in _FIRST_LITERAL_KEPT:
                if literal.size <= self.limits.kept_text:
                    command.first_literal = KeptLiteral()
                else:
                    self._anomaly("line_too_long", Side.CLIENT, "literal")
            if command.first_literal is not None or grammar.is_open(command.verb):
                return command.first_literal
            command.secret = SecretLiteral(self._withheld)
            return command.secret
        if command.verb in _APPENDING:
            return self._open_appended(command, fragment[: literal.start])
        if not grammar.is_open(command.verb):
            command.secret = SecretLiteral(self._withheld)
            return command.secret
        return None

    # messages that are appended

    def _open_appended(self, command: Command, head: bytes) -> LiteralSink:
        """Open a message, or the next part of one (RFC 4469)."""
        start = head.upper().rfind(_CATENATE)
        if start >= 0 or head.lstrip().startswith(b")"):
            # RFC 3502: the next message
            if command.catenation is not None:
                self._end_catenation(command, head)
            if start >= 0:
                command.catenation = MessageReader(self.limits)
                head = head[start + len(_CATENATE) :]
        if command.catenation is None:
            on_end = partial(self._hold_appended, command)
            return MessageLiteral(MessageReader(self.limits), on_end)
        _leave_urls_out(command.catenation, head)
        return MessageLiteral(command.catenation, partial(_end_text, command))

    def _end_catenation(self, command: Command, fragment: bytes) -> None:
        reader = command.catenation
        assert reader is not None
        command.catenation = None
        _leave_urls_out(reader, fragment.partition(b")")[0])
        self._hold_appended(command, reader, complete=not command.is_cut)

    def _hold_appended(
        self, command: Command, reader: MessageReader, *, complete: bool
    ) -> None:
        facts = reader.finish(complete=complete)
        message = AppendedMessage(
            facts,
            complete,
            self._time_ns,
            self._frame,
            self._literal_ns,
            self._input[Side.CLIENT].offset,
        )
        if self._held_messages < self.limits.list_items:
            self._held_messages += 1
            command.messages.append(message)
        else:
            described = describe_appended(
                command, message, Delivery.UNKNOWN, self.limits
            )
            self._report_message(described, Side.CLIENT)

    # the end of a command

    def _close_command(self, command: Command) -> None:
        """All of a command was sent, or all of it that will ever be seen."""
        self._open = None
        if command.catenation is not None:
            command.is_cut = True
            self._end_catenation(command, b"")
        argument = command.argument
        command.close(self._withheld)
        if command.verb == "AUTHENTICATE":
            self._begin_authentication(command, argument)
        match command.verb:
            case "STARTTLS":
                self._events.append(StartTlsAdvanced(StartTls.REQUESTED))
                self._await_switch(command)
            case "COMPRESS":
                self._await_switch(command)
            case "FETCH" | "UID FETCH":
                command.asked_chunk = parse_asked_chunk(command.argument)
            case "ID":
                self._report(
                    *describe_software(Side.CLIENT, command.argument, self.limits)
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
        self._report(*conclude(command, response, self.limits))
        for message in command.messages:
            place = Place(message.offset, message.time_ns, message.frame)
            for code in message.facts.overruns:
                self._anomaly(code, Side.CLIENT, at=place)
        is_done = response is not None and response.status == "OK"
        if is_done:
            for name in used_by(command.verb, command.argument):
                self._use_extension(name)
            if len(command.messages) > 1:
                self._use_extension("MULTIAPPEND")
        self._act_on(command, response)
        self._note_unfinished(command)
        if command is self._switch:
            # the client's bytes that waited come before the next response
            self._switch = None
            self._paused = True
            if is_done and command.verb == "COMPRESS":
                self._start_compression()
            elif is_done:
                self._start_tls()

    def _begin_authentication(self, command: Command, argument: bytes) -> None:
        mechanism, response = split_sasl(argument)
        sasl = SaslExchange(mechanism, self._withheld, self._offered)
        command.sasl = sasl
        shown = [sasl.mechanism] if mechanism else []
        if self._is_cut:
            sasl.receive_gap()
        if response:
            self._use_extension("SASL-IR")
            sasl.receive_initial_response(response)
            shown.append(MASK)
        command.argument = " ".join(shown).encode()

    def _note_unfinished(self, command: Command) -> None:
        """Some clients send what was refused all the same."""
        sasl = command.sasl
        if sasl is not None and not sasl.is_complete:
            self._unfinished = sasl
        elif command.verb == "LOGIN" and command.literal_withheld:
            self._unfinished = SaslExchange.of_password(self._withheld)

    # STARTTLS and COMPRESS

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
            or self._input[Side.SERVER].has_ended
            or len(unread) > self.limits.held
        ):
            return True
        # no answer will be seen: what the client sent next tells what it was
        if self._switch.verb == "COMPRESS":
            self._switch = None
            self._start_compression()
            if is_answer_lost:
                self._lose_stream(Side.SERVER, "imap_compression_lost")
            return True
        is_tls = looks_like_tls(bytes(unread[:TLS_PREFIX_BYTES]))
        if is_tls:
            self._events.append(StartTlsAdvanced(StartTls.ACCEPTED))
            self._start_tls()
        elif is_tls is False:
            self._switch = None
        return is_tls is not False


def _leave_urls_out(reader: MessageReader, text: bytes) -> None:
    """RFC 4469 §3: what a URL stands for is on the server and was not sent."""
    if b"URL " in text.upper():
        reader.skip_gap(0)


def _end_text(command: Command, _reader: MessageReader, *, complete: bool) -> None:
    """A part of a catenated message ended; the message goes on."""
    if not complete:
        command.is_cut = True
