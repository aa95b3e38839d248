from __future__ import annotations

from analyzer.selection.mistake import ConditionError, Mistake, Span


def pointer(condition: str, start: int, end: int) -> tuple[str, str]:
    return ConditionError(condition, Mistake("wrong", Span(start, end))).pointer


def test_carets_stand_below_the_mistake() -> None:
    assert pointer("a = bc", 4, 6) == ("a = bc", "    ^^")


def test_end_of_a_condition_is_pointed_at() -> None:
    assert pointer("a =", 3, 3) == ("a =", "   ^")


def test_carets_know_how_wide_characters_are() -> None:
    assert pointer("'日本' = b", 7, 8) == ("'日本' = b", " " * 9 + "^")


def test_what_controls_a_terminal_is_escaped() -> None:
    shown, carets = pointer("\x1b[2J\n= b", 7, 8)

    assert shown == "\\x1b[2J = b"
    assert carets.index("^") == shown.rindex("b")


def test_only_what_is_around_is_shown() -> None:
    shown, carets = pointer("x" * 500 + "wrong" + "y" * 500, 500, 505)

    assert shown == "…" + "x" * 35 + "wrong" + "y" * 30 + "…"
    assert carets == " " * 36 + "^" * 5


def test_long_mistake_is_pointed_at_as_far_as_it_is_shown() -> None:
    shown, carets = pointer("wrong" * 100, 0, 500)

    assert shown == "wrong" * 14 + "…"
    assert carets == "^" * 70


def test_text_of_the_error_has_all_lines() -> None:
    assert str(ConditionError("a b", Mistake("no", Span(2, 3)))) == "no\na b\n  ^"
