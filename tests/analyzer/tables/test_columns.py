from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pyarrow as pa

from analyzer.tables.columns import as_arrow, nanoseconds, number

# as commands begin, where pyarrow is used long before pandas
_NULLS_OF_PANDAS = """
from analyzer.tables.builder import prepare_arrow
prepare_arrow()
import pandas as pd
from analyzer.tables.columns import as_arrow
print(as_arrow(pd.Series(["a", pd.NA, None], dtype="object")).to_pylist())
"""


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


def test_nulls_of_pandas_are_nulls_also_where_arrow_came_first() -> None:
    command = [sys.executable, "-c", _NULLS_OF_PANDAS]

    printed = subprocess.run(command, capture_output=True, text=True, check=True)

    assert printed.stdout == "['a', None, None]\n"
    assert as_arrow(pa.array(["a", None])).to_pylist() == ["a", None]
