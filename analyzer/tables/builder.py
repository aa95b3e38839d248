"""Rows to Arrow tables, a block at a time."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Iterable

# Rows become columns after this many: Python objects are large, columns are not.
_BLOCK_ROWS = 512


class _NoPandas:
    """An import finder (`sys.meta_path`) that says that there is no pandas."""

    @staticmethod
    def find_spec(name: str, *_: object) -> None:
        if name == "pandas":
            raise ModuleNotFoundError("pandas is not needed yet", name=name)


def prepare_arrow() -> None:
    """Make pyarrow take less time and memory in a process of our own.

    It gives back what is no longer used, which other allocators keep: most tables are
    small blocks that are put together once. And it imports pandas for DataFrames only.
    """
    pa.set_memory_pool(pa.system_memory_pool())
    _defer_pandas()


def _defer_pandas() -> None:
    """Make pyarrow import pandas for DataFrames only, not for every array.

    The first `pyarrow.array` of a process imports pandas, to tell Series from other
    input, and takes a quarter of a second for it. If pandas is missing at that
    moment, pyarrow looks again when it is asked for a DataFrame. Until then,
    pyarrow does not know a Series when it sees one.
    """
    if "pandas" in sys.modules:
        return
    sys.meta_path.insert(0, _NoPandas)
    try:
        pa.array([0])
    finally:
        sys.meta_path.remove(_NoPandas)


def import_pandas() -> None:
    """Import pandas, and make pyarrow know its Series from now on."""
    pa.table({}).to_pandas()


class RowBuilder:
    """Collects rows, given in the order of a table's columns."""

    def __init__(self, arrow: pa.Schema) -> None:
        self._arrow = arrow
        self._rows: list[tuple[Any, ...]] = []
        self._blocks: list[pa.RecordBatch] = []

    def extend(self, rows: Iterable[tuple[Any, ...]]) -> None:
        """Add rows."""
        self._rows += rows
        if len(self._rows) >= _BLOCK_ROWS:
            self._close_block()

    def finish(self) -> pa.Table:
        """Return all rows so far."""
        self._close_block()
        return pa.Table.from_batches(self._blocks, schema=self._arrow)

    def _close_block(self) -> None:
        if not self._rows:
            return
        columns = zip(*self._rows, strict=True)
        arrays = [
            pa.array(column, type=field.type)
            for column, field in zip(columns, self._arrow, strict=True)
        ]
        self._blocks.append(pa.RecordBatch.from_arrays(arrays, schema=self._arrow))
        self._rows = []
