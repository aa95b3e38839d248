"""The client's side of IMAP: commands, and the literals that they carry.

A command is open until its last fragment came, and in progress until its tagged
response came; either may be first, as a server may refuse what it has not seen to its
end. When both are there it is completed.

Behind STARTTLS and COMPRESS the client's bytes wait for the server's answer, which
tells what they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dissectors.conversation.http import is_http_request
from dissectors.conversation.literals import (
    FragmentReader,
    KeptLiteral,
    SecretLiteral,
    find_literal,
)
from dissectors.credentials.names import MASK
from dissectors.credentials.sasl import SaslExchange
from dissectors.credentials.strays import split_sasl
from dissectors.events import Side, StartTls, StartTlsAdvanced
from dissectors.imap import grammar
from dissectors.imap.appending import APPENDING, Appending
from dissectors.imap.commands import ClientLiteral, ImapCommand, Leave
from dissectors.imap.compression import STATE_BYTES, Compression
from dissectors.imap.extensions import used_by
from dissectors.imap.outcomes import conclude, describe_software
from dissectors.imap.retrieval import parse_asked_chunk
from dissectors.tls import TLS_PREFIX_BYTES, looks_like_tls

if TYPE_CHECKING:
    from dissectors.conversation.literals import Literal, LiteralSink
    from dissectors.conversation.logins import Logins
    from dissectors.conversation.plaintext import Plaintext
    from dissectors.credentials.strays import StrayLogin
    from dissectors.imap.commands import ImapReporter, Response
    from dissectors.imap.states import SessionState

_FIRST_LITERAL_KEPT = frozenset({"LOGIN", "SELECT", "EXAMINE", "APPEND"})


class ClientReader:
    """Reads what the client sends, and completes its commands.

    Attributes:
        commands: those in progress.
        logins: what is known of logins.
        fragments: takes the client's lines and literals apart.
        is_paused: what is unread of a side stays unread for now.
        has_spoken: a command was seen.
    """

    __slots__ = (
        "_appending",
        "_client",
        "_limits",
        "_plaintext",
        "_reporter",
        "_server",
        "_session",
        "_switch",
        "commands",
        "fragments",
        "has_spoken",
        "is_paused",
        "logins",
    )

    def __init__(
        self,
        reporter: ImapReporter,
        plaintext: Plaintext,
        session: SessionState,
        logins: Logins,
    ) -> None:
        self.commands = reporter.commands
        self.logins = logins
        self._reporter = reporter
        self._plaintext = plaintext
        self._session = session
        self._appending = Appending(reporter)
        self._limits = reporter.limits
        self._client, self._server = reporter.streams
        self.fragments = FragmentReader(self._client)
        # the command after whose response the client's bytes may be no commands
        self._switch: ImapCommand | None = None
        self.is_paused = False
        self.has_spoken = False

    def receive(self, fragment: bytes) -> None:
        """Take a command, or the next piece of one."""
        if self.commands.open is not None:
            self._continue_command(self.commands.open, fragment)
        else:
            self._begin_command(fragment)

    def _begin_command(self, line: bytes) -> None:
        parsed = grammar.parse_command(line)
        is_known = parsed is not None and grammar.is_known(parsed[1])
        unread = self._client
        if unread.is_lost and not (is_known and grammar.is_surely_command(line)):
            self._reporter.withheld.add_line(line)
        elif self._receive_sasl_response(line, is_known=is_known):
            pass
        elif parsed is None or not is_known or parsed[0].upper() == b"AUTH":
            self._receive_unknown(line, parsed)
        else:
            unread.is_lost = False
            self.has_spoken = True
            tag, verb, argument = parsed
            if self.logins.unfinished is not None:
                # what follows no longer fits its grammar
                self.logins.unfinished.receive_gap()
            is_untidy = self._expects_response()
            command = self._add_command(tag, verb)
            command.is_untidy = is_untidy
            self._continue_command(command, argument)

    def _expects_response(self) -> bool:
        """Return whether the client owes a SASL response, which a line may then be."""
        authenticate = self.commands.first("AUTHENTICATE")
        sasl = None if authenticate is None else authenticate.sasl
        return sasl is not None and not sasl.is_complete

    def _receive_sasl_response(self, line: bytes, *, is_known: bool) -> bool:
        """Take a line for a SASL response, until the tagged response (RFC 9051 §6.2.2).

        A line that looks like a command is one, unless the server asked for it.
        """
        authenticate = self.commands.first("AUTHENTICATE")
        if authenticate is None or (is_known and not self.logins.is_challenged):
            return False
        self.logins.is_challenged = False
        if authenticate.sasl is not None:
            if self.logins.is_cut:
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
            stray = self.logins.read_stray(line, self._reporter.withheld)
        if untidy is not None:
            tag, verb, argument = untidy
            self._send_untidy(tag, verb, argument)
        elif stray is not None:
            words = line.split(None, 1)
            self._send_untidy(words[0], stray.verb, b"".join(words[1:]), stray)
            if stray.sasl is not None:
                self.logins.unfinished = stray.sasl
        elif line.upper() != b"DONE":
            self._receive_unreadable(line, parsed)

    def _receive_unreadable(
        self, line: bytes, parsed: tuple[bytes, str, bytes] | None
    ) -> None:
        logins = self.logins
        if logins.unfinished is not None and line.strip():
            crossed = logins.receive_late_response(logins.unfinished, line)
            self._reporter.events.append(crossed)
        else:
            self._reporter.withheld.add_line(line)
        if parsed is None:
            if line:
                self._reporter.anomaly("imap_invalid_command", Side.CLIENT)
            if is_http_request(line):
                self._reporter.anomaly("http_request", Side.CLIENT)
            return
        tag, verb, argument = parsed
        shown = verb if verb in self.logins.announced else MASK
        self._send_untidy(tag, shown, argument)

    def _send_untidy(
        self, tag: bytes, verb: str, argument: bytes, stray: StrayLogin | None = None
    ) -> None:
        """Let what is no command of the grammar await its response all the same."""
        self.has_spoken = True
        command = self._add_command(tag, verb)
        command.is_untidy, command.stray = True, stray
        self._continue_command(command, argument)

    def _add_command(self, tag: bytes, verb: str) -> ImapCommand:
        command = ImapCommand(
            self._reporter.next_number(),
            tag,
            verb,
            self._reporter.time_ns,
            self._reporter.frame,
            server_gaps=self._server.gap_count,
        )
        self.commands.open = command
        same_tag = self.commands.oldest_of_tag(tag)
        if same_tag is not None:
            if same_tag.server_gaps < command.server_gaps:
                # its response was in the gap, or the tag would not be used again
                self.end_command(same_tag, None)
            else:
                self._reporter.anomaly("imap_tag_reused", Side.CLIENT)
        self.commands.add(command)
        if len(self.commands) > self._limits.pending_commands:
            self._reporter.anomaly("too_many_pending_commands", Side.CLIENT)
            self.end_command(self.commands.oldest(), None)
        return command

    def _continue_command(self, command: ImapCommand, fragment: bytes) -> None:
        last = command.literal
        if last is not None and last.secret is not None:
            # a wrong size may cut it in two
            self._reporter.withheld.add_login(bytes(last.secret.data) + fragment)
            last.secret = None
        literal = find_literal(fragment)
        if literal is None:
            self._appending.end_catenation(command, fragment)
            command.add_fragment(fragment, self._limits.kept_text)
            self.close_command(command)
            return
        sink = self._choose_sink(command, fragment, literal)
        command.add_fragment(fragment, self._limits.kept_text)
        command.literal = ClientLiteral(
            self._reporter.time_ns,
            Leave.AWAITED if literal.synchronizing else Leave.GIVEN,
            sink if isinstance(sink, SecretLiteral) else None,
        )
        if not literal.synchronizing:
            self._reporter.use_extension("LITERAL+")
        self.fragments.expect_literal(literal, sink)

    def _choose_sink(
        self, command: ImapCommand, fragment: bytes, literal: Literal
    ) -> LiteralSink | None:
        """Decide where a literal of a command goes; most are of no interest."""
        if not command.argument and not fragment[: literal.start].strip():
            if command.verb in _FIRST_LITERAL_KEPT:
                if literal.size <= self._limits.kept_text:
                    command.first_literal = KeptLiteral()
                else:
                    self._reporter.anomaly("line_too_long", Side.CLIENT, "literal")
            if command.first_literal is not None or grammar.is_open(command.verb):
                return command.first_literal
            return SecretLiteral(self._reporter.withheld)
        if command.verb in APPENDING:
            return self._appending.open_message(command, fragment[: literal.start])
        if not grammar.is_open(command.verb):
            return SecretLiteral(self._reporter.withheld)
        return None

    # the end of a command

    def close_command(self, command: ImapCommand) -> None:
        """Learn that all of a command was sent, or all of it that will ever be seen."""
        self.commands.open = None
        self._appending.close(command)
        argument = command.argument
        command.close(self._reporter.withheld)
        if command.verb == "AUTHENTICATE":
            self._begin_authentication(command, argument)
        match command.verb:
            case "STARTTLS":
                self._reporter.events.append(StartTlsAdvanced(StartTls.REQUESTED))
                self._await_switch(command)
            case "COMPRESS":
                self._await_switch(command)
            case "FETCH" | "UID FETCH":
                command.asked_chunk = parse_asked_chunk(command.argument)
            case "ID":
                self._reporter.report(
                    *describe_software(Side.CLIENT, command.argument, self._limits)
                )
        if not self.commands.awaits(command):
            self._complete(command)

    def end_command(self, command: ImapCommand, response: Response | None) -> None:
        """Wait no longer for a command's response: it is here, or will never be."""
        self.commands.remove(command)
        command.response = response
        if command is not self.commands.open:
            self._complete(command)

    def _complete(self, command: ImapCommand) -> None:
        """Act on a command that was sent and answered, as far as it ever will be."""
        self._reporter.report(*conclude(command, self._limits))
        self._appending.release(command)
        is_done = command.succeeded
        if is_done:
            for name in used_by(command.verb, command.argument):
                self._reporter.use_extension(name)
            if len(command.messages) > 1:
                self._reporter.use_extension("MULTIAPPEND")
        self._session.act_on(command)
        self._note_unfinished(command)
        if command is self._switch:
            # the client's bytes that waited come before the next response
            self._switch = None
            self.is_paused = True
            if is_done and command.verb == "COMPRESS":
                self._start_compression()
            elif is_done:
                self._plaintext.start_tls()

    def _begin_authentication(self, command: ImapCommand, argument: bytes) -> None:
        mechanism, response = split_sasl(argument)
        sasl = SaslExchange(mechanism, self._reporter.withheld, self.logins.offered)
        command.sasl = sasl
        shown = [sasl.mechanism] if mechanism else []
        if self.logins.is_cut:
            sasl.receive_gap()
        if response:
            self._reporter.use_extension("SASL-IR")
            sasl.receive_initial_response(response)
            shown.append(MASK)
        command.argument = " ".join(shown).encode()

    def _note_unfinished(self, command: ImapCommand) -> None:
        """Note what was refused: some clients send it all the same."""
        sasl = command.sasl
        if sasl is not None and not sasl.is_complete:
            self.logins.unfinished = sasl
        elif command.verb == "LOGIN" and command.is_withheld:
            self.logins.unfinished = SaslExchange.of_password(self._reporter.withheld)

    # STARTTLS and COMPRESS

    def _await_switch(self, command: ImapCommand) -> None:
        """Read no more of the client until it is known what its bytes are."""
        self._switch = command
        self.is_paused = True

    @property
    def may_switch(self) -> bool:
        """What the client sends next may be no commands."""
        return self._switch is not None

    def waits_for_switch(self) -> bool:
        """Return whether the client's bytes wait for the answer to its command."""
        if self._switch is None:
            return False
        unread = self._client.data
        is_answer_lost = self._server.gap_count > self._switch.server_gaps
        if not unread or not (
            is_answer_lost or self._server.has_ended or len(unread) > self._limits.held
        ):
            return True
        # no answer will be seen: what the client sent next tells what it was
        if self._switch.verb == "COMPRESS":
            self._switch = None
            self._start_compression()
            if is_answer_lost:
                self._plaintext.lose_decoder(Side.SERVER, "imap_compression_lost")
            return True
        is_tls = looks_like_tls(bytes(unread[:TLS_PREFIX_BYTES]))
        if is_tls:
            self._reporter.events.append(StartTlsAdvanced(StartTls.ACCEPTED))
            self._plaintext.start_tls()
        elif is_tls is False:
            self._switch = None
        return is_tls is not False

    def _start_compression(self) -> None:
        self._reporter.counts.window_bytes += STATE_BYTES * len(Side)
        self._plaintext.start_decoding(Compression(self._limits))

    # gaps and the end

    def lose_track(self) -> None:
        """Learn that it is not known where the next command begins."""
        authenticate = self.commands.first("AUTHENTICATE")
        in_progress = authenticate.sasl if authenticate is not None else None
        for sasl in (in_progress, self.logins.unfinished):
            if sasl is not None:
                sasl.receive_gap()
        self._client.is_lost = True
        if self.commands.open is not None:
            self.close_command(self.commands.open)

    def withhold_literal(self, command: ImapCommand) -> bool:
        """Note that a literal was announced and not sent, if that is so."""
        is_withheld = self.fragments.is_untouched
        if is_withheld and command.literal is not None:
            command.literal.leave = Leave.REFUSED
            self.fragments.withdraw_literal()
        return is_withheld
