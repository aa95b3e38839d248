"""What was said in one session, line by line: its captures are read again for that.

Only the packets between its endpoints are followed, or between its hosts if TLS is
decrypted, since a session may go on with the keys of another one.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from analyzer.dialogue.step import NS, Step, StepKind
from analyzer.dialogue.tls import TlsTimes
from analyzer.runs.pipeline import Pipeline
from analyzer.runs.secrets import Secrets
from analyzer.sessions.identity import capture_and_frame, ends_of, session_id
from analyzer.sessions.reader import SessionReader, SessionSink
from analyzer.sessions.recording import RecordingReader
from analyzer.sessions.wrong_clock import exchange_latency_ns
from captures import ReadEngine, open_captures
from captures.tcp.endpoints import connection_key
from captures.tcp.grouping import HOST_COLUMNS, key_columns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from analyzer.sessions.session import Session
    from captures import Connection, Segments
    from dissectors.conversation.transcript import TranscribedLine


@dataclass(frozen=True, slots=True)
class Recording:
    """What both sides said.

    Attributes:
        said: their lines, or only commands and answers.
        left_out: how many more lines there were.
        tls_times: when the handshake of TLS happened.
        ended_by: the side that was the first to send everything.
        last_packet: the capture that holds the last one, and its number.
        has_lines: these are all lines, up to those that are left out.
    """

    said: Sequence[Step]
    left_out: int = 0
    tls_times: TlsTimes = field(default_factory=TlsTimes)
    ended_by: str | None = None
    last_packet: tuple[str | None, int | None] = (None, None)
    has_lines: bool = False


def record(
    captures: Iterable[str | os.PathLike[str]],
    session: Mapping[str, Any],
    limit: int | None,
    *,
    ports: Mapping[int, str] | None = None,
    engine: str = ReadEngine.AUTO,
    key_log: str | os.PathLike[str] | None = None,
) -> Recording | None:
    """Read captures again for what was said in one session.

    Args:
        captures: those in which it was found.
        session: its row, times in nanoseconds.
        limit: how many lines are kept: the first ones; `None` for all.
        ports: the mail ports and their protocols, as they were then.
        engine: a `captures.ReadEngine`.
        key_log: file with the secrets of TLS sessions.

    Returns:
        What was said; `None` if the session is not in these captures (any more).

    Raises:
        LoadError: the key log can't be read.
    """
    secrets = Secrets(key_log)
    with open_captures(captures, engine=ReadEngine(engine)) as batches:
        sink = _Sink(session, limit, batches.names)
        pipeline = Pipeline(
            sink,
            ports=ports,
            key_log=secrets.key_log,
            make_reader=sink.make_reader,
            choose=_chooser(session, secrets),
        )
        for batch in batches:
            secrets.take(batches.secrets)
            pipeline.process(batch)
            if sink.recording is not None or batch.time_ns[0] > session["end"]:
                break
        pipeline.close()
    return sink.recording


def can_be_read_again(captures: Sequence[str | os.PathLike[str]]) -> bool:
    """Return whether all captures are files that are there; pipes are read once.

    Tables may come from anybody, and name what has no size, such as a file of /proc.
    """
    return bool(captures) and all(
        os.path.isfile(path) and os.path.getsize(path)  # noqa: PTH113, PTH202
        for path in captures
    )


def _chooser(
    session: Mapping[str, Any], secrets: Secrets
) -> Callable[[Segments], Segments]:
    """Return what leaves only the segments that matter."""
    key = connection_key(*ends_of(session))

    def choose(segments: Segments) -> Segments:
        _, columns = key_columns(segments)
        if len(secrets.key_log):
            columns = columns[:HOST_COLUMNS]
        fitting = [column == part for column, part in zip(columns, key, strict=False)]
        return segments.take(np.logical_and.reduce(fitting))

    return choose


class _Sink(SessionSink):
    """Waits for the end of the session.

    Attributes:
        recording: what was said in it, once it is over.
    """

    def __init__(
        self, session: Mapping[str, Any], limit: int | None, captures: Sequence[str]
    ) -> None:
        self.recording: Recording | None = None
        self._session = session
        self._limit = limit
        self._captures = captures
        self._readers: dict[int, RecordingReader] = {}

    def make_reader(self, connection: Connection, **options: Any) -> SessionReader:
        """Read a connection; note what is said if it may be the session."""
        ports = {connection.originator.port, connection.responder.port}
        if ports != {self._session["client_port"], self._session["server_port"]}:
            return SessionReader(connection, **options)
        reader = RecordingReader(connection, limit=self._limit, **options)
        self._readers[id(connection)] = reader
        return reader

    def session_closed(self, session: Session, connection: Connection) -> None:
        """Take what was said, if it is the session."""
        reader = self._readers.pop(id(connection), None)
        if reader is not None and session_id(connection) == self._session["session_id"]:
            self.recording = self._record(reader, session, connection)

    def _record(
        self, reader: RecordingReader, session: Session, connection: Connection
    ) -> Recording:
        transcript = reader.transcript
        transcript.finish()
        handshake = None if session.tls is None else session.tls.handshake
        by_frame = {
            capture_and_frame(frame, self._captures): time_ns
            for frame, time_ns in reader.times_ns.items()
        }
        ended_by = session.ended_by
        return Recording(
            said=[self._step(line, connection) for line in transcript.lines],
            left_out=transcript.left_out,
            tls_times=TlsTimes(
                None if handshake is None else handshake.begin_ns,
                None if handshake is None else handshake.end_ns,
                by_frame,
            ),
            ended_by=None if ended_by is None else ended_by.name.lower(),
            last_packet=capture_and_frame(connection.last_frame, self._captures),
            has_lines=True,
        )

    def _step(self, line: TranscribedLine, connection: Connection) -> Step:
        kind, latency_ns = StepKind.LINE, None
        if line.exchange is not None and not line.is_answer:
            kind = StepKind.COMMAND
        elif line.exchange is not None:
            kind = StepKind.REPLY
            latency_ns = exchange_latency_ns(line.exchange, connection)
        return Step(
            kind,
            line.side.name.lower(),
            line.text,
            line.time_ns,
            None if latency_ns is None else latency_ns / NS,
            *capture_and_frame(line.frame, self._captures),
            line.offset if line.offset >= 0 else None,
        )
