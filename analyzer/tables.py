"""Rows to Arrow tables, a block at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from pyarrow import compute

from analyzer import schema

if TYPE_CHECKING:
    import numpy.typing as npt

# Rows become columns after this many: Python objects are large, columns are not.
_BLOCK_ROWS = 8192


class TableBuilder:
    """Collects rows, given in the order of a table's columns.

    Each row belongs to a session, named by the number under which the session
    was closed; `build` brings them into the order of the sessions.
    """

    def __init__(self, table: schema.Table) -> None:
        self.table = table
        self._rows: list[tuple[Any, ...]] = []
        self._sessions: list[int] = []
        self._blocks: list[pa.RecordBatch] = []
        self._session_blocks: list[npt.NDArray[np.int64]] = []

    def append(self, session: int, row: tuple[Any, ...]) -> None:
        """Add a row."""
        self._rows.append(row)
        self._sessions.append(session)
        if len(self._rows) >= _BLOCK_ROWS:
            self._close_block()

    def build(self, rank: npt.NDArray[np.int64] | None = None) -> pa.Table:
        """All rows, by the rank of their sessions, else in the order they came.

        Args:
            rank: (sessions,) int64, place of each session; `None` for as it is.
        """
        self._close_block()
        rows = pa.Table.from_batches(self._blocks, schema=self.table.arrow)
        if rank is None or not self._session_blocks:
            return rows
        sessions = np.concatenate(self._session_blocks)
        return rows.take(np.argsort(rank[sessions], kind="stable"))

    def _close_block(self) -> None:
        if not self._rows:
            return
        arrow = self.table.arrow
        columns = zip(*self._rows, strict=True)
        arrays = [
            pa.array(column, type=field.type)
            for column, field in zip(columns, arrow, strict=True)
        ]
        self._blocks.append(pa.RecordBatch.from_arrays(arrays, schema=arrow))
        self._session_blocks.append(np.array(self._sessions, dtype=np.int64))
        self._rows, self._sessions = [], []


class Tables:
    """The builders of all tables of one analysis."""

    def __init__(self) -> None:
        self.sessions = TableBuilder(schema.SESSIONS)
        self.messages = TableBuilder(schema.MESSAGES)
        self.exchanges = TableBuilder(schema.EXCHANGES)
        self.anomalies = TableBuilder(schema.ANOMALIES)
        self._count = 0

    def next_session(self) -> int:
        """The number of the next session to be closed."""
        self._count += 1
        return self._count - 1

    def build(self) -> dict[str, pa.Table]:
        """All tables by name, in the order of session start and then ID."""
        sessions = self.sessions.build()
        order = compute.sort_indices(
            sessions, [("start", "ascending"), ("session_id", "ascending")]
        ).to_numpy()
        rank = np.empty(len(order), dtype=np.int64)
        rank[order] = np.arange(len(order))
        return {
            "sessions": sessions.take(order),
            "messages": self.messages.build(rank),
            "exchanges": self.exchanges.build(rank),
            "anomalies": self.anomalies.build(rank),
        }
