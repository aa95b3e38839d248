"""What a row holds, by name, is what the schema says."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import pytest

import analyzer
from analyzer.sessions import (
    connection_columns,
    detail_rows,
    dialogue_columns,
    security_columns,
    session_row,
)
from analyzer.sessions.columns import GROUPS, columns_of, nulls_of
from analyzer.tables import schema
from tests.support.analyses import CAPTURES

if TYPE_CHECKING:
    from collections.abc import Callable

    from analyzer.sessions.columns import Row

MODULES = (
    connection_columns,
    detail_rows,
    dialogue_columns,
    security_columns,
    session_row,
)
# with and without TLS, certificates, logins, messages and failures
VARIED = [
    name
    for name in CAPTURES
    if name.startswith(("imap-starttls", "pop3-", "smtp-", "tls-"))
]


def names(table: schema.Table) -> tuple[str, ...]:
    return tuple(column.name for column in table.columns)


def test_row_of_a_session_has_the_columns_of_the_schema(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # each group gives the names of its values in their place
    for group in GROUPS:
        if hasattr(session_row, group.__name__):
            given = functools.partial(columns_of, group)
            monkeypatch.setattr(session_row, group.__name__, lambda *_, of=given: of())
    monkeypatch.setattr(session_row, "cause", lambda *_: None)
    nobody: Any = None

    row = session_row.session_row("session_id", nobody, nobody, (), nobody)

    assert row == names(schema.SESSIONS)


@pytest.mark.parametrize(
    ("make", "table"),
    [
        (detail_rows.message_row, schema.MESSAGES),
        (detail_rows.exchange_row, schema.EXCHANGES),
        (detail_rows.anomaly_row, schema.ANOMALIES),
    ],
)
def test_row_of_a_detail_has_the_columns_of_the_schema(
    make: Callable[..., Row], table: schema.Table
) -> None:
    assert columns_of(make) == names(table)


def test_every_group_gives_a_value_for_each_of_its_columns(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    called = set()

    def held(group: Callable[..., Row]) -> Callable[..., Row]:
        def make(*args: Any) -> Row:
            called.add(group)
            values = group(*args)
            assert len(values) == len(GROUPS[group]), group.__name__
            return values

        return make

    for module in MODULES:
        for group in GROUPS:
            if hasattr(module, group.__name__):
                monkeypatch.setattr(module, group.__name__, held(group))

    for name in VARIED:
        analyzer.analyze(CAPTURES[name], processes=1)

    assert called == set(GROUPS)


def test_a_group_with_nothing_to_tell_is_null() -> None:
    assert nulls_of(detail_rows.anomaly_row) == (None,) * 8
