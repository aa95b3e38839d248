"""What is known of an analysis beside its tables: the file `analysis.json`.

It names the format of the table files and the version of all that is written, so that a
folder can be read back, today or in some years. Folders may come from anybody: what is
not of the shape that is declared here is refused.
"""

from __future__ import annotations

import json
from collections import Counter
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, is_dataclass
from functools import cache
from types import UnionType
from typing import TYPE_CHECKING, Any, get_args, get_origin, get_type_hints

from analyzer import __version__
from analyzer.errors import LoadError
from analyzer.files import read_bytes
from analyzer.tables.attempts import AttemptCount
from analyzer.tables.export import atomic_write
from analyzer.tables.load import READERS
from analyzer.tables.results import Results
from analyzer.tables.schema import TABLES
from analyzer.tables.table import version_of
from captures import CaptureError

if TYPE_CHECKING:
    from pathlib import Path

MANIFEST = "analysis.json"

# as in a column of a table
_MAX_INT64 = 2**63 - 1

_NO_FOLDER = "this is no folder: name one that was written with --output"
_NO_TABLES = (
    "there are no tables in this folder: name captures, or a folder that was written "
    "with --output"
)
_DAMAGED = (
    "this is not what mailtap wrote, or it is damaged: analyse the captures again"
)


@dataclass(frozen=True, slots=True)
class Problem:
    """A `CaptureError`, as the file holds it."""

    capture: str
    reason: str
    offset: int | None
    usable: bool


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the file holds, in order; see `Results` for what is not told here.

    Attributes:
        mailtap: the version of mailtap that wrote it.
        schema_version: `SCHEMA_VERSION` of that mailtap.
        kind: format of the table files: csv, jsonl or parquet.
    """

    mailtap: str
    schema_version: str
    kind: str
    captures: list[str]
    packets: int
    capture_bytes: int
    problems: list[Problem]
    undecoded: dict[str, int]
    connections_evicted: int
    attempts: list[AttemptCount]
    attempts_without_row: int
    dropped: int | None
    sessions_in_all: int | None

    @classmethod
    def of(cls, results: Results, file_format: str) -> Manifest:
        """Describe an analysis whose tables are written in some format."""
        return cls(
            mailtap=__version__,
            schema_version=SCHEMA_VERSION,
            kind=file_format,
            captures=list(results.captures),
            packets=results.packets,
            capture_bytes=results.capture_bytes,
            problems=[
                Problem(error.capture, error.reason, error.offset, error.usable)
                for error in results.problems
            ],
            undecoded=dict(results.undecoded),
            connections_evicted=results.connections_evicted,
            attempts=results.attempts,
            attempts_without_row=results.attempts_without_row,
            dropped=results.dropped,
            sessions_in_all=results.sessions_in_all,
        )

    def results(self) -> Results:
        """Return the analysis, without its tables."""
        return Results(
            tables={},
            captures=self.captures,
            packets=self.packets,
            capture_bytes=self.capture_bytes,
            problems=[CaptureError(**asdict(problem)) for problem in self.problems],
            undecoded=Counter(self.undecoded),
            connections_evicted=self.connections_evicted,
            attempts=self.attempts,
            attempts_without_row=self.attempts_without_row,
            dropped=self.dropped,
            sessions_in_all=self.sessions_in_all,
        )


def schema_version(*shapes: type) -> str:
    """Return what changes with any table, and any key or type of some dataclasses."""
    tables = [f"{table.name} {table.version}" for table in TABLES]
    keys = [f"{key.name} {key.type}" for shape in shapes for key in fields(shape)]
    return version_of([*tables, *keys])


SCHEMA_VERSION = schema_version(Manifest, Problem, AttemptCount)
"""What a folder must have been written with to be read."""


def write_manifest(results: Results, folder: Path, file_format: str) -> None:
    """Write what is known beside the tables.

    Raises:
        ExportError: the file can't be written.
    """
    manifest = asdict(Manifest.of(results, file_format))
    with atomic_write(folder / MANIFEST) as file:
        # ASCII only: every other character is escaped
        file.write(json.dumps(manifest, indent=2).encode("ascii") + b"\n")


def read_manifest(folder: Path) -> Manifest:
    """Read what is known beside the tables.

    Raises:
        LoadError: there are no tables, or none that can be read.
    """
    path = folder / MANIFEST
    try:
        content = json.loads(read_bytes(path))
    except FileNotFoundError as error:
        reason = _NO_TABLES if folder.exists() else "there is no such folder"
        raise LoadError(f"{folder}: {reason}") from error
    except NotADirectoryError as error:
        raise LoadError(f"{folder}: {_NO_FOLDER}") from error
    except OSError as error:
        raise LoadError(f"{path}: it can't be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise LoadError(f"{path}: {_DAMAGED}") from error
    try:
        # all else may have had another name then
        if content["schema_version"] != SCHEMA_VERSION:
            writer = str(content.get("mailtap", "of another version"))
            raise LoadError(f"{folder}: {_other_schema(writer)}")
        manifest: Manifest = _decode(content, Manifest)
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise LoadError(f"{path}: {_DAMAGED}") from error
    if manifest.kind not in READERS:
        raise LoadError(f"{path}: {_DAMAGED}")
    return manifest


def format_of_tables(folder: Path) -> str | None:
    """Return the format of the tables that any version of mailtap wrote here."""
    with suppress(OSError, ValueError, RecursionError, LookupError, TypeError):
        file_format = json.loads(read_bytes(folder / MANIFEST))["kind"]
        return str(file_format) if file_format in READERS else None
    return None


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


def _decode(value: Any, kind: Any) -> Any:
    """Return what JSON holds as a value of an annotated type.

    Raises:
        TypeError: it is of another type, or has other keys.
        ValueError: nothing has so many.
    """
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is UnionType:
        return None if value is None else _decode(value, arguments[0])
    if not _is_json_of(value, kind):
        raise TypeError(f"this is no {kind}")
    if origin is list:
        return [_decode(item, arguments[0]) for item in value]
    if origin is dict:
        return {key: _decode(item, arguments[1]) for key, item in value.items()}
    if isinstance(kind, type) and is_dataclass(kind):
        types = _types(kind)
        if value.keys() != types.keys():
            raise TypeError("other keys")
        return kind(**{key: _decode(item, types[key]) for key, item in value.items()})
    if kind is int and not 0 <= value <= _MAX_INT64:
        raise ValueError("nothing has so many")
    return value


@cache
def _types(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _is_json_of(value: object, kind: Any) -> bool:
    """Return whether JSON holds a type as this value; true is not 1."""
    return type(value) is (dict if is_dataclass(kind) else get_origin(kind) or kind)
