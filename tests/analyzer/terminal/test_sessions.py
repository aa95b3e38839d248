from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from analyzer.selection.listing import list_sessions
from analyzer.selection.selection import Selection, where
from analyzer.selection.source import Loaded
from analyzer.tables.schema import SESSIONS
from analyzer.terminal.sessions import COLUMNS, print_sessions
from tests.support.analyses import analysis_of
from tests.support.hostile import with_attacks
from tests.support.terminal import plain, printed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analyzer import Analysis

OFFICE = analysis_of("office")


def shown(
    columns: Sequence[str] = COLUMNS,
    width: int | None = None,
    *,
    condition: str = "1 = 1",
    limit: int | None = None,
    analysis: Analysis = OFFICE,
    in_all: int | None = None,
) -> str:
    """Sessions as they are printed, without colours."""
    source = Loaded(analysis.tables)
    listing = list_sessions(source, where(condition), columns, limit=limit)
    return plain(
        printed(lambda console: print_sessions(listing, console, in_all), width)
    )


@pytest.mark.parametrize("width", [80, 100, 140, 200])
def test_list_fits_the_terminal_and_keeps_what_names_a_session(width: int) -> None:
    lines = shown(width=width).splitlines()

    assert max(map(len, lines)) <= width
    assert lines[0].strip() == "29 sessions"
    first = OFFICE.sessions.iloc[0]
    (row,) = (line for line in lines if line.startswith(first["session_id"][:4]))
    assert first["service"] in row
    assert first["protection"] in row


@pytest.mark.parametrize("width", [80, 140])
def test_columns_that_were_asked_for_take_several_lines(width: int) -> None:
    columns = ("session_id", "start", "banner", "capabilities", "last_error")

    text = shown(columns, width, condition="service = 'submission'")

    assert max(map(len, text.splitlines())) <= width
    assert "\N{HORIZONTAL ELLIPSIS}" not in text
    for word in ("session", "CHUNKING", "535"):
        assert word in text


def test_values_are_formatted() -> None:
    columns = ("server_port", "start", "duration_s", "complete", "anomalies", "vlan")

    text = shown(columns, limit=1)

    row = text.splitlines()[-2].split()
    assert row == ["993", "2026-11-23", "15:26:37", "20", "s", "yes", "-", "-"]
    assert text.endswith("and 28 more: --limit shows as many as you ask for\n")


def test_choice_is_told() -> None:
    assert shown(in_all=29, condition="service = 'pop3'").startswith("5 of 29 sessions")
    assert shown(in_all=29, condition="1 = 2") == "0 of 29 sessions\n"
    assert shown(condition="1 = 2") == "0 sessions\n"


def test_every_column_can_be_shown() -> None:
    for column in SESSIONS.arrow.names:
        assert len(shown((column,)).splitlines()) >= 30


def test_what_attackers_wrote_does_nothing() -> None:
    hostile = with_attacks(OFFICE)
    listing = list_sessions(Loaded(hostile.tables), Selection(), SESSIONS.arrow.names)

    text = printed(lambda console: print_sessions(listing, console, None), 200)

    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", plain(text))
