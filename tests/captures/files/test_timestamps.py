from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from captures.files.timestamps import MAX_TIME_NS, MIN_TIME_NS, shift, to_nanoseconds

TICKS = [0, 1, 999, 10**9 + 7, 1_700_000_000_123_456_789, 2**63 - 1, 2**64 - 1]


@pytest.mark.parametrize("exponent", range(128))
@pytest.mark.parametrize("base", [2, 10])
def test_ticks_of_any_resolution_are_converted_exactly(
    base: int, exponent: int
) -> None:
    resolution = exponent | (0x80 if base == 2 else 0)
    exact = [Fraction(tick) * 10**9 / base**exponent for tick in TICKS]
    expected = [min(int(each), MAX_TIME_NS) for each in exact]
    found = to_nanoseconds(np.array(TICKS, np.uint64), resolution)
    assert found.tolist() == expected
    assert found.dtype == np.int64


def test_seconds_are_added_to_times() -> None:
    times = np.array([5, 5, 5], np.int64)
    offsets = np.array([0, 2, -2], np.int64)
    assert shift(times, offsets).tolist() == [5, 2_000_000_005, -1_999_999_995]


def test_time_out_of_range_becomes_the_nearest_one() -> None:
    times = np.array([MAX_TIME_NS, MAX_TIME_NS, 0, 0], np.int64)
    offsets = np.array([1, -1, 2**63 - 1, -(2**63)], np.int64)
    later, earlier, far, past = shift(times, offsets).tolist()
    assert later == MAX_TIME_NS
    assert earlier == MAX_TIME_NS - 10**9
    assert MAX_TIME_NS - 10**9 < far <= MAX_TIME_NS
    assert MIN_TIME_NS <= past < MIN_TIME_NS + 10**9
