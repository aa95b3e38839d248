"""Commands on their way: from the first fragment to the tagged response.

Several commands may be in progress (RFC 9051 §5.5); the tag tells which one a
response completes. Tags should be unique but need not be: with equal tags the
server's order decides, unless a hole in the server's stream may have swallowed
a response.

At most `Limits.pending_commands` are tracked, each with at most `Limits.line`
bytes of text; adding and completing one takes constant time.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dissectors.imap import grammar

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dissectors.events import MessageFacts
    from dissectors.imap.framing import KeptLiteral
    from dissectors.sasl import SaslExchange


@dataclass(slots=True)
class Response:
    """A tagged response: the status in upper case, its text, where it was."""

    status: str
    text: bytes
    time_ns: int
    frame: int


@dataclass(slots=True)
class AppendedMessage:
    """A message that APPEND sent: to its end, or not; and when that was."""

    facts: MessageFacts
    complete: bool
    time_ns: int
    frame: int


@dataclass(slots=True)
class Command:
    """A command, as far as the client has sent it.

    Attributes:
        fragments: what follows the verb, each literal as its `{n}`.
        literals: what its literals held; `None` for one that was not kept.
        is_open: more fragments or a literal are to come.
        literal_withheld: its last literal was announced but never sent.
        server_holes: holes in the server's stream before the command.
        is_over: its response came, or will never come.
        messages: what APPEND sent so far.
        asked_chunk: origin and length of the chunk that FETCH asks for.
        expunged: messages that were expunged while it was in progress.
    """

    number: int
    tag: bytes
    verb: str
    time_ns: int
    frame: int
    fragments: list[bytes] = field(default_factory=list)
    literals: list[KeptLiteral | None] = field(default_factory=list)
    is_open: bool = True
    literal_withheld: bool = False
    is_over: bool = False
    server_holes: int = 0
    response: Response | None = None
    sasl: SaslExchange | None = None
    messages: list[AppendedMessage] = field(default_factory=list)
    asked_chunk: tuple[int, int] | None = None
    expunged: int = 0
    _text_bytes: int = 0

    @property
    def argument(self) -> bytes:
        """What follows the verb, each literal as its `{n}`."""
        return b"".join(self.fragments)

    def add_fragment(self, fragment: bytes, limit: int) -> bool:
        """Append text, as long as all of it together is within the limit."""
        self._text_bytes += len(fragment)
        if self._text_bytes > limit:
            return False
        self.fragments.append(fragment)
        return True

    @property
    def literal_values(self) -> list[bytes | None]:
        """What the literals held, where it was kept and is complete."""
        return [
            bytes(literal.data) if literal is not None and literal.complete else None
            for literal in self.literals
        ]

    @property
    def first_argument(self) -> bytes | None:
        """The user of LOGIN, the mailbox of SELECT, EXAMINE and APPEND."""
        return grammar.parse_astring(self.argument, self.literal_values)


class CommandsInProgress:
    """The commands without tagged response, in the order of their requests."""

    __slots__ = ("_by_number", "_by_tag", "_by_verb")

    def __init__(self) -> None:
        self._by_number: dict[int, Command] = {}
        self._by_tag: dict[bytes, deque[Command]] = {}
        self._by_verb: dict[str, dict[int, Command]] = {}

    def __len__(self) -> int:
        return len(self._by_number)

    def __iter__(self) -> Iterator[Command]:
        return iter(list(self._by_number.values()))

    def __contains__(self, tag: bytes) -> bool:
        return tag in self._by_tag

    def add(self, command: Command) -> None:
        """Begin to wait for the response to a command."""
        self._by_number[command.number] = command
        self._by_tag.setdefault(command.tag, deque()).append(command)
        self._by_verb.setdefault(command.verb, {})[command.number] = command

    def oldest(self) -> Command:
        """The command that waits longest; there must be one."""
        return next(iter(self._by_number.values()))

    def oldest_of_tag(self, tag: bytes) -> Command | None:
        """The command that the next response with this tag completes."""
        same_tag = self._by_tag.get(tag)
        return same_tag[0] if same_tag else None

    def first(self, *verbs: str) -> Command | None:
        """The first command with one of these verbs, by order of `verbs`."""
        for verb in verbs:
            commands = self._by_verb.get(verb)
            if commands:
                return next(iter(commands.values()))
        return None

    def remove(self, command: Command) -> None:
        """Wait no more for a command, which is the oldest of its tag."""
        del self._by_number[command.number]
        same_tag = self._by_tag[command.tag]
        same_tag.popleft()
        if not same_tag:
            del self._by_tag[command.tag]
        same_verb = self._by_verb[command.verb]
        del same_verb[command.number]
        if not same_verb:
            del self._by_verb[command.verb]
