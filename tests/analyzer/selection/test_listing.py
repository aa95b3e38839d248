from __future__ import annotations

from typing import Any

import pytest

from analyzer.selection.listing import Listing, Order, list_sessions
from analyzer.selection.selection import Selection, where
from analyzer.selection.source import Loaded
from tests.support.analyses import analysis_of, rows_of
from tests.support.tables import sessions_of, with_sessions

OFFICE = Loaded(analysis_of("office").tables)


def listing_of(*rows: dict[str, Any], **options: Any) -> Listing:
    """A list of sessions that are made by hand."""
    source = Loaded(with_sessions(sessions_of(*rows)).tables)
    return list_sessions(source, Selection(), ["session_id"], **options)


def ids(listing: Listing) -> list[str]:
    found: list[str] = listing.rows["session_id"].to_pylist()
    return found


def test_chosen_sessions_are_listed_by_time() -> None:
    selection = where("service = 'pop3'")

    listing = list_sessions(OFFICE, selection, ["service", "session_id"])

    expected = [row for row in rows_of("office") if row["service"] == "pop3"]
    assert listing.rows.column_names == ["service", "session_id"]
    assert ids(listing) == [row["session_id"] for row in expected]
    assert (listing.chosen, listing.in_all) == (len(expected), 29)


def test_users_and_rules_choose_in_other_tables() -> None:
    by_user = list_sessions(
        OFFICE, Selection(users=("scanner@example.com",)), ["start"]
    )
    by_rule = list_sessions(
        OFFICE, Selection(findings=("password-guessing",)), ["start"]
    )

    assert 0 < by_user.chosen < 29
    assert 0 < by_rule.chosen < 29


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (None, "abcd"),
        (Order("duration_s"), "cbad"),
        (Order("duration_s", descending=True), "abcd"),
        (Order("auth_user"), "badc"),
        (Order("complete", descending=True), "bdac"),
        (Order("anomalies", descending=True), "dabc"),
        (Order("session_id", descending=True), "dcba"),
    ],
)
def test_sessions_are_sorted_nulls_last_and_what_is_alike_by_time(
    order: Order | None, expected: str
) -> None:
    rows: list[dict[str, Any]] = [
        {"duration_s": 3.0, "auth_user": "b", "complete": False, "anomalies": ["x"]},
        {"duration_s": 2.0, "auth_user": "a", "complete": True, "anomalies": ["y"]},
        {"duration_s": 1.0, "auth_user": None, "complete": None, "anomalies": []},
        {
            "duration_s": None,
            "auth_user": "b",
            "complete": True,
            "anomalies": ["x"] * 2,
        },
    ]
    named = [
        {"session_id": name, "start": 9, **row}
        for name, row in zip("abcd", rows, strict=True)
    ]

    # the order of rows is that of files, and not always that of time
    assert "".join(ids(listing_of(*reversed(named), order=order))) == expected


def test_no_more_than_the_limit_is_listed() -> None:
    listing = listing_of(*({"session_id": each} for each in "abc"), limit=2)

    assert ids(listing) == ["a", "b"]
    assert listing.chosen == 3


@pytest.mark.parametrize(
    ("known", "limit", "length"),
    [
        (["aaaabbbb", "aaaacccc"], None, 5),
        (["aaaabbbb", "aaaabbbc", "cccccccc"], 1, 8),
        (["aaaabbbb", "cccccccc", "cccccccd"], 1, 4),
        (["aaaabbbb"], None, 4),
        (["aaaabbbb", "aaaabbbb2"], None, 9),
        ([], None, 0),
    ],
)
def test_so_much_of_ids_is_shown_that_all_are_told_apart(
    known: list[str], limit: int | None, length: int
) -> None:
    listing = listing_of(*({"session_id": each} for each in known), limit=limit)

    assert listing.id_length == length
