"""Connections that carried no data: counted, and kept as rows within a budget.

A scan, or a flood of SYNs from invented addresses, makes any number of them. The rows
of the first ones are kept; all are counted by client, server, port and how they ended,
and if there are too many of these, by client and by server alone. What is kept depends
neither on the order in which they end, nor on how many processes share the work.
"""

from __future__ import annotations

import heapq
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from analyzer.sessions.identity import address_text
from analyzer.tables.collection import Collector

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pyarrow as pa

    from analyzer.sessions.rows import SessionRows
    from captures import Attempt, Connection

# rows of `sessions`, 3 kB each
MAX_ROWS = 4096
# more clients, servers or pairs of them than these are not told apart
_MAX_KEYS = 10_000
# of each kind of counts, those that are reported
_MAX_REPORTED = 1000


@dataclass(frozen=True, slots=True)
class AttemptCount:
    """How many attempts had these values in common; `None` if there were too many.

    Attributes:
        client_ip: who tried.
        server_ip: to connect to whom.
        server_port: and where.
        ended: as in the table of sessions.
        attempts: how many.
    """

    client_ip: str | None
    server_ip: str | None
    server_port: int
    ended: str
    attempts: int


# client and server, either may be left out, the server's port, and how it ended
_Key = tuple[int | None, int | None, int, str]


class _Tally:
    """Counts by key, unless there are too many keys: then there are no counts."""

    def __init__(self) -> None:
        self.counts: Counter[_Key] | None = Counter()

    def add(self, key: _Key, count: int = 1) -> None:
        if self.counts is not None:
            self.counts[key] += count
            if len(self.counts) > _MAX_KEYS:
                self.counts = None

    def merge(self, other: _Tally) -> None:
        if other.counts is None:
            self.counts = None
        else:
            for key, count in other.counts.items():
                self.add(key, count)


class AttemptLedger:
    """Counts the connections that carried no data, and keeps the rows of some.

    Args:
        is_live: those have rows that end first, since rows are shown at once; if not,
            those that begin first.
    """

    def __init__(self, *, is_live: bool = False) -> None:
        self._is_live = is_live
        self._total = 0
        self._pairs, self._clients, self._servers = _Tally(), _Tally(), _Tally()
        self._tallies = (self._pairs, self._clients, self._servers)
        # the first packet of each that has a row, the latest first: a heap
        self._latest: list[int] = []
        # the same, and the row if it is kept here
        self._rows: dict[int, SessionRows | None] = {}

    @property
    def without_row(self) -> int:
        """How many have no row."""
        # of those that have one by now, some may not have ended
        return max(0, self._total - len(self._rows))

    def has_row(self, first_frame: int) -> bool:
        """Return whether one that begins with this packet is among the first.

        It takes the place of a later one then.
        """
        if first_frame in self._rows:
            return True
        if len(self._rows) < MAX_ROWS:
            heapq.heappush(self._latest, -first_frame)
        elif first_frame < -self._latest[0] and not self._is_live:
            del self._rows[-heapq.heapreplace(self._latest, -first_frame)]
        else:
            return False
        self._rows[first_frame] = None
        return True

    def keep(self, first_frame: int, rows: SessionRows) -> None:
        """Keep the row of one until the end, if it has one by then."""
        if self.has_row(first_frame):
            self._rows[first_frame] = rows

    def count(self, attempt: Attempt | Connection) -> None:
        """Count one that has ended."""
        self._total += 1
        client, server = attempt.originator.address, attempt.responder.address
        port, ending = attempt.responder.port, attempt.ending
        self._pairs.add((client, server, port, ending))
        self._clients.add((client, None, port, ending))
        self._servers.add((None, server, port, ending))

    def merge(self, others: Iterable[AttemptLedger]) -> None:
        """Add what other processes found."""
        for other in others:
            self._total += other._total  # noqa: SLF001, another one of these
            for mine, theirs in zip(self._tallies, other._tallies, strict=True):  # noqa: SLF001
                mine.merge(theirs)
            for frame, rows in other._rows.items():  # noqa: SLF001
                if rows is not None:
                    self.keep(frame, rows)

    def tables(self) -> dict[str, pa.Table]:
        """Return the rows that are kept here."""
        collector = Collector()
        for rows in self._rows.values():
            if rows is not None:
                collector.add(rows)
        return collector.finish()

    def counts(self) -> list[AttemptCount]:
        """Return the counts, most first: of pairs, else of clients and servers."""
        tallies = [self._pairs]
        if self._pairs.counts is None:
            tallies = [self._servers, self._clients]
        reported: list[AttemptCount] = []
        for tally in tallies:
            counts = [_count(*item) for item in (tally.counts or {}).items()]
            reported += sorted(counts, key=_order)[:_MAX_REPORTED]
        return reported


def _count(key: _Key, attempts: int) -> AttemptCount:
    client, server, port, ended = key
    return AttemptCount(_text(client), _text(server), port, str(ended), attempts)


def _text(address: int | None) -> str | None:
    return address_text(address) if address is not None else None


def _order(count: AttemptCount) -> tuple[int, str, str, int, str]:
    return (
        -count.attempts,
        count.client_ip or "",
        count.server_ip or "",
        count.server_port,
        count.ended,
    )
