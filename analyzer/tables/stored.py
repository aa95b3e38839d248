"""Tables in Parquet files, whose columns are read when somebody asks for them.

Rules look at some columns of tables that are larger than memory. Tables with few rows
are read whole: to open a file for each column takes longer than to judge.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from pyarrow import compute

from analyzer.tables import schema
from analyzer.tables.collection import SESSION_KEYS, sorted_session_ids
from analyzer.tables.load import as_stored, read_table
from analyzer.tables.manifest import read_manifest
from analyzer.tables.parts import FILE_FORMAT, list_sources, read_chunks, read_rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from analyzer.tables.results import Results
    from analyzer.tables.table import Columns, Table

# no table is short that has more
FEW_ROWS = 10_000


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
        self._length = None if order is None else len(order)

    def __len__(self) -> int:
        if self._length is None:
            self._length = len(self[self.column_names[0]])
        return self._length

    def __getitem__(self, name: str) -> pa.ChunkedArray:
        """Read a column, in the type that `as_stored` says.

        Raises:
            LoadError: it can't be read.
        """
        kind = self._table.arrow.field(name).type
        chunks = [
            chunk
            for source in self._sources
            for chunk in read_chunks(source, self._table, name)
        ]
        column = pa.chunked_array(chunks, as_stored(name, kind))
        if self._order is None:
            return column
        return pa.chunked_array([column.combine_chunks().take(pa.array(self._order))])

    def select(self, names: Sequence[str]) -> pa.Table:
        """Read some columns as a table.

        Raises:
            LoadError: one can't be read.
        """
        columns = self._table.arrow.empty_table().select(names).schema
        return pa.table({name: self[name] for name in names}).cast(columns)


def read_on_demand(folder: Path) -> Results | None:
    """Read what is known beside the tables of a folder, and these when they are needed.

    Returns:
        What `analyzer.tables.folder.read_folder` does, whose long tables are
        `StoredTable`; `None` if they are in files of which columns can't be read alone.

    Raises:
        LoadError: there are no tables, or they can't be read.
    """
    manifest = read_manifest(folder)
    if manifest.kind != FILE_FORMAT:
        return None
    results = manifest.results()
    for table in schema.TABLES:
        path = folder / f"{table.name}.{FILE_FORMAT}"
        # a table is missing rather than empty
        is_short = len(read_table(path, table, table.arrow.names[:1])) <= FEW_ROWS
        results.tables[table.name] = (
            read_table(path, table) if is_short else StoredTable([folder], table)
        )
    return results


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
        merged: Columns = table.merge(_all_rows(sources, table))
        return merged
    stored = StoredTable(sources, table)
    ranks = compute.index_in(stored["session_id"], sessions).to_numpy()
    order = np.argsort(ranks, kind="stable")
    if len(order) > FEW_ROWS:
        return StoredTable(sources, table, order)
    short: Columns = pa.concat_tables(_all_rows(sources, table)).take(pa.array(order))
    return short


def _all_rows(sources: Sequence[Path], table: Table) -> list[pa.Table]:
    return [table.arrow.empty_table(), *(read_rows(each, table) for each in sources)]
