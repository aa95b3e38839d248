"""The dialogue of SMTP: what replies mean, and who speaks while a message is sent.

After TURN or ATRN the roles are reversed (RFC 821, RFC 2645 §4.2): another
dialogue reads on, with the sides exchanged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dissectors.conversation.command_dialogue import CommandDialogue
from dissectors.conversation.commands import SyncEvent
from dissectors.conversation.lines import Place, decode_text
from dissectors.conversation.software import find_software
from dissectors.events import (
    CapabilitiesAnnounced,
    ClientNamed,
    Direction,
    ExchangeKind,
    GreetingReceived,
    LoginOffered,
    Outcome,
    ReplyReceived,
    Side,
    StartTlsAdvanced,
)
from dissectors.limits import DEFAULT_LIMITS, KIB
from dissectors.smtp import grammar, showing
from dissectors.smtp.commands import SENDERS, send_plain
from dissectors.smtp.outcomes import CONCLUSIONS
from dissectors.smtp.replies import ReplyReader, SmtpReply, parse_reply
from dissectors.smtp.transaction import MessageOrigin, SmtpCommand
from dissectors.smtp.transfer import Heard, MailTransfer

if TYPE_CHECKING:
    from collections.abc import Callable

    from dissectors.conversation.dotstuffing import StuffedText
    from dissectors.conversation.lines import LineBuffer
    from dissectors.events import Exchange
    from dissectors.limits import Limits
    from dissectors.smtp.transaction import Message

# a member of an enum costs more to look up
_CLIENT, _SERVER = Side
_MESSAGE = ExchangeKind.MESSAGE

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


class SmtpDialogue(CommandDialogue[SmtpCommand, SmtpReply]):
    """Reads one SMTP session.

    Args:
        limits: what to keep at most.
        submission: messages are submitted here, not relayed (RFC 6409).
    """

    __slots__ = ("_bare_lf_seen", "_replies", "_reply_place", "_transfer")

    _VERBS = grammar.VERBS
    _WORDY_VERBS = frozenset({"ATRN", "EHLO", "ETRN", "EXPN", "HELO", "LHLO", "VRFY"})
    _RARE_VERBS = frozenset({"ATRN", "ETRN", "EXPN", "VRFY"})
    _UNKNOWN_COMMAND = "smtp_unknown_command"
    _show_reply = staticmethod(showing.show_reply)

    def __init__(
        self, limits: Limits = DEFAULT_LIMITS, *, submission: bool = False
    ) -> None:
        super().__init__(limits)
        direction = Direction.SUBMITTED if submission else Direction.RELAYED
        self._transfer = MailTransfer(self.reporter, self.plaintext, direction)
        self._bare_lf_seen = False
        self._replies = ReplyReader(limits.line)
        # where the reply began that is not complete yet
        self._reply_place: Place | None = None

    def new_inside(self, *, greeted: bool) -> SmtpDialogue:
        """Return what reads the session inside TLS."""
        submission = self._transfer.direction is Direction.SUBMITTED
        inside = SmtpDialogue(self.limits, submission=submission)
        if greeted:
            inside.skip_greeting()
        return inside

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

    def line_reader(self, side: Side) -> Callable[[bytes], object] | None:
        """Return what acts on the next line of a side, if lines are what comes."""
        transfer = self._transfer
        waits_since = transfer.server_waits_since
        if transfer.content or transfer.chunk or waits_since is not None:
            return None
        return super().line_reader(side)

    # the client

    def _parse_command(self, line: bytes) -> tuple[str | None, bytes]:
        return grammar.parse_command(line)

    def _is_surely_command(self, line: bytes) -> bool:
        return grammar.is_surely_command(line)

    def _make_command(self, exchange: Exchange) -> SmtpCommand:
        return SmtpCommand(exchange, transaction=self._transfer.transaction)

    def _receive_command(self, verb: str, argument: bytes) -> None:
        if self.streams[0].bare_lf and not self._bare_lf_seen:
            self._bare_lf_seen = True
            self.reporter.anomaly("smtp_bare_lf", _CLIENT)
        SENDERS.get(verb, send_plain)(self, self._transfer, verb, argument)

    def _read_next(self, unread: LineBuffer) -> bool:
        transfer = self._transfer
        content = transfer.content
        if content is not None:
            message = transfer.read_content(content)
            if message is not None:
                self._await_replies(message)
            return content.ended
        waits_since = transfer.server_waits_since
        if waits_since is not None and unread.offset >= waits_since:
            return False
        if transfer.chunk is not None:
            transfer.read_chunk(transfer.chunk)
            return True
        return super()._read_next(unread)

    def _await_replies(self, message: Message) -> None:
        """Let the end of a message be answered."""
        recipients = self._transfer.answering_recipients(message)
        message.replies_due = len(recipients)
        for recipient in recipients:
            self.send(message.verb, recipient, _MESSAGE).message = message

    def _decide_by_line(self, command: SmtpCommand, *, is_command: bool) -> None:
        if command.exchange.verb == "DATA" and not is_command:
            message = self._transfer.begin_content(command.transaction)
            message.origin = MessageOrigin.UNASKED

    # the server

    def _read_server(self, unread: LineBuffer) -> None:
        client, transfer = self.streams[_CLIENT], self._transfer
        while unread.data:
            content = transfer.content
            if content is not None:
                if not self._may_answer(content):
                    if transfer.server_waits_since is None:
                        transfer.server_waits_since = client.offset + len(client)
                    return
                transfer.server_waits_since = None
                if transfer.content is None and client.data:
                    # what the client sent behind its mail data comes first
                    self._read_client_first()
                    continue
            else:
                # the mail data has ended as it should
                transfer.server_waits_since = None
            line = self.plaintext.take_line(_SERVER)
            if line is None or self._releases_client(line):
                return
            has_turned = (content is None) is not (transfer.content is None)
            if has_turned and client.data:
                return

    def _read_client_first(self) -> None:
        reporter = self.reporter
        now = reporter.time_ns, reporter.frame
        self.read(_CLIENT)
        reporter.time_ns, reporter.frame = now

    def _may_answer(self, content: StuffedText) -> bool:
        """Return whether the server may speak now: the mail data has ended for it."""
        heard = self._transfer.hear(content, is_awaited=bool(self.queue.awaiting))
        if heard is Heard.BREAK_OFF:
            self._expect_text()
        message = self._transfer.end_for_server(heard, content)
        if message is not None:
            self._await_replies(message)
        if heard is Heard.END_IN_GAP:
            # what followed the end may be in the gap, too
            client = self.streams[_CLIENT]
            self._expect_text()
            client.is_lost = True
            self.queue.note(SyncEvent.REPLIES_LOST)
            client.may_be_rest = True
        return heard is not Heard.TOO_EARLY

    # replies

    def _is_whole_reply(self, line: bytes) -> bool:
        parsed = grammar.parse_reply_line(line)
        return self._transfer.content is None and parsed is not None and parsed[1]

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
            else:
                # by its end, the client may have gone on
                self.reporter.withhold_held()
                if not is_open:
                    self._reply_place = self.reporter.last_line(_SERVER)
        elif not is_rest:
            self.reporter.anomaly("smtp_unexpected_line", _SERVER)
            if self._is_greeted and not self._replies.is_open:
                is_reply = grammar.parse_enhanced_code(line) is not None
                self._note_odd_line(line, is_reply=is_reply)
            elif not self._is_greeted:
                # a proxy's words: what they answer was not said to the server
                self.queue.awaiting.clear()
                self.queue.decisive = None

    def _receive_whole_reply(self, reply: SmtpReply) -> None:
        """Act on a reply that was put together, or on what there is of it."""
        if reply.too_long:
            self.reporter.anomaly("smtp_reply_too_long", _SERVER, at=self._reply_place)
        self._receive_reply(reply)

    def _receive_reply(self, reply: SmtpReply) -> None:
        self.reporter.events.append(ReplyReceived(reply.code))
        decisive = self.queue.decisive
        if decisive is not None and _is_decided_by(decisive, reply.code):
            # the first 220 is the greeting
            if reply.code != 220:
                self._pass_greeting()
            if self._is_greeted:
                self._give_up_before(decisive)
        if reply.code == 334 and self._receive_challenge(reply.lines[0]):
            return
        if not self._is_greeted:
            self._pass_greeting()
            if self._is_greeting(reply.code):
                self._receive_greeting(reply)
                return
        command = self._find_command(is_positive=reply.code < 400)
        if command is not None:
            self._complete(command, reply)
            return
        if self.queue.is_in_step:
            self._receive_unprompted(reply, ExchangeKind.UNSOLICITED)
        if reply.code == 354:
            self._transfer.infer_content()

    def _receive_challenge(self, challenge: bytes) -> bool:
        """Expect a response; return whether it is to an AUTH that waits for it."""
        self.logins.is_challenged = True
        self.queue.odd_line = None
        if self.logins.unfinished is not None:
            self.logins.unfinished.receive_challenge(challenge)
        if self.queue.decisive is None or self.queue.decisive.sasl is None:
            return False
        self.queue.decisive.sasl.receive_challenge(challenge)
        return True

    def _is_greeting(self, code: int) -> bool:
        """Return whether a reply greets: 220, 554 (RFC 5321 §3.1), or in the field 421.

        If the capture began later, the first reply seen may be any.
        """
        queue = self.queue
        if code == 220:
            return not (queue.awaiting and queue.awaiting[0] is queue.decisive)
        return code in (421, 521, 554) or (code >= 400 and not queue.awaiting)

    def _receive_greeting(self, reply: SmtpReply) -> None:
        if self.queue.awaiting:
            early = self.queue.awaiting[0]
            at = early.exchange.request_time_ns or 0, early.exchange.request_frame or 0
            place = Place(early.offset, *at)
            self.reporter.anomaly("smtp_early_talker", _CLIENT, at=place)
        self._expect_commands()
        self._receive_unprompted(reply, ExchangeKind.GREETING)
        text = decode_text(reply.lines[0], self.limits.kept_text).strip()
        self.reporter.report(GreetingReceived(text, find_software(text)))

    def _complete(self, command: SmtpCommand, reply: SmtpReply | None) -> None:
        message = command.message
        if message and reply and message.is_doubtful(reply.code):
            # it may repeat a login that was read as a message
            self.reporter.withheld.withhold_all()
            message.is_withheld = True
        super()._complete(command, reply)

    def _handle_reply(self, command: SmtpCommand, reply: SmtpReply | None) -> None:
        exchange = command.exchange
        verb = exchange.verb
        if exchange.kind is ExchangeKind.MESSAGE:
            self._transfer.receive_reply(command, reply)
        elif (conclude := CONCLUSIONS.get(verb or "")) is not None:
            conclude(self, self._transfer, command, reply)
        elif (on_reply := _ON_REPLY.get(verb or "")) is not None:
            on_reply(self, command, reply)
        if verb in grammar.EXTENSION_VERBS and reply is not None and reply.code < 400:
            self.reporter.use_extension(grammar.EXTENSION_VERBS[verb])

    def _on_starttls_reply(
        self, _command: SmtpCommand, reply: SmtpReply | None
    ) -> None:
        accepted = reply is not None and reply.code == 220
        self._handle_starttls_reply(reply, accepted=accepted)

    def _accept_tls(self) -> None:
        # RFC 3207 §4.2: both sides forget what they learned before
        self._transfer.reset_transaction()
        super()._accept_tls()

    def _on_auth_reply(self, command: SmtpCommand, reply: SmtpReply | None) -> None:
        assert command.sasl is not None
        if self._handle_auth_reply(command.sasl, reply) is Outcome.SUCCESS:
            self._transfer.direction = Direction.SUBMITTED

    def _on_turn_reply(self, command: SmtpCommand, reply: SmtpReply | None) -> None:
        if reply is not None and reply.is_positive and command is self.queue.decisive:
            self.exchange_roles(SmtpDialogue(self.limits), _OWN_TO_A_SIDE)

    def _on_data_reply(self, command: SmtpCommand, reply: SmtpReply | None) -> None:
        if reply is None:
            return
        if reply.code != 354:
            self._expect_text()
        elif command is self.queue.decisive:
            self._transfer.begin_content(command.transaction)

    # gaps and the end

    def _skip_client_gap(self, length: int) -> None:
        self._release_held()
        length = self._transfer.skip_chunk(length)
        if not self._transfer.cross_gap(length) and length:
            super()._skip_client_gap(length)

    def _skip_server_gap(self, length: int) -> None:
        self._flush_reply()
        # what waited is given up
        self._transfer.server_waits_since = None
        super()._skip_server_gap(length)

    def _flush_reply(self) -> None:
        partial = self._replies.flush()
        if partial is not None:
            self._receive_whole_reply(partial)

    def _finish_server(self, unread: LineBuffer) -> None:
        super()._finish_server(unread)
        self._flush_reply()

    def finish(self) -> None:
        """Learn that nothing follows: the client will not send the rest."""
        content = self._transfer.content
        if content is not None and self.streams[_SERVER].data:
            self._may_answer(content)
        self._transfer.abandon_message()
        super().finish()


_ON_REPLY: dict[str, Callable[[SmtpDialogue, SmtpCommand, SmtpReply | None], None]] = {
    "STARTTLS": SmtpDialogue._on_starttls_reply,
    "X-ANONYMOUSTLS": SmtpDialogue._on_starttls_reply,
    "AUTH": SmtpDialogue._on_auth_reply,
    "X-EXPS": SmtpDialogue._on_auth_reply,
    "DATA": SmtpDialogue._on_data_reply,
    "ATRN": SmtpDialogue._on_turn_reply,
    "TURN": SmtpDialogue._on_turn_reply,
}


def _is_decided_by(command: SmtpCommand, code: int) -> bool:
    """Return whether a reply can be to no other command than this decisive one."""
    if command.sasl is not None:
        return code in (334, 235)
    return code == _DECIDING_CODES.get(command.exchange.verb or "", 220)
