from __future__ import annotations

import pytest

from analyzer.findings.rule import unit_of


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("window_s", "seconds"),
        ("seconds", "seconds"),
        ("urgent_days", "days"),
        ("bytes_per_s", "bytes per second"),
        ("share", "share"),
        ("failures", "count"),
        ("tries", "count"),
    ],
)
def test_unit_of_a_threshold_is_in_its_name(name: str, unit: str) -> None:
    assert unit_of(name) == unit
