"""The state machine of SMTP: what replies mean.

After TURN or ATRN the roles are reversed (RFC 821, RFC 2645 §4.2): another
dissector reads on, with the sides exchanged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dissectors.conversation.forwarding import parse_attributes
from dissectors.conversation.lines import Place, decode_text
from dissectors.conversation.software import find_software
from dissectors.credentials.names import MASK
from dissectors.events import (
    CapabilitiesAnnounced,
    ClientForwarded,
    ClientNamed,
    ExchangeKind,
    GreetingReceived,
    LoginOffered,
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
from dissectors.smtp.commands import CommandReader
from dissectors.smtp.replies import ReplyReader, SmtpReply, parse_reply
from dissectors.smtp.transfer import TransferDissector

if TYPE_CHECKING:
    from collections.abc import Callable

    from dissectors.conversation.lines import LineBuffer
    from dissectors.limits import Limits
    from dissectors.smtp.transaction import SmtpCommand

# a member of an enum costs more to look up
_CLIENT, _SERVER = Side


# the replies that can be to no other command; 220 for STARTTLS and the like
_DECIDING_CODES = {"ATRN": 0, "DATA": 354, "TURN": 0, "XEXCH50": 354}
# what the other side of a reversed session says of itself would hide who it is
_OWN_TO_A_SIDE = (
    CapabilitiesAnnounced,
    ClientNamed,
    GreetingReceived,
    LoginOffered,
    StartTlsAdvanced,
)


class SmtpDialogue(CommandReader):
    """Dissects one SMTP connection."""

    __slots__ = (
        "_replies",
        "_reply_place",
    )

    def __init__(
        self, limits: Limits = DEFAULT_LIMITS, *, submission: bool = False
    ) -> None:
        super().__init__(limits, submission=submission)
        self._replies = ReplyReader(limits.line)
        # where the reply began that is not complete yet
        self._reply_place: Place | None = None

    def new_inside(self, *, greeted: bool) -> SmtpDialogue:
        """Return what reads the session inside TLS."""
        other = SmtpDialogue(self.limits, submission=self._submission)
        other._greeted = greeted
        if greeted:
            other._expect_commands()
        return other

    def pass_lines(self, side: Side, data: bytes) -> bytes:
        """Act on the lines that come first, or at once on a reply of several."""
        if (
            side is _SERVER
            and data[3:4] == b"-"
            and len(data) <= KIB
            and self.line_reader(side) is not None
            and not self._replies.is_open
        ):
            reply = parse_reply(data, self.limits.line)
            if reply is not None:
                unread = self.streams[_SERVER]
                unread.offset += len(data)
                unread.may_be_rest = False
                self._receive_reply(reply)
                return b""
        return super().pass_lines(side, data)

    # replies

    def _is_whole_reply(self, line: bytes) -> bool:
        parsed = grammar.parse_reply_line(line)
        return self._content is None and parsed is not None and parsed[1]

    def _receive_server_line(self, line: bytes) -> None:
        unread = self.streams[1]
        is_rest, unread.may_be_rest = unread.may_be_rest, False
        parsed = grammar.parse_reply_line(line)
        if parsed is not None:
            code, is_last, text = parsed
            is_open = self._replies.is_open
            reply = self._replies.add(code, text, is_last=is_last)
            if reply is not None:
                self._receive_whole_reply(reply)
            elif not is_open:
                self._reply_place = self.reporter.last_line(_SERVER)
        elif not is_rest:
            self.reporter.anomaly("smtp_unexpected_line", Side.SERVER)
            if self._greeted and not self._replies.is_open:
                is_reply = grammar.parse_enhanced_code(line) is not None
                self._note_odd_line(line, is_reply=is_reply)
            elif not self._greeted:
                # a proxy's words: what they answer was not said to the server
                self._queue.awaiting.clear()
                self._queue.decisive = None

    def _receive_whole_reply(self, reply: SmtpReply) -> None:
        """Act on a reply that was put together, or on what there is of it."""
        if reply.too_long:
            self.reporter.anomaly(
                "smtp_reply_too_long", Side.SERVER, at=self._reply_place
            )
        self._receive_reply(reply)

    def _receive_reply(self, reply: SmtpReply) -> None:
        self.reporter.events.append(ReplyReceived(reply.code))
        decisive = self._queue.decisive
        if decisive is not None and _is_decided_by(decisive, reply.code):
            # the first 220 is the greeting
            self._greeted |= reply.code != 220
            if self._greeted:
                self._give_up_before(decisive)
        if reply.code == 334 and self._receive_challenge(reply.lines[0]):
            return
        if not self._greeted:
            self._greeted = True
            if self._is_greeting(reply.code):
                self._receive_greeting(reply)
                return
        command = self._find_command(is_positive=reply.code < 400)
        if command is not None:
            self._complete(command, reply)
            return
        if self._queue.is_in_step:
            self._receive_unprompted(reply, ExchangeKind.UNSOLICITED)
        if reply.code == 354:
            self._infer_content()

    def _receive_challenge(self, challenge: bytes) -> bool:
        """Expect a response; whether it is to an AUTH that waits for it."""
        self._logins.is_challenged = True
        self._queue.odd_line = None
        if self._logins.unfinished is not None:
            self._logins.unfinished.receive_challenge(challenge)
        if self._queue.decisive is None or self._queue.decisive.sasl is None:
            return False
        self._queue.decisive.sasl.receive_challenge(challenge)
        return True

    def _is_greeting(self, code: int) -> bool:
        """RFC 5321 §3.1: 220 or 554, in the field also 421 and others.

        If the capture began later, the first reply seen may be any.
        """
        queue = self._queue
        if code == 220:
            return not (queue.awaiting and queue.awaiting[0] is queue.decisive)
        return code in (421, 521, 554) or (code >= 400 and not queue.awaiting)

    def _receive_greeting(self, reply: SmtpReply) -> None:
        if self._queue.awaiting:
            early = self._queue.awaiting[0]
            at = early.exchange.request_time_ns or 0, early.exchange.request_frame or 0
            place = Place(early.offset, *at)
            self.reporter.anomaly("smtp_early_talker", Side.CLIENT, at=place)
        self._expect_commands()
        self._receive_unprompted(reply, ExchangeKind.GREETING)
        text = decode_text(reply.lines[0], self.limits.kept_text).strip()
        self.reporter.report(GreetingReceived(text, find_software(text)))

    def _handle_reply(self, command: SmtpCommand, reply: SmtpReply | None) -> None:
        exchange = command.exchange
        verb = exchange.verb
        if exchange.kind is ExchangeKind.MESSAGE:
            self.on_message_reply(command, reply)
        elif (on_reply := _ON_REPLY.get(verb or "")) is not None:
            on_reply(self, command, reply)
        if verb in grammar.EXTENSION_VERBS and reply is not None and reply.code < 400:
            self.reporter.use_extension(grammar.EXTENSION_VERBS[verb])

    def _on_hello_reply(self, _command: SmtpCommand, reply: SmtpReply | None) -> None:
        if reply is None or not reply.is_positive:
            return
        capabilities = grammar.parse_capabilities(
            b"\n".join(reply.lines), self.limits.line, self.limits.list_items
        )
        offered = "STARTTLS" in capabilities
        if reply.complete:
            self.reporter.report(CapabilitiesAnnounced(list(capabilities)))
            mechanisms = grammar.login_mechanisms(capabilities)
            self._logins.offered = frozenset(mechanisms)
            self._logins.announced = grammar.announced_keywords(capabilities)
            self.reporter.report(LoginOffered(list(mechanisms)))
        if reply.complete or offered:
            step = StartTls.OFFERED if offered else StartTls.NOT_OFFERED
            self.reporter.events.append(StartTlsAdvanced(step))

    def _on_starttls_reply(
        self, _command: SmtpCommand, reply: SmtpReply | None
    ) -> None:
        accepted = reply is not None and reply.code == 220
        self._handle_starttls_reply(reply, accepted=accepted)

    def _accept_tls(self) -> None:
        # RFC 3207 §4.2: both sides forget what they learned before
        self._reset_transaction()
        super()._accept_tls()

    def _on_auth_reply(self, command: SmtpCommand, reply: SmtpReply | None) -> None:
        assert command.sasl is not None
        outcome = self._handle_auth_reply(command.sasl, reply)
        self._submission |= outcome is Outcome.SUCCESS

    def _on_mail_reply(self, command: SmtpCommand, reply: SmtpReply | None) -> None:
        accepted = None if reply is None else reply.is_positive
        self.reporter.events.append(
            SenderGiven(command.address, accepted, command.parameters)
        )
        transaction = command.transaction
        if accepted and transaction.sender is not None:
            # RFC 5321 §3.3: a MAIL that is accepted begins anew
            transaction.begin_anew()
        if accepted or (accepted is None and transaction.sender is None):
            transaction.sender = command.address
        if command.parameters:
            self._use_parameters(command, accepted=accepted)

    def _on_rcpt_reply(self, command: SmtpCommand, reply: SmtpReply | None) -> None:
        accepted = None if reply is None else reply.is_positive
        self.reporter.events.append(
            RecipientGiven(command.address, accepted, command.parameters)
        )
        transaction = command.transaction
        transaction.accepted_count += accepted is True
        recipients = transaction.recipients
        if accepted is not False and len(recipients) < self.limits.list_items:
            recipients.append(command.address)
        if command.parameters:
            self._use_parameters(command, accepted=accepted)

    def _use_parameters(self, command: SmtpCommand, *, accepted: bool | None) -> None:
        if accepted is False:
            return
        kept = command.transaction.parameters
        for parameter in command.parameters:
            if len(kept) < self.limits.list_items:
                kept[parameter] = None
            if parameter != MASK:
                self.reporter.use_extension(grammar.extension_of(parameter))

    def _on_forwarded_reply(
        self, command: SmtpCommand, reply: SmtpReply | None
    ) -> None:
        if reply is None or not reply.is_positive:
            return
        argument = (command.exchange.argument or "").encode()
        attributes = parse_attributes(argument, self.limits.kept_text)
        self.reporter.events.append(ClientForwarded(attributes))
        if command.exchange.verb == "XCLIENT":
            # Postfix, XCLIENT_README: the session begins anew, with a greeting
            self._reset_transaction()

    def _on_xexch50_reply(self, command: SmtpCommand, reply: SmtpReply | None) -> None:
        size = grammar.parse_xexch50((command.exchange.argument or "").encode())
        if reply is not None and reply.code == 354 and size:
            self._begin_foreign_chunk(size)

    def _on_turn_reply(self, command: SmtpCommand, reply: SmtpReply | None) -> None:
        if reply is not None and reply.is_positive and command is self._queue.decisive:
            self.exchange_roles(SmtpDialogue(self.limits), _OWN_TO_A_SIDE)

    def _on_data_reply(self, command: SmtpCommand, reply: SmtpReply | None) -> None:
        if reply is None:
            return
        if reply.code != 354:
            self._expect_text()
        elif command is self._queue.decisive:
            self._begin_content(command.transaction)

    # gaps and the end

    def _decide_by_line(self, command: SmtpCommand, *, is_command: bool) -> None:
        if command.exchange.verb == "DATA" and not is_command:
            self._begin_content(command.transaction)
            assert self._message is not None
            self._message.is_unasked = True

    def _skip_server_gap(self, length: int) -> None:
        self._flush_reply()
        super()._skip_server_gap(length)

    def _flush_reply(self) -> None:
        partial = self._replies.flush()
        if partial is not None:
            self._receive_whole_reply(partial)

    def _finish_server(self, unread: LineBuffer) -> None:
        super()._finish_server(unread)
        self._flush_reply()


_ON_REPLY: dict[str, Callable[[SmtpDialogue, SmtpCommand, SmtpReply | None], None]] = {
    "EHLO": SmtpDialogue._on_hello_reply,
    "LHLO": SmtpDialogue._on_hello_reply,
    "STARTTLS": SmtpDialogue._on_starttls_reply,
    "X-ANONYMOUSTLS": SmtpDialogue._on_starttls_reply,
    "AUTH": SmtpDialogue._on_auth_reply,
    "X-EXPS": SmtpDialogue._on_auth_reply,
    "MAIL": SmtpDialogue._on_mail_reply,
    "RCPT": SmtpDialogue._on_rcpt_reply,
    "DATA": SmtpDialogue._on_data_reply,
    "ATRN": SmtpDialogue._on_turn_reply,
    "BDAT": TransferDissector.on_bdat_reply,
    "TURN": SmtpDialogue._on_turn_reply,
    "XCLIENT": SmtpDialogue._on_forwarded_reply,
    "XEXCH50": SmtpDialogue._on_xexch50_reply,
    "XFORWARD": SmtpDialogue._on_forwarded_reply,
}


def _is_decided_by(command: SmtpCommand, code: int) -> bool:
    """Whether a reply can be to no other command than this decisive one."""
    if command.sasl is not None:
        return code in (334, 235)
    return code == _DECIDING_CODES.get(command.exchange.verb or "", 220)
