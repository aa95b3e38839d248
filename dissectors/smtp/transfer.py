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

from dissectors.conversation.dotstuffing import StuffedText
from dissectors.conversation.lines import Place
from dissectors.conversation.plaintext import Upgrade
from dissectors.events import Direction, MessageTransferred, Side
from dissectors.smtp.grammar import SMUGGLED
from dissectors.smtp.transaction import (
    Chunk,
    MailTransaction,
    Message,
    MessageOrigin,
    SmtpCommand,
)

if TYPE_CHECKING:
    from dissectors.conversation.lines import LineBuffer
    from dissectors.conversation.plaintext import Plaintext
    from dissectors.conversation.reporter import Reporter
    from dissectors.smtp.replies import SmtpReply

# a member of an enum costs more to look up
_CLIENT, _SERVER = Side


class Heard(enum.Enum):
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


class MailTransfer:
    """Reads the message that a client sends, in its mail transaction.

    Attributes:
        direction: whether messages are submitted here, or relayed (RFC 6409).
        hello: the command by which the client greeted last.
        transaction: what MAIL and RCPT gave since the last message.
        content: the mail data that the client is sending.
        chunk: the octets that it is sending, which belong to no message after XEXCH50.
        server_waits_since: where in the client's stream the server began to wait for
            the end of mail data; it does not wait for what the client sends later.
    """

    __slots__ = (
        "_client",
        "_limits",
        "_message",
        "_plaintext",
        "_reporter",
        "_server",
        "chunk",
        "content",
        "direction",
        "hello",
        "server_waits_since",
        "transaction",
    )

    def __init__(
        self, reporter: Reporter, plaintext: Plaintext, direction: Direction
    ) -> None:
        self.direction = direction
        self.hello: str | None = None
        self.transaction = MailTransaction()
        self.content: StuffedText | None = None
        self.chunk: Chunk | None = None
        self.server_waits_since: int | None = None
        # the message in progress, by DATA or BDAT
        self._message: Message | None = None
        self._reporter = reporter
        self._plaintext = plaintext
        self._limits = reporter.limits
        self._client, self._server = reporter.streams

    def _now(self) -> Place:
        """Return how far the client was read, and when that came."""
        reporter = self._reporter
        return Place(self._client.offset, reporter.time_ns, reporter.frame)

    def reset_transaction(self) -> None:
        """Begin anew; RFC 5321 §4.1.1.5, RFC 3030 §2: chunks so far are discarded."""
        self.abandon_message()
        self.transaction = MailTransaction()

    def abandon_message(self) -> None:
        """Learn that the client sends no more of its message, if there is one."""
        message = self._message
        if message is None:
            return
        if self.content is not None:
            rest = self.content.cross_gap(self._client)
            message.feed(rest, self._reporter.time_ns)
            self._reporter.report_line_ends(self.content.line_ends, _CLIENT)
        message.end(self._now(), complete=False)
        message.replies_due = 0
        self.content = self._message = None
        self.chunk = None
        self.transaction = MailTransaction()
        self._report_if_done(message)

    # chunks

    def begin_chunk(self, command: SmtpCommand, size: int, *, is_last: bool) -> None:
        """Expect the octets of a BDAT."""
        if self._message is None:
            self._message = self._new_message(self.transaction, "BDAT")
        command.message = self._message
        command.chunk = self.chunk = Chunk(size, is_last=is_last)
        if not size:
            self._end_chunk(self.chunk)

    def begin_foreign_chunk(self, size: int) -> None:
        """Expect octets that are no part of a message (XEXCH50)."""
        self.chunk = Chunk(size, is_last=False)

    def read_chunk(self, chunk: Chunk) -> None:
        """Read what there is of the chunk."""
        octets = self._client.take(chunk.left)
        self._plaintext.note_place()
        chunk.left -= len(octets)
        if self._message is not None:
            self._message.feed(octets, self._reporter.time_ns)
        if not chunk.left:
            self._end_chunk(chunk)

    def skip_chunk(self, length: int) -> int:
        """Skip what of a gap is in a chunk; return the length of the rest."""
        chunk = self.chunk
        if chunk is None:
            return length
        skipped = min(length, chunk.left)
        if self._message is not None:
            self._message.skip_gap(skipped)
        chunk.left -= skipped
        if not chunk.left:
            self._end_chunk(chunk)
        return length - skipped

    def _end_chunk(self, chunk: Chunk) -> None:
        self.chunk = None
        message = self._message
        if chunk.is_last and message is not None:
            message.end(self._now(), complete=True)
            self._message = None
            self.transaction = MailTransaction()
            self._report_if_done(message)

    # mail data

    def begin_content(self, transaction: MailTransaction) -> Message:
        """Expect mail data; return the message that it is."""
        # DATA among chunks (RFC 3030 §2 forbids it)
        self.abandon_message()
        unread = self._client
        behind_gap, unread.may_be_rest = unread.may_be_rest, False
        self.content = StuffedText(
            bare_lf=unread.bare_lf, inside_line=behind_gap, commands=SMUGGLED
        )
        message = self._message = self._new_message(transaction, "DATA")
        message.has_gap = behind_gap
        return message

    def infer_content(self) -> None:
        """Expect a message, as a go-ahead shows it, though DATA was not captured."""
        # one that waited is not about what the client sends now
        waited = self._reporter.speaker is not _SERVER
        client = self._client
        if not client.offset:
            # its side may not be captured at all
            client.is_lost = True
            return
        if not self._plaintext.has_gap:
            # a server that answers what was smuggled in a message
            return
        is_upgraded = self._plaintext.upgrade is Upgrade.AGREED
        if not (waited or self.content or self.chunk or is_upgraded):
            message = self.begin_content(self.transaction)
            message.origin = MessageOrigin.INFERRED

    def read_content(self, content: StuffedText) -> Message | None:
        """Read what there is of mail data; return the message if this was its end."""
        message, reporter = self._message, self._reporter
        assert message is not None
        begin_ns = message.begin_ns or reporter.here(_CLIENT).time_ns
        text = content.read(self._client)
        if text or content.ended:
            self._plaintext.note_place()
        if text:
            message.feed(text, begin_ns)
        return self._end_content(content, message) if content.ended else None

    def cross_gap(self, length: int) -> bool:
        """Go on with mail data behind a gap; return whether this is what it is in."""
        content, message = self.content, self._message
        if content is None or message is None:
            return False
        message.feed(content.cross_gap(self._client), self._reporter.time_ns)
        message.skip_gap(length)
        return True

    def hear(self, content: StuffedText, *, is_awaited: bool) -> Heard:
        """Tell what it means that the server has sent something.

        Args:
            content: the mail data that the client is sending.
            is_awaited: a command awaits its reply.
        """
        message = self._message
        assert message is not None
        if is_awaited:
            return Heard.REPLY
        client, server = self._client, self._server
        # bytes that waited since before the lookalike or the gap tell nothing
        if self._reporter.speaker is _SERVER:
            if message.is_inferred and not (message.begin_ns or client.data):
                return Heard.NO_MESSAGE
            if content.in_doubt:
                return Heard.END_AT_LOOKALIKE
            if message.has_gap:
                return Heard.END_IN_GAP
        if client.has_ended or _is_closing(server):
            return Heard.BREAK_OFF
        is_too_much = len(server) > self._limits.held
        return Heard.REPLY if is_too_much else Heard.TOO_EARLY

    def end_for_server(self, heard: Heard, content: StuffedText) -> Message | None:
        """End the mail data where the server took it for ended.

        Returns:
            The message, if that is how it ended.
        """
        message = self._message
        assert message is not None
        match heard:
            case Heard.NO_MESSAGE:
                self.content = self._message = None
            case Heard.BREAK_OFF:
                self.abandon_message()
            case Heard.END_AT_LOOKALIKE:
                rest = content.end_at_lookalike(self._client)
                message.feed(rest, self._reporter.time_ns)
                return self._end_content(
                    content, message, "answered before the true end"
                )
            case Heard.END_IN_GAP:
                rest = content.cross_gap(self._client)
                message.feed(rest, self._reporter.time_ns)
                return self._end_content(content, message)
        return None

    def _end_content(
        self, content: StuffedText, message: Message, how: str = ""
    ) -> Message:
        reporter = self._reporter
        reporter.report_line_ends(content.line_ends, _CLIENT)
        if content.lookalike_seen:
            place = content.lookalike_place
            reporter.anomaly("smtp_end_of_data_lookalike", _CLIENT, at=place)
        if content.command_place is not None:
            place = content.command_place
            reporter.anomaly("smtp_smuggled_command", _CLIENT, how, at=place)
        message.end(self._now(), complete=True)
        self.content = self._message = None
        self.transaction = MailTransaction()
        return message

    # replies

    def answering_recipients(self, message: Message) -> list[str | None]:
        """Return whom the replies to a message are about: one by one only in LMTP."""
        if self.hello != "LHLO":
            return [None]
        return message.transaction.answering_recipients(self._limits.list_items)

    def receive_reply(self, command: SmtpCommand, reply: SmtpReply | None) -> None:
        """Act on a reply to a message that was sent to its end."""
        message = command.message
        if message is None:
            return
        message.receive_reply(None if reply is None else reply.code)
        if message.replies_due:
            message.replies_due -= 1
            self._report_if_done(message)

    def _new_message(self, transaction: MailTransaction, verb: str) -> Message:
        message = Message(transaction, self._reporter.new_message(), verb)
        if self._reporter.recorder is not None:
            message.lines_before = self._reporter.recorder.lines
        return message

    def _report_if_done(self, message: Message) -> None:
        if message.facts is None or message.outcome is None or message.replies_due:
            return
        if message.is_inferred and message.begin_ns is None:
            return
        if message.is_withheld or message.is_doubtful(None):
            message.withhold_copies()
            # what comes may repeat it
            self._reporter.withheld.withhold_all()
            if self._reporter.recorder is not None:
                self._reporter.recorder.withhold_behind(message.lines_before)
        transaction = message.transaction
        transferred = MessageTransferred(
            self.direction,
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
        self._reporter.report_message(transferred, _CLIENT)


def _is_closing(server: LineBuffer) -> bool:
    """Return whether the server says that it closes the connection (RFC 5321 §3.8)."""
    return server.data.startswith(b"421") and b"\n" in server.data
