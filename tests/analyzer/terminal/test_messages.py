from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pytest

from analyzer import reports
from analyzer.terminal.messages import (
    print_attachments,
    print_journeys,
    print_messages,
)
from tests.support.analyses import analysis_of, rows_of
from tests.support.hostile import ATTACKS, with_attacks
from tests.support.terminal import plain, printed

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

OFFICE = analysis_of("office")
LISTS: dict[str, tuple[Callable[[pd.DataFrame, Console, int], None], pd.DataFrame]] = {
    "messages": (
        print_messages,
        reports.message_list(OFFICE.messages, OFFICE.sessions),
    ),
    "journeys": (
        print_journeys,
        reports.journeys(OFFICE.messages, OFFICE.sessions),
    ),
    "attachments": (print_attachments, reports.attachment_list(OFFICE.messages)),
}


def shown(
    name: str,
    width: int | None = None,
    limit: int = 100,
    rows: pd.DataFrame | None = None,
) -> str:
    """A list as it is printed, without colours."""
    show, of_office = LISTS[name]
    whole = of_office if rows is None else rows
    return plain(printed(lambda console: show(whole, console, limit), width))


@pytest.mark.parametrize("width", [80, 100, 140, 200])
@pytest.mark.parametrize("name", LISTS)
def test_lists_fit_on_terminals_with_ids_and_hashes_whole(
    name: str, width: int
) -> None:
    text = shown(name, width)

    assert max(map(len, text.splitlines())) <= width
    assert "\N{HORIZONTAL ELLIPSIS}" not in text
    if name != "attachments":
        sessions = {row["session_id"] for row in rows_of("office", "messages")}
        assert sessions <= set(text.split())
    elif width == 200:
        assert set(LISTS[name][1]["sha256"]) <= set(text.split())


@pytest.mark.parametrize("name", LISTS)
def test_pipe_gets_a_line_for_each_row(name: str) -> None:
    _, rows = LISTS[name]
    # a title and up to two lines of headings
    assert len(rows) < len(shown(name).splitlines()) <= len(rows) + 4


def test_hashes_are_whole_in_a_pipe() -> None:
    hashes = set(LISTS["attachments"][1]["sha256"])

    assert hashes <= set(shown("attachments").split())


@pytest.mark.parametrize("name", LISTS)
def test_what_is_left_out_is_told(name: str) -> None:
    _, rows = LISTS[name]

    text = shown(name, limit=2)

    left_out = len(rows) - 2
    assert f"and {left_out} more: --limit shows as many as you ask for" in text


def test_ids_are_told_once_for_all_transfers_of_a_message() -> None:
    text = shown("journeys")

    _, rows = LISTS["journeys"]
    scan = rows["message_id"] == "<scan0002.c0ffee@scanner.example.com>"
    assert scan.sum() == 2
    assert text.count("<scan0002.c0ffee@scanner.example.com>") == 1
    assert " 1.22 s  retrieved " in text


def test_messages_without_an_id_say_so() -> None:
    _, rows = LISTS["journeys"]
    nameless = rows.head(3).assign(message_id=pd.Series([None] * 3, dtype="object"))

    text = shown("journeys", rows=nameless)

    assert "3 transfers without a Message-ID: nothing tells what of" in text
    assert text.count("none") == 3


def test_clocks_that_differ_are_told_in_place_of_a_delay() -> None:
    _, rows = LISTS["journeys"]
    two = rows.head(2).assign(clocks_differ=[False, True], capture=["a", "b"])

    text = shown("journeys", rows=two)

    assert text.count("  clocks differ  ") == 1
    assert "clocks differ: over before the hop that it must come after" in text
    assert "delays between captures are only as right as their clocks" in text


def test_files_of_which_some_is_missing_say_so() -> None:
    _, rows = LISTS["attachments"]

    text = shown("attachments", rows=rows.head(1).assign(sha256=None))

    assert "1 file without SHA-256: some of the content is missing" in text


def test_messages_that_are_not_whole_are_counted() -> None:
    _, rows = LISTS["messages"]

    text = shown("messages", rows=rows.assign(incomplete=True))

    assert f"{len(rows)} messages not captured, or not sent, to the end" in text


def test_hostile_text_takes_over_no_terminal() -> None:
    hostile = with_attacks(OFFICE)
    messages = hostile.messages
    rows = {
        "messages": reports.message_list(messages, hostile.sessions),
        "journeys": reports.journeys(messages, hostile.sessions),
        "attachments": LISTS["attachments"][1].assign(
            name=list(ATTACKS[-7:])[: len(LISTS["attachments"][1])]
        ),
    }
    for name, attacked in rows.items():
        for width in (None, 80):
            text = shown(name, width, rows=attacked)

            assert not {"\x1b", "\x07", "\u202e", "\u2028", "\u2066"} & set(text)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("messages", "No messages"),
        ("journeys", "No journeys of messages"),
        ("attachments", "No attachments"),
    ],
)
def test_there_is_nothing_to_list(name: str, words: str) -> None:
    _, rows = LISTS[name]

    assert shown(name, rows=rows.head(0)).startswith(words)
