"""Framing of one side's stream: fragments of text with literals between them.

A command or response is one line, or several with a literal behind each but the
last (RFC 9051 §4.3, RFC 7888, `literal8` of RFC 9051 §4.3.1). The text up to a
line end is called a fragment here. What a literal holds goes to a sink and can
therefore never be read as a fragment, whatever it looks like.

Whether the end of a fragment announces a literal depends on the grammar, so the
caller decides; see `find_literal`. A synchronizing literal is read without
regard to the server's continuation request: the client sends it or it doesn't.

Memory is that of the line buffer; literals stream through. Each byte is looked at
once.
"""

from __future__ import annotations

import enum
import re
from typing import TYPE_CHECKING, NamedTuple, Protocol

from dissectors.limits import KIB

if TYPE_CHECKING:
    from dissectors.conversation.lines import LineBuffer
    from dissectors.credentials.withheld import Withheld

# RFC 9051 §9: literal = "{" number64 ["+"] "}" CRLF *CHAR8, literal8 = "~{" ...
# "{n-}" is no RFC 7888 syntax, but what a sender makes of the name LITERAL-
_LITERAL = re.compile(rb"\{(\d{1,19})([+-]?)\}")


class LiteralSink(Protocol):
    """Where the bytes of a literal go."""

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""

    def skip_gap(self, length: int) -> None:
        """Learn that bytes are missing here."""

    def end(self, *, complete: bool) -> None:
        """Learn that the literal ended, or broke off."""


class Literal(NamedTuple):
    """The announcement of a literal at the end of a fragment.

    Attributes:
        start: where in the fragment it begins.
        synchronizing: the client should wait for a continuation request.
    """

    start: int
    size: int
    synchronizing: bool


def find_literal(fragment: bytes) -> Literal | None:
    """Return the literal that the end of a fragment announces."""
    if not fragment.endswith(b"}"):
        return None
    start = fragment.rfind(b"{")
    match = _LITERAL.fullmatch(fragment, max(start, 0))
    if match is None:
        return None
    size, mode = match.groups()
    if fragment.startswith(b"~", start - 1) and start:
        start -= 1
    return Literal(start, int(size), synchronizing=not mode)


class LiteralState(enum.Enum):
    """How much of a literal came."""

    OPEN = enum.auto()
    HAS_GAP = enum.auto()
    COMPLETE = enum.auto()
    BROKEN_OFF = enum.auto()


class KeptLiteral:
    """A sink for a short literal that is an argument: a user, a mailbox.

    Attributes:
        data: what came of it.
        state: how much that is.
    """

    __slots__ = ("data", "state")

    def __init__(self) -> None:
        self.data = bytearray()
        self.state = LiteralState.OPEN

    @property
    def complete(self) -> bool:
        """All of it came."""
        return self.state is LiteralState.COMPLETE

    @property
    def has_gap(self) -> bool:
        """Bytes of it are missing."""
        return self.state is LiteralState.HAS_GAP

    def feed(self, data: bytes) -> None:
        """Keep the bytes; whoever chose this sink knows that they are few."""
        self.data += data

    def skip_gap(self, length: int) -> None:
        """Stay incomplete for good."""
        self.state = LiteralState.HAS_GAP

    def end(self, *, complete: bool) -> None:
        """Become valid if all of it came."""
        if not self.has_gap:
            ended = LiteralState.COMPLETE if complete else LiteralState.BROKEN_OFF
            self.state = ended


class SecretLiteral(KeptLiteral):
    """A sink for a literal that must not be shown, wherever it is repeated."""

    __slots__ = ("_withheld",)

    def __init__(self, withheld: Withheld) -> None:
        super().__init__()
        self._withheld = withheld

    def feed(self, data: bytes) -> None:
        """Keep what is looked for in what the server says."""
        if len(self.data) < KIB:
            super().feed(data[:KIB])

    def end(self, *, complete: bool) -> None:
        """Withhold it; what is missing of it can't be told from other words."""
        if self.has_gap:
            self._withheld.withhold_all()
        self._withheld.add_login(bytes(self.data))


class FragmentReader:
    """Takes fragments off a line buffer and passes literals on to their sinks.

    Attributes:
        literal: was announced, and the fragment behind it did not come yet.
    """

    __slots__ = ("_buffer", "_remaining", "_sink", "literal")

    def __init__(self, buffer: LineBuffer) -> None:
        self._buffer = buffer
        self.literal: Literal | None = None
        self._remaining = 0
        self._sink: LiteralSink | None = None

    @property
    def is_untouched(self) -> bool:
        """A literal was announced and nothing was sent since."""
        return (
            self.literal is not None
            and self._remaining == self.literal.size
            and not self._buffer.data
        )

    @property
    def in_literal(self) -> bool:
        """Bytes of a literal are still to come."""
        return self._remaining > 0

    def expect_literal(self, literal: Literal, sink: LiteralSink | None) -> None:
        """Pass the bytes that come next to `sink`; drop them if there is none."""
        self.literal = literal
        self._remaining = literal.size
        self._sink = sink
        if not self._remaining:
            self._end_literal(complete=True)

    def take_fragment(self) -> bytes | None:
        """Return the next fragment, or `None` if it is not complete yet."""
        if self.literal is None:
            return self._buffer.take_line()
        if self._remaining and not self._read_literal():
            return None
        fragment = self._buffer.take_line()
        if fragment is not None:
            self.literal = None
        return fragment

    def skip_gap(self, length: int) -> bool:
        """Leave a gap out; return whether the place in the grammar is known."""
        if 0 < length <= self._remaining:
            if self._sink is not None:
                self._sink.skip_gap(length)
            self._remaining -= length
            if not self._remaining:
                self._end_literal(complete=True)
            return True
        if self._remaining and self._sink is not None:
            self._sink.skip_gap(self._remaining)
        self.abandon()
        self._buffer.take(len(self._buffer))
        return False

    def abandon(self) -> None:
        """Stop waiting for the literal, which breaks off here."""
        if self._remaining:
            self._end_literal(complete=False)
        self.literal = None

    def withdraw_literal(self) -> None:
        """Learn that the literal that was announced will not be sent."""
        self._sink = self.literal = None
        self._remaining = 0

    def _read_literal(self) -> bool:
        data = self._buffer.take(self._remaining)
        if data:
            self._remaining -= len(data)
            if self._sink is not None:
                self._sink.feed(data)
            if not self._remaining:
                self._end_literal(complete=True)
        return not self._remaining

    def _end_literal(self, *, complete: bool) -> None:
        sink, self._sink = self._sink, None
        self._remaining = 0
        if sink is not None:
            sink.end(complete=complete)
