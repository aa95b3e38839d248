"""Columns of tables as arrays: in one piece, as flags, as times, as numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa

if TYPE_CHECKING:
    import numpy.typing as npt

    Numbers = npt.NDArray[np.int64]


def whole(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """Return a column in one piece, without a copy if it is one."""
    if isinstance(column, pa.Array):
        return column
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def plain(column: pa.Array) -> pa.Array:
    """Return a column whose texts are written out, if it is a dictionary."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return column.dictionary_decode()
    if pa.types.is_list(kind) and pa.types.is_dictionary(kind.value_type):
        return column.cast(pa.list_(kind.value_type.value_type))
    return column


def as_arrow(values: Any) -> pa.Array:
    """Return a series, or what else holds values, as an array in one piece."""
    dtype = getattr(values, "dtype", None)
    if isinstance(dtype, np.dtype) and dtype.hasobject:
        # Arrow knows the null of pandas only if pandas was imported before
        values = np.where(pd.isna(values), None, values)
    array = pa.array(values, from_pandas=True)
    return whole(array)


def nanoseconds(times: pd.Series[Any]) -> pd.Series[int]:
    """Return times as numbers: clocks may be wrong by more than times can differ."""
    return times.astype("int64[pyarrow]").fillna(0).astype("int64")


def is_true(flags: pd.Series[Any]) -> npt.NDArray[np.bool_]:
    """Return flags as an array in which null is false."""
    return flags.fillna(value=False).to_numpy(dtype=bool)


def number(*columns: pd.Series[Any] | npt.NDArray[Any]) -> Numbers:
    """Give rows the same number if they are alike in all columns; null is a value."""
    first, *others = columns
    numbers = _codes(first)
    for column in others:
        codes = _codes(column)
        numbers = _codes(numbers * (int(codes.max(initial=0)) + 1) + codes)
    return numbers


def _codes(values: pd.Series[Any] | npt.NDArray[Any]) -> Numbers:
    return pd.factorize(values)[0].astype(np.int64) + 1
