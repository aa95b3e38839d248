"""Connections off the mail ports: those that may be mail, and those that are not."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

import numpy as np

from captures.packets.segments import PORT_COUNT, TcpFlag
from captures.tcp.endpoints import ports
from captures.tcp.timeouts import SECOND_NS

if TYPE_CHECKING:
    from captures.packets.segments import Mask
    from captures.tcp.endpoints import ConnectionKey
    from captures.tcp.grouping import Rows

# After this long without a packet, what turned out not to be mail is looked at again.
UNWANTED_NS = 60 * SECOND_NS
MAX_UNWANTED = 65_536

_SYN, _ACK = int(TcpFlag.SYN), int(TcpFlag.ACK)


class FollowedPorts:
    """The ports of connections off the mail ports that may be mail."""

    def __init__(self) -> None:
        self._keys: set[ConnectionKey] = set()
        # how many of the connections use each port
        self._counts = np.zeros(PORT_COUNT, dtype=np.int64)

    @property
    def mask(self) -> Mask:
        """(65536,) bool, which ports they are."""
        return self._counts > 0

    def add(self, key: ConnectionKey) -> None:
        """Follow the ports of a connection that is not followed yet."""
        self._keys.add(key)
        for port in ports(key):
            self._counts[port] += 1

    def discard(self, key: ConnectionKey) -> None:
        """Follow the ports of a connection no longer, if they were followed."""
        if key in self._keys:
            self._keys.remove(key)
            for port in ports(key):
                self._counts[port] -= 1


class UnwantedConnections:
    """Connections that turned out not to be mail, a bounded number of them.

    Args:
        processes: how many of them have an equal part of that number.
    """

    def __init__(self, processes: int = 1) -> None:
        self._max_count = MAX_UNWANTED // processes
        # until when they are not looked at
        self._until_ns: OrderedDict[ConnectionKey, int] = OrderedDict()

    def __len__(self) -> int:
        return len(self._until_ns)

    def add(self, key: ConnectionKey, clock_ns: int) -> None:
        """Look at a connection no more, of which the last packet came then."""
        self._until_ns[key] = clock_ns + UNWANTED_NS
        if len(self._until_ns) > self._max_count:
            self._until_ns.popitem(last=False)

    def forget(self, key: ConnectionKey) -> None:
        """Look again at what goes on between two endpoints."""
        self._until_ns.pop(key, None)

    def holds(self, key: ConnectionKey, rows: Rows, at: int) -> bool:
        """Return whether a row is still of such a connection."""
        until_ns = self._until_ns.get(key)
        if until_ns is None:
            return False
        clock_ns, flags = rows.clock[at], rows.flags[at]
        if clock_ns >= until_ns or (flags & _SYN and not flags & _ACK):
            del self._until_ns[key]
            return False
        self._until_ns[key] = clock_ns + UNWANTED_NS
        return True
