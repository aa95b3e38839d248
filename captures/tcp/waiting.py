"""Segments that wait for earlier ones.

Those of all connections share one room, so that memory is bounded however many they
are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from captures.tcp.timeouts import SECOND_NS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from captures.tcp.segment import Segment

# of the segments of all connections
MAX_TOTAL_WAITING_BYTES = 32 << 20
# How long a segment waits for what it acknowledges: packets may be captured in
# another order than they were sent, but not by much.
MAX_HELD_SEGMENTS = 8
MAX_HELD_NS = SECOND_NS // 10


class WaitingRoom:
    """The room for segments that wait, which all connections of a capture share.

    Args:
        processes: how many of them have an equal part of the room.

    Attributes:
        taken_bytes: how much waits.
    """

    __slots__ = ("_max_bytes", "taken_bytes")

    def __init__(self, processes: int = 1) -> None:
        self.taken_bytes = 0
        self._max_bytes = MAX_TOTAL_WAITING_BYTES // processes

    @property
    def is_full(self) -> bool:
        """Whether nothing more may wait."""
        return self.taken_bytes > self._max_bytes


class HeldSegments:
    """Segments of a connection that wait for what they acknowledge, as they were sent.

    Attributes:
        segments: these, the first one first.
    """

    __slots__ = ("_room", "segments")

    def __init__(self, room: WaitingRoom) -> None:
        self.segments: list[Segment] = []
        self._room = room

    def __iter__(self) -> Iterator[Segment]:
        return iter(self.segments)

    def add(self, segment: Segment) -> None:
        """Let a segment wait, before those that came after it on the wire."""
        held = self.segments
        positions = (at for at, waiting in enumerate(held) if segment.precedes(waiting))
        held.insert(next(positions, len(held)), segment)
        self._room.taken_bytes += segment.memory_bytes

    def take_first(self) -> Segment:
        """Take the segment out that was sent first."""
        first = self.segments.pop(0)
        self._room.taken_bytes -= first.memory_bytes
        return first

    def waited_enough(self, now_ns: int) -> bool:
        """Return whether what the first one acknowledges won't come any more."""
        return (
            len(self.segments) > MAX_HELD_SEGMENTS
            or now_ns - self.segments[0].time_ns > MAX_HELD_NS
            or self._room.is_full
        )

    def discard(self) -> None:
        """Forget all."""
        self._room.taken_bytes -= sum(segment.memory_bytes for segment in self.segments)
        self.segments.clear()
