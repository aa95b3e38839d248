from __future__ import annotations

import pytest

from analyzer.dialogue.chosen import SessionChoiceError, find_session

KNOWN = ["aa11", "aa22", "bb11"]


@pytest.mark.parametrize(("beginning", "chosen"), [("bb11", "bb11"), ("B", "bb11")])
def test_beginning_that_only_one_session_has_is_enough(
    beginning: str, chosen: str
) -> None:
    assert find_session(KNOWN, beginning) == chosen


def test_whole_id_is_meant_even_if_a_longer_one_begins_like_it() -> None:
    assert find_session(["aa", "aa1"], "aa") == "aa"


@pytest.mark.parametrize(
    ("beginning", "message"),
    [
        ("aa", "2 sessions begin with aa: aa11, aa22"),
        ("bb12", "there is no session 'bb12': did you mean bb11?"),
        ("", "there is no session ''"),
    ],
)
def test_what_is_not_clear_is_refused_with_what_there_is(
    beginning: str, message: str
) -> None:
    with pytest.raises(SessionChoiceError) as told:
        find_session(KNOWN, beginning)

    assert str(told.value) == message


def test_many_are_counted() -> None:
    with pytest.raises(SessionChoiceError, match="a4 and 5 more"):
        find_session([f"a{number}" for number in range(10)], "a")


def test_without_sessions_there_is_none() -> None:
    with pytest.raises(SessionChoiceError, match="there is no session"):
        find_session([], "a")
