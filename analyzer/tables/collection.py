"""All tables of an analysis: collected from sessions, and put together from parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from pyarrow import compute

from analyzer.tables.schema import SESSIONS, TABLES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from analyzer.sessions.rows import SessionRows

# by when they started, and then by ID
SESSION_ORDER = [("start", "ascending"), ("session_id", "ascending")]
SESSION_KEYS = [name for name, _ in SESSION_ORDER]


class Collector:
    """Collects what sessions add to the tables."""

    def __init__(self) -> None:
        self._builders = {table.name: table.builder(table.arrow) for table in TABLES}

    def add(self, rows: SessionRows) -> None:
        """Add what a session adds."""
        self.extend(rows.whole)
        self.extend(rows.details)

    def extend(self, items: Mapping[str, Iterable[Any]]) -> None:
        """Add to some tables, which are named, such as details of a session.

        The session itself may come later.
        """
        for name, added in items.items():
            self._builders[name].extend(added)

    def finish(self) -> dict[str, pa.Table]:
        """Return all tables, by name, in the order in which sessions were added."""
        return {name: builder.finish() for name, builder in self._builders.items()}


def empty_tables() -> dict[str, pa.Table]:
    """Return all tables, without rows."""
    return {table.name: table.arrow.empty_table() for table in TABLES}


def sorted_session_ids(parts: Iterable[pa.Table]) -> pa.Array:
    """Return the IDs of the sessions in several tables of them, in their order."""
    nothing = SESSIONS.arrow.empty_table()
    sessions = [part.select(SESSION_KEYS) for part in (nothing, *parts)]
    ordered = pa.concat_tables(sessions).sort_by(SESSION_ORDER)
    return ordered["session_id"].combine_chunks()


def merge_tables(parts: Sequence[dict[str, pa.Table]]) -> dict[str, pa.Table]:
    """Put the tables of several parts together, in the order of the sessions.

    Sessions are ordered by start and then ID; what belongs to a session stays in
    the order in which it was added.

    Args:
        parts: the tables by name; they are taken out, so that no table is in memory
            twice.
    """
    sessions = sorted_session_ids(part[SESSIONS.name] for part in parts)
    merged = {}
    for table in TABLES:
        rows = [part.pop(table.name) for part in parts]
        if table.merge is not None:
            merged[table.name] = table.merge(rows)
            continue
        merged[table.name] = _sort_rows(rows, sessions)
    return merged


def _sort_rows(parts: list[pa.Table], sessions: pa.Array) -> pa.Table:
    """Order rows by their sessions, a column after the other: no more is held twice.

    Args:
        parts: the rows; they are taken out.
        sessions: IDs, in their order.
    """
    rows = pa.concat_tables(parts)
    parts.clear()
    ranks = compute.index_in(rows["session_id"], sessions)
    order = np.argsort(ranks.to_numpy(), kind="stable")
    schema, columns = rows.schema, []
    while rows.num_columns:
        columns.append(rows.column(0).take(order))
        rows = rows.remove_column(0)
    return pa.Table.from_arrays(columns, schema=schema)
