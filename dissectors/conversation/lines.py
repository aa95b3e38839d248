"""Lines of one side of a connection, and how their bytes are shown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from dissectors.credentials.urls import mask_urls

if TYPE_CHECKING:
    from collections.abc import Callable

_CR = 0x0D
# the blanks of bytes; those of text are more
_ASCII_BLANKS = re.compile(r"[\t-\r ]+")
# packets that are told apart in what waits
_MAX_MARKS = 4096


def decode_text(raw: bytes, limit: int) -> str:
    r"""Decode what a peer wrote: UTF-8, with other bytes as `\xNN`.

    What URLs must not show is left out.

    Args:
        raw: the bytes, in any encoding.
        limit: how many of them to keep.
    """
    if b"=" in raw or b"://" in raw:
        # first, as the end of a password tells what it is
        return mask_urls(raw.decode("utf-8", "backslashreplace"))[:limit]
    return raw[:limit].decode("utf-8", "backslashreplace")


class Place(NamedTuple):
    """Where something is in a side's stream, and which packet brought it."""

    offset: int
    time_ns: int
    frame: int


def split_words(text: str) -> list[str]:
    """Split a text at the blanks that protocols know, as bytes are split."""
    return [word for word in _ASCII_BLANKS.split(text) if word]


class LineBuffer:
    """The unread bytes of one side, and how far they were searched for a line.

    Attributes:
        data: the unread bytes; appended to by the owner, taken by the methods.
        offset: place of the first unread byte in the side's stream.
        line_offset: place of the line that was taken last.
        bare_lf: the line that was taken last ended in LF without CR.
        overlong: lines over the limit since the owner last reset it.
        skipping: what comes next is the rest of such a line.
        on_line: is told of each line that is taken, if somebody asks.

    Bytes may wait here while others come; `mark` notes when they came.
    """

    __slots__ = (
        "_limit",
        "_marks",
        "_searched",
        "bare_lf",
        "data",
        "line_offset",
        "offset",
        "on_line",
        "overlong",
        "skipping",
    )

    def __init__(self, limit: int) -> None:
        self.data = bytearray()
        self.offset = self.line_offset = 0
        self.bare_lf = False
        self.overlong = 0
        self._limit = limit
        self._searched = 0
        # where a packet's bytes end in the stream, its time and its frame; most lines
        # never wait
        self._marks: list[tuple[int, int, int]] | None = None
        self.skipping = False
        self.on_line: Callable[[bytes], object] | None = None

    def __len__(self) -> int:
        return len(self.data)

    def mark(self, end: int, time_ns: int, frame: int) -> None:
        """Note which packet brought the bytes up to a place in the stream."""
        marks = self._marks
        if marks is None:
            marks = self._marks = []
        while marks and marks[0][0] < self.offset:
            del marks[0]
        if marks and (marks[-1][2] == frame or len(marks) >= _MAX_MARKS):
            marks.pop()
        marks.append((end, time_ns, frame))

    def place(self) -> tuple[int, int] | None:
        """Return time and frame of the byte that was taken last, if it was marked."""
        marks = self._marks
        if not marks:
            return None
        while marks and marks[0][0] < self.offset:
            del marks[0]
        return marks[0][1:] if marks else None

    def place_of(self, offset: int) -> Place | None:
        """Return the place of a byte, if it was marked and is still known."""
        for end, time_ns, frame in self._marks or ():
            if end > offset:
                return Place(offset, time_ns, frame)
        return None

    def forget_places(self) -> None:
        """Forget all marks: what was marked is read by somebody else."""
        self._marks = None

    def take(self, count: int) -> bytes:
        """Take up to `count` bytes off the front."""
        data = self.data
        if count >= len(data):
            taken = bytes(data)
            data.clear()
        else:
            taken = bytes(data[:count])
            del data[:count]
        self.offset += len(taken)
        self._searched = 0
        return taken

    def drop(self) -> None:
        """Take all bytes off, and forget that a line was being skipped."""
        self.offset += len(self.data)
        self.data.clear()
        self._searched = 0
        self.skipping = False

    def take_line(self) -> bytes | None:
        """Take one line, without its end; `None` if it is not complete yet.

        A bare LF ends a line too, as many servers accept it. A line over the
        limit is returned cut to it as soon as it is that long; the rest is
        skipped and the line counted in `overlong`.
        """
        data = self.data
        end = data.find(b"\n", self._searched)
        if self.skipping or not 0 <= end <= self._limit:
            return self._take_odd_line(end)
        self.bare_lf = not end or data[end - 1] != _CR
        line = bytes(data[: end if self.bare_lf else end - 1])
        del data[: end + 1]
        self.line_offset = self.offset
        self.offset += end + 1
        self._searched = 0
        if self.on_line is not None:
            self.on_line(line)
        return line

    def take_unfinished_line(self) -> bytes:
        """Take what there is of a line that its sender will not finish."""
        line = b"" if self.skipping else bytes(self.data).rstrip(b"\r")
        self.line_offset = self.offset
        self.drop()
        if line and self.on_line is not None:
            self.on_line(line)
        return line

    def _take_odd_line(self, end: int) -> bytes | None:
        """Go on with a line that is over the limit, or not complete."""
        if self.skipping:
            self.skipping = end < 0
            self.take(len(self.data) if end < 0 else end + 1)
            return None if end < 0 else self.take_line()
        if len(self.data) > self._limit:
            self.skipping = True
            self.overlong += 1
            self.line_offset = self.offset
            line = self.take(self._limit)
            if self.on_line is not None:
                self.on_line(line)
            return line
        self._searched = len(self.data)
        return None
