"""What a table is: its name, what a row is, its columns, and how rows become one."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa

from analyzer.tables.builder import RowBuilder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

TEXT = pa.string()
TEXTS = pa.list_(pa.string())
COUNT = pa.int64()
SECONDS = pa.float64()
TIME = pa.timestamp("ns", tz="UTC")
FLAG = pa.bool_()
PORT = pa.uint16()
CODE = pa.int16()
CODES = pa.list_(CODE)
VLAN = pa.int32()


class Builder(Protocol):
    """Collects what a table is made of."""

    def extend(self, items: Iterable[Any]) -> None:
        """Add what a session adds to this table."""

    def finish(self) -> pa.Table:
        """Return all rows so far."""


class Columns(Protocol):
    """The columns of a table, of Arrow or where else they come from."""

    @property
    def column_names(self) -> list[str]:
        """Names of all columns."""

    def __len__(self) -> int:
        """Count the rows."""

    def __getitem__(self, name: str) -> pa.ChunkedArray:
        """Return a column."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name, Arrow type and meaning; units are in the name.

    Attributes:
        values: all that it may hold beside null, where that is a fixed list.
    """

    name: str
    type: pa.DataType
    meaning: str
    values: tuple[str, ...] = ()

    @property
    def terms(self) -> str:
        """What a program that reads it relies upon."""
        return " ".join([self.name, str(self.type), *sorted(self.values)])


@dataclass(frozen=True, slots=True)
class Table:
    """One table.

    Attributes:
        name: its name, also that of its files.
        row: what a row is.
        columns: in order.
        builder: makes what collects its rows, which have these columns; by default,
            rows come as tuples.
        merge: how tables of several parts become one, where rows are of more than one
            session; by default, each row is of one session (`session_id`), and comes
            in the order of the sessions.
        arrow: its Arrow schema.
        version: what changes with the name, the type or the values of a column.
    """

    name: str
    row: str
    columns: tuple[Column, ...]
    builder: Callable[[pa.Schema], Builder] = RowBuilder
    merge: Callable[[Sequence[pa.Table]], pa.Table] | None = None

    arrow: pa.Schema = field(init=False, compare=False, repr=False)
    version: str = field(init=False, compare=False)

    def __post_init__(self) -> None:
        version = version_of(column.terms for column in self.columns)
        fields = [pa.field(column.name, column.type) for column in self.columns]
        arrow = pa.schema(fields, metadata={"mailtap_schema": version})
        # it is frozen, and these are what its columns say
        object.__setattr__(self, "version", version)
        object.__setattr__(self, "arrow", arrow)


def as_rows(table: pa.Table) -> list[dict[str, Any]]:
    """Return the rows of a table, times in nanoseconds since 1970."""
    for at, column in enumerate(table.schema):
        if column.type == TIME:
            numbers = table[column.name].cast(pa.int64())
            table = table.set_column(at, column.name, numbers)
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


def version_of(parts: Iterable[str]) -> str:
    """Return what changes with any of these."""
    return sha256("\n".join(parts).encode()).hexdigest()[:12]
