"""The state machine of SMTP.

Two readers feed one queue. The client's bytes are commands, each of which joins
the queue of those that await their reply; or mail data after DATA; or a chunk
after BDAT; or a response to a challenge of AUTH. Replies answer the queue in
order (RFC 2920 §3.1).

What follows DATA, AUTH or STARTTLS depends on the reply, so the client's bytes
behind such a decisive command wait for it. If no reply can come any more (a hole
in the server's stream, its end, too many bytes held), they speak for themselves:
a line with a known verb is a command, another is mail data, or a response.

While mail data is sent the server's bytes wait for its end (RFC 5321 §4.1.1.4),
unless a hole may have swallowed the end, or the server took another line end
than CRLF for it.

After a hole, replies are not matched with commands across it. Words that may be
secrets or mail text (behind a failed AUTH, a refused DATA, or a hole) are not
taken for verbs unless they are known ones.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from dissectors.conversation import MailDissector, decode_text
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
from dissectors.limits import DEFAULT_LIMITS
from dissectors.sasl import SaslExchange
from dissectors.smtp import grammar
from dissectors.smtp.replies import Reply, ReplyReader
from dissectors.smtp.transaction import MailTransaction, Message
from dissectors.software import find_software

if TYPE_CHECKING:
    from collections.abc import Callable

    from dissectors.conversation import LineBuffer
    from dissectors.limits import Limits

# enough of a line to see whether it begins with a verb
_PEEK_BYTES = 64
# RFC 8446 §5.1: ContentType handshake
_TLS_HANDSHAKE = 0x16


@dataclass(slots=True)
class _Command:
    """A command that awaits its reply; or the end of mail data, which does too.

    Attributes:
        transaction: the mail transaction that it belongs to.
        unreported: it is no exchange, but may be answered.
    """

    exchange: Exchange
    transaction: MailTransaction
    address: str = ""
    sasl: SaslExchange | None = None
    message: Message | None = None
    is_last_chunk: bool = False
    unreported: bool = False


class SmtpDissector(MailDissector):
    """Dissects one SMTP connection."""

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
        self._awaiting: deque[_Command] = deque()
        self._decisive: _Command | None = None
        self._challenged = False
        self._transaction = MailTransaction()
        self._message: Message | None = None
        self._content: StuffedText | None = None
        self._chunk_left = 0
        self._chunk_is_last = False
        self._greeted = False
        self._lmtp = False
        self._words_are_verbs = False
        self._bare_lf_seen = False
        # holes: replies may answer commands that were lost, a line may be a rest
        self._reply_lost = False
        self._stray_replies = False
        self._behind_hole = False
        self._rest_of_line = [False, False]

    # the client

    def _read(self, side: Side) -> None:
        if side is Side.CLIENT:
            self._read_client(self._input[Side.CLIENT])
        else:
            self._read_server(self._input[Side.SERVER])

    def _read_client(self, unread: LineBuffer) -> None:
        while unread.data:
            if self._content is not None:
                self._read_content(unread, self._content)
                if self._content is not None:
                    return
            elif self._chunk_left:
                self._read_chunk(unread)
            elif self._decisive is not None and not self._challenged:
                if not self._decide_without_reply(unread, self._decisive):
                    return
            else:
                line = unread.take_line()
                if line is None:
                    return
                self._receive_client_line(line)

    def _receive_client_line(self, line: bytes) -> None:
        if self._input[Side.CLIENT].bare_lf and not self._bare_lf_seen:
            self._bare_lf_seen = True
            self._anomaly("smtp_bare_lf", Side.CLIENT)
        verb, argument = grammar.parse_command(line)
        if self._challenged:
            self._challenged = False
            if self._decisive is not None and self._decisive.sasl is not None:
                self._decisive.sasl.receive_response(line)
                return
            if verb not in grammar.VERBS:
                # a response to a challenge whose AUTH was not seen
                return
        is_rest, self._rest_of_line[Side.CLIENT] = self._rest_of_line[0], False
        if verb in grammar.VERBS:
            self._words_are_verbs = True
            self._receive_command(verb, argument)
        elif not is_rest:
            self._receive_unknown(verb, argument)

    def _receive_command(self, verb: str | None, argument: bytes) -> None:
        text = decode_text(argument, self.limits.kept_text) if argument else None
        command = self._send(ExchangeKind.COMMAND, verb, text)
        on_command = self._ON_COMMAND.get(verb or "")
        if on_command is not None:
            on_command(self, command, argument)

    def _receive_unknown(self, verb: str | None, argument: bytes) -> None:
        if not self._words_are_verbs:
            self._send(ExchangeKind.COMMAND, None, None).unreported = True
        elif verb is None:
            self._anomaly("smtp_unknown_command", Side.CLIENT)
            self._send(ExchangeKind.COMMAND, None, None)
        else:
            self._receive_command(verb, argument)

    def _send(
        self, kind: ExchangeKind, verb: str | None, argument: str | None
    ) -> _Command:
        exchange = Exchange(
            self._number_exchange(), kind, verb, argument, self._time_ns, self._frame
        )
        command = _Command(exchange, self._transaction)
        self._stray_replies = self._behind_hole
        self._awaiting.append(command)
        if len(self._awaiting) > self.limits.pending_commands:
            self._anomaly("too_many_pending_commands", Side.CLIENT)
            self._complete(self._awaiting.popleft(), None)
        return command

    def _number_exchange(self) -> int:
        self._exchange_count += 1
        return self._exchange_count

    def _on_hello(self, command: _Command, argument: bytes) -> None:
        self._reset_transaction()
        self._lmtp = command.exchange.verb == "LHLO"
        if argument:
            name = decode_text(argument.strip(), self.limits.kept_text)
            self._events.append(ClientNamed(name))

    def _on_reset(self, _command: _Command, _argument: bytes) -> None:
        self._reset_transaction()

    def _reset_transaction(self) -> None:
        # RFC 5321 §4.1.1.5; RFC 3030 §2: the chunks so far are discarded
        if self._message is not None:
            self._abandon(self._message)
        self._transaction = MailTransaction()

    def _on_path(self, command: _Command, argument: bytes) -> None:
        path = grammar.parse_path(argument)
        command.address = decode_text(path, self.limits.kept_text)

    def _on_decisive(self, command: _Command, _argument: bytes) -> None:
        self._decisive = command
        self._reply_lost = False

    def _on_starttls(self, command: _Command, argument: bytes) -> None:
        self._events.append(StartTlsAdvanced(StartTls.REQUESTED))
        self._on_decisive(command, argument)

    def _on_auth(self, command: _Command, argument: bytes) -> None:
        mechanism, _, response = argument.partition(b" ")
        command.sasl = SaslExchange(mechanism)
        command.exchange.argument = command.sasl.mechanism
        if response.strip():
            command.exchange.argument += " ***"
            command.sasl.receive_initial_response(response.strip())
        self._on_decisive(command, argument)

    def _on_bdat(self, command: _Command, argument: bytes) -> None:
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
            self._report(message)

    def _begin_content(self, transaction: MailTransaction) -> None:
        bare_lf = self._input[Side.CLIENT].bare_lf
        self._content = StuffedText(bare_lf=bare_lf)
        self._message = Message(transaction, self.limits)

    def _read_content(self, unread: LineBuffer, content: StuffedText) -> None:
        assert self._message is not None
        text = content.read(unread)
        if text:
            self._message.feed(text)
        if content.ended:
            self._end_content(content, self._message)

    def _end_content(self, content: StuffedText, message: Message) -> None:
        if content.lookalike:
            self._anomaly("smtp_end_of_data_lookalike", Side.CLIENT)
        message.end(self._time_ns, self._frame, complete=True)
        if self._lmtp:
            message.replies_due = max(1, message.transaction.accepted_count)
        for _ in range(message.replies_due):
            self._send(ExchangeKind.MESSAGE, None, None).message = message
        self._content = self._message = None
        self._transaction = MailTransaction()

    def _abandon(self, message: Message) -> None:
        """The client will not send the rest of a message."""
        message.end(self._time_ns, self._frame, complete=False)
        message.replies_due = 0
        self._content = self._message = None
        self._chunk_left = 0
        self._transaction = MailTransaction()
        self._report(message)

    def _decide_without_reply(self, unread: LineBuffer, command: _Command) -> bool:
        """Tell what the client's bytes are if no reply can; `False` if it may."""
        if not (
            self._reply_lost
            or self._at_eof[Side.SERVER]
            or len(unread) > self.limits.held
        ):
            return False
        if command.sasl is not None:
            return self._read_unanswered_response(unread, command.sasl)
        start = bytes(unread.data[:_PEEK_BYTES])
        if not (b"\n" in start or len(start) == _PEEK_BYTES or all(self._at_eof)):
            return False
        self._decisive = None
        if command.exchange.verb == "DATA":
            if grammar.parse_command(start.split(b"\n")[0])[0] not in grammar.VERBS:
                self._begin_content(command.transaction)
        elif start[0] == _TLS_HANDSHAKE:
            self._accept_tls()
        return True

    def _read_unanswered_response(self, unread: LineBuffer, sasl: SaslExchange) -> bool:
        line = unread.take_line()
        if line is None:
            return False
        if grammar.parse_command(line)[0] not in grammar.VERBS:
            sasl.receive_response(line)
            return True
        self._decisive = None
        self._receive_client_line(line)
        return True

    # the server

    def _read_server(self, unread: LineBuffer) -> None:
        while unread.data:
            if self._content is not None and not self._may_answer_content(unread):
                return
            line = unread.take_line()
            if line is None:
                return
            self._receive_server_line(line)

    def _may_answer_content(self, unread: LineBuffer) -> bool:
        content, message = self._content, self._message
        assert content is not None
        assert message is not None
        client = self._input[Side.CLIENT]
        if self._at_eof[Side.CLIENT]:
            self._abandon(message)
        elif message.has_hole or content.may_have_ended(client):
            client.drop()
            self._end_content(content, message)
        else:
            return len(unread) > self.limits.held
        return True

    def _receive_server_line(self, line: bytes) -> None:
        is_rest, self._rest_of_line[Side.SERVER] = self._rest_of_line[1], False
        parsed = grammar.parse_reply_line(line)
        if parsed is not None:
            code, is_last, text = parsed
            reply = self._replies.add(code, text, is_last=is_last)
            if reply is not None:
                self._receive_reply(reply)
        elif not is_rest:
            self._anomaly("smtp_unexpected_line", Side.SERVER)
            if not self._greeted:
                # a proxy's words: what it answers was not said to the server
                self._awaiting.clear()

    def _receive_reply(self, reply: Reply) -> None:
        self._events.append(ReplyReceived(reply.code))
        decisive = self._decisive
        if reply.code == 334:
            self._challenged = True
            if decisive is not None and decisive.sasl is not None:
                self._give_up_before(decisive)
                decisive.sasl.receive_challenge(reply.lines[0])
                self._greeted = True
                return
        command = self._find_command(reply.code)
        if command is not None:
            self._complete(command, reply)
        elif not self._stray_replies:
            exchange = Exchange(self._number_exchange(), ExchangeKind.UNSOLICITED)
            self._complete(_Command(exchange, self._transaction), reply)
        elif reply.code == 354:
            # DATA itself was lost, but this proves it
            self._begin_content(self._transaction)

    def _find_command(self, code: int) -> _Command | None:
        """Find what a reply answers; `None` if nothing that was seen."""
        awaiting = self._awaiting
        if not self._greeted:
            self._greeted = True
            if self._is_greeting(code):
                return self._expect_greeting()
        if not awaiting:
            self._behind_hole = False
            self._take_unfinished_command()
        decisive = self._decisive
        if decisive is not None and _DECIDED_BY.get(code) == decisive.exchange.verb:
            # some earlier reply was lost, or two were taken for one
            self._give_up_before(decisive)
        # RFC 5321 §4.2.4: unknown commands are answered 5yz, and not by all
        while awaiting and awaiting[0].exchange.verb is None and code < 400:
            if awaiting[0].exchange.kind is not ExchangeKind.COMMAND:
                break
            self._complete(awaiting.popleft(), None)
        return awaiting.popleft() if awaiting else None

    def _is_greeting(self, code: int) -> bool:
        """RFC 5321 §3.1: 220 or 554, in the field also 421 and others.

        If the capture began later, the first reply seen may be any.
        """
        if code == 220:
            return not (self._awaiting and self._awaiting[0] is self._decisive)
        return code in (421, 521, 554) or (code >= 400 and not self._awaiting)

    def _expect_greeting(self) -> _Command:
        if self._awaiting:
            self._anomaly("smtp_early_talker", Side.CLIENT)
        self._words_are_verbs = True
        exchange = Exchange(self._number_exchange(), ExchangeKind.GREETING)
        return _Command(exchange, self._transaction)

    def _take_unfinished_command(self) -> None:
        """A reply to nothing: perhaps the client sent no line end."""
        unread = self._input[Side.CLIENT]
        start = bytes(unread.data[:_PEEK_BYTES])
        if grammar.parse_command(start)[0] in grammar.VERBS:
            line = unread.take_unfinished_line()
            self._receive_client_line(line)
            self._rest_of_line[Side.CLIENT] = True

    def _give_up_before(self, command: _Command) -> None:
        while self._awaiting and self._awaiting[0] is not command:
            self._complete(self._awaiting.popleft(), None)

    def _complete(self, command: _Command, reply: Reply | None) -> None:
        """A command was answered, or never will be."""
        exchange = command.exchange
        if reply is not None:
            exchange.reply_code = reply.code
            exchange.reply_text = reply.text(self.limits.kept_text)
            exchange.reply_time_ns, exchange.reply_frame = self._time_ns, self._frame
        if not command.unreported:
            self._events.append(exchange)
        on_reply = self._ON_REPLY.get(exchange.verb or exchange.kind)
        if on_reply is not None:
            on_reply(self, command, reply)
        if command is self._decisive:
            self._decisive = None

    def _on_greeting_reply(self, _command: _Command, reply: Reply | None) -> None:
        assert reply is not None
        text = decode_text(reply.lines[0], self.limits.kept_text).strip()
        self._events.append(GreetingReceived(text, find_software(text)))

    def _on_hello_reply(self, _command: _Command, reply: Reply | None) -> None:
        if reply is None or not reply.is_positive:
            return
        limit = self.limits.kept_text
        capabilities = [
            decode_text(raw, limit) for raw in grammar.parse_capabilities(reply.lines)
        ][: self.limits.list_items]
        offered = "STARTTLS" in capabilities
        if reply.complete:
            self._events.append(CapabilitiesAnnounced(capabilities))
        if reply.complete or offered:
            step = StartTls.OFFERED if offered else StartTls.NOT_OFFERED
            self._events.append(StartTlsAdvanced(step))

    def _on_starttls_reply(self, _command: _Command, reply: Reply | None) -> None:
        if reply is not None and reply.code == 220:
            self._accept_tls()
        elif reply is not None:
            self._events.append(StartTlsAdvanced(StartTls.REFUSED))

    def _accept_tls(self) -> None:
        self._events.append(StartTlsAdvanced(StartTls.ACCEPTED))
        # RFC 3207 §4.2: both sides forget what they learned before
        self._reset_transaction()
        self._start_tls()

    def _on_auth_reply(self, command: _Command, reply: Reply | None) -> None:
        assert command.sasl is not None
        outcome = Outcome.UNKNOWN
        if reply is not None:
            outcome = Outcome.SUCCESS if reply.is_positive else Outcome.FAILURE
        self._submission |= outcome is Outcome.SUCCESS
        # some clients send their responses after a refusal all the same
        self._words_are_verbs &= outcome is Outcome.SUCCESS
        self._challenged = False
        self._events.append(command.sasl.finish(outcome))

    def _on_mail_reply(self, command: _Command, reply: Reply | None) -> None:
        accepted = None if reply is None else reply.is_positive
        self._events.append(SenderGiven(command.address, accepted))
        transaction = command.transaction
        if accepted or (accepted is None and transaction.sender is None):
            transaction.sender = command.address

    def _on_rcpt_reply(self, command: _Command, reply: Reply | None) -> None:
        accepted = None if reply is None else reply.is_positive
        self._events.append(RecipientGiven(command.address, accepted))
        transaction = command.transaction
        transaction.accepted_count += accepted is True
        recipients = transaction.recipients
        if accepted is not False and len(recipients) < self.limits.list_items:
            recipients.append(command.address)

    def _on_data_reply(self, command: _Command, reply: Reply | None) -> None:
        if reply is None:
            return
        if reply.code != 354:
            self._words_are_verbs = False
        elif command is self._decisive:
            self._begin_content(command.transaction)

    def _on_bdat_reply(self, command: _Command, reply: Reply | None) -> None:
        message = command.message
        if message is None:
            return
        if command.is_last_chunk:
            self._on_message_reply(command, reply)
        elif reply is not None and not reply.is_positive:
            message.receive_reply(reply.code)

    def _on_message_reply(self, command: _Command, reply: Reply | None) -> None:
        message = command.message
        assert message is not None
        message.receive_reply(None if reply is None else reply.code)
        message.replies_due -= 1
        self._report(message)

    def _report(self, message: Message) -> None:
        if not message.is_done:
            return
        assert message.facts is not None
        assert message.outcome is not None
        direction = Direction.SUBMITTED if self._submission else Direction.RELAYED
        self._events.append(
            MessageTransferred(
                direction,
                message.outcome,
                message.facts,
                message.time_ns,
                message.frame,
                message.transaction.sender,
                message.transaction.recipients,
            )
        )

    # holes, missing line ends, the end

    def _interrupt(self, side: Side) -> None:
        """The client goes on: a reply without line end was complete for it."""
        unread = self._input[side]
        if side is Side.CLIENT or self._content is not None or b"\n" in unread.data:
            return
        parsed = grammar.parse_reply_line(bytes(unread.data[:_PEEK_BYTES]))
        if parsed is not None and parsed[1] and parsed[2]:
            self._receive_server_line(unread.take_unfinished_line())
            # if it was not, the rest of the line is still to come
            self._rest_of_line[Side.SERVER] = True

    def _skip_gap(self, side: Side, length: int) -> None:
        if side is Side.CLIENT:
            self._skip_client_gap(length)
            return
        self._input[Side.SERVER].drop()
        self._rest_of_line[Side.SERVER] = True
        partial = self._replies.flush()
        if partial is not None:
            self._receive_reply(partial)
        for _ in range(len(self._awaiting)):
            if self._awaiting[0] is not self._decisive:
                self._complete(self._awaiting.popleft(), None)
        self._reply_lost = self._stray_replies = True

    def _skip_client_gap(self, length: int) -> None:
        unread = self._input[Side.CLIENT]
        if unread.data and self._decisive is not None:
            self._reply_lost = True
            self._read_client(unread)
        if self._chunk_left:
            length = self._skip_chunk(length)
        if length and self._content is not None and self._message is not None:
            self._message.feed(unread.take(len(unread)))
            self._message.skip_gap(length)
            self._content.cross_gap()
        elif length:
            unread.drop()
            self._words_are_verbs = False
            self._rest_of_line[Side.CLIENT] = True
            self._stray_replies = self._behind_hole = True

    def _skip_chunk(self, length: int) -> int:
        """Skip what of a hole is in a chunk; return the length of the rest."""
        assert self._message is not None
        skipped = min(length, self._chunk_left)
        self._message.skip_gap(skipped)
        self._chunk_left -= skipped
        if not self._chunk_left:
            self._end_chunk(self._message)
        return length - skipped

    def _finish(self) -> None:
        client, server = self._input
        if self._message is not None:
            self._abandon(self._message)
        elif not self._upgraded:
            line = client.take_unfinished_line()
            if grammar.parse_command(line)[0] in grammar.VERBS or self._challenged:
                self._receive_client_line(line)
        self._read_server(server)
        line = server.take_unfinished_line()
        if grammar.parse_reply_line(line) is not None:
            self._receive_server_line(line)
        partial = self._replies.flush()
        if partial is not None:
            self._receive_reply(partial)
        while self._awaiting:
            self._complete(self._awaiting.popleft(), None)

    _ON_COMMAND: ClassVar[
        dict[str, Callable[[SmtpDissector, _Command, bytes], None]]
    ] = {
        "EHLO": _on_hello,
        "HELO": _on_hello,
        "LHLO": _on_hello,
        "RSET": _on_reset,
        "MAIL": _on_path,
        "RCPT": _on_path,
        "DATA": _on_decisive,
        "STARTTLS": _on_starttls,
        "X-ANONYMOUSTLS": _on_starttls,
        "AUTH": _on_auth,
        "X-EXPS": _on_auth,
        "BDAT": _on_bdat,
    }
    _ON_REPLY: ClassVar[
        dict[str, Callable[[SmtpDissector, _Command, Reply | None], None]]
    ] = {
        ExchangeKind.GREETING: _on_greeting_reply,
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


# replies that can answer only one command
_DECIDED_BY = {354: "DATA", 235: "AUTH"}
