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


class StuffedText:
    """Reads such a text off a buffer and undoes the stuffing.

    Attributes:
        ended: the lone dot was read.
        lookalike_seen: there was a lookalike.
        lookalike_place: where the first one was.
        in_doubt: the unread bytes begin with a lookalike.
        line_ends: those that are no CRLF.
    """

    __slots__ = (
        "_at_start",
        "_bare_lf",
        "_searched",
        "ended",
        "in_doubt",
        "line_ends",
        "lookalike_place",
        "lookalike_seen",
    )

    def __init__(self, *, bare_lf: bool = False, inside_line: bool = False) -> None:
        """Begin at the start of a text, or inside a line of it.

        Args:
            bare_lf: lines may end in LF alone.
            inside_line: what comes before was not captured.
        """
        self.ended = False
        self.lookalike_seen = False
        self.lookalike_place: Place | None = None
        self.in_doubt = False
        self.line_ends = LineEnds(behind_gap=inside_line)
        self._bare_lf = bare_lf
        self._at_start = not inside_line
        self._searched = 0

    def read(self, unread: LineBuffer) -> bytes:
        """Take what belongs to the text off the buffer; return it unstuffed."""
        if self._at_start and not self._read_start(unread):
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
            if self.in_doubt:
                self._searched = end
            else:
                text += self._take(unread, start - has_cr)
                self._doubt(unread)
        if self.in_doubt and len(data) <= MAX_DOUBTFUL_BYTES:
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
        text = unread.take(match.end(1))
        self.line_ends.read(text, unread)
        self._take_lone_dot(unread)
        return text

    def cross_gap(self, unread: LineBuffer) -> bytes:
        """Go on behind a gap, in the middle of some line."""
        self._at_start = False
        text = self._take(unread, len(unread))
        self.line_ends.skip_gap()
        return text

    def _find_lone_dot(self, data: bytearray) -> re.Match[bytes] | None:
        # few packets have a line that begins with a dot, and `find` is faster
        start = data.find(b"\n.", self._searched)
        return None if start < 0 else _LONE_DOT.search(data, start)

    def _take(self, unread: LineBuffer, count: int) -> bytes:
        self.in_doubt = False
        self._searched = 0
        text = unread.take(count)
        self.line_ends.read(text, unread)
        if self._bare_lf:
            return text.replace(b"\n.", b"\n")
        return text.replace(b"\r\n.", b"\r\n")

    def _take_lone_dot(self, unread: LineBuffer) -> None:
        self.ended = True
        self.in_doubt = False
        unread.take(3 if unread.data[1] == 0x0D else 2)

    def _doubt(self, unread: LineBuffer) -> None:
        if not self.lookalike_seen:
            self.lookalike_place = unread.place_of(unread.offset)
        self.lookalike_seen = self.in_doubt = True
        self._searched = unread.data.index(b".") + 1

    def _read_start(self, unread: LineBuffer) -> bool:
        """Read a dot that the text begins with; `False` if there is no text yet."""
        data = unread.data
        if b".\r".startswith(data):
            return False
        self._at_start = False
        if data[0] == 0x2E:
            if data.startswith(b".\r\n") or (self._bare_lf and data[1] == 0x0A):
                self._take_lone_dot(unread)
            elif data[1] == 0x0A:
                self._doubt(unread)
            else:
                unread.take(1)
        return not self.ended
