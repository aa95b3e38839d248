from __future__ import annotations

import io
from typing import Any

import pandas as pd
import pytest
from rich.console import Console

from analyzer.terminal.format import (
    as_duration,
    as_share,
    as_size,
    as_span,
    as_table,
    fit_output,
)

ROWS = pd.DataFrame(
    {
        "server_ip": ["192.0.2.10", "192.0.2.11"],
        "server_port": [10_143, 25],
        "sessions": [12_345, 1],
        "used_tls": [True, False],
        "auth_user": [None, "x" * 50],
        "first_seen": pd.to_datetime(["2026-11-23T15:26:39.9Z"] * 2),
        "verdict": ["word " * 12, "short"],
    }
)


def shown(width: int | None, rows: pd.DataFrame = ROWS, **options: Any) -> list[str]:
    file = io.StringIO()
    console = Console(
        file=file, width=width, force_terminal=width is not None, color_system=None
    )
    fit_output(console)
    console.print(as_table("Title", rows, console.width, **options))
    return [line.rstrip() for line in file.getvalue().splitlines()]


def test_cells_are_written_for_people() -> None:
    title, *heading, first, second = shown(None)

    assert title == "Title"
    assert [line.split() for line in heading] == [
        ["also"],
        ["server", "port", "sessions", "TLS", "user", "first", "seen", "verdict"],
    ]
    words = ["192.0.2.10", "10143", "12,345", "yes", "-", "2026-11-23", "15:26:39"]
    assert first.split() == words + ["word"] * 12
    assert second.split()[3:5] == ["no", "x" * 39 + "…"]


def test_narrow_terminal_does_without_columns_that_are_optional() -> None:
    optional = ("no_such_column", "first_seen", "auth_user", "sessions")

    lines = shown(64, optional=optional)

    assert max(map(len, lines)) <= 64
    text = "\n".join(lines)
    assert "first seen" not in text
    assert "user" not in text
    # what fits is kept, and only a verdict is folded
    assert "12,345" in text
    assert "192.0.2.10" in text
    assert text.count("word") == 12
    assert "…" not in text


def test_long_tables_end_in_a_count() -> None:
    rows = pd.DataFrame({"user": ["somebody"] * 1_012, "sessions": range(1_012)})

    lines = shown(80, rows, limit=12)

    assert lines[-1] == "and 1,000 more"
    assert len(lines) == 15


def test_cells_may_have_styles() -> None:
    styles = {"verdict": ["red", "green"]}

    table = as_table("Title", ROWS, 200, styles=styles)

    *_, verdicts = table.columns
    assert [cell.style for cell in verdicts.cells] == ["red", "green"]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("share", "expected"),
    [(0, "0%"), (0.001, "1%"), (0.5, "50%"), (0.999, "99%"), (1, "100%")],
)
def test_share_is_nothing_or_all_only_if_it_is(share: float, expected: str) -> None:
    assert as_share(share) == expected


@pytest.mark.parametrize(
    ("count", "expected"),
    [(0, "0 B"), (999, "999 B"), (1_500, "1.5 kB"), (10**13, "10.0 TB")],
)
def test_size_has_the_unit_that_suits_it(count: int, expected: str) -> None:
    assert as_size(count) == expected


def test_span_says_nothing_twice() -> None:
    first = pd.Timestamp("2026-11-23 23:59:58.5", tz="UTC")

    assert as_span(first, first) == "2026-11-23 23:59:58 UTC"
    assert as_span(first, first + pd.Timedelta("1s")) == (
        "2026-11-23 23:59:58 to 23:59:59 UTC"
    )
    assert as_span(first, first + pd.Timedelta("2s")) == (
        "2026-11-23 23:59:58 to 2026-11-24 00:00:00 UTC"
    )


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 \N{MICRO SIGN}s"),
        (0.00042, "420 \N{MICRO SIGN}s"),
        (0.0009999, "1 ms"),
        (0.0125, "12.5 ms"),
        (0.9999, "1 s"),
        (13.757, "13.8 s"),
        (1740, "29.0 min"),
    ],
)
def test_duration_has_the_unit_that_suits_it(seconds: float, text: str) -> None:
    assert as_duration(seconds) == text
