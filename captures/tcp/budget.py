"""Bounds what all open connections of a capture hold together.

Measuring what a connection holds takes a while, so it is done only when what was
measured, with what may have been added since, exceeds the limit; and only until half
of the limit is free, beginning with those that may have grown most. If too much turns
out to be held, connections shrink, the largest first: in the first step they drop
what can be dropped without a loss, in the last step everything. A step ends when half
of the limit is free, and no other step follows if a quarter is, so that this happens
seldom and cost stays linear.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from captures.tcp.connection import Connection
    from captures.tcp.endpoints import ConnectionKey

# with the objects that Python makes of it
MAX_HELD_BYTES = 128 << 20
# the part of it that each process needs for itself, behind the first
_OWN_PART = 1 / 10

# lets one connection hold less; false if it can't
Step = Callable[["ConnectionKey", "Connection"], bool]


class Budget:
    """Counts what the connections of a capture hold.

    Args:
        processes: how many of them have an equal part of what is allowed; few.
    """

    __slots__ = (
        "_held_bytes",
        "_max_held_bytes",
        "_unmeasured",
    )

    def __init__(self, processes: int = 1) -> None:
        left = 1 - _OWN_PART * (processes - 1)
        self._max_held_bytes = int(MAX_HELD_BYTES * left) // processes
        # what connections hold at most, and by how much those may have grown that have
        # not been measured since
        self._held_bytes = 0
        self._unmeasured: dict[Connection, int] = {}

    @property
    def is_exceeded(self) -> bool:
        """Whether connections may hold more than is allowed."""
        return self._held_bytes > self._max_held_bytes

    def note(self, connection: Connection) -> None:
        """Learn that a connection may hold more than before."""
        growth = connection.growth_bytes - connection.noted_growth_bytes
        if growth > 0:
            connection.noted_growth_bytes += growth
            connection.noted_bytes += growth
            self._held_bytes += growth
            growth += self._unmeasured.get(connection, 0)
            self._unmeasured[connection] = growth

    def shrink(self, connection: Connection) -> bool:
        """Make a connection hold as little as possible without a loss.

        Returns:
            Whether it has to be measured by how much that is less.
        """
        tail_bytes = connection.tail_bytes
        connection.noted_bytes -= tail_bytes
        self._held_bytes -= tail_bytes
        return connection.shrink()

    def forget(self, connection: Connection) -> None:
        """Learn that a connection is over."""
        self._held_bytes -= connection.noted_bytes
        connection.noted_bytes = 0
        self._unmeasured.pop(connection, None)

    def enforce(
        self, connections: Mapping[ConnectionKey, Connection], steps: Sequence[Step]
    ) -> None:
        """Measure what connections hold; let them hold less if it is too much.

        Args:
            connections: all that are open.
            steps: what to do with one after the other, from the mildest to the last.
        """
        unmeasured = self._unmeasured
        for connection in sorted(unmeasured, key=unmeasured.__getitem__, reverse=True):
            if self._held_bytes <= self._max_held_bytes // 2:
                break
            self._measure(connection)
        has_shrunk = False
        for step in steps:
            if self._held_bytes <= self._max_held_bytes * 3 // 4:
                break
            self._take_step(step, connections)
            has_shrunk = True
        if has_shrunk:
            # what is let go of before its end may be in reference cycles
            gc.collect()

    def _take_step(
        self, step: Step, connections: Mapping[ConnectionKey, Connection]
    ) -> None:
        for key, connection in sorted(connections.items(), key=_largest_first):
            if self._held_bytes <= self._max_held_bytes // 2:
                break
            if step(key, connection) and connections.get(key) is connection:
                self._measure(connection)

    def _measure(self, connection: Connection) -> None:
        held = connection.held_bytes
        self._held_bytes += held - connection.noted_bytes
        connection.noted_bytes = held
        self._unmeasured.pop(connection, None)


def _largest_first(entry: tuple[ConnectionKey, Connection]) -> tuple[int, int]:
    """Order by what is held; of equals, the oldest comes first."""
    return -entry[1].noted_bytes, entry[1].serial
