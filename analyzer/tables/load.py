"""Files to tables: what `analyzer.tables.export` wrote, read back with its types."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyarrow import compute

from analyzer.errors import LoadError
from analyzer.files import refuse_pipes
from analyzer.tables.export import GUARDED_FORMULA

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from analyzer.tables import schema

# what other contents than ours may lead to
_NOT_WRITTEN_BY_US = (
    ValueError,
    LookupError,
    TypeError,
    ArithmeticError,
    RecursionError,
)
_CODED = pa.dictionary(pa.int32(), pa.string())
_NEVER_NULL = ("session_id", "sha256", "start", "end")
# no row is longer
_LONGEST_LINE = 64 << 20


def read_table(
    path: Path, table: schema.Table, columns: Sequence[str] = ()
) -> pa.Table:
    """Read a table, in the format that the file's suffix names.

    Text that was escaped or guarded for CSV is read without the guard, but stays
    escaped.

    Args:
        path: the file.
        table: which table it is.
        columns: those that are wanted, or none for all. Parquet has them apart.

    Raises:
        LoadError: the file can't be read, or is not this table.
    """
    read = READERS[path.suffix.removeprefix(".")]
    with _explained(path, table):
        wanted = _of(table.arrow, columns or table.arrow.names)
        rows = read(path, table.arrow, wanted.names).select(wanted.names)
        _check(rows)
        return rows.cast(wanted)


def read_column(path: Path, table: schema.Table, name: str) -> pa.ChunkedArray:
    """Read a column of a table in Parquet.

    Returns:
        The column, as `as_stored` says.

    Raises:
        LoadError: as for `read_table`.
    """
    from pyarrow import parquet

    kind = table.arrow.field(name).type
    stored = as_stored(name, kind)
    # a list's items are a column of their own
    coded = [name, f"{name}.list.element"] if stored != kind else []
    with _explained(path, table):
        rows = parquet.read_table(path, columns=[name], read_dictionary=coded)
        _check(rows)
        return rows[name].cast(stored)


def as_stored(name: str, kind: pa.DataType) -> pa.DataType:
    """Return the type in which a column is read alone.

    Texts that come often are there but once, in a dictionary.

    Args:
        name: of the column.
        kind: its type in the table.
    """
    if name in _NEVER_NULL:
        return kind
    if pa.types.is_list(kind) and pa.types.is_string(kind.value_type):
        return pa.list_(_CODED)
    return _CODED if pa.types.is_string(kind) else kind


@contextmanager
def _explained(path: Path, table: schema.Table) -> Iterator[None]:
    """Say in words what is wrong with a file, and read nothing that has no end."""
    try:
        refuse_pipes(path)
        yield
    except FileNotFoundError as error:
        raise LoadError(f"{path}: there is no such file: a table is missing") from error
    except OSError as error:
        reason = error.strerror or "its disk may fail"
        raise LoadError(f"{path}: it can't be read ({reason})") from error
    except (*_NOT_WRITTEN_BY_US, pa.ArrowException) as error:
        # its text may hold parts of the file
        raise LoadError(
            f"{path}: this is not mailtap's table {table.name!r}, or it is damaged: "
            "analyse the captures again"
        ) from error


def _check(rows: pa.Table) -> None:
    # Parquet may hold texts that are none
    rows.validate(full=True)
    if any(rows[name].null_count for name in rows.column_names if name in _NEVER_NULL):
        raise ValueError("a row without its session, or a session without its time")


def _of(columns: pa.Schema, names: Sequence[str]) -> pa.Schema:
    return pa.schema([columns.field(name) for name in names], columns.metadata)


def _read_parquet(path: Path, _: pa.Schema, names: Sequence[str]) -> pa.Table:
    from pyarrow import parquet

    return parquet.read_table(path, columns=list(names))


def _read_jsonl(path: Path, columns: pa.Schema, _: Sequence[str]) -> pa.Table:
    from pyarrow import json as arrow_json

    size = path.stat().st_size
    if not size:
        return columns.empty_table()
    return arrow_json.read_json(
        path,
        arrow_json.ReadOptions(block_size=min(size + 1, _LONGEST_LINE)),
        arrow_json.ParseOptions(columns, unexpected_field_behavior="error"),
    )


def _read_csv(path: Path, columns: pa.Schema, _: Sequence[str]) -> pa.Table:
    from pyarrow import csv

    as_text = {
        field.name: pa.string() if pa.types.is_list(field.type) else field.type
        for field in columns
    }
    cells = csv.read_csv(
        path,
        convert_options=csv.ConvertOptions(
            column_types=as_text,
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )
    return pa.table(
        [_from_csv(cells[field.name], field.type) for field in columns],
        names=columns.names,
    )


# they may return more columns than are wanted
READERS: Mapping[str, Callable[[Path, pa.Schema, Sequence[str]], pa.Table]] = {
    "csv": _read_csv,
    "jsonl": _read_jsonl,
    "parquet": _read_parquet,
}


def _from_csv(column: pa.ChunkedArray, kind: pa.DataType) -> Any:
    if pa.types.is_list(kind):
        values = [None if v is None else json.loads(v) for v in column.to_pylist()]
        return pa.array(values, kind)
    if pa.types.is_string(kind):
        return compute.replace_substring_regex(
            column, pattern=GUARDED_FORMULA, replacement=r"\1"
        )
    return column
