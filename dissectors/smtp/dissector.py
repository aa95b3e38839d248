"""The state machine of SMTP, on top of commands and replies in order.

The client's bytes are commands; or mail data after DATA; or a chunk after BDAT.

While mail data is sent, the server's bytes wait for its end (RFC 5321 §4.1.1.4),
unless a hole may have swallowed the end, or the server takes a lone dot between
other line ends than CRLF for it. Mail data goes on after a hole, and so does a
chunk, whose length is known.

A mail transaction is replaced by HELO, EHLO, RSET, STARTTLS and the end of a
message. Commands keep the one that they belong to, as their replies may come
when the next one has begun.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from dissectors.conversation import decode_text
from dissectors.dialogue import Command, DialogueDissector
from dissectors.dotstuffing import StuffedText
from dissectors.events import (
    CapabilitiesAnnounced,
    ClientNamed,
    Direction,
    Exchange,
    ExchangeKind,
    GreetingReceived,
    MessageTransferred,
    Outcome,
    RecipientGiven,
    ReplyReceived,
    SenderGiven,
    Side,
    StartTls,
    StartTlsAdvanced,
)
from dissectors.limits import DEFAULT_LIMITS, KIB
from dissectors.smtp import grammar
from dissectors.smtp.replies import ReplyReader, SmtpReply, parse_reply
from dissectors.smtp.transaction import MailTransaction, Message
from dissectors.software import find_software

if TYPE_CHECKING:
    from collections.abc import Callable

    from dissectors.conversation import LineBuffer
    from dissectors.limits import Limits

# a member of an enum costs more to look up
_SERVER = Side.SERVER


@dataclass(slots=True)
class _SmtpCommand(Command):
    """A command, or the end of mail data, which is answered too."""

    transaction: MailTransaction = field(default_factory=MailTransaction)
    address: str = ""
    message: Message | None = None
    is_last_chunk: bool = False


class SmtpDissector(DialogueDissector[_SmtpCommand, SmtpReply]):
    """Dissects one SMTP connection."""

    _VERBS = grammar.VERBS
    _UNKNOWN_COMMAND = "smtp_unknown_command"

    def __init__(
        self, limits: Limits = DEFAULT_LIMITS, *, submission: bool = False
    ) -> None:
        """Begin with a new connection.

        Args:
            limits: what to keep at most.
            submission: messages are submitted here, not relayed (RFC 6409).
        """
        super().__init__(limits)
        self._submission = submission
        self._replies = ReplyReader(limits.line)
        self._transaction = MailTransaction()
        # the message in progress, by DATA or BDAT; its mail data, or its chunk
        self._message: Message | None = None
        self._content: StuffedText | None = None
        self._chunk_left = 0
        self._chunk_is_last = False
        # where in the client's stream the server began to wait for the end of
        # mail data; it does not wait for what the client sends later
        self._server_waits_since: int | None = None
        self._lmtp = False
        self._bare_lf_seen = False

    # commands

    def _parse_command(self, line: bytes) -> tuple[str | None, bytes]:
        return grammar.parse_command(line)

    def _make_command(self, exchange: Exchange) -> _SmtpCommand:
        return _SmtpCommand(exchange, transaction=self._transaction)

    def _line_reader(self, side: Side) -> Callable[[bytes], object] | None:
        if (
            self._content is not None
            or self._chunk_left
            or self._server_waits_since is not None
        ):
            return None
        return super()._line_reader(side)

    def _pass_lines(self, side: Side, unread: LineBuffer, data: bytes) -> bytes:
        if (
            side is _SERVER
            and data[3:4] == b"-"
            and len(data) <= KIB
            and self._line_reader(side) is not None
            and not self._replies.is_open
        ):
            reply = parse_reply(data, self.limits.line)
            if reply is not None:
                unread.offset += len(data)
                self._rest_of_line[1] = False
                self._receive_reply(reply)
                return b""
        return super()._pass_lines(side, unread, data)

    def _read_next(self, unread: LineBuffer) -> bool:
        content = self._content
        if content is not None:
            self._read_content(unread, content)
            return content.ended
        waits_since = self._server_waits_since
        if waits_since is not None and unread.offset >= waits_since:
            return False
        if self._chunk_left:
            self._read_chunk(unread)
            return True
        return super()._read_next(unread)

    def _receive_command(self, verb: str, argument: bytes) -> None:
        if self._input[0].bare_lf and not self._bare_lf_seen:
            self._bare_lf_seen = True
            self._anomaly("smtp_bare_lf", Side.CLIENT)
        on_command = self._ON_COMMAND.get(verb)
        if on_command is None:
            self._send_line(verb, argument)
        else:
            on_command(self, verb, argument)

    def _send_line(self, verb: str, argument: bytes) -> _SmtpCommand:
        text = decode_text(argument, self.limits.kept_text) if argument else None
        return self._send(verb, text)

    def _on_hello(self, verb: str, argument: bytes) -> None:
        self._send_line(verb, argument)
        self._reset_transaction()
        self._lmtp = verb == "LHLO"
        if argument:
            name = decode_text(argument, self.limits.kept_text)
            self._events.append(ClientNamed(name))

    def _on_reset(self, verb: str, argument: bytes) -> None:
        self._send_line(verb, argument)
        self._reset_transaction()

    def _reset_transaction(self) -> None:
        # RFC 5321 §4.1.1.5; RFC 3030 §2: the chunks so far are discarded
        if self._message is not None:
            self._abandon(self._message)
        self._transaction = MailTransaction()

    def _on_path(self, verb: str, argument: bytes) -> None:
        path = grammar.parse_path(argument)
        command = self._send_line(verb, argument)
        command.address = decode_text(path, self.limits.kept_text)

    def _on_data(self, verb: str, argument: bytes) -> None:
        self._make_decisive(self._send_line(verb, argument))

    def _on_auth(self, verb: str, argument: bytes) -> None:
        self._send_auth(verb, argument)

    def _on_starttls(self, verb: str, _argument: bytes) -> None:
        self._send_starttls(verb)

    def _on_bdat(self, verb: str, argument: bytes) -> None:
        command = self._send_line(verb, argument)
        chunk = grammar.parse_bdat(argument)
        if chunk is None:
            # no octets follow what can't be parsed
            self._anomaly("smtp_bad_bdat", Side.CLIENT)
            return
        if self._message is None:
            self._message = Message(self._transaction, self.limits)
        command.message = self._message
        self._chunk_left, command.is_last_chunk = chunk
        self._chunk_is_last = command.is_last_chunk
        if not self._chunk_left:
            self._end_chunk(self._message)

    # messages

    def _read_chunk(self, unread: LineBuffer) -> None:
        assert self._message is not None
        octets = unread.take(self._chunk_left)
        self._chunk_left -= len(octets)
        self._message.feed(octets)
        if not self._chunk_left:
            self._end_chunk(self._message)

    def _end_chunk(self, message: Message) -> None:
        if self._chunk_is_last:
            message.end(self._time_ns, self._frame, complete=True)
            self._message = None
            self._transaction = MailTransaction()
            self._report_if_done(message)

    def _begin_content(self, transaction: MailTransaction) -> None:
        if self._message is not None:
            # DATA among chunks (RFC 3030 §2 forbids it)
            self._abandon(self._message)
        bare_lf = self._input[Side.CLIENT].bare_lf
        after_hole, self._rest_of_line[0] = self._rest_of_line[0], False
        self._content = StuffedText(bare_lf=bare_lf, inside_line=after_hole)
        self._message = Message(transaction, self.limits)
        self._message.has_hole = after_hole

    def _read_content(self, unread: LineBuffer, content: StuffedText) -> None:
        assert self._message is not None
        text = content.read(unread)
        if text:
            self._message.feed(text)
        if content.ended:
            self._end_content(content, self._message)

    def _end_content(self, content: StuffedText, message: Message) -> None:
        if content.lookalike_seen:
            self._anomaly("smtp_end_of_data_lookalike", Side.CLIENT)
        message.end(self._time_ns, self._frame, complete=True)
        if self._lmtp:
            message.replies_due = max(1, message.transaction.accepted_count)
        self._content = self._message = None
        self._transaction = MailTransaction()
        for _ in range(message.replies_due):
            self._send(None, kind=ExchangeKind.MESSAGE).message = message

    def _abandon(self, message: Message) -> None:
        """The client will not send the rest of a message."""
        if self._content is not None:
            message.feed(self._content.cross_gap(self._input[Side.CLIENT]))
        message.end(self._time_ns, self._frame, complete=False)
        message.replies_due = 0
        self._content = self._message = None
        self._chunk_left = 0
        self._transaction = MailTransaction()
        self._report_if_done(message)

    def _report_if_done(self, message: Message) -> None:
        if message.facts is None or message.outcome is None or message.replies_due:
            return
        self._events.append(
            MessageTransferred(
                Direction.SUBMITTED if self._submission else Direction.RELAYED,
                message.outcome,
                message.facts,
                message.time_ns,
                message.frame,
                message.transaction.sender,
                message.transaction.recipients,
            )
        )

    # replies

    def _read_server(self, unread: LineBuffer) -> None:
        while unread.data:
            if self._content is not None and not self._may_answer(self._content):
                if self._server_waits_since is None:
                    client = self._input[Side.CLIENT]
                    self._server_waits_since = client.offset + len(client)
                return
            self._server_waits_since = None
            line = self._take_line(Side.SERVER)
            if line is None or self._releases_client(line):
                return

    def _may_answer(self, content: StuffedText) -> bool:
        """Whether the server may speak now: the mail data has ended for it."""
        message, client = self._message, self._input[Side.CLIENT]
        assert message is not None
        if self._awaiting:
            # the reply to DATA, if the mail data did not wait for it
            return True
        # bytes that waited since before the lookalike or the hole tell nothing
        speaks_now = self._speaker is Side.SERVER
        if speaks_now and content.in_doubt:
            message.feed(content.end_at_lookalike(client))
            self._end_content(content, message)
        elif speaks_now and message.has_hole:
            message.feed(content.cross_gap(client))
            self._end_content(content, message)
        elif self._at_eof[Side.CLIENT]:
            self._abandon(message)
        else:
            return len(self._input[Side.SERVER]) > self.limits.held
        return True

    def _is_whole_reply(self, line: bytes) -> bool:
        parsed = grammar.parse_reply_line(line)
        return self._content is None and parsed is not None and parsed[1]

    def _receive_server_line(self, line: bytes) -> None:
        is_rest, self._rest_of_line[1] = self._rest_of_line[1], False
        parsed = grammar.parse_reply_line(line)
        if parsed is not None:
            code, is_last, text = parsed
            reply = self._replies.add(code, text, is_last=is_last)
            if reply is not None:
                self._receive_reply(reply)
        elif not is_rest:
            self._anomaly("smtp_unexpected_line", Side.SERVER)
            if not self._greeted:
                # a proxy's words: what they answer was not said to the server
                self._awaiting.clear()
                self._decisive = None

    def _receive_reply(self, reply: SmtpReply) -> None:
        self._events.append(ReplyReceived(reply.code))
        decisive = self._decisive
        if decisive is not None and _is_decided_by(decisive, reply.code):
            # the first 220 is the greeting
            self._greeted |= reply.code != 220
            if self._greeted:
                self._give_up_before(decisive)
        if reply.code == 334:
            self._challenged = True
            if decisive is not None and decisive.sasl is not None:
                decisive.sasl.receive_challenge(reply.lines[0])
                return
        if not self._greeted:
            self._greeted = True
            if self._is_greeting(reply.code):
                self._receive_greeting(reply)
                return
        command = self._find_command(is_positive=reply.code < 400)
        if command is not None:
            self._complete(command, reply)
        elif not self._stray_replies:
            self._receive_unprompted(reply, ExchangeKind.UNSOLICITED)
        elif reply.code == 354 and self._rest_of_line[Side.CLIENT]:
            # DATA was in the hole, but this proves it
            self._begin_content(self._transaction)

    def _is_greeting(self, code: int) -> bool:
        """RFC 5321 §3.1: 220 or 554, in the field also 421 and others.

        If the capture began later, the first reply seen may be any.
        """
        if code == 220:
            return not (self._awaiting and self._awaiting[0] is self._decisive)
        return code in (421, 521, 554) or (code >= 400 and not self._awaiting)

    def _receive_greeting(self, reply: SmtpReply) -> None:
        if self._awaiting:
            self._anomaly("smtp_early_talker", Side.CLIENT)
        self._words_are_verbs = True
        self._receive_unprompted(reply, ExchangeKind.GREETING)
        text = decode_text(reply.lines[0], self.limits.kept_text).strip()
        self._events.append(GreetingReceived(text, find_software(text)))

    def _handle_reply(self, command: _SmtpCommand, reply: SmtpReply | None) -> None:
        exchange = command.exchange
        on_reply = self._ON_REPLY.get(exchange.verb or exchange.kind)
        if on_reply is not None:
            on_reply(self, command, reply)

    def _on_hello_reply(self, _command: _SmtpCommand, reply: SmtpReply | None) -> None:
        if reply is None or not reply.is_positive:
            return
        capabilities = grammar.parse_capabilities(
            b"\n".join(reply.lines), self.limits.line, self.limits.list_items
        )
        offered = "STARTTLS" in capabilities
        if reply.complete:
            self._events.append(CapabilitiesAnnounced(list(capabilities)))
        if reply.complete or offered:
            step = StartTls.OFFERED if offered else StartTls.NOT_OFFERED
            self._events.append(StartTlsAdvanced(step))

    def _on_starttls_reply(
        self, _command: _SmtpCommand, reply: SmtpReply | None
    ) -> None:
        accepted = reply is not None and reply.code == 220
        self._handle_starttls_reply(reply, accepted=accepted)

    def _accept_tls(self) -> None:
        # RFC 3207 §4.2: both sides forget what they learned before
        self._reset_transaction()
        super()._accept_tls()

    def _on_auth_reply(self, command: _SmtpCommand, reply: SmtpReply | None) -> None:
        assert command.sasl is not None
        outcome = self._handle_auth_reply(command.sasl, reply)
        self._submission |= outcome is Outcome.SUCCESS

    def _on_mail_reply(self, command: _SmtpCommand, reply: SmtpReply | None) -> None:
        accepted = None if reply is None else reply.is_positive
        self._events.append(SenderGiven(command.address, accepted))
        transaction = command.transaction
        if accepted or (accepted is None and transaction.sender is None):
            transaction.sender = command.address

    def _on_rcpt_reply(self, command: _SmtpCommand, reply: SmtpReply | None) -> None:
        accepted = None if reply is None else reply.is_positive
        self._events.append(RecipientGiven(command.address, accepted))
        transaction = command.transaction
        transaction.accepted_count += accepted is True
        recipients = transaction.recipients
        if accepted is not False and len(recipients) < self.limits.list_items:
            recipients.append(command.address)

    def _on_data_reply(self, command: _SmtpCommand, reply: SmtpReply | None) -> None:
        if reply is None:
            return
        if reply.code != 354:
            self._words_are_verbs = False
        elif command is self._decisive:
            self._begin_content(command.transaction)

    def _on_bdat_reply(self, command: _SmtpCommand, reply: SmtpReply | None) -> None:
        if command.message is None:
            return
        if command.is_last_chunk:
            self._on_message_reply(command, reply)
        elif reply is not None and not reply.is_positive:
            command.message.receive_reply(reply.code)

    def _on_message_reply(self, command: _SmtpCommand, reply: SmtpReply | None) -> None:
        message = command.message
        assert message is not None
        message.receive_reply(None if reply is None else reply.code)
        if message.replies_due:
            message.replies_due -= 1
            self._report_if_done(message)

    # holes and the end

    def _decide_by_line(self, command: _SmtpCommand, *, is_command: bool) -> None:
        if command.exchange.verb == "DATA" and not is_command:
            self._begin_content(command.transaction)

    def _skip_client_gap(self, length: int) -> None:
        self._release_held()
        if self._chunk_left:
            length = self._skip_chunk(length)
        if self._content is not None and self._message is not None:
            unread = self._input[Side.CLIENT]
            self._message.feed(self._content.cross_gap(unread))
            self._message.skip_gap(length)
        elif length:
            super()._skip_client_gap(length)

    def _skip_chunk(self, length: int) -> int:
        """Skip what of a hole is in a chunk; return the length of the rest."""
        assert self._message is not None
        skipped = min(length, self._chunk_left)
        self._message.skip_gap(skipped)
        self._chunk_left -= skipped
        if not self._chunk_left:
            self._end_chunk(self._message)
        return length - skipped

    def _skip_server_gap(self, length: int) -> None:
        self._flush_reply()
        super()._skip_server_gap(length)

    def _flush_reply(self) -> None:
        partial = self._replies.flush()
        if partial is not None:
            self._receive_reply(partial)

    def _finish(self) -> None:
        if self._content is not None and self._input[Side.SERVER].data:
            self._may_answer(self._content)
        if self._message is not None:
            self._abandon(self._message)
        super()._finish()

    def _finish_server(self, unread: LineBuffer) -> None:
        super()._finish_server(unread)
        self._flush_reply()

    _ON_COMMAND: ClassVar[dict[str, Callable[[SmtpDissector, str, bytes], None]]] = {
        "EHLO": _on_hello,
        "HELO": _on_hello,
        "LHLO": _on_hello,
        "RSET": _on_reset,
        "MAIL": _on_path,
        "RCPT": _on_path,
        "DATA": _on_data,
        "STARTTLS": _on_starttls,
        "X-ANONYMOUSTLS": _on_starttls,
        "AUTH": _on_auth,
        "X-EXPS": _on_auth,
        "BDAT": _on_bdat,
    }
    _ON_REPLY: ClassVar[
        dict[str, Callable[[SmtpDissector, _SmtpCommand, SmtpReply | None], None]]
    ] = {
        ExchangeKind.MESSAGE: _on_message_reply,
        "EHLO": _on_hello_reply,
        "LHLO": _on_hello_reply,
        "STARTTLS": _on_starttls_reply,
        "X-ANONYMOUSTLS": _on_starttls_reply,
        "AUTH": _on_auth_reply,
        "X-EXPS": _on_auth_reply,
        "MAIL": _on_mail_reply,
        "RCPT": _on_rcpt_reply,
        "DATA": _on_data_reply,
        "BDAT": _on_bdat_reply,
    }


def _is_decided_by(command: _SmtpCommand, code: int) -> bool:
    """Whether a reply can be to no other command than this decisive one."""
    if command.sasl is not None:
        return code in (334, 235)
    return code == (354 if command.exchange.verb == "DATA" else 220)
