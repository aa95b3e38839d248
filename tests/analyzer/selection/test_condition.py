"""Conditions give what SQL gives, whatever they are, and do nothing else."""

from __future__ import annotations

import sqlite3
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.selection import condition
from analyzer.selection.condition import Condition
from analyzer.selection.mistake import ConditionError
from analyzer.tables.schema import SESSIONS
from analyzer.text import UNSAFE
from tests.support.analyses import analysis_of

COLUMNS = {
    "service": ["imap", "smtp", "pop3", None, "imaps", "IMAP", "", "it's"],
    "auth_user": ["eva", None, "Eva", "imap", "100%", "a_b", "", None],
    "duration_s": [0.0, 1.5, None, -2.0, 5.0, 1e9, 0.25, 3.0],
    "client_bytes": [0, 1, 2, None, 2**40, 5, 7, 100],
    "server_port": [25, 143, 993, 110, None, 0, 65535, 587],
    "complete": [True, False, None, True, False, True, None, True],
}
ROWS = pa.table(
    {
        name: pa.array(of, SESSIONS.arrow.field(name).type)
        for name, of in COLUMNS.items()
    }
)
OFFICE = analysis_of("office").tables["sessions"]

TEXTS = ("service", "auth_user", "lower(service)", "upper(auth_user)")
NUMBERS = ("duration_s", "client_bytes", "server_port", "length(service)")
SIGNS = ("=", "<>", "!=", "<", "<=", ">", ">=")
text_values = st.sampled_from(["imap", "Eva", "", "it''s", "a", "%"]).map("'{}'".format)
number_values = st.sampled_from(["0", "-1", "1.5", "2", "143", "1e3", ".25"])
patterns = st.sampled_from(["'i%'", "'%a%'", "'_map'", "'%'", "''", "'E_a'"])
texts = st.sampled_from(TEXTS) | text_values
numbers = st.recursive(
    st.sampled_from(NUMBERS) | number_values,
    lambda inner: st.tuples(inner, st.sampled_from("+-*"), inner).map(
        lambda parts: f"({' '.join(parts)})"
    ),
    max_leaves=3,
)


def relations(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.tuples(values, st.sampled_from(SIGNS), values).map(" ".join),
        st.tuples(values, values, values).map(
            "{0[0]} between {0[1]} and {0[2]}".format
        ),
    )


flags = st.recursive(
    st.one_of(
        relations(texts),
        relations(numbers),
        st.tuples(st.sampled_from(TEXTS), patterns).map(" like ".join),
        st.tuples(st.sampled_from(TEXTS), patterns).map(" not like ".join),
        st.tuples(texts, text_values, text_values).map(
            "{0[0]} in ({0[1]}, {0[2]})".format
        ),
        st.tuples(st.sampled_from(NUMBERS), number_values, number_values).map(
            "{0[0]} not in ({0[1]}, {0[2]})".format
        ),
        st.sampled_from((*TEXTS, *NUMBERS)).map("{} is null".format),
        st.sampled_from(NUMBERS).map("{} is not null".format),
        st.sampled_from(["complete", "complete = true", "complete <> false", "TRUE"]),
    ),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(("and", "OR")), inner).map(" ".join),
        inner.map("not {}".format),
        inner.map("({})".format),
    ),
    max_leaves=6,
)


def chosen(written: str, rows: pa.Table = ROWS) -> list[bool]:
    flags: list[bool] = Condition(written, SESSIONS).of(rows).to_pylist()
    return flags


@pytest.fixture(scope="module")
def database() -> sqlite3.Connection:
    database = sqlite3.connect(":memory:", check_same_thread=False)
    database.execute("pragma case_sensitive_like = on")
    database.execute(f"create table sessions ({', '.join(COLUMNS)})")
    marks = ", ".join("?" * len(COLUMNS))
    rows = zip(*COLUMNS.values(), strict=True)
    database.executemany(f"insert into sessions values ({marks})", rows)
    return database


@given(written=flags)
def test_condition_chooses_what_sql_chooses(
    database: sqlite3.Connection, written: str
) -> None:
    query = f"select coalesce(({written}), 0) from sessions"
    expected = [bool(flag) for (flag,) in database.execute(query)]

    assert chosen(written) == expected


WORDS = """
service duration_s anomalies start client_ip complete and or not in is null like
between interval true ( ) , = <> < > <<= + - * / 'x' '1d' '192.0.2.0/24' 5 1.5
length lower hour contains ; -- " $1 ? [ ] { } \\ \x00 \u202e ä 😀 select
"""
words = st.sampled_from(WORDS.split())


@given(written=st.lists(words, max_size=20).map(" ".join) | st.text())
def test_whatever_is_written_is_answered_or_explained(written: str) -> None:
    told: list[bool] | tuple[str, str]
    try:
        told = chosen(written, OFFICE)
    except ConditionError as error:
        told = error.pointer

    if isinstance(told, list):
        assert len(told) == len(OFFICE)
    else:
        assert UNSAFE.search(told[0]) is None
        assert set(told[1].strip()) == {"^"}


def test_condition_is_the_same_over_rows_in_many_blocks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    expected = chosen("duration_s > 1 and auth_user is null")
    monkeypatch.setattr(condition, "_BATCH_ROWS", 3)

    flags = chosen("duration_s > 1 and auth_user is null", pa.concat_tables([ROWS] * 2))

    assert flags == expected * 2


def test_condition_over_no_rows_chooses_none() -> None:
    nothing = SESSIONS.arrow.empty_table()

    for written in ("complete", "1 = 1", "'x' in anomalies", "client_ip <<= '::/0'"):
        assert chosen(written, nothing) == []


@pytest.mark.parametrize("column", SESSIONS.columns, ids=lambda column: column.name)
def test_every_column_can_be_asked_for(column: Any) -> None:
    missing = chosen(f"{column.name} is null", OFFICE)

    assert missing == [value is None for value in OFFICE[column.name].to_pylist()]


def test_condition_says_which_columns_it_needs() -> None:
    said = "SERVICE = 'imap' and (duration_s > 5 or complete)"

    asked = Condition(said, SESSIONS)

    assert asked.columns == {"service", "duration_s", "complete"}
    assert str(asked) == asked.text == said
    assert str(Condition(said, SESSIONS, "imap")) == "imap"
