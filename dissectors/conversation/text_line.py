"""A line of text with the literals in it, put together from fragments."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dissectors.conversation.literals import KeptLiteral
from dissectors.conversation.reporter import Reporter
from dissectors.events import Side

if TYPE_CHECKING:
    from dissectors.conversation.lines import Place
    from dissectors.limits import Limits

# what one costs, however short it is
_LITERAL_BYTES = 64
# pieces of a line that are looked for in what the server says
_MOST_PARTS = 8


@dataclass(slots=True)
class TextLine:
    """What one side sent: a line, with the literals in it.

    Attributes:
        text: the line without its end, and without what its literals hold; the
            announcements of these, such as `{5+}`, are in it.
        literals: what they hold, in order; `None` where it was too long to be kept.
        is_whole: nothing of it is missing.
    """

    text: bytes = b""
    literals: list[bytes | None] = field(default_factory=list)
    is_whole: bool = True


class Assembly:
    """The line of one side that is being put together.

    Args:
        limit: bytes that are kept of it, with its literals.

    Attributes:
        line: as much of it as has come.
        begin: where it begins, once more of it is expected behind a literal.
    """

    __slots__ = ("_room", "_sink", "begin", "line")

    def __init__(self, limit: int) -> None:
        self.line = TextLine()
        self.begin: Place | None = None
        self._sink: KeptLiteral | None = None
        # so many bytes may yet be kept of it
        self._room = limit

    def add(self, fragment: bytes) -> None:
        """Take the next piece of text, and the literal before it."""
        self.end_literal()
        line = self.line
        line.is_whole = line.is_whole and len(fragment) <= self._room
        line.text += fragment[: self._room]
        self._room -= min(len(fragment), self._room)

    def open_literal(self, size: int) -> KeptLiteral | None:
        """Return what keeps a literal, if there is room for it."""
        if size + _LITERAL_BYTES > self._room:
            self._room = 0
            if self.line.literals[-1:] != [None]:
                self.line.literals.append(None)
            return None
        self._room -= size + _LITERAL_BYTES
        self._sink = KeptLiteral()
        return self._sink

    def parts(self) -> list[bytes] | None:
        """Return what has come of the line so far, in pieces that belong together.

        Returns:
            `None` if there are too many, or something of one is missing.
        """
        line, sink = self.line, self._sink
        literals = line.literals
        if not line.is_whole or None in literals or len(literals) > _MOST_PARTS:
            return None
        if sink is not None and sink.has_gap:
            return None
        open_part = b"" if sink is None else bytes(sink.data)
        parts = [line.text, *literals, open_part]
        return [each for each in parts if each]

    def end_literal(self) -> None:
        """Learn that the literal has ended, or breaks off here."""
        sink, self._sink = self._sink, None
        if sink is not None:
            self.line.literals.append(bytes(sink.data))
            self.line.is_whole = self.line.is_whole and sink.complete


class AssemblyReporter(Reporter):
    """Reports a dialogue of such lines.

    Attributes:
        assemblies: the client's and the server's line.
    """

    __slots__ = ("assemblies",)

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self.assemblies = [Assembly(limits.line), Assembly(limits.line)]

    def withhold_held(self) -> None:
        """Withhold what nobody has read yet, also of a line that was put together."""
        super().withhold_held()
        parts = self.assemblies[Side.CLIENT].parts()
        if parts is None:
            self.withheld.withhold_all()
        else:
            for part in parts:
                self.withheld.add_line(part)
