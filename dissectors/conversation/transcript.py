"""What was said in a connection, line by line, for whoever asks for it.

Nobody asks in most connections, which then pay one comparison per packet. If somebody
does, each line is noted when it is taken, and shown as far as the grammar proves it to
be harmless: a command as its `Exchange` shows it, a line of the server as its dialogue
shows it (`Dialogue.show_line`), without what was withheld by then or is later.

Memory is bounded by the number of lines that are kept: the first ones.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from dissectors.conversation.lines import decode_text
from dissectors.conversation.streams import OTHER_SIDE
from dissectors.credentials.names import MASK
from dissectors.events import Exchange, ExchangeKind, Side

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dissectors.conversation.dialogue import Dialogue
    from dissectors.credentials.withheld import Withheld
    from dissectors.events import Event

# a member of an enum costs more to look up
_CLIENT, _SERVER = Side
_COMMAND = ExchangeKind.COMMAND
# what ends a piece of a command in front of a literal (RFC 9051 §4.3)
_PIECE = re.compile(r".*?\{\d+[+-]?\}", re.DOTALL)


@dataclass(slots=True)
class TranscribedLine:
    """A line that a side said.

    Attributes:
        side: who said it: the client is whoever opened the connection.
        offset: where it begins in what that side said, inside TLS in what was
            decrypted; -1 if that is not known.
        time_ns: when its last byte came.
        frame: the packet that brought that byte.
        text: as much of it as may be shown.
        tag: what it begins with, if it is the tag of a command.
        is_answer: it is of the side that answers.
        exchange: the one that the line begins, or whose answer it completes.
    """

    side: Side
    offset: int
    time_ns: int
    frame: int
    text: str = MASK
    tag: str = ""
    is_answer: bool = False
    exchange: Exchange | None = field(default=None, repr=False)


class _Said(NamedTuple):
    """The line that is being read, as it was sent.

    Attributes:
        exchanges: how many had begun before it.
        goes_on: it continues the command before it, behind a literal.
    """

    line: TranscribedLine
    recorder: Recorder
    raw: bytes
    exchanges: int
    goes_on: bool


class Transcript:
    """The lines of one connection, whoever reads them.

    Args:
        limit: how many lines are kept: the first ones; `None` for all.

    Attributes:
        lines: in the order in which they were read.
        left_out: how many more there were.
    """

    def __init__(self, limit: int | None = None) -> None:
        self.lines: list[TranscribedLine] = []
        self.left_out = 0
        self._limit = limit
        self._said: _Said | None = None
        self._withheld: Withheld | None = None
        # the first lines that were read when something was withheld, and when all was;
        # what came before could not repeat it
        self._withheld_since: list[int | None] = [None, None]
        # the lines of the commands that were not reported yet, by number
        self._commands: dict[int, list[TranscribedLine]] = {}
        # reported while the line was read that begins them
        self._early: dict[int, Exchange] = {}
        self._last_of_server: TranscribedLine | None = None
        # of the client: those of which each goes on behind a literal of the one before
        self._parts: list[TranscribedLine] = []

    def record(self, dialogue: Dialogue) -> None:
        """Note what is said in a dialogue from now on."""
        self._withheld = dialogue.reporter.withheld
        Recorder(self, dialogue, is_swapped=False)

    def finish(self) -> None:
        """Learn that the connection is over; mask what was withheld since, too."""
        self.settle()
        withheld, since, all_since = self._withheld, *self._withheld_since
        if withheld is None or since is None:
            return
        for at, line in enumerate(self.lines[since:], since):
            if line.is_answer and all_since is None:
                line.text = withheld.mask(line.text)
            elif line.is_answer and all_since is not None and at >= all_since:
                line.text = MASK

    # what recorders call

    def add(self, line: TranscribedLine) -> bool:
        """Keep a line; return whether there is room."""
        if self._limit is not None and len(self.lines) >= self._limit:
            self.left_out += 1
            return False
        self.lines.append(line)
        return True

    def begin(self, said: _Said) -> None:
        """Learn that a line is read from now on."""
        self.settle()
        if self.add(said.line):
            self._said = said
        if said.line.is_answer:
            self._last_of_server = said.line

    def settle(self) -> None:
        """Decide what is shown of the line that was read last."""
        self._note_withheld()
        said, self._said = self._said, None
        if said is None:
            return
        line = said.line
        if line.is_answer:
            line.text = said.recorder.show(_SERVER, said.raw)
            if line.text == MASK and line.exchange is not None:
                # as much as tables show of an answer
                line.text = _answer(line.exchange)
            if line.tag:
                line.text = line.tag + line.text.removeprefix(MASK)
        else:
            self._settle_client(said)
        self._early.clear()

    def _settle_client(self, said: _Said) -> None:
        """Decide what is shown of a line of the client, for now: it may be a command.

        Its lines are told apart when the command is reported.
        """
        line = said.line
        if said.goes_on:
            self._parts.append(line)
            line.text = MASK if said.raw else ""
        else:
            self._parts = [line]
        if said.recorder.exchanges > said.exchanges:
            line.tag = said.recorder.tag_of(said.raw)
            number = said.exchanges + 1
            self._commands[number] = self._parts
            if number in self._early:
                self._tell_command(self._early[number])
        elif not said.goes_on:
            line.text = said.recorder.show(_CLIENT, said.raw)

    def _note_withheld(self) -> None:
        withheld = self._withheld
        if withheld:
            # an answer may come before the line without an end that it is to
            here = max(len(self.lines) + self.left_out - 2, 0)
            for at, is_so in enumerate((True, withheld.withholds_all)):
                if is_so and self._withheld_since[at] is None:
                    self._withheld_since[at] = here

    def withhold_behind(self, place: int) -> None:
        """Show no answer behind so many lines."""
        self._withheld_since = [
            place if since is None else min(since, place)
            for since in self._withheld_since
        ]

    def hear(self, exchange: Exchange) -> None:
        """Learn that an exchange is over."""
        line = self._last_of_server
        if line is not None and exchange.reply_frame is not None:
            self._tell_answer(exchange, line)
        if exchange.kind is not _COMMAND:
            return
        if exchange.number in self._commands:
            self._tell_command(exchange)
        elif self._said is not None and exchange.number > self._said.exchanges:
            self._early[exchange.number] = exchange

    def _tell_answer(self, exchange: Exchange, line: TranscribedLine) -> None:
        """Learn which line of the server completes an answer."""
        if exchange.reply_code is None and exchange.status is None:
            # a line that is no reply, and stands for one
            if line.frame == exchange.reply_frame and line.text == MASK:
                line.exchange, line.text = exchange, exchange.reply_text or ""
            return
        line.exchange = exchange
        if exchange.kind is _COMMAND and exchange.number in self._commands:
            line.tag = self._commands[exchange.number][0].tag

    def _tell_command(self, exchange: Exchange) -> None:
        """Show a command in its lines: several if it has literals."""
        first, *others = self._commands.pop(exchange.number)
        first.exchange = exchange
        piece, *pieces = _pieces(exchange.argument or "")
        words = (first.tag, exchange.verb or MASK, piece)
        first.text = " ".join(word for word in words if word)
        if len(pieces) == len(others) and MASK not in (exchange.argument or ""):
            for line, text in zip(others, pieces, strict=True):
                line.text = text


class Recorder:
    """Notes what is said in one dialogue.

    Args:
        transcript: takes it.
        dialogue: knows what may be shown.
        is_swapped: its client is whoever accepted the connection.
    """

    __slots__ = ("_dialogue", "_is_swapped", "_rest", "_transcript")

    def __init__(
        self, transcript: Transcript, dialogue: Dialogue, *, is_swapped: bool
    ) -> None:
        self._transcript = transcript
        self._dialogue = dialogue
        self._is_swapped = is_swapped
        # of a listing: a line that is not complete yet
        self._rest = b""
        dialogue.reporter.recorder = self
        for side, unread in zip(Side, dialogue.streams, strict=True):
            unread.on_line = partial(self._take_line, side)

    def follow(self, dialogue: Dialogue, *, is_swapped: bool = False) -> None:
        """Note what is said in a dialogue that goes on with this one."""
        Recorder(
            self._transcript, dialogue, is_swapped=self._is_swapped is not is_swapped
        )

    def hear(self, events: Sequence[Event]) -> None:
        """Learn what is reported."""
        for event in events:
            if isinstance(event, Exchange):
                self._transcript.hear(event)

    def take_listing(self, text: bytes, offset: int, *, has_ended: bool) -> None:
        """Note lines of the server that stand behind its answer.

        Args:
            text: what came of them, perhaps not to the end of a line.
            offset: where that is in what the server said.
            has_ended: the lone dot came, too.
        """
        offset -= len(self._rest)
        *lines, rest = (self._rest + text).split(b"\n")
        limits = self._dialogue.limits
        self._rest = b"" if has_ended else rest[: limits.line]
        self._transcript.settle()
        for line in [*lines, b"."] if has_ended else lines:
            noted = self._line(_SERVER, offset)
            told = decode_text(line.removesuffix(b"\r"), limits.kept_text)
            noted.text = self._mask(told)
            self._transcript.add(noted)
            offset += len(line) + 1

    def settle(self) -> None:
        """Decide what is shown so far: what comes next is behind a gap."""
        self._transcript.settle()

    def note(self, side: Side, text: str) -> None:
        """Note what is no line of the protocol."""
        self._transcript.settle()
        line = self._line(side, 0)
        line.text = text
        self._transcript.add(line)

    @property
    def lines(self) -> int:
        """How many were noted."""
        return len(self._transcript.lines)

    def withhold_behind(self, lines: int) -> None:
        """Show no answer behind so many lines: it may repeat what was no message."""
        self._transcript.withhold_behind(lines)

    # what the transcript asks

    @property
    def exchanges(self) -> int:
        """How many have begun."""
        return self._dialogue.reporter.counts.exchanges

    def tag_of(self, raw: bytes) -> str:
        """Return the tag of a command."""
        return self._dialogue.tag_of(raw)

    def show(self, side: Side, raw: bytes) -> str:
        """Show a line that is no command."""
        text = self._dialogue.show_line(side, raw)
        return self._mask(text) if side is _SERVER else text

    def _mask(self, text: str) -> str:
        reporter = self._dialogue.reporter
        reporter.withhold_unread()
        return reporter.withheld.mask(text) if reporter.withheld else text

    def _take_line(self, side: Side, raw: bytes) -> None:
        dialogue = self._dialogue
        line = self._line(side, dialogue.streams[side].line_offset)
        goes_on = side is _CLIENT and dialogue.is_behind_literal(side)
        self._transcript.begin(_Said(line, self, raw, self.exchanges, goes_on))

    def _line(self, side: Side, offset: int) -> TranscribedLine:
        reporter = self._dialogue.reporter
        now = reporter.time_ns, reporter.frame
        place = self._dialogue.streams[side].place() or now
        speaker = OTHER_SIDE[side] if self._is_swapped else side
        line = TranscribedLine(speaker, offset, *place)
        line.is_answer = side is _SERVER
        return line


def _answer(exchange: Exchange) -> str:
    words = (exchange.status, exchange.reply_text)
    return " ".join(word for word in words if word) or MASK


def _pieces(argument: str) -> list[str]:
    """Split an argument behind each literal that it announces."""
    pieces = _PIECE.findall(argument)
    return [*pieces, argument[sum(map(len, pieces)) :]]
