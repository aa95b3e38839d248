"""From captures to tables: the only place where packets meet protocols.

capture -> batches -> segments -> streams -> dissectors -> events -> rows
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from analyzer.runs.memory import few_collections, reserve
from analyzer.runs.plugins import failed_plugin, plugin_notes
from analyzer.runs.ports import mail_ports
from analyzer.runs.secrets import Secrets
from analyzer.runs.workers import MAX_PROCESSES, process_count, run_partitions
from analyzer.sessions.detail_rows import detail_rows
from analyzer.sessions.reader import SessionReader, SessionSink
from analyzer.sessions.rows import session_rows
from analyzer.sessions.trust import Trust
from analyzer.tables.attempts import AttemptLedger
from analyzer.tables.collection import Collector, merge_tables
from analyzer.tables.results import Results
from captures import (
    MAX_BATCH_BYTES,
    MAX_BATCH_PACKETS,
    CaptureError,
    ConnectionTable,
    Decoder,
    Partition,
    ReadEngine,
    SegmentFilter,
    open_captures,
    readable_name,
)
from captures.files.opening import needs_tshark
from dissectors.detection.detector import may_hide_mail
from dissectors.detection.openings import client_beginnings, server_beginnings

# takes the bytes of input that were read, and those there are in all if known
OnProgress = Callable[[int, int | None], None]

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable, Mapping, Sequence

    import pyarrow as pa

    from analyzer.sessions.details import Details
    from analyzer.sessions.reader import CopiesFor
    from analyzer.sessions.session import Session
    from captures import Attempt, Connection, MergedCaptures, PacketBatch, Segments
    from dissectors import KeyLog

_ALL = Partition(0, 1)
_ADVICE = "Allow more memory (ulimit -v, cgroup), or read fewer captures at a time"


class Pipeline:
    """Finds the mail sessions in batches of packets, wherever these are from.

    Args:
        sink: is told of every session that ends.
        ports: the mail ports and their protocols; `None` for those of all protocols.
        partition: which of all connections to follow.
        key_log: secrets by which TLS may be decrypted.
        copies_for: where copies of a connection's messages go; nobody keeps any by
            default.
        make_reader: makes what reads a connection.
        choose: returns the segments to look at; `None` for all.

    Attributes:
        packets: packets taken so far.
        capture_bytes: bytes that these packets had on the wire.
    """

    def __init__(
        self,
        sink: SessionSink,
        *,
        ports: Mapping[int, str] | None = None,
        partition: Partition = _ALL,
        key_log: KeyLog | None = None,
        copies_for: CopiesFor | None = None,
        make_reader: Callable[..., SessionReader] = SessionReader,
        choose: Callable[[Segments], Segments] | None = None,
    ) -> None:
        self._choose = choose
        self.packets = 0
        self.capture_bytes = 0
        ports = mail_ports(ports)
        segment_filter = SegmentFilter(
            ports,
            server_beginnings(),
            client_beginnings(),
            partial(may_hide_mail, key_log=key_log),
        )
        self._decoder = Decoder(segment_filter)
        self._connections = ConnectionTable(
            partial(
                make_reader,
                ports=ports,
                sink=sink,
                key_log=key_log,
                copies_for=copies_for,
            ),
            count_attempt=sink.attempt_ended,
            partition=partition,
        )

    @property
    def connections_evicted(self) -> int:
        """Connections that were ended early to bound memory."""
        return self._connections.evicted

    @property
    def undecoded(self) -> Counter[str]:
        """How many packets could not be decoded so far, and why."""
        return self._decoder.undecoded

    def process(self, batch: PacketBatch) -> None:
        """Take the next packets."""
        segments = self._decoder.decode(batch, self._connections.followed_ports)
        if self._choose is not None:
            segments = self._choose(segments)
        self._connections.process(batch, segments)
        self.packets += len(batch)
        self.capture_bytes += int(batch.wire_length.sum())

    def advance(self, clock_ns: int) -> None:
        """Learn that time has passed without packets; old connections end."""
        self._connections.advance(clock_ns)

    def abandon(self) -> None:
        """Cut all sessions short, as memory ran out; `close` comes next."""
        self._connections.abandon()

    def close(self) -> Counter[str]:
        """End all sessions; say how many packets could not be decoded, and why."""
        self._connections.close()
        return self._decoder.finish()


def find_sessions(  # noqa: PLR0913, keywords only
    captures: Iterable[str | os.PathLike[str]] | str | os.PathLike[str],
    *,
    ports: Mapping[int, str] | None = None,
    max_packets: int = MAX_BATCH_PACKETS,
    max_bytes: int = MAX_BATCH_BYTES,
    processes: int | None = None,
    engine: str = ReadEngine.AUTO,
    key_log: str | os.PathLike[str] | None = None,
    ca: str | os.PathLike[str] | None = None,
    on_progress: OnProgress | None = None,
) -> Results:
    """Find all mail sessions in captures.

    This is `analyzer.analyze`, but that captures which can't be read are problems.

    Args:
        captures: as there, like all that is not named here.
        ports: of which protocol; `None` for those of all protocols.
        max_packets: most packets in the batches of all processes.
        max_bytes: about the most bytes in these.
        processes: how many share the work.
        engine: a `captures.ReadEngine`.
        key_log: a file.
        ca: a file.
        on_progress: called after each batch.

    Raises:
        LoadError: the key log or the certificates can't be read.
        ValueError: there is no such port, protocol, engine or number of processes.
    """
    ports = mail_ports(ports)
    if processes is not None and processes < 1:
        raise ValueError(f"processes is {processes}, not at least 1")
    secrets, trust = Secrets(key_log), Trust(ca)
    if isinstance(captures, (str, os.PathLike)):
        captures = [captures]
    paths = [os.fspath(path) for path in captures]
    read_engine = ReadEngine(engine)
    if processes is None:
        processes = process_count(paths)
    processes = min(processes, MAX_PROCESSES)
    if processes > 1 and (
        read_engine is ReadEngine.TSHARK or any(map(needs_tshark, paths))
    ):
        # what takes long is not done here, and each process would have its own tshark
        processes = 1
    open_all = partial(
        open_captures,
        paths,
        max_packets=max(1, max_packets // processes),
        max_bytes=max(1, max_bytes // processes),
        engine=read_engine,
    )

    # up to TLS 1.2, the secrets of a session may be those of the one that it resumes
    may_decrypt = key_log is not None or _any_embeds_secrets(paths)

    def read(index: int) -> _PartitionResult:
        shown = on_progress if index == 0 else None
        return _read_partition(
            open_all,
            ports,
            Partition(index, processes, by_hosts=may_decrypt),
            secrets,
            trust,
            shown,
        )

    parts = [part for part in run_partitions(read, processes) if part is not None]
    first = parts[0]
    attempts = first.attempts
    attempts.merge(part.attempts for part in parts[1:])
    return Results(
        tables=merge_tables([*(part.tables for part in parts), attempts.tables()]),
        captures=[*map(readable_name, paths)],
        packets=first.packets,
        capture_bytes=first.capture_bytes,
        problems=_problems(parts) + _memory_problems(parts, processes),
        notes=[
            *first.notes,
            *secrets.notes(sum(part.secrets_used for part in parts)),
            *plugin_notes(name for part in parts for name in part.failed_plugins),
        ],
        undecoded=first.undecoded,
        connections_evicted=sum(part.connections_evicted for part in parts),
        attempts=attempts.counts(),
        attempts_without_row=attempts.without_row,
    )


def _problems(parts: Sequence[_PartitionResult]) -> list[CaptureError]:
    """Return what was wrong with each capture, by the first process that noticed.

    Captures that change while they are read are not the same for all.
    """
    problems = list(parts[0].problems)
    for part in parts[1:]:
        known = {problem.capture for problem in problems}
        problems += [new for new in part.problems if new.capture not in known]
    return problems


def _any_embeds_secrets(paths: Sequence[str]) -> bool:
    """Return whether a capture begins with secrets, or can't be asked beforehand."""
    if not all(os.path.isfile(path) for path in paths) or any(  # noqa: PTH113
        map(needs_tshark, paths)
    ):
        return True
    return any(map(_embeds_secrets, paths))


