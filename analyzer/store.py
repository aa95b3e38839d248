"""What is known so far of traffic that still goes on, kept safe on disk.

A monitor adds rows every few seconds. Each time they become a part, a folder of
Parquet files that appears whole or not at all, and leave the memory. In the end all
parts become one file per table. Until then, and also if that end never comes, the
folder can be read:

    DIR/parts/000001/sessions.parquet, ... and analysis.json
    DIR/parts/000001/recent/sessions.parquet, ...

`recent` holds sessions that ended just now, whose rows may still change a little;
they come again in the next part, so that only those of the last part count.
"""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow as pa

from analyzer import schema
from analyzer.export import ExportError, make_folder, write_table
from analyzer.folder import (
    ABOUT,
    read_about,
    write_about,
    write_folder,
)
from analyzer.load import LoadError, read_table
from analyzer.tables import empty_tables, in_order_by_id

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from analyzer.analysis import Analysis

PARTS = "parts"

_KIND = "parquet"
_RECENT = "recent"
# more sessions than this do not wait in memory for a disk that is full
MAX_PENDING_SESSIONS = 100_000

Tables = dict[str, pa.Table]


class StoreFullError(ExportError):
    """Parts can't be written for so long that memory must be bounded."""


class Store:
    """Writes the tables of a folder, part after part.

    Args:
        folder: where to; made if it is missing.

    Raises:
        ExportError: the folder can't be written, or holds tables already.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._parts = folder / PARTS
        self._count = 0
        self._pending: list[Tables] = []
        make_folder(folder)
        if self._parts.exists() or (folder / ABOUT).exists():
            raise ExportError(
                f"{folder}: there are tables in this folder already, which would be "
                "lost: name another folder, or remove them"
            )
        make_folder(self._parts)

    def add(self, tables: Tables, recent: Tables, about: Analysis) -> None:
        """Write the next part.

        Args:
            tables: rows that were not added before, and won't change.
            recent: rows that may change, all there are by now.
            about: what is known beside the tables.

        Raises:
            ExportError: it could not be written; `tables` are kept, and written
                with the next part.
            StoreFullError: too many of them are kept.
        """
        self._pending.append(tables)
        name = f"{self._count + 1:06}"
        # without its name it is nothing
        unnamed = self._parts / f".{name}"
        try:
            with _no_leftovers(unnamed):
                rows = _together(self._pending)
                _write_tables(rows, unnamed)
                _write_tables(recent, unnamed / _RECENT)
                write_about(replace(about, tables={}), unnamed, _KIND)
                _rename(unnamed, self._parts / name)
        except ExportError as error:
            if sum(len(each["sessions"]) for each in self._pending) > (
                MAX_PENDING_SESSIONS
            ):
                raise StoreFullError(str(error)) from error
            raise
        self._pending.clear()
        if self._count:
            before = self._parts / f"{self._count:06}"
            shutil.rmtree(before / _RECENT, ignore_errors=True)
        self._count += 1

    def read(self) -> Analysis:
        """All that was added, in order.

        Raises:
            LoadError: a part can't be read any more.
        """
        return read_parts(self.folder)

    def finish(self, analysis: Analysis, kind: str) -> None:
        """Write one file per table instead of the parts.

        Args:
            analysis: what `read` gave.
            kind: of the files: csv, jsonl or parquet.

        Raises:
            ExportError: a file can't be written; the parts stay.
        """
        write_folder(analysis, self.folder, kind)
        shutil.rmtree(self._parts, ignore_errors=True)


def has_parts(folder: Path) -> bool:
    """Whether a monitor writes into a folder, or was ended before it was done."""
    return (folder / PARTS).is_dir()


def read_parts(folder: Path) -> Analysis:
    """Read the parts of a folder, however its monitor ended.

    Raises:
        LoadError: there is no part, or one can't be read.
    """
    try:
        parts = sorted(path for path in (folder / PARTS).iterdir() if _is_named(path))
    except OSError as error:
        raise LoadError(f"{folder}: can't be read ({error.strerror})") from error
    if not parts:
        raise LoadError(f"{folder}: there are no tables in this folder yet")
    last = parts[-1]
    _, analysis = read_about(last)
    tables = [_read_tables(part) for part in parts]
    tables.append(_read_tables(last / _RECENT))
    return replace(analysis, tables=in_order_by_id(_together(tables)))


def _is_named(path: Path) -> bool:
    return not path.name.startswith(".")


def _together(parts: list[Tables]) -> Tables:
    return {name: pa.concat_tables([p[name] for p in parts]) for name in parts[0]}


def _write_tables(tables: Tables, folder: Path) -> None:
    make_folder(folder)
    for name, table in tables.items():
        if len(table):
            write_table(table, folder / f"{name}.{_KIND}")


def _read_tables(folder: Path) -> Tables:
    """Tables of a part; what has no rows has no file."""
    tables = empty_tables()
    for table in schema.TABLES:
        path = folder / f"{table.name}.{_KIND}"
        if path.exists():
            tables[table.name] = read_table(path, table)
    return tables


@contextmanager
def _no_leftovers(folder: Path) -> Iterator[None]:
    try:
        yield
    finally:
        # after a rename there is nothing by this name
        shutil.rmtree(folder, ignore_errors=True)


def _rename(path: Path, target: Path) -> None:
    try:
        path.rename(target)
    except OSError as error:
        raise ExportError(f"{target}: can't be written ({error.strerror})") from error
