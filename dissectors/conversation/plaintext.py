"""The layer of plaintext: lines of both sides, each of which may wait for the other.

A protocol reads them until both sides agree on something else: TLS, or to exchange
their roles.
"""

from __future__ import annotations

import abc
import enum
from typing import TYPE_CHECKING

from dissectors.conversation.reports import Reporter
from dissectors.events import Side

if TYPE_CHECKING:
    from collections.abc import Callable

    from dissectors.conversation.lines import LineBuffer
    from dissectors.conversation.swapped import Swapped
    from dissectors.limits import Limits

_OTHER = (Side.SERVER, Side.CLIENT)
# a member of an enum costs more to look up
_CLIENT, _SERVER = Side
_CR = 0x0D
# what records of TLS begin with, and no line: their content type
RECORD_STARTS = frozenset(range(0x14, 0x18))


class Upgrade(enum.Enum):
    """Whether lines give way to TLS."""

    NONE = enum.auto()
    AGREED = enum.auto()
    # these are the lines inside TLS
    DONE = enum.auto()


_NONE, _AGREED, _DONE = Upgrade


class PlaintextReader(Reporter, abc.ABC):
    """Lets a protocol read the lines of both sides.

    A protocol implements `_read`, `_skip_gap`, `_finish`, and `_interrupt` if it can
    make sense of lines without an end. `_line_reader` makes it faster.
    """

    __slots__ = ("_hands_over", "_swapped", "_upgrade")

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        # what is unread is to be read in another way, by `_take_events`
        self._hands_over = False
        self._upgrade = _NONE
        # reads on with the sides exchanged
        self._swapped: Swapped | None = None

    @abc.abstractmethod
    def _read(self, side: Side) -> None:
        """Read what can be read of a side's lines; return after `_start_tls`.

        It may also return early to let the other side be read first, and is
        called again as long as one of the two gets further.
        """

    @abc.abstractmethod
    def _skip_gap(self, side: Side, length: int) -> None:
        """Deal with the unread bytes of a side, behind which there is a gap.

        What stays unread is joined with what comes after the gap.
        """

    @abc.abstractmethod
    def _finish(self) -> None:
        """Nothing follows: report what was still waiting for an answer.

        It may be called again, since plaintext may come beside TLS.
        """

    @abc.abstractmethod
    def _is_record_next(self, side: Side) -> bool:
        """Whether a record of TLS is where a line should be, or may be."""

    @abc.abstractmethod
    def _decide_both(self) -> None:
        """TLS was agreed on: tell what the bytes are that are there already."""

    def _interrupt(self, side: Side) -> None:
        """The other side goes on, while `side` has unread bytes."""

    def _line_reader(self, _side: Side) -> Callable[[bytes], object] | None:
        """What acts on the next line of a side; `None` if `_read` must look at it.

        Most packets are whole lines, which need no buffer if all lines do.
        """
        return None

    def _start_tls(self) -> None:
        """From the next unread byte on, both sides should speak TLS.

        Nothing is left to read for `_read`; plaintext comes back as new bytes.
        """
        if self._upgrade is _NONE:
            self._upgrade = _AGREED
            for unread in self._input:
                unread.hold_unread()

    def _take_turn(self, speaker: Side) -> bool:
        """Another side speaks than before; false if that swapped the sides."""
        self._speaker = speaker
        if not self._input[_OTHER[speaker]].data:
            return True
        before = self._upgrade
        self._interrupt(_OTHER[speaker])
        if self._upgrade is not before:
            self._decide_both()
        return self._swapped is None

    def _pass_lines(self, side: Side, unread: LineBuffer, data: bytes) -> bytes:
        """Act on the lines that come first, with nothing unread before them.

        Returns:
            The rest, for which the buffer is needed.
        """
        start, size = 0, len(data)
        if size > self.limits.line:
            return data
        while start < size:
            act = self._line_reader(side)
            if act is None:
                break
            end = data.find(b"\n", start)
            if end <= start or data[end - 1] != _CR or data[start] in RECORD_STARTS:
                break
            line = data[start : end - 1]
            unread.bare_lf = False
            unread.line_offset = unread.offset
            unread.offset += end + 1 - start
            start = end + 1
            act(line)
            if self._upgrade is _AGREED or self._swapped is not None:
                break
        return data[start:]

    def _note_place(self) -> None:
        """What the client sent happened when it came, however long it waited.

        `_advance` goes back to the present. A server's answers that wait are told when
        they are read: what they answer must have come before.
        """
        place = self._input[_CLIENT].place()
        if place is not None:
            self._time_ns, self._frame = place

    def _advance(self, side: Side) -> None:
        """Read a side, and the other, which may have waited for this one."""
        other = _OTHER[side]
        mine, others = self._input[side], self._input[other]
        upgrade = self._upgrade
        now = self._time_ns, self._frame
        while (mine.data or others.data) and self._swapped is None:
            before = mine.offset + others.offset
            if mine.data:
                self._read(side)
                self._time_ns, self._frame = now
            if others.data and self._swapped is None:
                self._read(other)
                self._time_ns, self._frame = now
            if not mine.data or mine.offset + others.offset == before:
                break
        if self._upgrade is not upgrade:
            self._decide_both()

    def _take_line(self, side: Side) -> bytes | None:
        """Take a line off a side's unread bytes, and report one over the limit."""
        unread = self._input[side]
        if self._is_record_next(side):
            return None
        line = unread.take_line()
        if side is _CLIENT and line is not None:
            self._note_place()
        if unread.overlong:
            unread.overlong = 0
            self._anomaly("line_too_long", side)
        return line
