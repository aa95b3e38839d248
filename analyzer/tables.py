"""Rows to Arrow tables, a block at a time."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
from pyarrow import compute

from analyzer import schema
from analyzer.certificates import CertificateTable, merge_certificates

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from analyzer.session_rows import SessionRows

# Rows become columns after this many: Python objects are large, columns are not.
_BLOCK_ROWS = 512

# by when they started, and then by ID
SESSION_ORDER = [("start", "ascending"), ("session_id", "ascending")]


class _NoPandas:
    """An import finder (`sys.meta_path`) that says that there is no pandas."""

    @staticmethod
    def find_spec(name: str, *_: object) -> None:
        if name == "pandas":
            raise ModuleNotFoundError("pandas is not needed yet", name=name)


def defer_pandas() -> None:
    """Have pyarrow import pandas for DataFrames only, not for every array.

    The first `pyarrow.array` of a process imports pandas, to tell Series from other
    input, and takes a quarter of a second for it. If pandas is missing at that
    moment, pyarrow looks again when it is asked for a DataFrame. This is for our own
    processes: until then, pyarrow does not know a Series when it sees one.
    """
    if "pandas" in sys.modules:
        return
    sys.meta_path.insert(0, _NoPandas)
    try:
        pa.array([0])
    finally:
        sys.meta_path.remove(_NoPandas)


class UnorderedTable(NamedTuple):
    """Rows in the order in which their sessions were closed.

    Attributes:
        rows: the rows.
        sessions: (n,) int64, number of the session that each belongs to.
    """

    rows: pa.Table
    sessions: npt.NDArray[np.int64]


class TableBuilder:
    """Collects rows, given in the order of a table's columns."""

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

    def finish(self) -> UnorderedTable:
        """All rows so far."""
        self._close_block()
        nothing = np.zeros(0, dtype=np.int64)
        return UnorderedTable(
            pa.Table.from_batches(self._blocks, schema=self.table.arrow),
            np.concatenate([nothing, *self._session_blocks]),
        )

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
        self.certificates = CertificateTable()
        self._count = 0

    def __len__(self) -> int:
        """How many sessions there are."""
        return self._count

    def append(self, rows: SessionRows) -> None:
        """Add the rows of a session."""
        number = self._count
        self._count += 1
        self.sessions.append(number, rows.session)
        for row in rows.messages:
            self.messages.append(number, row)
        for row in rows.exchanges:
            self.exchanges.append(number, row)
        for row in rows.anomalies:
            self.anomalies.append(number, row)
        if rows.certificates:
            self.certificates.add(rows.session_id, rows.start_ns, rows.certificates)

    def finish(self) -> dict[str, UnorderedTable]:
        """All tables, by name."""
        builders = (self.sessions, self.messages, self.exchanges, self.anomalies)
        tables = {builder.table.name: builder.finish() for builder in builders}
        # these belong to several sessions
        nobody = np.zeros(0, dtype=np.int64)
        certificates = UnorderedTable(self.certificates.finish(), nobody)
        return tables | {schema.CERTIFICATES.name: certificates}


def empty_tables() -> dict[str, pa.Table]:
    """All tables, without rows."""
    return {table.name: table.arrow.empty_table() for table in schema.TABLES}


def in_order_by_id(tables: dict[str, pa.Table]) -> dict[str, pa.Table]:
    """Tables in the order of the sessions, as `in_order`, from their IDs alone."""
    sessions = tables["sessions"].sort_by(SESSION_ORDER)
    ordered = {}
    for name, rows in tables.items():
        if name == schema.CERTIFICATES.name:
            ordered[name] = merge_certificates([rows])
            continue
        ranks = compute.index_in(rows["session_id"], sessions["session_id"])
        # stable: what belongs to a session stays in its order
        ordered[name] = rows.take(np.argsort(ranks.to_numpy(), kind="stable"))
    return ordered | {"sessions": sessions}


def in_order(parts: Sequence[dict[str, UnorderedTable]]) -> dict[str, pa.Table]:
    """Tables of several parts as one each, in the order of the sessions.

    Sessions are ordered by start and then ID; what belongs to a session stays in
    the order in which it was added.
    """
    sessions = pa.concat_tables([part["sessions"].rows for part in parts])
    order = compute.sort_indices(sessions, SESSION_ORDER).to_numpy()
    counts = [len(part["sessions"].rows) for part in parts]
    # rows of `sessions` are in the order of their numbers, part after part
    first_numbers = np.cumsum([0, *counts[:-1]])
    closed = np.concatenate(
        [
            part["sessions"].sessions + first
            for part, first in zip(parts, first_numbers, strict=True)
        ]
    )
    rank = np.empty(len(order), dtype=np.int64)
    rank[closed[order]] = np.arange(len(order))
    ordered = {"sessions": sessions.take(order)}
    shown = [part[schema.CERTIFICATES.name].rows for part in parts]
    ordered[schema.CERTIFICATES.name] = merge_certificates(shown)
    for name in parts[0].keys() - ordered.keys():
        rows = pa.concat_tables([part[name].rows for part in parts])
        owners = [
            rank[part[name].sessions + first]
            for part, first in zip(parts, first_numbers, strict=True)
        ]
        ordered[name] = rows.take(np.argsort(np.concatenate(owners), kind="stable"))
    return {table.name: ordered[table.name] for table in schema.TABLES}
