"""When to look whether a connection timed out.

A connection has a deadline, and not a new one with every packet: when it comes, the
connection is looked at, and has another one if it is not over.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from captures.tcp.connection import Connection
    from captures.tcp.endpoints import ConnectionKey

# deadlines of connections that are over, before they are cleared away
_SPARE = 1024


class Deadlines:
    """Deadlines of connections.

    Args:
        connections: those that are not over; of others, nothing is told.
    """

    def __init__(self, connections: Mapping[ConnectionKey, Connection]) -> None:
        self._connections = connections
        # when, the connection's serial number and its key: a heap
        self._entries: list[tuple[int, int, ConnectionKey]] = []

    def __len__(self) -> int:
        return len(self._entries)

    def set(self, key: ConnectionKey, connection: Connection, after_ns: int) -> None:
        """Look at a connection so long after its last packet."""
        deadline = connection.last_clock_ns + after_ns
        heapq.heappush(self._entries, (deadline, connection.serial, key))
        if len(self._entries) > 4 * len(self._connections) + _SPARE:
            # those of connections that are over may never come
            self._entries = [entry for entry in self._entries if self._find(entry)]
            heapq.heapify(self._entries)

    def due(self, clock_ns: int) -> Iterator[tuple[ConnectionKey, Connection]]:
        """Take the connections out whose time has come."""
        while self._entries and self._entries[0][0] < clock_ns:
            entry = heapq.heappop(self._entries)
            if connection := self._find(entry):
                yield entry[2], connection

    def first(self) -> tuple[ConnectionKey, Connection] | None:
        """Take the connection out that was to be looked at first."""
        while self._entries:
            entry = heapq.heappop(self._entries)
            if connection := self._find(entry):
                return entry[2], connection
        return None

    def _find(self, entry: tuple[int, int, ConnectionKey]) -> Connection | None:
        """Return the connection of a deadline, unless it is over."""
        _, serial, key = entry
        connection = self._connections.get(key)
        is_same = connection is not None and connection.serial == serial
        return connection if is_same else None
