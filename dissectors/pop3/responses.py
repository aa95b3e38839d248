"""Commands of POP3, and their responses: a status line, and lines behind it."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dissectors.conversation.commands import Command
from dissectors.conversation.dotstuffing import StuffedText
from dissectors.conversation.lines import decode_text
from dissectors.message import MessageReader
from dissectors.pop3 import grammar

if TYPE_CHECKING:
    from dissectors.conversation.reporter import Reporter
    from dissectors.events import Exchange

_MESSAGE_VERBS = frozenset({"RETR", "TOP"})
_KEPT_LISTINGS = frozenset({"AUTH", "CAPA"})


@dataclass(slots=True)
class Pop3Command(Command):
    """A command.

    Attributes:
        user: the one that PASS and APOP log in.
        is_multi_line: lines follow its response if that is positive.
        number: the message that RETR and TOP ask for, as the client wrote it.
    """

    user: str | None = None
    is_multi_line: bool = False
    number: str | None = None


@dataclass(slots=True)
class StatusLine:
    """A status line; the multi-line part streams by."""

    status: str
    text: bytes

    @property
    def is_positive(self) -> bool:
        """The command succeeded."""
        return self.status == "+OK"

    def describe(self, exchange: Exchange, limit: int) -> None:
        """Fill in the status, the response code and up to `limit` bytes of the text."""
        exchange.status = self.status
        exchange.response_code = grammar.parse_response_code(self.text)
        exchange.reply_text = decode_text(self.text, limit)


class LinesGap(enum.Enum):
    """Whether bytes of such lines are missing."""

    NONE = enum.auto()
    CROSSED = enum.auto()
    # behind it, the client has sent a command: a status line may be next
    MAY_HOLD_END = enum.auto()


@dataclass(slots=True)
class MultiLine:
    """The lines that follow a positive status line.

    Attributes:
        verb: of the command that they answer.
        number: the message that it asked for.
        text: takes the lines off the buffer.
        message: reads the message that they are.
        begin_ns: when the first byte came.
        line_count: how many they are.
        kept: what of a listing is read at its end.
        gap: whether bytes of them are missing.
    """

    verb: str
    number: str | None
    text: StuffedText
    message: MessageReader | None
    begin_ns: int | None = None
    line_count: int = 0
    kept: bytearray = field(default_factory=bytearray)
    gap: LinesGap = LinesGap.NONE

    @property
    def has_gap(self) -> bool:
        """Bytes of them are missing."""
        return self.gap is not LinesGap.NONE

    @classmethod
    def behind(
        cls, command: Pop3Command, reporter: Reporter, *, bare_lf: bool
    ) -> MultiLine:
        """Expect the lines that answer a command.

        Args:
            command: was answered by a positive status line.
            reporter: makes what reads a message.
            bare_lf: lines may end in LF alone.
        """
        verb = command.exchange.verb or ""
        message = reporter.new_message() if verb in _MESSAGE_VERBS else None
        return cls(verb, command.number, StuffedText(bare_lf=bare_lf), message)

    def receive(self, text: bytes, time_ns: int, limit: int) -> None:
        """Take text; keep up to `limit` bytes of a listing."""
        if not text:
            return
        if self.begin_ns is None:
            self.begin_ns = time_ns
        if self.message is not None:
            self.message.feed(text)
            return
        self.line_count += text.count(b"\n")
        if self.verb in _KEPT_LISTINGS and len(self.kept) < limit:
            self.kept += text[: limit - len(self.kept)]
