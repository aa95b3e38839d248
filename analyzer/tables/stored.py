"""Tables in Parquet files, whose columns are read when somebody asks for them.

Rules look at some columns of tables that are larger than memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from pyarrow import compute

from analyzer.tables import schema
from analyzer.tables.collection import SESSION_KEYS, sorted_session_ids
from analyzer.tables.parts import list_sources, read_rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from analyzer.tables.table import Columns, Table


class StoredTable:
    """A table in several folders, of which each has some rows.

    Args:
        sources: the folders (`analyzer.tables.parts`).
        table: which table.
        order: places of all rows, in the order that is wanted; `None` for theirs.
    """

    def __init__(
        self,
        sources: Sequence[Path],
        table: Table,
        order: npt.NDArray[np.int64] | None = None,
    ) -> None:
        self.column_names: list[str] = table.arrow.names
        self._sources = sources
        self._table = table
        self._order = order
        self._columns: dict[str, pa.ChunkedArray] = {}

    def __len__(self) -> int:
        return len(self[self.column_names[0]])

    def __getitem__(self, name: str) -> pa.ChunkedArray:
        """Return a column.

        Raises:
            LoadError: it can't be read.
        """
        if name not in self._columns:
            self._columns[name] = self._read(name)
        return self._columns[name]

    def _read(self, name: str) -> pa.ChunkedArray:
        parts = [read_rows(source, self._table, [name]) for source in self._sources]
        nothing = self._table.arrow.empty_table().select([name])
        column = pa.concat_tables([nothing, *parts])[name]
        return column if self._order is None else column.take(pa.array(self._order))


def stored_tables(folder: Path) -> Mapping[str, Columns]:
    """Return what a monitor stored, in the order of an analysis.

    Args:
        folder: that holds the parts; nobody may write there meanwhile.

    Raises:
        LoadError: it can't be read.
    """
    sources = list_sources(folder)
    sessions = sorted_session_ids(
        read_rows(source, schema.SESSIONS, SESSION_KEYS) for source in sources
    )
    return {table.name: _stored(sources, table, sessions) for table in schema.TABLES}


def _stored(sources: Sequence[Path], table: Table, sessions: pa.Array) -> Columns:
    if table.merge is not None:
        rows = [read_rows(source, table) for source in sources]
        merged: Columns = table.merge([table.arrow.empty_table(), *rows])
        return merged
    stored = StoredTable(sources, table)
    ranks = compute.index_in(stored["session_id"], sessions).to_numpy()
    return StoredTable(sources, table, np.argsort(ranks, kind="stable"))