def _embeds_secrets(path: str) -> bool:
    with open_captures([path], max_packets=1) as batches:
        next(iter(batches), None)
        return bool(batches.secrets)


@dataclass
class _PartitionResult:
    """What one process found; the attributes are those of `Results`."""

    tables: dict[str, pa.Table]
    packets: int
    capture_bytes: int
    problems: list[CaptureError]
    notes: list[str]
    undecoded: Counter[str]
    connections_evicted: int
    attempts: AttemptLedger
    secrets_used: int
    out_of_memory: bool
    failed_plugins: set[str]


class _TableWriter(SessionSink):
    """Writes the rows of sessions that are over."""

    def __init__(self, captures: Sequence[str], trust: Trust) -> None:
        self.collector = Collector()
        self.attempts = AttemptLedger()
        self.failed_plugins: set[str] = set()
        self._captures = captures
        self._trust = trust

    def attempt_ended(self, attempt: Attempt) -> bool:
        """Count it, unless it has a row."""
        if self.attempts.has_row(attempt.first_frame):
            return False
        self.attempts.count(attempt)
        return True

    def details_ready(self, details: Details, connection: Connection) -> None:
        """Write the rows."""
        self.collector.extend(detail_rows(details, connection, self._captures))

    def session_closed(self, session: Session, connection: Connection) -> None:
        """Write the row."""
        if (failed := failed_plugin(session)) is not None:
            self.failed_plugins.add(failed)
        is_attempt = not connection.carried_payload
        if is_attempt:
            self.attempts.count(connection)
            if not self.attempts.has_row(connection.first_frame):
                return
        rows = session_rows(session, connection, self._captures, self._trust)
        if is_attempt:
            self.attempts.keep(connection.first_frame, rows)
        else:
            self.collector.add(rows)


