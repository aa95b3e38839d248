"""Follows the sessions of a live interface.

An interface is one more source of batches: the pipeline is the same as for files.
Rows leave the memory every few seconds (see `analyzer.tables.store`), so that neither
memory nor what a crash would lose grows with time.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from operator import itemgetter
from typing import TYPE_CHECKING

import pyarrow as pa

from analyzer.errors import ExportError
from analyzer.runs.pipeline import Pipeline
from analyzer.runs.plugins import failed_plugin, plugin_notes
from analyzer.sessions.detail_rows import detail_rows
from analyzer.sessions.reader import SessionSink
from analyzer.sessions.rows import SessionRows, session_rows
from analyzer.sessions.trust import Trust
from analyzer.tables import schema
from analyzer.tables.attempts import AttemptLedger
from analyzer.tables.collection import Collector
from analyzer.tables.results import Results
from analyzer.tables.store import StoreFullError
from captures import CaptureError, Partition

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator, Mapping

    from analyzer.runs.secrets import FollowedKeyLog
    from analyzer.sessions.columns import Row
    from analyzer.sessions.details import Details
    from analyzer.sessions.session import Session
    from analyzer.tables.store import Store
    from captures import Attempt, Connection, LiveCapture

# takes rows that stay, rows that may still change, and whether they are the last;
# returns what went wrong, in words
OnRows = Callable[[dict[str, pa.Table], dict[str, pa.Table], bool], list[str]]

# how often rows are written
WRITE_S = 3.0
# packets that were captured arrive within this time
_ARRIVAL_NS = 2_000_000_000
_END = schema.SESSIONS.arrow.get_field_index("end")


class Monitor(SessionSink):
    """The sessions of an interface, as they end.

    Args:
        live: what captures.
        store: where rows go to.
        ports: the mail ports and their protocols; `None` for those of all protocols.
        trust: judges certificates; by default by the system's trust store.
        secrets: a key log that programs add to while they are watched.
        on_rows: takes the rows that stay as they are, and those of sessions that may
            still change, by table, before they are stored; and whether they are the
            last. What it returns are problems.

    Attributes:
        started: sessions that were seen to begin.
        ended: those of them that have ended.
        problems: what went wrong so far, in words; the caller may clear it.
        notes: what else to know, likewise.
    """

    def __init__(
        self,
        live: LiveCapture,
        store: Store,
        *,
        ports: Mapping[int, str] | None = None,
        trust: Trust | None = None,
        secrets: FollowedKeyLog | None = None,
        on_rows: OnRows | None = None,
    ) -> None:
        self.started = 0
        self.ended = 0
        self.problems: list[str] = []
        self.notes = plugin_notes()
        self._failed_plugins: set[str] = set()
        self._live = live
        self._store = store
        self._trust = Trust() if trust is None else trust
        self._secrets = secrets
        self._on_rows = on_rows
        key_log = secrets.key_log if secrets is not None else None
        # sessions that resume others come after them in time
        partition = Partition(0, 1, by_hosts=secrets is not None)
        self._pipeline = Pipeline(
            self, ports=ports, partition=partition, key_log=key_log
        )
        self._results = Results({}, [*live.captures])
        self._closed = Collector()
        # by serial number of the connection: the rows of sessions that have ended, and
        # the packets of their connections by then
        self._recent: dict[int, tuple[int, SessionRows]] = {}
        self._attempts = AttemptLedger(is_live=True)
        self._new_rows: list[Row] = []
        self._is_dirty = True
        self._is_failing = False

    @property
    def packets(self) -> int:
        """Packets that were captured so far."""
        return self._pipeline.packets

    def run(
        self, *, duration_s: float | None = None, count: int | None = None
    ) -> Iterator[list[Row]]:
        """Capture until the time is over, or somebody stops the capture.

        Args:
            duration_s: for how long; `None` for ever.
            count: until so many sessions have ended; `None` for any number.

        Yields:
            After each batch of packets, and a few times a second without any: the
            rows of the sessions that have ended since then, and at last of all
            those that are still open.
        """
        start = written = time.monotonic()
        secrets = self._secrets
        try:
            for batch in self._live if secrets is None else secrets.follow(self._live):
                if len(batch):
                    self._pipeline.process(batch)
                else:
                    self._pipeline.advance(time.time_ns() - _ARRIVAL_NS)
                yield self._take_new_rows()
                now = time.monotonic()
                if now - written >= WRITE_S:
                    written = now
                    self._write()
                has_time = duration_s is None or now - start < duration_s
                if not has_time or (count is not None and self.ended >= count):
                    self._live.stop()
        except CaptureError as error:
            self._results.problems.append(error)
        except StoreFullError:
            self.problems.append("too many rows wait to be written: the monitor ends")
        except MemoryError:
            self._pipeline.abandon()
            self.problems.append(
                "memory ran out: the monitor ends. Allow more (ulimit -v, cgroup)"
            )
        undecoded = self._pipeline.close()
        with suppress(StoreFullError):
            self._write(undecoded)
        if self._is_failing:
            self.problems.append("the last rows could not be written, and are lost")
        yield self._take_new_rows()

    def result(self, *names: str) -> Results:
        """Return what was found, once `run` is over.

        Args:
            names: the tables that are wanted, or none for all. Others have no rows.

        Raises:
            LoadError: what was stored can't be read any more.
        """
        return self._store.read(*names)

    def attempt_ended(self, attempt: Attempt) -> bool:
        """Count it, unless it has a row."""
        if self._attempts.has_row(attempt.first_frame):
            return False
        self._attempts.count(attempt)
        self._is_dirty = True
        return True

    def session_started(self) -> None:
        """Count it."""
        self.started += 1

    def details_ready(self, details: Details, connection: Connection) -> None:
        """Store the rows."""
        self._closed.extend(detail_rows(details, connection, self._results.captures))
        self._is_dirty = True
        _, recent = self._recent.get(connection.serial, (-1, None))
        if recent is not None:
            # to be made again when it is closed
            rest = recent._replace(details={})
            self._recent[connection.serial] = -1, rest

    def session_ended(self, session: Session, connection: Connection) -> None:
        """Tell at once, and wait for what may still be retransmitted."""
        if self._has_row(connection):
            self._make_rows(session, connection)

    def session_closed(self, session: Session, connection: Connection) -> None:
        """Store the row."""
        failed = failed_plugin(session)
        if failed is not None and failed not in self._failed_plugins:
            self._failed_plugins.add(failed)
            self.notes += plugin_notes([failed])[-1:]
        if not connection.carried_payload:
            self._attempts.count(connection)
            self._is_dirty = True
        if not self._has_row(connection):
            self.started -= 1
            return
        packets, rows = self._recent.get(connection.serial, (-1, None))
        if rows is None or packets != _packets(connection):
            rows = self._make_rows(session, connection)
        del self._recent[connection.serial]
        self._closed.add(rows)
        self._is_dirty = True

    def _make_rows(self, session: Session, connection: Connection) -> SessionRows:
        rows = session_rows(session, connection, self._results.captures, self._trust)
        if connection.serial not in self._recent:
            self.ended += 1
            self._new_rows.append(rows.session)
        self._recent[connection.serial] = _packets(connection), rows
        self._is_dirty = True
        return rows

    def _has_row(self, connection: Connection) -> bool:
        return connection.carried_payload or self._attempts.has_row(
            connection.first_frame
        )

    def _take_new_rows(self) -> list[Row]:
        rows, self._new_rows = self._new_rows, []
        # connections come in any order out of a batch
        return sorted(rows, key=itemgetter(_END))

    def _write(self, undecoded: Counter[str] | None = None) -> None:
        """Write the rows that are new, and what is known beside them."""
        self._results.packets = self._pipeline.packets
        self._results.capture_bytes = self._pipeline.capture_bytes
        self._results.connections_evicted = self._pipeline.connections_evicted
        self._results.attempts = self._attempts.counts()
        self._results.attempts_without_row = self._attempts.without_row
        self._results.dropped = self._live.drops()
        self._results.undecoded = undecoded or self._pipeline.undecoded
        try:
            is_last = undecoded is not None
            if self._is_dirty or self._is_failing or is_last:
                self._write_rows(is_last=is_last)
            self._store.note(self._results)
        except ExportError as error:
            if not self._is_failing:
                self.problems.append(f"{error}; mailtap will try again")
            self._is_failing = True
            if isinstance(error, StoreFullError):
                raise
        else:
            self._is_failing = False

    def _write_rows(self, *, is_last: bool) -> None:
        closed, self._closed = self._closed, Collector()
        recent = Collector()
        for _, rows in self._recent.values():
            recent.add(rows)
        self._is_dirty = False
        tables = closed.finish(), recent.finish()
        if self._on_rows is not None:
            self.problems += self._on_rows(*tables, is_last)
        self._store.add(*tables)


def _packets(connection: Connection) -> int:
    return sum(flow.packets for flow in connection.flows)
