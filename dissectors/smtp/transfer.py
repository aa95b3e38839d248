"""How messages are sent: mail data after DATA, chunks after BDAT.

The client's bytes are commands; or mail data (RFC 5321 §4.1.1.4), up to a lone dot;
or so many octets as BDAT (RFC 3030) or Exchange's XEXCH50 announced.

While mail data is sent, the server's bytes wait for its end, unless a gap may have
swallowed the end, or the server takes a lone dot between other line ends than CRLF
for it, or closes the connection with 421 (RFC 5321 §3.8). Mail data goes on after a
gap, and so does a chunk, whose length is known.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

from dissectors.conversation.command_dialogue import CommandDialogue
from dissectors.conversation.commands import SyncEvent
from dissectors.conversation.dotstuffing import StuffedText
from dissectors.conversation.lines import Place
from dissectors.conversation.plaintext import Upgrade
from dissectors.events import Direction, ExchangeKind, MessageTransferred, Side
from dissectors.limits import DEFAULT_LIMITS
from dissectors.smtp.replies import SmtpReply
from dissectors.smtp.transaction import Chunk, MailTransaction, Message, SmtpCommand

if TYPE_CHECKING:
    from collections.abc import Callable

    from dissectors.conversation.lines import LineBuffer
    from dissectors.limits import Limits

# a member of an enum costs more to look up
_CLIENT, _SERVER = Side
_MESSAGE = ExchangeKind.MESSAGE


class _Heard(enum.Enum):
    """What it means that the server speaks while mail data is sent."""

    # it waits for the end
    TOO_EARLY = enum.auto()
    # to DATA, if the mail data did not wait for it; or more than can wait
    REPLY = enum.auto()
    # nothing follows the go-ahead: what it was for came before
    NO_MESSAGE = enum.auto()
    END_AT_LOOKALIKE = enum.auto()
    END_IN_GAP = enum.auto()
    # there will be no end
    BREAK_OFF = enum.auto()


class TransferDissector(CommandDialogue[SmtpCommand, SmtpReply]):
    """The part of an SMTP dissector that reads messages.

    Args:
        limits: what to keep at most.
        submission: messages are submitted here, not relayed (RFC 6409).
    """

    __slots__ = (
        "_chunk",
        "_content",
        "_lmtp",
        "_message",
        "_server_waits_since",
        "_submission",
        "_transaction",
    )

    def __init__(
        self, limits: Limits = DEFAULT_LIMITS, *, submission: bool = False
    ) -> None:
        super().__init__(limits)
        self._submission = submission
        self._transaction = MailTransaction()
        # the message in progress, by DATA or BDAT; its mail data, or its chunk,
        # which belongs to no message after XEXCH50
        self._message: Message | None = None
        self._content: StuffedText | None = None
        self._chunk: Chunk | None = None
        # where in the client's stream the server began to wait for the end of
        # mail data; it does not wait for what the client sends later
        self._server_waits_since: int | None = None
        self._lmtp = False

    def line_reader(self, side: Side) -> Callable[[bytes], object] | None:
        """Return what acts on the next line of a side, if lines are what comes."""
        if (
            self._content is not None
            or self._chunk is not None
            or self._server_waits_since is not None
        ):
            return None
        return super().line_reader(side)

    # the client

    def _read_next(self, unread: LineBuffer) -> bool:
        content = self._content
        if content is not None:
            self._read_content(unread, content)
            return content.ended
        waits_since = self._server_waits_since
        if waits_since is not None and unread.offset >= waits_since:
            return False
        if self._chunk is not None:
            self._read_chunk(unread, self._chunk)
            return True
        return super()._read_next(unread)

    def _now(self) -> Place:
        """How far the client was read, and when that came."""
        return Place(
            self.streams[_CLIENT].offset, self.reporter.time_ns, self.reporter.frame
        )

    def _begin_chunk(self, command: SmtpCommand, size: int, *, is_last: bool) -> None:
        if self._message is None:
            self._message = Message(self._transaction, self.limits, "BDAT")
        command.message = self._message
        command.is_last_chunk = is_last
        self._chunk = Chunk(size, is_last=is_last)
        if not size:
            self._end_chunk(self._chunk)

    def _begin_foreign_chunk(self, size: int) -> None:
        """Octets that are no part of a message, and are answered (XEXCH50)."""
        self._chunk = Chunk(size, is_last=False)
        self._send("XEXCH50", kind=_MESSAGE)

    def _read_chunk(self, unread: LineBuffer, chunk: Chunk) -> None:
        octets = unread.take(chunk.left)
        self.plaintext.note_place()
        chunk.left -= len(octets)
        if self._message is not None:
            self._message.feed(octets, self.reporter.time_ns)
        if not chunk.left:
            self._end_chunk(chunk)

    def _end_chunk(self, chunk: Chunk) -> None:
        self._chunk = None
        message = self._message
        if chunk.is_last and message is not None:
            message.end(self._now(), complete=True)
            self._message = None
            self._transaction = MailTransaction()
            self._report_if_done(message)

    def _infer_content(self) -> None:
        """A go-ahead shows that a message follows, though DATA was not captured."""
        # one that waited is not about what the client sends now
        waited = self.reporter.speaker is not _SERVER
        client = self.streams[_CLIENT]
        if not client.offset:
            # its side may not be captured at all
            client.is_lost = True
            return
        if not self.plaintext.has_gap:
            # a server that answers what was smuggled in a message
            return
        is_upgraded = self.plaintext.upgrade is Upgrade.AGREED
        if not (waited or self._content or self._chunk or is_upgraded):
            self._begin_content(self._transaction)
            assert self._message is not None
            self._message.is_inferred = True

    def _begin_content(self, transaction: MailTransaction) -> None:
        if self._message is not None:
            # DATA among chunks (RFC 3030 §2 forbids it)
            self._abandon(self._message)
        unread = self.streams[_CLIENT]
        behind_gap, unread.may_be_rest = unread.may_be_rest, False
        self._content = StuffedText(bare_lf=unread.bare_lf, inside_line=behind_gap)
        self._message = Message(transaction, self.limits, "DATA")
        self._message.has_gap = behind_gap

    def _read_content(self, unread: LineBuffer, content: StuffedText) -> None:
        assert self._message is not None
        begin_ns = self._message.begin_ns or self.reporter.here(_CLIENT).time_ns
        text = content.read(unread)
        if text or content.ended:
            self.plaintext.note_place()
        if text:
            self._message.feed(text, begin_ns)
        if content.ended:
            self._end_content(content, self._message)

    def _end_content(self, content: StuffedText, message: Message) -> None:
        self.reporter.report_line_ends(content.line_ends, _CLIENT)
        if content.lookalike_seen:
            place = content.lookalike_place
            self.reporter.anomaly("smtp_end_of_data_lookalike", _CLIENT, at=place)
        message.end(self._now(), complete=True)
        self._content = self._message = None
        self._transaction = MailTransaction()
        recipients = self._answering_recipients(message)
        message.replies_due = len(recipients)
        for recipient in recipients:
            self._send(message.verb, recipient, _MESSAGE).message = message

    def _answering_recipients(self, message: Message) -> list[str | None]:
        """Whom the replies to a message are about: one by one only in LMTP."""
        if not self._lmtp:
            return [None]
        return message.transaction.answering_recipients(self.limits.list_items)

    def _abandon(self, message: Message) -> None:
        """The client will not send the rest of a message."""
        if self._content is not None:
            rest = self._content.cross_gap(self.streams[_CLIENT])
            message.feed(rest, self.reporter.time_ns)
            self.reporter.report_line_ends(self._content.line_ends, _CLIENT)
        message.end(self._now(), complete=False)
        message.replies_due = 0
        self._content = self._message = None
        self._chunk = None
        self._transaction = MailTransaction()
        self._report_if_done(message)

    def _report_if_done(self, message: Message) -> None:
        if message.facts is None or message.outcome is None or message.replies_due:
            return
        if message.is_inferred and message.begin_ns is None:
            return
        transaction = message.transaction
        transferred = MessageTransferred(
            Direction.SUBMITTED if self._submission else Direction.RELAYED,
            message.outcome,
            message.facts,
            message.place.time_ns,
            message.place.frame,
            transaction.sender,
            transaction.recipients,
            verb=message.verb,
            begin_ns=message.begin_ns,
            parameters=list(transaction.parameters),
            offset=message.place.offset,
        )
        self.reporter.report_message(transferred, _CLIENT)

    # the server

    def _read_server(self, unread: LineBuffer) -> None:
        client = self.streams[_CLIENT]
        while unread.data:
            content = self._content
            if content is not None:
                if not self._may_answer(content):
                    if self._server_waits_since is None:
                        self._server_waits_since = client.offset + len(client)
                    return
                self._server_waits_since = None
                if self._content is None and client.data:
                    # what the client sent behind its mail data comes first
                    self._read_client_first()
                    continue
            else:
                # the mail data has ended as it should
                self._server_waits_since = None
            line = self.plaintext.take_line(_SERVER)
            if line is None or self._releases_client(line):
                return
            has_turned = (content is None) is not (self._content is None)
            if has_turned and client.data:
                return

    def _read_client_first(self) -> None:
        now = self.reporter.time_ns, self.reporter.frame
        self.read(_CLIENT)
        self.reporter.time_ns, self.reporter.frame = now

    def _may_answer(self, content: StuffedText) -> bool:
        """Whether the server may speak now: the mail data has ended for it."""
        message = self._message
        assert message is not None
        heard = self._hear(content, message)
        self._end_for_server(heard, content, message)
        return heard is not _Heard.TOO_EARLY

    def _hear(self, content: StuffedText, message: Message) -> _Heard:
        """Tell what it means that the server has sent something."""
        client, server = self.streams
        if self._queue.awaiting:
            return _Heard.REPLY
        # bytes that waited since before the lookalike or the gap tell nothing
        if self.reporter.speaker is _SERVER:
            if message.is_inferred and not (message.begin_ns or client.data):
                return _Heard.NO_MESSAGE
            if content.in_doubt:
                return _Heard.END_AT_LOOKALIKE
            if message.has_gap:
                return _Heard.END_IN_GAP
        if client.has_ended or _is_closing(server):
            return _Heard.BREAK_OFF
        is_too_much = len(server) > self.limits.held
        return _Heard.REPLY if is_too_much else _Heard.TOO_EARLY

    def _end_for_server(
        self, heard: _Heard, content: StuffedText, message: Message
    ) -> None:
        """End the mail data where the server took it for ended."""
        client = self.streams[_CLIENT]
        match heard:
            case _Heard.NO_MESSAGE:
                self._content = self._message = None
            case _Heard.END_AT_LOOKALIKE:
                message.feed(content.end_at_lookalike(client), self.reporter.time_ns)
                self._end_content(content, message)
            case _Heard.END_IN_GAP:
                message.feed(content.cross_gap(client), self.reporter.time_ns)
                self._end_content(content, message)
                # what followed the end may be in the gap, too
                self._expect_text()
                client.is_lost = True
                self._queue.note(SyncEvent.REPLIES_LOST)
                client.may_be_rest = True
            case _Heard.BREAK_OFF:
                self._expect_text()
                self._abandon(message)

    def _complete(self, command: SmtpCommand, reply: SmtpReply | None) -> None:
        message = command.message
        if (
            message is not None
            and reply is not None
            and message.is_doubtful(reply.code)
        ):
            # it may repeat a login that was read as a message
            self.reporter.withheld.withhold_all()
        super()._complete(command, reply)

    def on_bdat_reply(self, command: SmtpCommand, reply: SmtpReply | None) -> None:
        """Act on the reply to a chunk."""
        message = command.message
        if message is None:
            return
        if not command.is_last_chunk:
            if reply is not None and not reply.is_positive:
                message.receive_reply(reply.code)
            return
        if reply is not None and message.replies_due == 1:
            # in LMTP, only now it is known how many recipients were accepted
            others = self._answering_recipients(message)[1:]
            message.replies_due += len(others)
            for recipient in reversed(others):
                self._expect_next(recipient, message)
        self.on_message_reply(command, reply)

    def _expect_next(self, recipient: str | None, message: Message) -> None:
        """Let a reply for one more recipient come before all that are awaited."""
        self._send(message.verb, recipient, _MESSAGE).message = message
        self._queue.awaiting.insert(0, self._queue.awaiting.pop())

    def on_message_reply(self, command: SmtpCommand, reply: SmtpReply | None) -> None:
        """Act on a reply to a message that was sent to its end."""
        message = command.message
        if message is None:
            return
        message.receive_reply(None if reply is None else reply.code)
        if message.replies_due:
            message.replies_due -= 1
            self._report_if_done(message)

    # gaps and the end

    def _skip_server_gap(self, length: int) -> None:
        # what waited is given up
        self._server_waits_since = None
        super()._skip_server_gap(length)

    def _skip_client_gap(self, length: int) -> None:
        self._release_held()
        if self._chunk is not None:
            length = self._skip_chunk(self._chunk, length)
        if self._content is not None and self._message is not None:
            unread = self.streams[_CLIENT]
            self._message.feed(self._content.cross_gap(unread), self.reporter.time_ns)
            self._message.skip_gap(length)
        elif length:
            super()._skip_client_gap(length)

    def _skip_chunk(self, chunk: Chunk, length: int) -> int:
        """Skip what of a gap is in a chunk; return the length of the rest."""
        skipped = min(length, chunk.left)
        if self._message is not None:
            self._message.skip_gap(skipped)
        chunk.left -= skipped
        if not chunk.left:
            self._end_chunk(chunk)
        return length - skipped

    def finish(self) -> None:
        """Learn that nothing follows: the client will not send the rest."""
        if self._content is not None and self.streams[_SERVER].data:
            self._may_answer(self._content)
        if self._message is not None:
            self._abandon(self._message)
        super().finish()


def _is_closing(server: LineBuffer) -> bool:
    """Whether the server says that it closes the connection (RFC 5321 §3.8)."""
    return server.data.startswith(b"421") and b"\n" in server.data
