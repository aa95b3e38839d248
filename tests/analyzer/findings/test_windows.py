from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from analyzer.findings.windows import Windows

DAY = 86_400


def times(*seconds: float) -> pd.Series[Any]:
    stamps = pd.to_datetime(pd.Series(seconds, dtype="float64"), unit="s", utc=True)
    return stamps.astype(pd.ArrowDtype(pa.timestamp("ns", "UTC")))


def test_window_holds_what_is_not_longer_ago() -> None:
    windows = Windows(times(0, 5, 10, 10.5, 40), 10, np.zeros(5, np.int64))

    assert windows.count().tolist() == [1, 2, 3, 3, 1]


def test_events_in_any_order_are_counted_where_they_were_given() -> None:
    windows = Windows(times(10, 0, 40, 5), 10, np.zeros(4, np.int64))

    assert windows.count().tolist() == [3, 1, 1, 2]


def test_sources_are_counted_apart() -> None:
    source = pd.Series(["a", "b", "a", "b", "b"])
    windows = Windows(times(1, 2, 3, 4, 5), 10, source)

    assert windows.count().tolist() == [1, 1, 2, 2, 3]


def test_only_chosen_events_count() -> None:
    windows = Windows(times(1, 2, 3), 10, np.zeros(3, np.int64))

    assert windows.count(np.array([True, False, True])).tolist() == [1, 1, 2]


def test_value_counts_once_in_each_window() -> None:
    windows = Windows(times(0, 1, 2, 9, 12), 10, np.zeros(5, np.int64))
    values = pd.Series(["x", "y", "x", "z", "x"])

    assert windows.count_distinct(values).tolist() == [1, 2, 2, 3, 2]


def test_window_is_full_from_its_first_event_to_its_last() -> None:
    windows = Windows(times(0, 20, 25, 30, 90), 10, np.zeros(5, np.int64))

    reached = windows.reach(windows.count() >= 3)

    assert reached.tolist() == [False, True, True, True, False]


def test_windows_agree_with_those_counted_one_by_one() -> None:
    generator = np.random.default_rng(1)
    seconds = generator.integers(0, 300, 400)
    sources = generator.integers(0, 5, 400)
    values = generator.integers(0, 12, 400)
    windows = Windows(times(*seconds), 20, sources)
    order = np.lexsort((seconds, sources))
    distinct, count = np.empty(400, int), np.empty(400, int)
    for place, here in enumerate(order):
        inside = [
            each
            for each in order[: place + 1]
            if sources[each] == sources[here] and seconds[here] - seconds[each] <= 20
        ]
        count[here] = len(inside)
        distinct[here] = len({values[each] for each in inside})

    assert windows.count().tolist() == count.tolist()
    assert windows.count_distinct(values).tolist() == distinct.tolist()


def test_times_of_all_ages_are_told_apart() -> None:
    ages = times(0, 4_000_000_000, 4_000_000_001)
    for seconds in (DAY, 1e30):
        windows = Windows(ages, seconds, np.zeros(3, np.int64))
        assert windows.count()[-1] >= 2


def test_nothing_has_no_windows() -> None:
    windows = Windows(times(), 10, np.zeros(0, np.int64))

    assert len(windows.count()) == len(windows.reach(np.zeros(0, bool))) == 0
    assert len(windows.count_distinct(np.zeros(0, np.int64))) == 0
