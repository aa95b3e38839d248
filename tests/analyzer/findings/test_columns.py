from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa

from analyzer.findings.columns import nanoseconds, number


def test_rows_are_numbered_alike_in_all_columns() -> None:
    first = pd.Series(["a", "a", None, None], dtype="string[pyarrow]")
    second = np.array([1, 2, 1, 1])

    numbers = number(first, second)

    assert len(set(numbers.tolist())) == 3
    assert numbers[2] == numbers[3]


def test_times_that_are_centuries_apart_can_be_compared() -> None:
    extremes = [-(2**63) + 1, 2**63 - 1, None]
    times = pd.Series(extremes, dtype=pd.ArrowDtype(pa.timestamp("ns", "UTC")))

    first, last, unknown = nanoseconds(times) / 1e9

    assert last - first > 500 * 365 * 86_400
    assert unknown == 0
