"""Rows to Arrow tables, a block at a time."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from pyarrow import compute

from analyzer.tables import schema
from analyzer.tables.certificates import CertificateTable, merge_certificates

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from analyzer.sessions.rows import DetailRows, SessionRows

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


class TableBuilder:
    """Collects rows, given in the order of a table's columns."""

    def __init__(self, table: schema.Table) -> None:
        self.table = table
        self._rows: list[tuple[Any, ...]] = []
        self._blocks: list[pa.RecordBatch] = []

    def extend(self, rows: Iterable[tuple[Any, ...]]) -> None:
        """Add rows."""
        self._rows += rows
        if len(self._rows) >= _BLOCK_ROWS:
            self._close_block()

    def finish(self) -> pa.Table:
        """All rows so far."""
        self._close_block()
        return pa.Table.from_batches(self._blocks, schema=self.table.arrow)

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
        self._rows = []


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
        self._count += 1
        self.sessions.extend([rows.session])
        self.append_details(rows.details)
        if rows.certificates:
            self.certificates.add(rows.session_id, rows.start_ns, rows.certificates)

    def append_details(self, rows: DetailRows) -> None:
        """Add rows that belong to a session, which itself may come later."""
        self.messages.extend(rows.messages)
        self.exchanges.extend(rows.exchanges)
        self.anomalies.extend(rows.anomalies)

    def finish(self) -> dict[str, pa.Table]:
        """All tables, by name, in the order in which sessions were closed."""
        return {
            table.name: getattr(self, table.name).finish() for table in schema.TABLES
        }


def empty_tables() -> dict[str, pa.Table]:
    """All tables, without rows."""
    return {table.name: table.arrow.empty_table() for table in schema.TABLES}


def in_order(parts: Sequence[dict[str, pa.Table]]) -> dict[str, pa.Table]:
    """Tables of several parts as one each, in the order of the sessions.

    Sessions are ordered by start and then ID; what belongs to a session stays in
    the order in which it was added.
    """
    found = {name: [part[name] for part in parts] for name in parts[0]}
    sessions = pa.concat_tables(found.pop("sessions")).sort_by(SESSION_ORDER)
    ordered = {"sessions": sessions}
    for name, tables in found.items():
        if name == schema.CERTIFICATES.name:
            # these belong to several sessions
            ordered[name] = merge_certificates(tables)
            continue
        rows = pa.concat_tables(tables)
        ranks = compute.index_in(rows["session_id"], sessions["session_id"])
        ordered[name] = rows.take(np.argsort(ranks.to_numpy(), kind="stable"))
    return ordered
