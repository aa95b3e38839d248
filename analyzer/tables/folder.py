"""A folder with all tables of an analysis, and what else is known of it.

`analysis.json` names the format of the table files and the version of their
columns, so that the folder can be read back, today or in some years.
"""

from __future__ import annotations

import json
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from analyzer.errors import ExportError, LoadError
from analyzer.tables import schema
from analyzer.tables.attempts import AttemptCount
from analyzer.tables.export import atomic_write, make_folder, write_table
from analyzer.tables.load import READERS, read_bytes, read_table
from analyzer.tables.results import Results
from analyzer.version import __version__
from captures import CaptureError

if TYPE_CHECKING:
    from pathlib import Path

MANIFEST = "analysis.json"
# as in a column of a table
_MAX_INT64 = 2**63 - 1

_NO_TABLES = (
    "there are no tables in this folder: name captures, or a folder that was written "
    "with --output"
)
_DAMAGED = (
    "this is not what mailtap wrote, or it is damaged: analyse the captures again"
)


def is_folder_of_tables(path: Path) -> bool:
    """Return whether an analysis was written into a folder."""
    return (path / MANIFEST).is_file()


def write_folder(analysis: Results, folder: Path, file_format: str) -> None:
    """Write all tables into a folder, which is made if it is missing.

    What mailtap wrote there before is gone first: files of two analyses are never
    read as one, even if not all can be written.

    Args:
        analysis: what to write.
        folder: where to.
        file_format: of the files: csv, jsonl or parquet.

    Raises:
        ExportError: the folder or a file can't be written.
    """
    make_folder(folder)
    _clear(folder, file_format)
    for name, table in analysis.tables.items():
        write_table(table, folder / f"{name}.{file_format}")
    write_manifest(analysis, folder, file_format)


def _clear(folder: Path, file_format: str) -> None:
    """Remove what makes it a folder of tables, and tables in other formats."""
    before = _format_before(folder)
    try:
        (folder / MANIFEST).unlink(missing_ok=True)
        if before not in (None, file_format):
            for table in schema.TABLES:
                (folder / f"{table.name}.{before}").unlink(missing_ok=True)
    except OSError as error:
        raise ExportError(f"{folder}: can't be written ({error.strerror})") from error


def _format_before(folder: Path) -> str | None:
    """Return the format of the tables that any version of mailtap wrote here."""
    with suppress(OSError, ValueError, RecursionError, LookupError, TypeError):
        file_format = json.loads(read_bytes(folder / MANIFEST))["kind"]
        return str(file_format) if file_format in READERS else None
    return None


def write_manifest(analysis: Results, folder: Path, file_format: str) -> None:
    """Write what is known beside the tables.

    Raises:
        ExportError: the file can't be written.
    """
    manifest = {
        "mailtap": __version__,
        "schema_version": schema.SCHEMA_VERSION,
        "kind": file_format,
        "captures": list(analysis.captures),
        "packets": analysis.packets,
        "capture_bytes": analysis.capture_bytes,
        "problems": [
            {
                "capture": problem.capture,
                "reason": problem.reason,
                "offset": problem.offset,
                "usable": problem.usable,
            }
            for problem in analysis.problems
        ],
        "undecoded": analysis.undecoded,
        "connections_evicted": analysis.connections_evicted,
        "attempts": [count._asdict() for count in analysis.attempts],
        "attempts_without_row": analysis.attempts_without_row,
        "dropped": analysis.dropped,
    }
    with atomic_write(folder / MANIFEST) as file:
        # ASCII only: every other character is escaped
        file.write(json.dumps(manifest, indent=2).encode("ascii") + b"\n")


def read_folder(folder: Path) -> Results:
    """Read what `write_folder` wrote.

    Raises:
        LoadError: there are no tables, or they can't be read.
    """
    file_format, analysis = read_manifest(folder)
    for table in schema.TABLES:
        path = folder / f"{table.name}.{file_format}"
        analysis.tables[table.name] = read_table(path, table)
    return analysis


def read_manifest(folder: Path) -> tuple[str, Results]:
    """Read the format of the table files, and an analysis without its tables.

    Raises:
        LoadError: there are no tables, or none that can be read.
    """
    path = folder / MANIFEST
    try:
        manifest = json.loads(read_bytes(path))
    except FileNotFoundError as error:
        raise LoadError(f"{folder}: {_NO_TABLES}") from error
    except OSError as error:
        raise LoadError(f"{path}: it can't be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise LoadError(f"{path}: {_DAMAGED}") from error
    try:
        # all else may have had another name then
        if manifest["schema_version"] != schema.SCHEMA_VERSION:
            writer = str(manifest.get("mailtap", "of another version"))
            raise LoadError(f"{folder}: {_other_schema(writer)}")
        if manifest["kind"] not in READERS:
            raise LoadError(f"{path}: {_DAMAGED}")
        return manifest["kind"], _analysis(manifest)
    except (TypeError, KeyError, ValueError, ArithmeticError, AttributeError) as error:
        raise LoadError(f"{path}: {_DAMAGED}") from error


def _other_schema(writer: str) -> str:
    if writer == __version__:
        return (
            f"another state of mailtap {writer} wrote these tables, with other "
            "columns or values: analyse the captures again"
        )
    return (
        f"mailtap {writer} wrote these tables, and their columns or values are not "
        f"those of mailtap {__version__}: analyse the captures again, or read them "
        "with that version"
    )


def _analysis(manifest: dict[str, Any]) -> Results:
    return Results(
        tables={},
        captures=[str(name) for name in manifest["captures"]],
        packets=_count(manifest["packets"]),
        capture_bytes=_count(manifest["capture_bytes"]),
        problems=[
            CaptureError(
                str(problem["capture"]),
                str(problem["reason"]),
                offset=None if problem["offset"] is None else _count(problem["offset"]),
                usable=bool(problem["usable"]),
            )
            for problem in manifest["problems"]
        ],
        undecoded=Counter(
            {
                str(reason): _count(count)
                for reason, count in manifest["undecoded"].items()
            }
        ),
        connections_evicted=_count(manifest["connections_evicted"]),
        attempts=[_attempts(**count) for count in manifest["attempts"]],
        attempts_without_row=_count(manifest["attempts_without_row"]),
        dropped=None if manifest["dropped"] is None else _count(manifest["dropped"]),
    )


def _attempts(
    *, client_ip: Any, server_ip: Any, server_port: Any, ended: Any, attempts: Any
) -> AttemptCount:
    return AttemptCount(
        client_ip=None if client_ip is None else str(client_ip),
        server_ip=None if server_ip is None else str(server_ip),
        server_port=_count(server_port),
        ended=str(ended),
        attempts=_count(attempts),
    )


def _count(value: Any) -> int:
    count = int(value)
    if not 0 <= count <= _MAX_INT64:
        raise ValueError("nothing has so many")
    return count
