"""Tells files that mailtap wrote from those of others, which it never overwrites.

Each kind of output says so itself: a page names what generated it, a spreadsheet its
author, a capture the program that wrote it; a table is known by its columns, most of
which must be those of tables and lists, so that older versions are known, too.
"""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING
from zipfile import BadZipFile, ZipFile

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

_HEAD_BYTES = 65_536
_GENERATOR = b'<meta name="generator" content="mailtap'
_AUTHOR = b"<dc:creator>mailtap</dc:creator>"
_PROPERTIES = "docProps/core.xml"
# keys of the manifest
_ABOUT_TABLES = {"mailtap", "schema_version"}


def is_of_mailtap(path: Path) -> bool:
    """Return whether mailtap wrote a regular file, as far as its content tells.

    Args:
        path: its name, whose suffix says what is to be written. An empty file holds
            nothing that could be lost.

    Raises:
        OSError: it can't be read.
    """
    if not path.stat().st_size:
        return True
    recognise = _KINDS.get(path.suffix.lower(), _is_page_or_capture)
    try:
        return recognise(path)
    except (ValueError, BadZipFile, KeyError):
        return False


def _is_page_or_capture(path: Path) -> bool:
    from captures.files.pcapng_writer import SECTION

    head = _head(path)
    return _GENERATOR in head or head.startswith(SECTION)


def _is_spreadsheet(path: Path) -> bool:
    with ZipFile(path) as archive, archive.open(_PROPERTIES) as properties:
        return _AUTHOR in properties.read(_HEAD_BYTES)


def _is_manifest(path: Path) -> bool:
    content = json.loads(path.read_bytes())
    return isinstance(content, dict) and content.keys() >= _ABOUT_TABLES


def _is_csv(path: Path) -> bool:
    heading, *_ = _head(path).decode("utf-8", "replace").splitlines()
    return _are_columns(next(csv.reader([heading])))


def _is_jsonl(path: Path) -> bool:
    with path.open("rb") as file:
        row = json.loads(file.readline())
    return isinstance(row, dict) and _are_columns([*row])


def _is_parquet(path: Path) -> bool:
    from pyarrow import parquet

    # what pyarrow raises for other files is a ValueError
    return _are_columns(parquet.read_schema(path).names)


def _are_columns(names: Sequence[str]) -> bool:
    """Return whether most names are those of columns that mailtap writes."""
    from analyzer import reports
    from analyzer.tables import schema

    known = {
        *(name for table in schema.WRITTEN for name in table.arrow.names),
        *reports.ATTACHMENT_COLUMNS,
        *reports.JOURNEY_COLUMNS,
        *reports.MESSAGE_COLUMNS,
    }
    return sum(name in known for name in names) * 2 > len(names)


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_HEAD_BYTES)


_KINDS: Mapping[str, Callable[[Path], bool]] = {
    ".csv": _is_csv,
    ".json": _is_manifest,
    ".jsonl": _is_jsonl,
    ".parquet": _is_parquet,
    ".xlsx": _is_spreadsheet,
}
