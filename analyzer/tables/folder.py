"""A folder with all tables of an analysis, and what else is known of it.

`analysis.json` names the kind of the table files and the version of their
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
from analyzer.tables.export import make_folder, whole_file, write_table
from analyzer.tables.load import READERS, read_bytes, read_table
from analyzer.tables.results import Results
from analyzer.version import __version__
from captures import CaptureError

if TYPE_CHECKING:
    from pathlib import Path

ABOUT = "analysis.json"
# as in a column of a table
_MOST = 2**63 - 1

_NO_TABLES = (
    "there are no tables in this folder: name captures, or a folder that was written "
    "with --output"
)
_DAMAGED = (
    "this is not what mailtap wrote, or it is damaged: analyse the captures again"
)


def is_folder_of_tables(path: Path) -> bool:
    """Whether an analysis was written into a folder."""
    return (path / ABOUT).is_file()


def write_folder(analysis: Results, folder: Path, kind: str) -> None:
    """Write all tables into a folder, which is made if it is missing.

    What mailtap wrote there before is gone first: files of two analyses are never
    read as one, even if not all can be written.

    Args:
        analysis: what to write.
        folder: where to.
        kind: of the files: csv, jsonl or parquet.

    Raises:
        ExportError: the folder or a file can't be written.
    """
    make_folder(folder)
    _clear(folder, kind)
    for name, table in analysis.tables.items():
        write_table(table, folder / f"{name}.{kind}")
    write_about(analysis, folder, kind)


def _clear(folder: Path, kind: str) -> None:
    """Take what makes a folder one of tables, and tables of another kind than this."""
    before = _kind_before(folder)
    try:
        (folder / ABOUT).unlink(missing_ok=True)
        if before not in (None, kind):
            for table in schema.TABLES:
                (folder / f"{table.name}.{before}").unlink(missing_ok=True)
    except OSError as error:
        raise ExportError(f"{folder}: can't be written ({error.strerror})") from error


def _kind_before(folder: Path) -> str | None:
    """The kind of the tables that any version of mailtap wrote into a folder."""
    with suppress(OSError, ValueError, RecursionError, LookupError, TypeError):
        kind = json.loads(read_bytes(folder / ABOUT))["kind"]
        return str(kind) if kind in READERS else None
    return None


def write_about(analysis: Results, folder: Path, kind: str) -> None:
    """Write what is known beside the tables.

    Raises:
        ExportError: the file can't be written.
    """
    about = {
        "mailtap": __version__,
        "schema_version": schema.SCHEMA_VERSION,
        "kind": kind,
        "captures": list(analysis.captures),
        "packets": analysis.packets,
        "capture_bytes": analysis.capture_bytes,
        "problems": [
            {
                "capture": each.capture,
                "reason": each.reason,
                "offset": each.offset,
                "usable": each.usable,
            }
            for each in analysis.problems
        ],
        "undecoded": analysis.undecoded,
        "connections_evicted": analysis.connections_evicted,
        "attempts": [each._asdict() for each in analysis.attempts],
        "attempts_without_row": analysis.attempts_without_row,
        "dropped": analysis.dropped,
    }
    with whole_file(folder / ABOUT) as file:
        # ASCII only: every other character is escaped
        file.write(json.dumps(about, indent=2).encode("ascii") + b"\n")


def read_folder(folder: Path) -> Results:
    """Read what `write_folder` wrote.

    Raises:
        LoadError: there are no tables, or they can't be read.
    """
    kind, analysis = read_about(folder)
    for table in schema.TABLES:
        path = folder / f"{table.name}.{kind}"
        analysis.tables[table.name] = read_table(path, table)
    return analysis


def read_about(folder: Path) -> tuple[str, Results]:
    """Read the kind of the table files, and an analysis without its tables.

    Raises:
        LoadError: there are no tables, or none that can be read.
    """
    path = folder / ABOUT
    try:
        about = json.loads(read_bytes(path))
    except FileNotFoundError as error:
        raise LoadError(f"{folder}: {_NO_TABLES}") from error
    except OSError as error:
        raise LoadError(f"{path}: it can't be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise LoadError(f"{path}: {_DAMAGED}") from error
    try:
        # all else may have had another name then
        if about["schema_version"] != schema.SCHEMA_VERSION:
            writer = str(about.get("mailtap", "of another version"))
            raise LoadError(f"{folder}: {_other_schema(writer)}")
        if about["kind"] not in READERS:
            raise LoadError(f"{path}: {_DAMAGED}")
        return about["kind"], _analysis(about)
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


def _analysis(about: dict[str, Any]) -> Results:
    return Results(
        tables={},
        captures=[str(name) for name in about["captures"]],
        packets=_count(about["packets"]),
        capture_bytes=_count(about["capture_bytes"]),
        problems=[
            CaptureError(
                str(each["capture"]),
                str(each["reason"]),
                offset=None if each["offset"] is None else _count(each["offset"]),
                usable=bool(each["usable"]),
            )
            for each in about["problems"]
        ],
        undecoded=Counter(
            {str(reason): _count(count) for reason, count in about["undecoded"].items()}
        ),
        connections_evicted=_count(about["connections_evicted"]),
        attempts=[_attempts(**each) for each in about["attempts"]],
        attempts_without_row=_count(about["attempts_without_row"]),
        dropped=None if about["dropped"] is None else _count(about["dropped"]),
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
    if not 0 <= count <= _MOST:
        raise ValueError("nothing has so many")
    return count
