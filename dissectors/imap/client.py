"""The client's side of IMAP: commands, and the literals that they carry.

A command is open until its last fragment came, and in progress until its tagged
response came; either may be first, as a server may refuse what it has not seen to its
end. When both are there it is completed.

Behind STARTTLS and COMPRESS the client's bytes wait for the server's answer, which
tells what they are.
"""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING

from dissectors.conversation.lines import Place
from dissectors.conversation.literals import (
    FragmentReader,
    KeptLiteral,
    SecretLiteral,
    find_literal,
)
from dissectors.conversation.logins import Logins
from dissectors.credentials.names import MASK
from dissectors.credentials.sasl import SaslExchange
from dissectors.credentials.strays import split_sasl
from dissectors.events import (
    Delivery,
    Side,
    StartTls,
    StartTlsAdvanced,
)
from dissectors.imap import grammar
from dissectors.imap.appending import APPENDING, end_catenation, open_appended
from dissectors.imap.commands import AppendedMessage, CommandsInProgress, ImapCommand
from dissectors.imap.compressed import CompressedReader
from dissectors.imap.extensions import used_by
from dissectors.imap.fetch import parse_asked_chunk
from dissectors.imap.outcomes import conclude, describe_appended, describe_software
from dissectors.limits import DEFAULT_LIMITS
from dissectors.tls import TLS_PREFIX_BYTES, looks_like_tls

if TYPE_CHECKING:
    from dissectors.conversation.literals import Literal, LiteralSink
    from dissectors.credentials.strays import StrayLogin
    from dissectors.imap.commands import Response
    from dissectors.limits import Limits
    from dissectors.message import MessageReader

_FIRST_LITERAL_KEPT = frozenset({"LOGIN", "SELECT", "EXAMINE", "APPEND"})


