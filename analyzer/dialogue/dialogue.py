"""The dialogue of one session: its steps, and what is left out of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyarrow import compute

from analyzer.dialogue.connection import (
    GAP_CODE,
    ended_step,
    gap_steps,
    opened_step,
)
from analyzer.dialogue.exchanges import exchange_steps
from analyzer.dialogue.message import message_step
from analyzer.dialogue.recording import Recording, can_be_read_again, record
from analyzer.dialogue.step import NS, Step, StepKind, in_order
from analyzer.dialogue.tls import tls_steps
from analyzer.sessions.protection import STARTTLS
from analyzer.sessions.refusals import UPGRADES
from analyzer.tables.table import as_rows
from captures import ReadEngine

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from analyzer.tables.results import Results

Rows = list[dict[str, Any]]
MAX_STEPS = 1000
"""So many steps are shown if nobody says how many."""


@dataclass(frozen=True, slots=True)
class Dialogue:
    """What happened in one session, in order.

    Attributes:
        session: its row of `sessions`; times are in nanoseconds since 1970.
        steps: what happened.
        left_out: how many steps behind these are left out, at least.
        has_lines: every line is there, not only commands and answers.
    """

    session: Mapping[str, Any]
    steps: Sequence[Step]
    left_out: int = 0
    has_lines: bool = False

    def since_start(self, step: Step) -> float | None:
        """Return how long after the first packet a step was, in seconds."""
        if step.time_ns is None:
            return None
        since_ns: int = step.time_ns - self.session["start"]
        return since_ns / NS

    def records(self) -> Rows:
        """Return the steps as JSON has them."""
        return [
            {
                "since_start_s": self.since_start(step),
                "kind": step.kind.value,
                "side": step.side,
                "text": step.text,
                "latency_s": step.latency_s,
                "capture": step.capture,
                "frame": step.frame,
                "offset": step.offset,
            }
            for step in self.steps
        ]

    def to_frame(self) -> pd.DataFrame:
        """Return a row for each step: kind, side, text, times and packet."""
        import pandas as pd

        table = pa.Table.from_pylist(self.records(), _COLUMNS)
        frame: pd.DataFrame = table.to_pandas(types_mapper=pd.ArrowDtype)
        return frame


_COLUMNS = pa.schema(
    [
        ("since_start_s", pa.float64()),
        ("kind", pa.string()),
        ("side", pa.string()),
        ("text", pa.string()),
        ("latency_s", pa.float64()),
        ("capture", pa.string()),
        ("frame", pa.int64()),
        ("offset", pa.int64()),
    ]
)


def dialogue_of(
    results: Results,
    session_id: str,
    limit: int | None = MAX_STEPS,
    *,
    ports: Mapping[int, str] | None = None,
    engine: str = ReadEngine.AUTO,
    key_log: str | os.PathLike[str] | None = None,
) -> Dialogue:
    """Return the dialogue of a session, with every line if its captures are there.

    Args:
        results: in which it is.
        session_id: its ID.
        limit: how many steps are kept at most; `None` for all.
        ports: the mail ports and their protocols; `None` for those of all protocols.
        engine: what reads the captures: a `captures.ReadEngine`.
        key_log: file with the secrets of TLS sessions.

    Raises:
        LoadError: the key log can't be read.
    """
    recording = None
    if can_be_read_again(results.captures):
        [session] = rows_of(results.tables["sessions"], session_id)
        recording = record(
            results.captures,
            session,
            limit,
            ports=ports,
            engine=engine,
            key_log=key_log,
        )
    return dialogue_from_tables(results.tables, session_id, limit, recording)


def dialogue_from_tables(
    tables: Mapping[str, pa.Table],
    session_id: str,
    limit: int | None = MAX_STEPS,
    recording: Recording | None = None,
) -> Dialogue:
    """Return the dialogue of a session: its lines, or else what tables hold of them.

    Args:
        tables: by name.
        session_id: the ID of a session that is in them.
        limit: how many steps are kept at most; `None` for all.
        recording: its lines, if its captures were read again.
    """
    [session] = rows_of(tables["sessions"], session_id)
    exchanges, messages, anomalies = (
        table_of(tables[name], session_id)
        for name in ("exchanges", "messages", "anomalies")
    )
    if recording is not None and not _has_answers(recording, exchanges):
        # without its key log, say
        recording = None
    if recording is not None:
        exchanges = exchanges.slice(0, 0)
    gaps = anomalies.filter(compute.equal(anomalies["code"], GAP_CODE))
    # each row is a step, or more
    first = [as_rows(table.slice(0, limit)) for table in (exchanges, messages, gaps)]
    over = sum(map(len, (exchanges, messages, gaps))) - sum(map(len, first))
    dialogue = dialogue_of_rows(session, first[0], first[1], first[2], limit, recording)
    return replace(dialogue, left_out=dialogue.left_out + over)


def dialogue_of_rows(
    session: Mapping[str, Any],
    exchanges: Rows,
    messages: Rows,
    anomalies: Rows,
    limit: int | None = MAX_STEPS,
    recording: Recording | None = None,
) -> Dialogue:
    """Return the dialogue of a session from its rows of several tables.

    Args:
        session: its row of `sessions`; like in all rows, times are in nanoseconds.
        exchanges: its rows there.
        messages: its rows there.
        anomalies: its rows there.
        limit: how many steps are kept at most; `None` for all.
        recording: its lines, which are told instead of exchanges.
    """
    if recording is None:
        recording = Recording(
            [step for each in exchanges for step in exchange_steps(each)]
        )
    handshake = list(tls_steps(session, recording.tls_times))
    said = recording.said
    upgrade = _place_of_upgrade(session, said)
    steps = in_order(
        [
            opened_step(session),
            *said[:upgrade],
            *handshake,
            *said[upgrade:],
            *map(message_step, messages),
            *gap_steps(anomalies),
            ended_step(session, recording.ended_by, recording.last_packet),
        ]
    )
    kept = steps[:limit]
    left_out = len(steps) - len(kept) + recording.left_out
    return Dialogue(session, kept, left_out, recording.has_lines)


def _has_answers(recording: Recording, exchanges: pa.Table) -> bool:
    """Return whether answers are among the lines, if the table has some."""
    if recording.left_out or len(exchanges) == exchanges["reply_frame"].null_count:
        return True
    return any(step.kind is StepKind.REPLY for step in recording.said)


def rows_of(table: pa.Table, session_id: str) -> Rows:
    """Return the rows of a session, times in nanoseconds."""
    return as_rows(table_of(table, session_id))


def table_of(table: pa.Table, session_id: str) -> pa.Table:
    """Return the rows of a session as a table."""
    return table.filter(compute.equal(table["session_id"], session_id))


def _place_of_upgrade(session: Mapping[str, Any], said: Sequence[Step]) -> int:
    """Return behind how many steps TLS begins."""
    place = 0
    if session["tls_mode"] == STARTTLS:
        is_asked = False
        for at, step in enumerate(said, start=1):
            if step.kind is StepKind.COMMAND:
                is_asked = step.text.split(" ")[-1] in UPGRADES
            elif is_asked and step.kind is StepKind.REPLY:
                place, is_asked = at, False
    return place
