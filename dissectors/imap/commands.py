"""Commands on their way: from the first fragment to the tagged response.

Several commands may be in progress (RFC 9051 §5.5); the tag tells which one a
response completes. Tags should be unique but need not be: with equal tags the
server's order decides, unless a gap in the server's stream may have swallowed
a response.

At most `Limits.pending_commands` are tracked, with `Limits.kept_text` bytes of
argument each; adding and completing one takes constant time.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dissectors.conversation.lines import decode_text
from dissectors.conversation.literals import KeptLiteral, SecretLiteral
from dissectors.conversation.reporter import Reporter
from dissectors.credentials.names import MASK
from dissectors.credentials.sasl import SaslExchange
from dissectors.credentials.strays import StrayLogin
from dissectors.events import MessageFacts
from dissectors.imap import grammar
from dissectors.imap.flags import SequenceSet
from dissectors.message import MessageReader

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dissectors.credentials.withheld import Withheld
    from dissectors.events import Exchange
    from dissectors.limits import Limits


_UID = re.compile(rb"UID (\d{1,10})", re.IGNORECASE)


@dataclass(slots=True)
class Response:
    """A tagged response: status, text with its code, where it was.

    Status and code (`parse_response_code`) are in upper case.
    """

    status: str
    text: bytes
    code: str | None
    time_ns: int
    frame: int

    @property
    def is_positive(self) -> bool:
        """The command succeeded."""
        return self.status == "OK"

    def describe(self, exchange: Exchange, limit: int) -> None:
        """Fill in what the server sent, and up to `limit` bytes of the text."""
        exchange.status = self.status
        exchange.response_code = self.code
        exchange.reply_text = decode_text(self.text, limit)
        exchange.reply_time_ns = self.time_ns
        exchange.reply_frame = self.frame


@dataclass(slots=True)
class AppendedMessage:
    """A message that APPEND sent: to its end, or not; where that was, when it began."""

    facts: MessageFacts
    complete: bool
    time_ns: int
    frame: int
    begin_ns: int
    offset: int


@dataclass(slots=True)
class Appended:
    """What APPEND sent so far.

    Attributes:
        messages: those that have ended.
        catenation: the message that CATENATE (RFC 4469) is putting together.
        is_cut: some of the text of that did not come.
    """

    messages: list[AppendedMessage] = field(default_factory=list)
    catenation: MessageReader | None = field(default=None, repr=False)
    is_cut: bool = False


class Leave(enum.Enum):
    """Whether a client may send a literal (RFC 9051 §4.3)."""

    # as far as is known
    AWAITED = enum.auto()
    GIVEN = enum.auto()
    # the literal was never sent
    REFUSED = enum.auto()


@dataclass(slots=True)
class ClientLiteral:
    """The literal that a command announced last.

    Attributes:
        since_ns: when it was announced, or leave to send it came.
        leave: whether the client may send it.
        secret: keeps it, if it must not be shown, until the next fragment comes.
    """

    since_ns: int
    leave: Leave
    secret: SecretLiteral | None = field(default=None, repr=False)


@dataclass(slots=True)
class ImapCommand:
    """A command, as far as the client has sent it.

    Attributes:
        argument: what follows the verb, each literal as its `{n}`; holds no
            secret once the command is closed.
        first_literal: the literal that `argument` begins with, if it was kept.
        literal: the one that was announced last.
        user: of LOGIN, if it is well formed.
        has_password: LOGIN was sent with a password, or announced its literal.
        stray: the login that it is, in words of another protocol.
        is_untidy: perhaps no command: its argument is not shown, and it may be answered
            without a tag.
        server_gaps: gaps in the server's stream before the command.
        response: its tagged response.
        appended: the messages that it carries.
        asked_chunk: origin and length of the chunk that FETCH asks for.
        affected: messages that it expunged, or whose flags it was the first to change,
            or mailboxes that it listed, as untagged responses showed.
        copied: messages that COPYUID (RFC 4315) names.
        named: its sequence set, once that was asked for.
    """

    number: int
    tag: bytes
    verb: str
    time_ns: int
    frame: int
    argument: bytes = field(default=b"", repr=False)
    first_literal: KeptLiteral | None = field(default=None, repr=False)
    literal: ClientLiteral | None = None
    user: str | None = None
    has_password: bool = False
    server_gaps: int = 0
    response: Response | None = None
    sasl: SaslExchange | None = None
    stray: StrayLogin | None = None
    is_untidy: bool = False
    appended: Appended | None = None
    asked_chunk: tuple[int, int] | None = None
    affected: int = 0
    copied: int = 0
    named: SequenceSet | None = None

    @property
    def succeeded(self) -> bool:
        """It was answered, by OK."""
        return self.response is not None and self.response.is_positive

    @property
    def awaits_leave(self) -> bool:
        """The client waits for leave to send its literal, as far as is known."""
        return self.literal is not None and self.literal.leave is Leave.AWAITED

    @property
    def is_withheld(self) -> bool:
        """Its last literal was announced but never sent."""
        return self.literal is not None and self.literal.leave is Leave.REFUSED

    @property
    def messages(self) -> Sequence[AppendedMessage]:
        """The messages that it carries, as far as they have ended."""
        return () if self.appended is None else self.appended.messages

    def add_fragment(self, fragment: bytes, limit: int) -> None:
        """Add text to the argument; what matters of it comes before the limit."""
        if len(self.argument) < limit:
            self.argument += fragment[: limit - len(self.argument)]

    def close(self, withheld: Withheld) -> None:
        """Keep what matters, and drop the secrets: all of the command is there."""
        argument, literal = self.argument, self._literal
        if self.verb == "LOGIN":
            self.user = grammar.parse_login(argument, literal)
            self.has_password = grammar.has_password(argument)
            if self.user is None and literal:
                withheld.add_login(literal + argument.partition(b"}")[2])
        self.argument = grammar.redact(self.verb, argument)
        if self.is_untidy and argument:
            self.argument = MASK.encode()
        if self.argument != argument and self.verb != "AUTHENTICATE":
            withheld.add_login(argument, (self.user,))

    def names_message(self, number: int, response: bytes, largest: int) -> bool:
        """Return whether a FETCH response is about a message of its sequence set.

        Args:
            number: its sequence number.
            response: may tell its UID.
            largest: the largest number in use.
        """
        if self.named is None:
            self.named = SequenceSet(self.argument.partition(b" ")[0], largest)
        if self.verb.startswith("UID "):
            uid = _UID.search(response)
            return uid is None or int(uid[1]) in self.named or b"*" in self.argument
        return number in self.named

    @property
    def _literal(self) -> bytes | None:
        literal = self.first_literal
        return bytes(literal.data) if literal and literal.complete else None

    @property
    def first_argument(self) -> bytes | None:
        """The mailbox of SELECT, EXAMINE, APPEND and REPLACE."""
        value = self._literal
        argument = self.argument
        if self.verb.endswith("REPLACE"):
            # RFC 8508 §3.3: the message that is replaced comes first
            argument = argument.partition(b" ")[2]
        return grammar.parse_astring(argument, value)


class CommandsInProgress:
    """The commands without tagged response, in the order of their requests.

    Attributes:
        open: the command that the client is still sending, even if it was answered.
    """

    __slots__ = ("_by_number", "_by_tag", "_by_verb", "open")

    def __init__(self) -> None:
        self.open: ImapCommand | None = None
        self._by_number: dict[int, ImapCommand] = {}
        self._by_tag: dict[bytes, list[ImapCommand]] = {}
        self._by_verb: dict[str, dict[int, ImapCommand]] = {}

    def __len__(self) -> int:
        return len(self._by_number)

    def __iter__(self) -> Iterator[ImapCommand]:
        return iter(list(self._by_number.values()))

    def __contains__(self, tag: bytes) -> bool:
        return tag in self._by_tag

    def awaits(self, command: ImapCommand) -> bool:
        """Return whether a command's response is neither here nor given up."""
        return command.number in self._by_number

    def add(self, command: ImapCommand) -> None:
        """Begin to wait for the response to a command."""
        self._by_number[command.number] = command
        self._by_tag.setdefault(command.tag, []).append(command)
        self._by_verb.setdefault(command.verb, {})[command.number] = command

    def oldest(self) -> ImapCommand:
        """Return the command that waits longest; there must be one."""
        return next(iter(self._by_number.values()))

    def oldest_of_tag(self, tag: bytes) -> ImapCommand | None:
        """Return the command that the next response with this tag completes."""
        same_tag = self._by_tag.get(tag)
        return same_tag[0] if same_tag else None

    def first(self, *verbs: str) -> ImapCommand | None:
        """Return the command with one of these verbs that was sent first."""
        found: ImapCommand | None = None
        for verb in verbs:
            commands = self._by_verb.get(verb)
            if commands:
                command = next(iter(commands.values()))
                if found is None or command.number < found.number:
                    found = command
        return found

    def remove(self, command: ImapCommand) -> None:
        """Wait no more for a command, which is the oldest of its tag."""
        del self._by_number[command.number]
        same_tag = self._by_tag[command.tag]
        del same_tag[0]
        if not same_tag:
            del self._by_tag[command.tag]
        same_verb = self._by_verb[command.verb]
        del same_verb[command.number]
        if not same_verb:
            del self._by_verb[command.verb]


class ImapReporter(Reporter):
    """Reports an IMAP session.

    Attributes:
        commands: those in progress.
    """

    __slots__ = ("commands",)

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self.commands = CommandsInProgress()

    def withhold_unread(self) -> None:
        """Withhold what nobody has read yet, also of a literal that is a secret."""
        super().withhold_unread()
        command = self.commands.open
        literal = None if command is None else command.literal
        if literal is not None and literal.secret is not None:
            self.withheld.add_line(bytes(literal.secret.data))