class ClientReader(CompressedReader):
    """The part of an IMAP dissector that reads the client."""

    __slots__ = (
        "_command_seen",
        "_fragments",
        "_held_messages",
        "_in_progress",
        "_logins",
        "_open",
        "_paused",
        "_switch",
    )

    def __init__(self, limits: Limits = DEFAULT_LIMITS) -> None:
        super().__init__(limits)
        self._fragments = (
            FragmentReader(self._input[Side.CLIENT]),
            FragmentReader(self._input[Side.SERVER]),
        )
        self._in_progress = CommandsInProgress()
        # the command that the client is still sending
        self._open: ImapCommand | None = None
        # the command after whose response the client's bytes may be no commands
        self._switch: ImapCommand | None = None
        # what is unread of a side stays unread for now
        self._paused = False
        self._command_seen = False
        self._logins = Logins()
        # messages that were appended and wait for their tagged response
        self._held_messages = 0

    @abc.abstractmethod
    def _act_on(self, command: ImapCommand, response: Response | None) -> None:
        """A command was completed: note what it changed."""

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
        unread = self._input[0]
        if unread.is_lost and not (is_known and grammar.is_surely_command(line)):
            self._withheld.add_line(line)
        elif self._receive_sasl_response(line, is_known=is_known):
            pass
        elif parsed is None or not is_known or parsed[0].upper() == b"AUTH":
            self._receive_unknown(line, parsed)
        else:
            unread.is_lost = False
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
        if authenticate is None or (is_known and not self._logins.is_challenged):
            return False
        self._logins.is_challenged = False
        if authenticate.sasl is not None:
            if self._input[0].is_cut:
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
            stray = self._logins.read_stray(
                line, self._withheld, is_cut=self._input[0].is_cut
            )
        if untidy is not None:
            tag, verb, argument = untidy
            self._send_untidy(tag, verb, argument)
        elif stray is not None:
            words = line.split(None, 1)
            self._send_untidy(words[0], stray.verb, b"".join(words[1:]), stray)
            if stray.sasl is not None:
                self._logins.unfinished = stray.sasl
        elif line.upper() != b"DONE":
            self._receive_unreadable(line, parsed)

    def _receive_unreadable(
        self, line: bytes, parsed: tuple[bytes, str, bytes] | None
    ) -> None:
        logins = self._logins
        if logins.unfinished is not None and line.strip():
            crossed = logins.receive_late_response(
                logins.unfinished, line, is_cut=self._input[0].is_cut
            )
            self._events.append(crossed)
        else:
            self._withheld.add_line(line)
        if parsed is None:
            if line:
                self._anomaly("imap_invalid_command", Side.CLIENT)
            return
        tag, verb, argument = parsed
        shown = verb if verb in self._logins.announced else MASK
        self._send_untidy(tag, shown, argument)

    def _send_untidy(
        self, tag: bytes, verb: str, argument: bytes, stray: StrayLogin | None = None
    ) -> None:
        """Let what is no command of the grammar await its response all the same."""
        self._command_seen = True
        command = self._add_command(tag, verb)
        command.is_untidy, command.stray = True, stray
        self._continue_command(command, argument)

    def _add_command(self, tag: bytes, verb: str) -> ImapCommand:
        command = ImapCommand(
            self._next_number(),
            tag,
            verb,
            self._time_ns,
            self._frame,
            server_gaps=self._input[1].gaps,
        )
        same_tag = self._in_progress.oldest_of_tag(tag)
        if same_tag is not None:
            if same_tag.server_gaps < command.server_gaps:
                # its response was in the gap, or the tag would not be used again
                self._end_command(same_tag, None)
            else:
                self._anomaly("imap_tag_reused", Side.CLIENT)
        self._in_progress.add(command)
        if len(self._in_progress) > self.limits.pending_commands:
            self._anomaly("too_many_pending_commands", Side.CLIENT)
            self._end_command(self._in_progress.oldest(), None)
        return command

    def _continue_command(self, command: ImapCommand, fragment: bytes) -> None:
        if command.secret is not None:
            # a wrong size may cut it in two
            self._withheld.add_login(bytes(command.secret.data) + fragment)
            command.secret = None
        literal = find_literal(fragment)
        if literal is None:
            end_catenation(command, fragment, self._hold_appended)
            command.add_fragment(fragment, self.limits.kept_text)
            self._close_command(command)
            return
        sink = self._choose_sink(command, fragment, literal)
        command.add_fragment(fragment, self.limits.kept_text)
        self._open = command
        command.awaits_leave = literal.synchronizing
        command.literal_ns = self._time_ns
        if not literal.synchronizing:
            self._use_extension("LITERAL+")
        self._fragments[Side.CLIENT].expect_literal(literal, sink)

    def _choose_sink(
        self, command: ImapCommand, fragment: bytes, literal: Literal
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
        if command.verb in APPENDING:
            head = fragment[: literal.start]
            return open_appended(command, head, self.limits, self._hold_appended)
        if not grammar.is_open(command.verb):
            command.secret = SecretLiteral(self._withheld)
            return command.secret
        return None

    # messages that are appended

    def _hold_appended(
        self, command: ImapCommand, reader: MessageReader, *, complete: bool
    ) -> None:
        facts = reader.finish(complete=complete)
        message = AppendedMessage(
            facts,
            complete,
            self._time_ns,
            self._frame,
            command.literal_ns,
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

    def _close_command(self, command: ImapCommand) -> None:
        """All of a command was sent, or all of it that will ever be seen."""
        self._open = None
        if command.catenation is not None:
            command.is_cut = True
            end_catenation(command, b"", self._hold_appended)
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

    def _end_command(self, command: ImapCommand, response: Response | None) -> None:
        """Wait no longer for a command's response: it is here, or will never be."""
        self._in_progress.remove(command)
        command.response = response
        command.is_over = True
        if not command.is_open:
            self._complete(command)

    def _complete(self, command: ImapCommand) -> None:
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

    def _begin_authentication(self, command: ImapCommand, argument: bytes) -> None:
        mechanism, response = split_sasl(argument)
        sasl = SaslExchange(mechanism, self._withheld, self._logins.offered)
        command.sasl = sasl
        shown = [sasl.mechanism] if mechanism else []
        if self._input[0].is_cut:
            sasl.receive_gap()
        if response:
            self._use_extension("SASL-IR")
            sasl.receive_initial_response(response)
            shown.append(MASK)
        command.argument = " ".join(shown).encode()

    def _note_unfinished(self, command: ImapCommand) -> None:
        """Some clients send what was refused all the same."""
        sasl = command.sasl
        if sasl is not None and not sasl.is_complete:
            self._logins.unfinished = sasl
        elif command.verb == "LOGIN" and command.literal_withheld:
            self._logins.unfinished = SaslExchange.of_password(self._withheld)

    # STARTTLS and COMPRESS

    def _await_switch(self, command: ImapCommand) -> None:
        """Read no more of the client until it is known what its bytes are."""
        self._switch = command
        self._paused = True

    def _waits_for_switch(self) -> bool:
        """Whether the client's bytes wait for the answer to STARTTLS or COMPRESS."""
        if self._switch is None:
            return False
        unread = self._input[Side.CLIENT].data
        is_answer_lost = self._input[1].gaps > self._switch.server_gaps
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
