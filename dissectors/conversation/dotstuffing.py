"""Text that ends with a lone dot, and whose lines that begin with one have two.

SMTP calls it the mail data (RFC 5321 §4.5.2), POP3 a multi-line response
(RFC 1939 §3). Only CRLF.CRLF ends it, unless its writer uses bare LF throughout.
A lone dot between other line ends is a lookalike: some readers take it for the
end, which is how messages are smuggled. Only what the reader does next tells, so
the bytes behind the first lookalike are held, up to a limit, until the true end
comes or the owner calls `end_at_lookalike`.

Otherwise it streams, with no more than four bytes held back. The cost is linear
in the bytes.
"""

from __future__ import annotations

import enum
import re
from typing import TYPE_CHECKING

from dissectors.conversation.line_ends import LineEnds

if TYPE_CHECKING:
    from dissectors.conversation.lines import LineBuffer, Place

# what may follow a lookalike before it is taken for text
MAX_DOUBTFUL_BYTES = 64 * 1024

# a dot alone on its line, by any line ends that someone may take for such
_LONE_DOT = re.compile(rb"\n\.(?=\r?\n)")
_LONE_DOT_LINE = re.compile(rb"(\r?\n|)\.\r?\n")
# what may be the beginning of it, at the end of the bytes that are there
_BEGINNING = re.compile(rb"(?:\r?\n(?:\.\r?)?|\r)\Z")


class TextState(enum.Enum):
    """How far such a text was read."""

    AT_START = enum.auto()
    IN_TEXT = enum.auto()
    # the unread bytes begin with a lookalike
    IN_DOUBT = enum.auto()
    # the lone dot was read
    ENDED = enum.auto()


# a member of an enum costs more to look up
_AT_START, _IN_TEXT, _IN_DOUBT, _ENDED = TextState


class StuffedText:
    """Reads such a text off a buffer and undoes the stuffing.

    Attributes:
        state: how far it was read.
        lookalike_seen: there was a lookalike.
        lookalike_place: where the first one was.
        command_place: where the first one was that a command is behind.
        line_ends: those that are no CRLF.
    """

    __slots__ = (
        "_bare_lf",
        "_commands",
        "_searched",
        "command_place",
        "line_ends",
        "lookalike_place",
        "lookalike_seen",
        "state",
    )

    def __init__(
        self,
        *,
        bare_lf: bool = False,
        inside_line: bool = False,
        commands: re.Pattern[bytes] | None = None,
    ) -> None:
        """Begin at the start of a text, or inside a line of it.

        Args:
            bare_lf: lines may end in LF alone.
            inside_line: what comes before was not captured.
            commands: finds lookalikes with a command behind them.
        """
        self.state = _IN_TEXT if inside_line else _AT_START
        self.lookalike_seen = False
        self.lookalike_place: Place | None = None
        self.command_place: Place | None = None
        self.line_ends = LineEnds(behind_gap=inside_line)
        self._bare_lf = bare_lf
        self._commands = commands
        self._searched = 0

    @property
    def ended(self) -> bool:
        """The lone dot was read."""
        return self.state is _ENDED

    @property
    def in_doubt(self) -> bool:
        """The unread bytes begin with a lookalike."""
        return self.state is _IN_DOUBT

    def read(self, unread: LineBuffer) -> bytes:
        """Take what belongs to the text off the buffer; return it unstuffed."""
        if self.state is _AT_START and not self._read_start(unread):
            return b""
        text = b""
        data = unread.data
        while (dot := self._find_lone_dot(data)) is not None:
            start, end = dot.span()
            has_cr = data[start - 1 : start] == b"\r"
            if self._bare_lf or (has_cr and data[end] == 0x0D):
                text += self._take(unread, start + 1)
                self._take_lone_dot(unread)
                return text
            if self.state is _IN_DOUBT:
                self._searched = end
            else:
                text += self._take(unread, start - has_cr)
                self._doubt(unread)
        if self.state is _IN_DOUBT and len(data) <= MAX_DOUBTFUL_BYTES:
            # a line end, a dot and a CR may be there of the next lone dot
            self._searched = max(self._searched, len(data) - 3)
            return text
        held_back = 0
        if data and data[-1] in b"\r\n.":
            beginning = _BEGINNING.search(data[-4:])
            held_back = len(beginning[0]) if beginning else 0
        return text + self._take(unread, len(data) - held_back)

    def end_at_lookalike(self, unread: LineBuffer) -> bytes:
        """Learn that the lookalike was the end; return the last line end."""
        match = _LONE_DOT_LINE.match(unread.data)
        assert match is not None
        self._find_command(unread, len(unread))
        text = unread.take(match.end(1))
        self.line_ends.read(text, unread)
        self._take_lone_dot(unread)
        return text

    def cross_gap(self, unread: LineBuffer) -> bytes:
        """Go on behind a gap, in the middle of some line."""
        text = self._take(unread, len(unread))
        self.line_ends.skip_gap()
        return text

    def _find_lone_dot(self, data: bytearray) -> re.Match[bytes] | None:
        # few packets have a line that begins with a dot, and `find` is faster
        start = data.find(b"\n.", self._searched)
        return None if start < 0 else _LONE_DOT.search(data, start)

    def _take(self, unread: LineBuffer, count: int) -> bytes:
        if self.state is _IN_DOUBT:
            self._find_command(unread, count)
        self.state = _IN_TEXT
        self._searched = 0
        text = unread.take(count)
        self.line_ends.read(text, unread)
        if self._bare_lf:
            return text.replace(b"\n.", b"\n")
        return text.replace(b"\r\n.", b"\r\n")

    def _take_lone_dot(self, unread: LineBuffer) -> None:
        self.state = _ENDED
        unread.take(3 if unread.data[1] == 0x0D else 2)

    def _doubt(self, unread: LineBuffer) -> None:
        if not self.lookalike_seen:
            self.lookalike_place = unread.place_of(unread.offset)
        self.lookalike_seen = True
        self.state = _IN_DOUBT
        self._searched = unread.data.index(b".") + 1

    def _find_command(self, unread: LineBuffer, count: int) -> None:
        """Look for a command behind a lookalike, as the doubt comes to an end."""
        if self._commands is not None and self.command_place is None:
            found = self._commands.search(unread.data, 0, count)
            if found is not None:
                self.command_place = unread.place_of(unread.offset + found.start())

    def _read_start(self, unread: LineBuffer) -> bool:
        """Read a dot that the text begins with; `False` if there is no text yet."""
        data = unread.data
        if b".\r".startswith(data):
            return False
        self.state = _IN_TEXT
        if data[0] == 0x2E:
            if data.startswith(b".\r\n") or (self._bare_lf and data[1] == 0x0A):
                self._take_lone_dot(unread)
            elif data[1] == 0x0A:
                self._doubt(unread)
            else:
                unread.take(1)
        return self.state is not _ENDED
