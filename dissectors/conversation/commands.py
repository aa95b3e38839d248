"""Commands that await their replies, in the order in which they were sent.

A reply answers the oldest of them (RFC 2920 §3.1, RFC 2449 §6.8), unless bytes are
missing: `Sync` says what is known then, and `_NEXT_SYNC` how that changes.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, NamedTuple, Protocol, TypeVar

from dissectors.conversation.lines import decode_text
from dissectors.conversation.reporter import Reporter
from dissectors.credentials.names import MASK
from dissectors.credentials.sasl import SaslExchange
from dissectors.credentials.strays import StrayLogin
from dissectors.events import Exchange, ExchangeKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dissectors.limits import Limits


class Sync(enum.Enum):
    """Whether replies and commands can be matched."""

    IN_STEP = enum.auto()
    # replies may answer commands that were not captured
    ADRIFT = enum.auto()
    # so may those that come before a reply to what was sent behind the client's gap
    BEHIND_GAP = enum.auto()


class SyncEvent(enum.Enum):
    """What changes that."""

    COMMAND_SENT = enum.auto()
    # a reply can be to one command only, or to none of those before the gap
    REPLY_RECOGNISED = enum.auto()
    REPLIES_LOST = enum.auto()
    COMMANDS_LOST = enum.auto()


# a member of an enum costs more to look up
_IN_STEP, _ADRIFT, _BEHIND_GAP = Sync

_NEXT_SYNC: dict[SyncEvent, dict[Sync, Sync]] = {
    SyncEvent.COMMAND_SENT: {
        Sync.IN_STEP: Sync.IN_STEP,
        Sync.ADRIFT: Sync.IN_STEP,
        Sync.BEHIND_GAP: Sync.BEHIND_GAP,
    },
    SyncEvent.REPLY_RECOGNISED: {
        Sync.IN_STEP: Sync.IN_STEP,
        Sync.ADRIFT: Sync.ADRIFT,
        Sync.BEHIND_GAP: Sync.ADRIFT,
    },
    SyncEvent.REPLIES_LOST: {
        Sync.IN_STEP: Sync.ADRIFT,
        Sync.ADRIFT: Sync.ADRIFT,
        Sync.BEHIND_GAP: Sync.BEHIND_GAP,
    },
    SyncEvent.COMMANDS_LOST: {
        Sync.IN_STEP: Sync.BEHIND_GAP,
        Sync.ADRIFT: Sync.BEHIND_GAP,
        Sync.BEHIND_GAP: Sync.BEHIND_GAP,
    },
}

_COMMAND = ExchangeKind.COMMAND
_WORD = re.compile(rb"[A-Za-z0-9-]{1,32}\Z")


def parse_verb(word: bytes, known: Mapping[bytes, str]) -> str | None:
    """Read a verb, in upper case; `None` if the word is none.

    A word that is not known may be a secret: it is `***` if it looks like a verb. In
    mixed case it does not, but like base64.

    Args:
        word: what may be a verb.
        known: the known verbs by their bytes.
    """
    verb = known.get(word.upper())
    if verb is not None:
        return verb
    if _WORD.match(word) and (word.isupper() or word.islower() or word.istitle()):
        return MASK
    return None


class CommandKind(enum.Enum):
    """What is known of a line that is taken for a command."""

    PLAIN = enum.auto()
    # it may be none: no exchange, unless it is answered
    UNCLEAR = enum.auto()
    # what follows can be nothing but a message
    OPENS_MESSAGE = enum.auto()


@dataclass(slots=True)
class Command:
    """A command that awaits its reply.

    Attributes:
        offset: where its line is in the client's stream.
        pipelined: it was sent before the reply to another one came.
        stray: the login, or part of one, that it is, and no command.
        kind: what is known of its line.
    """

    exchange: Exchange
    sasl: SaslExchange | None = None
    stray: StrayLogin | None = None
    kind: CommandKind = CommandKind.PLAIN
    pipelined: bool = False
    offset: int = 0

    @property
    def is_unclear(self) -> bool:
        """It is no exchange, unless it is answered."""
        return self.kind is CommandKind.UNCLEAR

    @property
    def is_nameless(self) -> bool:
        """It is a line without any verb."""
        return self.exchange.verb is None and self.exchange.kind is _COMMAND


class Reply(Protocol):
    """What a server answers."""

    @property
    def is_positive(self) -> bool:
        """The command succeeded."""

    def describe(self, exchange: Exchange, limit: int) -> None:
        """Fill in the code or status, and up to `limit` bytes of the text."""


CommandT = TypeVar("CommandT", bound=Command)
ReplyT = TypeVar("ReplyT", bound=Reply)


class OddLine(NamedTuple):
    """A line of the server that is no reply, but may stand for one.

    Attributes:
        client_end: how far the client's stream had come then.
    """

    text: bytes
    time_ns: int
    frame: int
    client_end: int


class CommandQueue(Generic[CommandT]):
    """The commands that await their replies.

    Attributes:
        awaiting: the oldest first.
        decisive: the command whose reply tells what the client's next bytes are.
        sync: whether replies can be matched with them.
        odd_line: may stand for the next reply.
        replied_ns: when the last reply came.
    """

    __slots__ = (
        "_sent_before_gap",
        "_undecided",
        "awaiting",
        "decisive",
        "odd_line",
        "replied_ns",
        "sync",
    )

    def __init__(self) -> None:
        # a list: an empty deque takes more than all the rest
        self.awaiting: list[CommandT] = []
        self.decisive: CommandT | None = None
        # the last decisive command whose reply was not captured
        self._undecided: CommandT | None = None
        self.sync = _IN_STEP
        self.odd_line: OddLine | None = None
        self.replied_ns = 0
        # numbers of exchanges up to here are of commands before the client's gap
        self._sent_before_gap = 0

    def add(self, command: CommandT) -> None:
        """Let a command await its reply."""
        if self.sync is not _IN_STEP:
            self.note(SyncEvent.COMMAND_SENT)
        self.awaiting.append(command)

    def note(self, event: SyncEvent) -> None:
        """Learn what may bring replies and commands out of step, or into it."""
        self.sync = _NEXT_SYNC[event][self.sync]

    def lose_commands(self, count: int) -> None:
        """Learn of a gap in the client's stream, behind `count` exchanges."""
        if self.sync is not _BEHIND_GAP:
            self._sent_before_gap = count
        self.note(SyncEvent.COMMANDS_LOST)

    def lose_replies(self) -> None:
        """Learn of a gap in the server's stream."""
        self.note(SyncEvent.REPLIES_LOST)
        self._undecided = self.decisive

    @property
    def is_decision_lost(self) -> bool:
        """The reply to the decisive command was not captured."""
        return self.decisive is not None and self.decisive is self._undecided

    @property
    def is_in_step(self) -> bool:
        """Replies answer what was captured."""
        return self.sync is _IN_STEP

    def crosses_gap(self) -> bool:
        """Return whether a reply is to a lost command; nobody knows how many."""
        if self.sync is not _BEHIND_GAP:
            return False
        awaiting = self.awaiting
        return not awaiting or awaiting[0].exchange.number > self._sent_before_gap

    def is_in_flight(self, time_ns: int) -> bool:
        """Return whether a command that is sent now is sent while another one waits."""
        if self.sync is _BEHIND_GAP:
            return False
        if not self.awaiting:
            # it may have been read later than it came
            return time_ns < self.replied_ns
        oldest = self.awaiting[0]
        return not (oldest.is_unclear or oldest.is_nameless)

    def is_answered_oddly(self, offset: int) -> bool:
        """Return whether the client sent what is at this place behind an odd line."""
        return self.odd_line is not None and offset >= self.odd_line.client_end

    def give_up_oldest(self, kept_text: int) -> CommandT:
        """Take a command off; if an odd line came, it stands for the reply."""
        command = self.awaiting.pop(0)
        odd, self.odd_line = self.odd_line, None
        if odd is not None:
            exchange = command.exchange
            exchange.reply_text = decode_text(odd.text, kept_text)
            exchange.reply_time_ns, exchange.reply_frame = odd.time_ns, odd.frame
        return command


class QueueReporter(Reporter, Generic[CommandT]):
    """Reports a dialogue whose replies come in order.

    Attributes:
        queue: the commands that await them.
    """

    __slots__ = ("queue",)

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self.queue: CommandQueue[CommandT] = CommandQueue()

    def withhold_held(self) -> None:
        """Withhold what nobody has read yet, unless it is a message."""
        # What waits behind DATA is a message, and nothing repeats it before that reply;
        # but behind a login it may be a password.
        decisive = self.queue.decisive
        is_message = (
            decisive is not None
            and decisive.kind is CommandKind.OPENS_MESSAGE
            and decisive in self.queue.awaiting[-1:]
        )
        if not is_message or self.withheld or self.have_both_ended():
            super().withhold_held()
