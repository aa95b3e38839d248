"""Delimiter lines between the parts of multiparts (RFC 2046 §5.1.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

# RFC 5322 §2.1.1: a line has at most 998 characters
LONGEST_DELIMITER_LINE = 998


class DelimiterLine(NamedTuple):
    """A delimiter line.

    Attributes:
        start: where it begins, behind a line end.
        end: where it ends, behind its own line end.
        level: of its multipart.
        is_closing: no part follows.
    """

    start: int
    end: int
    level: int
    is_closing: bool


class Boundaries:
    """The boundaries of the open multiparts."""

    __slots__ = ("_levels", "_start")

    def __init__(self, by_level: Sequence[bytes | None] = ()) -> None:
        """Take the boundary of each level that has one.

        The innermost level counts where a boundary is used twice.
        """
        self._levels = {
            boundary: level
            for level, boundary in enumerate(by_level)
            if boundary is not None
        }
        # what all delimiters begin with
        self._start = b"\n--" + _common_prefix(self._levels)

    def __bool__(self) -> bool:
        return bool(self._levels)

    def find(
        self, buffer: bytearray, searched: int, end: int, *, at_end: bool
    ) -> DelimiterLine | None:
        """Find the first delimiter line.

        Args:
            buffer: in which to look.
            searched: there is none before.
            end: where to stop.
            at_end: nothing follows the buffer.

        Returns:
            The line; `None` if there is none, or none that is complete.
        """
        start = buffer.find(self._start, searched, end) + 1
        while start:
            limit = start + LONGEST_DELIMITER_LINE
            line_end = buffer.find(b"\n", start, limit) + 1
            if not line_end and len(buffer) <= limit:
                if not at_end:
                    return None
                line_end = len(buffer)
            if line_end:
                # RFC 2046 §5.1.1: blanks may follow; otherwise the whole line counts,
                # for one boundary may begin with another
                line = bytes(buffer[start + 2 : line_end]).rstrip()
                level = self._levels.get(line)
                if level is not None:
                    return DelimiterLine(start, line_end, level, is_closing=False)
                level = self._levels.get(line[:-2])
                if level is not None and line.endswith(b"--"):
                    return DelimiterLine(start, line_end, level, is_closing=True)
            start = buffer.find(self._start, start, end) + 1
        return None


def _common_prefix(boundaries: Collection[bytes]) -> bytes:
    """Return what all boundaries begin with; that is shared by the extremes."""
    if len(boundaries) < 2:
        return next(iter(boundaries), b"")
    first, last = min(boundaries), max(boundaries)
    length = 0
    while first[length : length + 1] == last[length : length + 1] != b"":
        length += 1
    return first[:length]
