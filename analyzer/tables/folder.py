"""A folder with all tables of an analysis, and a manifest beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.errors import ExportError
from analyzer.tables import schema
from analyzer.tables.export import make_folder, write_table
from analyzer.tables.load import read_table
from analyzer.tables.manifest import (
    MANIFEST,
    format_of_tables,
    read_manifest,
    write_manifest,
)

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

    from analyzer.tables.results import Results


def is_folder_of_tables(path: Path) -> bool:
    """Return whether an analysis was written into a folder."""
    return (path / MANIFEST).is_file()


def write_folder(
    analysis: Results,
    folder: Path,
    file_format: str,
    findings: pa.Table | None = None,
) -> None:
    """Write all tables into a folder, which is made if it is missing.

    What mailtap wrote there before is gone first: files of two analyses are never
    read as one, even if not all can be written.

    Args:
        analysis: what to write.
        folder: where to.
        file_format: of the files: csv, jsonl or parquet.
        findings: made of its tables, to be written beside them.

    Raises:
        ExportError: the folder or a file can't be written.
    """
    make_folder(folder)
    _clear(folder, file_format)
    derived = {} if findings is None else {schema.FINDINGS.name: findings}
    for name, table in {**analysis.tables, **derived}.items():
        write_table(table, folder / f"{name}.{file_format}")
    write_manifest(analysis, folder, file_format)


def _clear(folder: Path, file_format: str) -> None:
    """Remove what makes it a folder of tables, and what may not be replaced."""
    before = format_of_tables(folder)
    try:
        (folder / MANIFEST).unlink(missing_ok=True)
        if before is not None:
            stale = schema.WRITTEN if before != file_format else (schema.FINDINGS,)
            for table in stale:
                (folder / f"{table.name}.{before}").unlink(missing_ok=True)
    except OSError as error:
        raise ExportError.of(folder, error) from error


def read_folder(folder: Path) -> Results:
    """Read what `write_folder` wrote.

    Raises:
        LoadError: there are no tables, or they can't be read.
    """
    manifest = read_manifest(folder)
    results = manifest.results()
    for table in schema.TABLES:
        path = folder / f"{table.name}.{manifest.kind}"
        results.tables[table.name] = read_table(path, table)
    return results
