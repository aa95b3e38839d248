"""Tables to files: CSV, JSON Lines, Parquet.

A file appears whole or not at all. CSV cells can't become formulas, and neither
CSV nor JSON holds characters that control a terminal.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import pyarrow as pa
from pyarrow import compute

from analyzer.errors import ExportError
from analyzer.text import escape_controls

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# What spreadsheets take for the begin of a formula, also behind blanks (OWASP,
# "CSV injection").
_FORMULA = r"^[\s\x{a0}]*[=+\-@\t\r\n]"
# such text behind a guard, which is not part of it
GUARDED_FORMULA = r"^'([\s\x{a0}]*[=+\-@\t\r\n])"
_BLOCK_ROWS = 4096


def write_table(table: pa.Table, path: Path) -> None:
    """Write a table, in the format that the file's suffix names.

    Raises:
        ExportError: the suffix is unknown, or the file can't be written.
    """
    write_blocks([table], table.schema, path)


def write_stream(table: pa.Table, file: BinaryIO, file_format: str) -> None:
    """Write a table to a file that is open, in one of the formats of `WRITERS`.

    Raises:
        OSError: it can't be written.
    """
    WRITERS[file_format]([table], table.schema, file)
    file.flush()


def write_blocks(blocks: Iterable[pa.Table], columns: pa.Schema, path: Path) -> None:
    """Write a table that comes in blocks, so that it need not fit into memory.

    Args:
        blocks: its rows, in order.
        columns: of all blocks.
        path: where to; the suffix names the format.

    Raises:
        ExportError: as for `write_table`.
    """
    write = WRITERS.get(path.suffix.removeprefix(".").lower())
    if write is None:
        known = ", ".join(f".{name}" for name in WRITERS)
        raise ExportError(f"{path}: unknown kind of table; its name may end in {known}")
    with atomic_write(path) as file:
        write(blocks, columns, file)


def make_folder(folder: Path) -> None:
    """Make a folder unless it is there.

    Raises:
        ExportError: it can't be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        # no name holds a NUL
        reason = error.strerror if isinstance(error, OSError) else error
        raise ExportError(f"{folder}: can't be made ({reason})") from error


@contextmanager
def atomic_write(path: Path) -> Iterator[BinaryIO]:
    """Open a file that gets its name when it is complete; until then the old stays.

    What isn't a regular file, such as /dev/stdout, is not replaced but written to.

    Raises:
        ExportError: it can't be written.
    """
    # a link stays one
    target = Path(os.path.realpath(path)) if path.is_symlink() else path
    part = target.with_name(f".mailtap.{os.getpid()}.part")
    try:
        if target.is_file() or not target.exists():
            with part.open("wb") as file:
                yield file
            part.replace(target)
        else:
            with target.open("wb") as file:
                yield file
    except OSError as error:
        raise ExportError.of(path, error) from error
    finally:
        with suppress(OSError):
            part.unlink()


def write_csv(blocks: Iterable[pa.Table], columns: pa.Schema, file: BinaryIO) -> None:
    """Write the blocks of a table as CSV, with a heading."""
    from pyarrow import csv

    for at, block in enumerate(chain((columns.empty_table(),), blocks)):
        cells = [_as_csv(column) for column in block.columns]
        csv.write_csv(
            pa.table(cells, names=columns.names),
            file,
            csv.WriteOptions(include_header=at == 0),
        )


def write_jsonl(blocks: Iterable[pa.Table], columns: pa.Schema, file: BinaryIO) -> None:
    """Write the blocks of a table as JSON Lines."""
    for block in blocks:
        for fields in json_rows(block.select(columns.names)):
            # ASCII only: every other character is escaped
            line = json.dumps(fields, allow_nan=False)
            file.write(line.encode("ascii") + b"\n")


def json_rows(table: pa.Table) -> Iterator[dict[str, Any]]:
    """Yield the rows of a table as JSON has them."""
    for batch in table.to_batches(max_chunksize=_BLOCK_ROWS):
        cells = [_as_json(column).to_pylist() for column in batch.columns]
        for row in zip(*cells, strict=True):
            yield dict(zip(table.column_names, row, strict=True))


def write_parquet(
    blocks: Iterable[pa.Table], columns: pa.Schema, file: BinaryIO
) -> None:
    """Write the blocks of a table as Parquet."""
    from pyarrow import parquet

    with parquet.ParquetWriter(file, columns, compression="zstd") as writer:
        for block in blocks:
            writer.write_table(block)


Writer = Callable[[Iterable[pa.Table], pa.Schema, BinaryIO], None]

WRITERS: Mapping[str, Writer] = {
    "csv": write_csv,
    "jsonl": write_jsonl,
    "parquet": write_parquet,
}


def _as_json(column: pa.Array) -> pa.Array:
    """Format times as ISO 8601 text, and leave the rest."""
    if pa.types.is_timestamp(column.type):
        return compute.strftime(column, format="%Y-%m-%dT%H:%M:%SZ")
    return column


def _as_csv(column: pa.ChunkedArray) -> pa.ChunkedArray | pa.Array:
    """Format lists as JSON and times as ISO 8601, and make text harmless."""
    kind = column.type
    if pa.types.is_list(kind):
        values = [_list_text(value) for value in column.to_pylist()]
        return pa.array(values, pa.string())
    if pa.types.is_string(kind):
        return _guard_formulas(_escape_column(column))
    return _as_json(column)


def _list_text(value: list[Any] | None) -> str | None:
    return None if value is None else json.dumps(value)


def _escape_column(column: pa.ChunkedArray) -> pa.ChunkedArray | pa.Array:
    """Escape controls; the regular expression runs in Python for few cells only."""
    suspicious = compute.match_substring_regex(column, r"[^\x20-\x7e]")
    if not compute.any(suspicious).as_py():
        return column
    values = [None if v is None else escape_controls(v) for v in column.to_pylist()]
    return pa.array(values, pa.string())


def _guard_formulas(column: pa.ChunkedArray | pa.Array) -> pa.ChunkedArray | pa.Array:
    guarded = compute.binary_join_element_wise("'", column, "")
    return compute.if_else(
        compute.match_substring_regex(column, _FORMULA), guarded, column
    )
