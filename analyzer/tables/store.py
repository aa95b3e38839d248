"""What is known so far of traffic that still goes on, kept safe on disk.

A monitor adds rows every few seconds. Each time they become a part
(`analyzer.tables.parts`) and leave the memory. Small parts are put together from time
to time. In the end, all become one file per table. Until then, and also if that end
never comes, the folder can be read.
"""

from __future__ import annotations

import shutil
from contextlib import suppress
from typing import TYPE_CHECKING

import pyarrow as pa

from analyzer.errors import ExportError, LoadError
from analyzer.tables import schema
from analyzer.tables.collection import (
    SESSION_KEYS,
    empty_tables,
    sorted_session_ids,
)
from analyzer.tables.export import make_folder, write_blocks, write_table
from analyzer.tables.manifest import MANIFEST, write_manifest
from analyzer.tables.parts import (
    FILE_FORMAT,
    PARTS,
    RECENT,
    StoredPart,
    list_sources,
    read_parts,
    read_parts_manifest,
    read_rows,
    sorted_blocks,
)
from analyzer.tables.results import Results

if TYPE_CHECKING:
    from pathlib import Path

# more sessions than this do not wait in memory for a disk that is full
MAX_PENDING_SESSIONS = 100_000

# So many small parts become one; it is not small any more with so many sessions.
PARTS_TO_JOIN = 64
LARGE_PART_SESSIONS = 4096

Tables = dict[str, pa.Table]


def check_free(folder: Path) -> None:
    """Check that there are no tables in a folder yet.

    Raises:
        ExportError: there are.
    """
    if (folder / PARTS).exists() or (folder / MANIFEST).exists():
        raise ExportError(
            f"{folder}: there are tables in this folder already, which would be lost: "
            "name another folder, or remove them"
        )


class StoreFullError(ExportError):
    """Parts can't be written for so long that memory must be bounded."""


class Store:
    """Writes the tables of a folder, part after part.

    Args:
        folder: where to; made if it is missing.
        results: what is known beside the tables by now.

    Raises:
        ExportError: the folder can't be written, or holds tables already.
    """

    def __init__(self, folder: Path, results: Results | None = None) -> None:
        self.folder = folder
        self._parts = folder / PARTS
        self._count = 0
        self._pending: list[Tables] = []
        # the small parts at the end, and how many sessions each of them has
        self._small: dict[StoredPart, int] = {}
        make_folder(folder)
        check_free(folder)
        # without its name it is nothing: at any time there is a folder to be read
        hidden = self._parts.with_name(f".{PARTS}")
        make_folder(hidden)
        write_manifest(results or Results({}, []), hidden, FILE_FORMAT)
        _rename(hidden, self._parts)

    def note(self, results: Results) -> None:
        """Write what is known beside the tables, in the place of what was.

        Raises:
            ExportError: it could not be written.
        """
        write_manifest(results, self._parts, FILE_FORMAT)

    def add(self, tables: Tables, recent: Tables) -> None:
        """Write the next part.

        Args:
            tables: rows that were not added before, and won't change.
            recent: rows that may change, all there are by now.

        Raises:
            ExportError: it could not be written; `tables` are kept, and written
                with the next part.
            StoreFullError: too many of them are kept.
        """
        self._pending.append(tables)
        rows = _concat(self._pending)
        part = StoredPart(self._count + 1, self._count + 1)
        try:
            self._write(part, rows, recent)
        except ExportError as error:
            if len(rows["sessions"]) > MAX_PENDING_SESSIONS:
                raise StoreFullError(str(error)) from error
            raise
        self._pending.clear()
        self._count += 1
        # what was recent in the parts before came again
        for before in self._small:
            _remove(self._parts / before.name / RECENT)
        if len(self._small) >= PARTS_TO_JOIN:
            self._join()
        if sum(self._small.values()) > LARGE_PART_SESSIONS:
            self._small.clear()
        self._small[part] = len(rows["sessions"])

    def read(self, *names: str) -> Results:
        """Return what was added, in order.

        Args:
            names: the tables that are wanted, or none for all. Others have no rows.

        Raises:
            LoadError: a part can't be read any more.
        """
        return read_parts(self.folder, names)

    def finish(self, file_format: str, findings: pa.Table | None = None) -> None:
        """Write one file per table instead of the parts, without much memory.

        Args:
            file_format: of the files: csv, jsonl or parquet.
            findings: made of the tables, to be written beside them.

        Raises:
            ExportError: a file can't be written; the parts stay.
            LoadError: a part can't be read any more.
        """
        sources = list_sources(self.folder)
        sessions = sorted_session_ids(
            read_rows(source, schema.SESSIONS, SESSION_KEYS) for source in sources
        )
        for table in schema.TABLES:
            blocks = sorted_blocks(sources, table, sessions)
            path = self.folder / f"{table.name}.{file_format}"
            write_blocks(blocks, table.arrow, path)
        if findings is not None:
            path = self.folder / f"{schema.FINDINGS.name}.{file_format}"
            write_table(findings, path)
        write_manifest(read_parts_manifest(self.folder), self.folder, file_format)
        _remove(self._parts)

    def _join(self) -> None:
        """Put the small parts together."""
        parts = list(self._small)
        joined = StoredPart(parts[0].first, parts[-1].last)
        sources = [self._parts / part.name for part in parts]
        # if it can't be done now, nothing is lost, and it will be tried again
        with suppress(ExportError, LoadError):
            rows = {
                table.name: pa.concat_tables([read_rows(s, table) for s in sources])
                for table in schema.TABLES
            }
            self._write(joined, rows, empty_tables())
            self._small = {joined: len(rows["sessions"])}
            for source in sources:
                _remove(source)

    def _write(self, part: StoredPart, rows: Tables, recent: Tables) -> None:
        folder = self._parts / part.name
        # without its name it is nothing
        hidden = folder.with_name(f".{part.name}")
        try:
            _write_tables(rows, hidden)
            _write_tables(recent, hidden / RECENT)
            _rename(hidden, folder)
        finally:
            # once it has its name, there is nothing left
            shutil.rmtree(hidden, ignore_errors=True)


def _concat(parts: list[Tables]) -> Tables:
    return {name: pa.concat_tables([p[name] for p in parts]) for name in parts[0]}


def _write_tables(tables: Tables, folder: Path) -> None:
    make_folder(folder)
    for name, table in tables.items():
        if len(table):
            write_table(table, folder / f"{name}.{FILE_FORMAT}")


def _remove(folder: Path) -> None:
    """Remove a folder, which is gone as a whole before anything in it is."""
    hidden = folder.with_name(f".{folder.name}")
    with suppress(OSError):
        folder.rename(hidden)
        shutil.rmtree(hidden)


def _rename(path: Path, target: Path) -> None:
    try:
        path.rename(target)
    except OSError as error:
        raise ExportError.of(target, error) from error
