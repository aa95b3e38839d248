"""A TCP segment as its connection sees it, and the order of sequence numbers."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

from captures.packets.segments import TcpFlag

CHANGES_STATE = TcpFlag.SYN | TcpFlag.FIN | TcpFlag.RST
SEQUENCE_MASK = 0xFFFF_FFFF
# The largest window (RFC 7323 §2.3): what is further ahead belongs elsewhere.
MAX_WINDOW = 1 << 30
# What Python needs to keep a segment, however short it is.
SEGMENT_OVERHEAD_BYTES = 256


class End(IntEnum):
    """An end of a connection: the originator opened it."""

    ORIGINATOR = 0
    RESPONDER = 1


# by number: to look an end up costs less than to make one of a number
ENDS = (End.ORIGINATOR, End.RESPONDER)


class Segment(NamedTuple):
    """One row of `Segments`, sent by one of a connection's ends."""

    end: End
    sequence: int
    acknowledgment: int
    flags: int
    length: int
    captured: int
    data: bytes
    time_ns: int
    frame: int

    @property
    def memory_bytes(self) -> int:
        """About how many bytes it takes."""
        return len(self.data) + SEGMENT_OVERHEAD_BYTES

    def precedes(self, other: Segment) -> bool:
        """Return whether it was sent before another one, captured before it.

        If they are of one side, their sequence numbers tell. If not, it was if it has
        bytes that the other one acknowledges.
        """
        same_end = self.end == other.end
        number = other.sequence if same_end else other.acknowledgment
        return 0 < (number - self.sequence) & SEQUENCE_MASK <= MAX_WINDOW

    def is_behind(self, answer: Segment) -> bool:
        """Return whether it was sent after what an answer acknowledges."""
        if self.end == answer.end or not (self.length or self.flags & TcpFlag.FIN):
            return False
        ahead = (self.sequence - answer.acknowledgment) & SEQUENCE_MASK
        return ahead <= MAX_WINDOW


class Mistimed(NamedTuple):
    """A packet whose own timestamp can't be right.

    Attributes:
        end: who sent it.
        claimed_ns: its own time.
        time_ns: the time that it was given.
    """

    end: End
    claimed_ns: int
    time_ns: int
