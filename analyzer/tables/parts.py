"""Reads what a monitor keeps while traffic goes on, and what it left if it failed.

    DIR/parts/analysis.json
    DIR/parts/00000001-00000064/sessions.parquet, ...
    DIR/parts/00000065-00000065/recent/sessions.parquet, ...

What is known beside the rows is in one file, which is replaced. A part is a folder
of Parquet files, and appears whole or not at all. Its name says which additions it
holds. `recent` holds sessions that had ended just then, whose rows might still change
a little: they come again in the next part, so that only those of the last part count.
"""

from __future__ import annotations

import os
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
from pyarrow import compute

from analyzer.errors import LoadError
from analyzer.tables import schema
from analyzer.tables.collection import empty_tables, merge_tables
from analyzer.tables.load import read_column, read_table
from analyzer.tables.manifest import read_manifest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from analyzer.tables.results import Results

PARTS = "parts"
RECENT = "recent"
FILE_FORMAT = "parquet"

# sessions of which the rows are put in order at a time
_BLOCK_SESSIONS = 4096
_PARTS_IN_MEMORY = 4
# a monitor may put parts together while they are read
_TRIES = 5


class StoredPart(NamedTuple):
    """The additions from `first` to `last`."""

    first: int
    last: int

    @property
    def name(self) -> str:
        """The name of its folder."""
        return f"{self.first:08}-{self.last:08}"


def has_parts(folder: Path) -> bool:
    """Return whether a monitor writes into a folder, or was ended before its time."""
    return os.path.isdir(folder / PARTS)  # noqa: PTH112, says no where nobody may look


def read_parts(folder: Path, names: Collection[str] = ()) -> Results:
    """Read the parts of a folder, however its monitor ended.

    Args:
        folder: the folder that holds the parts.
        names: the tables that are wanted, or none for all. Others have no rows.

    Raises:
        LoadError: they can't be read.
    """
    tables = [table for table in schema.TABLES if table.name in names or not names]
    for _ in range(_TRIES - 1):
        try:
            return _read_parts(folder, tables)
        except LoadError:
            if not has_parts(folder):
                raise
    return _read_parts(folder, tables)


def _read_parts(folder: Path, tables: Sequence[schema.Table]) -> Results:
    analysis = read_parts_manifest(folder)
    sources = list_sources(folder)
    rows = empty_tables()
    for table in tables:
        parts = [rows[table.name], *(read_rows(source, table) for source in sources)]
        rows[table.name] = pa.concat_tables(parts)
    return replace(analysis, tables=merge_tables([rows]))


def list_sources(folder: Path) -> list[Path]:
    """List the folders that together hold all rows; none if there are no rows yet.

    Raises:
        LoadError: the folder can't be read.
    """
    try:
        named = [entry.name for entry in (folder / PARTS).iterdir()]
    except OSError as error:
        raise LoadError.of(folder, error) from error
    parts: list[StoredPart] = []
    # of parts that begin alike, the longest holds what the others hold
    for part in sorted(filter(None, map(_parse, named)), key=lambda p: (p[0], -p[1])):
        if not parts or part.first > parts[-1].last:
            parts.append(part)
    if not parts:
        return []
    sources = [folder / PARTS / part.name for part in parts]
    recent = sources[-1] / RECENT
    return [*sources, recent] if recent.is_dir() else sources


def read_parts_manifest(folder: Path) -> Results:
    """Read what is known beside the rows.

    Raises:
        LoadError: it can't be read.
    """
    return read_manifest(folder / PARTS).results()


def _parse(name: str) -> StoredPart | None:
    """Parse the name of a part; `None` if it is none (yet)."""
    first, _, last = name.partition("-")
    if not (first.isdecimal() and last.isdecimal()):
        return None
    return StoredPart(int(first), int(last))


def read_rows(
    source: Path, table: schema.Table, columns: Sequence[str] = ()
) -> pa.Table:
    """Read the rows of a source; a table without rows has no file there.

    Args:
        source: a folder.
        table: which table.
        columns: those that are wanted, or none for all.

    Raises:
        LoadError: the rows can't be read, or are gone.
    """
    path = _path(source, table)
    if path is not None:
        return read_table(path, table, columns)
    nothing = table.arrow.empty_table()
    return nothing.select(list(columns)) if columns else nothing


def read_chunks(source: Path, table: schema.Table, name: str) -> list[pa.Array]:
    """Read a column of the rows of a source (`analyzer.tables.load.read_column`).

    Raises:
        LoadError: as for `read_rows`.
    """
    path = _path(source, table)
    return [] if path is None else read_column(path, table, name).chunks


def _path(source: Path, table: schema.Table) -> Path | None:
    """Return the file of a table; `None` if it has no rows."""
    path = source / f"{table.name}.{FILE_FORMAT}"
    if path.exists():
        return path
    if not source.is_dir():
        raise LoadError(f"{source}: there is no such folder any more")
    return None


def sorted_blocks(
    sources: Sequence[Path], table: schema.Table, sessions: pa.Array
) -> Iterator[pa.Table]:
    """Yield all rows of a table in their order, a block at a time if possible.

    Args:
        sources: where the rows are.
        table: the table.
        sessions: the IDs of all sessions, in order.

    Raises:
        LoadError: the rows can't be read.
    """
    if table.merge is not None:
        parts = [read_rows(source, table) for source in sources]
        yield table.merge([table.arrow.empty_table(), *parts])
        return
    ranks = []
    for source in sources:
        identifiers = read_rows(source, table, ["session_id"])["session_id"]
        ranks.append(compute.index_in(identifiers, sessions).to_numpy())
    # sessions that end at about the same time are in the same parts
    read = lru_cache(_PARTS_IN_MEMORY)(lambda at: read_rows(sources[at], table))
    for first in range(0, len(sessions), _BLOCK_SESSIONS):
        rows, kept = [], []
        for at, rank in enumerate(ranks):
            wanted = np.flatnonzero((rank >= first) & (rank < first + _BLOCK_SESSIONS))
            if len(wanted):
                rows.append(read(at).take(wanted))
                kept.append(rank[wanted])
        if rows:
            # stable: what belongs to a session stays in its order
            order = np.argsort(np.concatenate(kept), kind="stable")
            yield pa.concat_tables(rows).take(order)
