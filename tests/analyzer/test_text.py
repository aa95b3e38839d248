from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.text import UNSAFE, as_line, escape_controls, pluralize, some_of


def test_controls_are_escaped() -> None:
    assert escape_controls("\x1b[31m\x07") == r"\x1b[31m\x07"
    assert escape_controls("\x9b31m\x7f") == r"\x9b31m\x7f"


def test_reply_of_several_lines_is_shown_in_one() -> None:
    assert as_line("451 busy\ncome back\x1b[2J") == "451 busy come back\\x1b[2J"


def test_what_changes_the_direction_of_text_is_escaped() -> None:
    assert escape_controls("\u202egnp.exe") == r"\u202egnp.exe"
    assert escape_controls("\u2066x\u2069\u200f") == r"\u2066x\u2069\u200f"


def test_text_of_all_languages_is_left_alone() -> None:
    text = "Übersicht, отчёт, 概要, שלום, 📧"

    assert escape_controls(text) == text


@given(st.text(st.characters(codec=None)))
def test_nothing_unsafe_is_left(text: str) -> None:
    escaped = escape_controls(text)

    assert not UNSAFE.search(escaped)
    assert not any(unicodedata.category(each) in ("Cc", "Cs") for each in escaped)
    escaped.encode("utf-8")


@pytest.mark.parametrize(
    ("count", "expected"), [(0, "0 clients"), (1, "1 client"), (1_200, "1,200 clients")]
)
def test_things_are_counted_in_words(count: int, expected: str) -> None:
    assert pluralize(count, "client") == expected


def test_few_are_named_and_the_rest_counted() -> None:
    assert some_of(["a", "b", "c"]) == "a, b, c"
    assert some_of([*"abcde"]) == "a, b, c (and 2 more)"
    assert some_of(["a"] * 2000, most=1) == "a (and 1,999 more)"
