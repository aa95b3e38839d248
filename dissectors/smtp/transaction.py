"""Mail transactions (RFC 5321 §3.3): an envelope, and the message sent with it."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dissectors.conversation.commands import Command
from dissectors.conversation.lines import Place
from dissectors.events import Delivery

if TYPE_CHECKING:
    from dissectors.events import MessageFacts
    from dissectors.message import MessageReader

# what servers answer to messages, and not to commands that they don't know
# (RFC 5321 §4.3.2)
_ON_MESSAGES = frozenset({250, 421, 450, 451, 452, 550, 552, 554})


@dataclass(slots=True)
class MailTransaction:
    """What MAIL and RCPT gave, as far as the server did not refuse it."""

    sender: str | None = None
    recipients: list[str] = field(default_factory=list)
    accepted_count: int = 0
    parameters: dict[str, None] = field(default_factory=dict)

    def begin_anew(self) -> None:
        """Forget the recipients of a transaction that another MAIL replaced."""
        self.recipients = []
        self.accepted_count = 0
        self.parameters = {}

    def answering_recipients(self, limit: int) -> list[str | None]:
        """Return whom the replies of LMTP are about; `None` for who is not known.

        RFC 2033 §4.2: there is a reply for each recipient that was accepted.
        """
        if self.accepted_count == 0:
            return [None]
        if len(self.recipients) == self.accepted_count:
            return [*self.recipients]
        return [None] * min(self.accepted_count, limit)


class MessageOrigin(enum.Enum):
    """How a message was seen to begin."""

    # DATA with its go-ahead, or BDAT
    COMMAND = enum.auto()
    # nobody saw that the server asked for it
    UNASKED = enum.auto()
    # by a go-ahead alone: its command was not captured
    INFERRED = enum.auto()


class Message:
    """A message on its way, by DATA or BDAT.

    It is done when both its content has ended and all its replies have come.

    Attributes:
        facts: what the content showed, once it ended.
        outcome: what the replies said.
        replies_due: replies to come: one, but with LMTP one for each recipient
            that was accepted (RFC 2033 §4.2).
        has_gap: some of the content was not captured.
        origin: how it was seen to begin.
        verb: the command that carries it.
        begin_ns: when its first byte was seen.
        place: behind its last byte.
        is_withheld: nobody gets a copy of it.
        lines_before: how many lines of a transcript there were when it began.
    """

    __slots__ = (
        "_reader",
        "begin_ns",
        "facts",
        "has_gap",
        "is_withheld",
        "lines_before",
        "origin",
        "outcome",
        "place",
        "replies_due",
        "transaction",
        "verb",
    )

    def __init__(
        self, transaction: MailTransaction, reader: MessageReader, verb: str
    ) -> None:
        self.transaction = transaction
        self.verb = verb
        self.begin_ns: int | None = None
        self.facts: MessageFacts | None = None
        self.outcome: Delivery | None = None
        self.replies_due = 1
        self.has_gap = False
        self.is_withheld = False
        self.lines_before = 0
        self.origin = MessageOrigin.COMMAND
        self.place = Place(-1, 0, 0)
        self._reader = reader

    @property
    def is_inferred(self) -> bool:
        """Its command was not captured."""
        return self.origin is MessageOrigin.INFERRED

    def feed(self, content: bytes, time_ns: int) -> None:
        """Take the next bytes of the content."""
        if self.begin_ns is None and content:
            self.begin_ns = time_ns
        self._reader.feed(content)

    def skip_gap(self, length: int) -> None:
        """Learn that some bytes of the content are missing."""
        self.has_gap = True
        self._reader.skip_gap(length)

    def end(self, place: Place, *, complete: bool) -> None:
        """Learn that no more content comes, and where it ended."""
        self.place = place
        if not complete and self.outcome is None:
            self.outcome = Delivery.CUT
        self.facts = self._reader.finish(complete=complete and not self.has_gap)

    def is_doubtful(self, code: int | None) -> bool:
        """Return whether what was read was no message, perhaps, but commands.

        Args:
            code: how the server answered; `None` if that was not seen.
        """
        is_unasked = self.origin is MessageOrigin.UNASKED
        if self.verb != "DATA" or not (is_unasked or self.has_gap):
            return False
        # RFC 5322 §3.6: each message has this field
        has_author = self.facts is not None and self.facts.from_ is not None
        if code is None:
            return not has_author or (is_unasked and self.has_gap)
        return not has_author or code not in _ON_MESSAGES

    def withhold_copies(self) -> None:
        """Let nobody have a copy of what may be a login."""
        if self.facts is not None:
            self.facts.copy = None
            for attachment in self.facts.attachments:
                attachment.copy = None

    def receive_reply(self, code: int | None) -> None:
        """Take a reply to the message, or to any chunk of it."""
        if code is None:
            outcome = Delivery.UNKNOWN
        elif 200 <= code < 300:
            outcome = Delivery.ACCEPTED
        else:
            outcome = Delivery.REFUSED
        if self.outcome is None or outcome is Delivery.ACCEPTED:
            self.outcome = outcome


@dataclass(slots=True)
class Chunk:
    """Octets that are announced, by BDAT or XEXCH50.

    Attributes:
        left: those that are still to come.
        is_last: the message ends with them.
    """

    left: int
    is_last: bool


@dataclass(slots=True)
class SmtpCommand(Command):
    """A command, or the end of mail data, which is answered too."""

    transaction: MailTransaction = field(default_factory=MailTransaction)
    address: str = ""
    parameters: list[str] = field(default_factory=list)
    message: Message | None = None
    chunk: Chunk | None = None

    @property
    def ends_message(self) -> bool:
        """No chunk follows that of this BDAT."""
        return self.chunk is not None and self.chunk.is_last
