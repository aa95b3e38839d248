from __future__ import annotations

import pandas as pd
import pyarrow as pa
import pytest

from analyzer.cli.lists import ListOutput


def numbers(sort: str | None) -> list[float]:
    """The numbers 2, 1, null and 3, arranged as was asked."""
    rows = pd.DataFrame({"n": [2, 1, None, 3]})
    arranged = ListOutput(sort, None, None, None).arrange(rows)
    return [float(each) for each in arranged["n"].fillna(0)]


@pytest.mark.parametrize(
    ("sort", "expected"),
    [(None, [2, 1, 0, 3]), ("n", [1, 2, 3, 0]), ("-n", [3, 2, 1, 0])],
)
def test_rows_are_sorted_by_a_column_nulls_last(
    sort: str | None, expected: list[float]
) -> None:
    assert numbers(sort) == expected


def test_rows_are_sorted_by_how_many_items_lists_have() -> None:
    kind = pd.ArrowDtype(pa.list_(pa.string()))
    rows = pd.DataFrame({"n": pd.Series([["a", "b"], [], None, ["c"]], dtype=kind)})

    arranged = ListOutput("-n", None, None, None).arrange(rows)

    assert list(arranged.index) == [0, 3, 1, 2]
