"""The dialogue of one session: its steps, and what is left out of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyarrow import compute

from analyzer.dialogue.connection import ended_step, gap_steps, opened_step
from analyzer.dialogue.exchanges import exchange_steps
from analyzer.dialogue.message import message_step
from analyzer.dialogue.step import Step, in_order
from analyzer.dialogue.tls import tls_steps
from analyzer.tables.table import TIME

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pandas as pd

_NS = 1_000_000_000
Rows = list[dict[str, Any]]
MAX_STEPS = 1000
"""So many steps are shown if nobody says how many."""


@dataclass(frozen=True, slots=True)
class Dialogue:
    """What happened in one session, in order.

    Attributes:
        session: its row of `sessions`; times are in nanoseconds since 1970.
        steps: what happened.
        left_out: how many steps behind these are left out.
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
        return since_ns / _NS

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
    ]
)


def dialogue_from_tables(
    tables: Mapping[str, pa.Table], session_id: str, limit: int | None = MAX_STEPS
) -> Dialogue:
    """Return the dialogue of a session as far as tables hold it.

    Args:
        tables: by name.
        session_id: the ID of a session that is in them.
        limit: how many steps are kept at most; `None` for all.
    """
    [session] = rows_of(tables["sessions"], session_id)
    details = {
        name: rows_of(tables[name], session_id)
        for name in ("exchanges", "messages", "anomalies")
    }
    return dialogue_of_rows(session, limit=limit, **details)


def dialogue_of_rows(
    session: Mapping[str, Any],
    exchanges: Rows,
    messages: Rows,
    anomalies: Rows,
    limit: int | None = MAX_STEPS,
) -> Dialogue:
    """Return the dialogue of a session from its rows of several tables.

    Args:
        session: its row of `sessions`; like in all rows, times are in nanoseconds.
        exchanges: its rows there.
        messages: its rows there.
        anomalies: its rows there.
        limit: how many steps are kept at most; `None` for all.
    """
    steps = in_order(_steps(session, exchanges, messages, anomalies))
    kept = steps[:limit]
    return Dialogue(session, kept, len(steps) - len(kept))


def rows_of(table: pa.Table, session_id: str) -> Rows:
    """Return the rows of a session, times in nanoseconds."""
    rows = table_of(table, session_id)
    for at, column in enumerate(rows.schema):
        if column.type == TIME:
            rows = rows.set_column(at, column.name, rows[column.name].cast(pa.int64()))
    found: Rows = rows.to_pylist()
    return found


def table_of(table: pa.Table, session_id: str) -> pa.Table:
    """Return the rows of a session as a table."""
    return table.filter(compute.equal(table["session_id"], session_id))


def _steps(
    session: Mapping[str, Any], exchanges: Rows, messages: Rows, anomalies: Rows
) -> Iterator[Step]:
    yield opened_step(session)
    handshake = list(tls_steps(session))
    upgrade = _place_of_upgrade(session, exchanges)
    if upgrade is None:
        yield from handshake
    for at, exchange in enumerate(exchanges):
        yield from exchange_steps(exchange)
        if at == upgrade:
            yield from handshake
    yield from map(message_step, messages)
    yield from gap_steps(anomalies)
    yield ended_step(session)


def _place_of_upgrade(session: Mapping[str, Any], exchanges: Rows) -> int | None:
    """Return which exchange led to TLS, if one did."""
    if session["tls_mode"] != "starttls":
        return None
    upgrades = [
        at for at, each in enumerate(exchanges) if each["verb"] in ("STARTTLS", "STLS")
    ]
    return upgrades[-1] if upgrades else None