def _memory_problems(
    parts: Sequence[_PartitionResult], processes: int
) -> list[CaptureError]:
    """Say what is missing because memory ran out, or a process was killed for that."""
    reasons = []
    if any(part.out_of_memory for part in parts):
        reasons.append("it ran out; what was found until then is reported")
    if len(parts) < processes:
        lost = processes - len(parts)
        reasons.append(
            f"{lost} of {processes} processes were killed; their sessions are missing"
        )
    return [
        CaptureError("memory", f"{reason}. {_ADVICE}", usable=True)
        for reason in reasons
    ]


def _read_partition(
    open_all: Callable[[], MergedCaptures],
    ports: Mapping[int, str],
    partition: Partition,
    secrets: Secrets,
    trust: Trust,
    on_progress: OnProgress | None,
) -> _PartitionResult:
    """Read all packets, and follow the connections of this partition."""
    with few_collections(), open_all() as batches:
        writer = _TableWriter(batches.names, trust)
        pipeline = Pipeline(
            writer, ports=ports, partition=partition, key_log=secrets.key_log
        )
        undecoded = None
        try:
            with reserve():
                for batch in batches:
                    secrets.take(batches.secrets)
                    pipeline.process(batch)
                    if on_progress is not None:
                        on_progress(batch.position, batches.size)
                undecoded = pipeline.close()
        except MemoryError:
            # go on when what has failed is forgotten
            pass
        if out_of_memory := undecoded is None:
            pipeline.abandon()
            undecoded = pipeline.close()
    return _PartitionResult(
        tables=writer.collector.finish(),
        packets=pipeline.packets,
        capture_bytes=pipeline.capture_bytes,
        problems=batches.problems,
        notes=batches.notes,
        undecoded=undecoded,
        connections_evicted=pipeline.connections_evicted,
        attempts=writer.attempts,
        secrets_used=secrets.key_log.used,
        out_of_memory=out_of_memory,
        failed_plugins=writer.failed_plugins,
    )
