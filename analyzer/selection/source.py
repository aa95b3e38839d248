"""Where sessions are chosen from: tables in memory, or files that are read in part."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np
import pyarrow as pa

from analyzer.tables import schema
from analyzer.tables.folder import is_folder_of_tables
from analyzer.tables.load import read_table
from analyzer.tables.manifest import read_manifest
from analyzer.tables.parts import (
    FILE_FORMAT,
    has_parts,
    list_sources,
    read_parts_manifest,
    read_rows,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from analyzer.tables.results import Results
    from analyzer.tables.schema import Table

    _Read = Callable[[Path, Table, Sequence[str]], pa.Table]


class Source(Protocol):
    """The tables of an analysis."""

    def read(self, table: Table, columns: Sequence[str]) -> pa.Table:
        """Return some columns of all rows of a table, or of more."""

    def take(self, places: npt.NDArray[np.int64], columns: Sequence[str]) -> pa.Table:
        """Return some columns of the rows of `sessions` at some places."""


class Loaded:
    """Tables that are in memory."""

    def __init__(self, tables: Mapping[str, pa.Table]) -> None:
        self.tables = tables

    def read(self, table: Table, columns: Sequence[str]) -> pa.Table:
        """Return some columns of a table."""
        return self.tables[table.name].select(list(columns))

    def take(self, places: npt.NDArray[np.int64], columns: Sequence[str]) -> pa.Table:
        """Return some columns of the sessions at some places."""
        rows = self.read(schema.SESSIONS, columns)
        return rows.take(pa.array(places))


class Stored:
    """Tables in Parquet files, of which only what is asked for is read.

    Sessions come in the order of the files.

    Args:
        folders: that hold the files; each has some rows.
        read: reads some columns of a table in a folder.

    Raises:
        LoadError: of all methods: a file can't be read, or is none of ours.
    """

    def __init__(self, folders: Sequence[Path], read: _Read) -> None:
        self._folders = folders
        self._read = read
        # how many sessions each has, once they were read
        self._counts: list[int] = []

    def read(self, table: Table, columns: Sequence[str]) -> pa.Table:
        """Return some columns of a table."""
        parts = [self._read(folder, table, columns) for folder in self._folders]
        if table is schema.SESSIONS:
            self._counts = [len(part) for part in parts]
        nothing = table.arrow.empty_table().select(list(columns))
        return pa.concat_tables([nothing, *parts])

    def take(self, places: npt.NDArray[np.int64], columns: Sequence[str]) -> pa.Table:
        """Return some columns of the sessions at some places, once they were read."""
        nothing = schema.SESSIONS.arrow.empty_table().select(list(columns))
        ends = np.cumsum(self._counts, dtype=np.int64)
        files = np.searchsorted(ends, places, side="right")
        starts = np.append(0, ends)
        parts, taken = [nothing], []
        for file in np.unique(files):
            asked = np.flatnonzero(files == file)
            rows = self._read(self._folders[file], schema.SESSIONS, columns)
            parts.append(rows.take(pa.array(places[asked] - starts[file])))
            taken.append(asked)
        # back into the order that was asked for
        order = np.argsort(np.concatenate([np.empty(0, np.int64), *taken]))
        return pa.concat_tables(parts).take(pa.array(order))


def open_folder(folder: Path) -> tuple[Results, Stored] | None:
    """Open a folder of tables whose sessions can be read column by column.

    Returns:
        What is known beside the tables, and these; `None` if it is no such folder, or
        its files are CSV or JSON Lines, which are read as a whole.

    Raises:
        LoadError: it can't be read.
    """
    if has_parts(folder):
        return read_parts_manifest(folder), Stored(list_sources(folder), read_rows)
    if not is_folder_of_tables(folder):
        return None
    manifest = read_manifest(folder)
    if manifest.kind != FILE_FORMAT:
        return None
    return manifest.results(), Stored([folder], _read_file)


def _read_file(folder: Path, table: Table, columns: Sequence[str]) -> pa.Table:
    return read_table(folder / f"{table.name}.{FILE_FORMAT}", table, columns)
