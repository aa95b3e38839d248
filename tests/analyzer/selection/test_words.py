from __future__ import annotations

import pytest

from analyzer.selection.mistake import Mistake
from analyzer.selection.words import Sort, split_words


def test_condition_is_split_into_words() -> None:
    words = split_words("a<=1.5e3 AND\n'it''s'<>B_2")

    told = [(word.sort, word.text) for word in words]
    assert told == [
        (Sort.NAME, "a"),
        (Sort.SIGN, "<="),
        (Sort.NUMBER, "1.5e3"),
        (Sort.NAME, "AND"),
        (Sort.TEXT, "it's"),
        (Sort.SIGN, "<>"),
        (Sort.NAME, "B_2"),
        (Sort.END, ""),
    ]
    assert [word.keyword for word in words[3:6]] == ["AND", "", "<>"]
    assert words[4].span == (13, 20)


@pytest.mark.parametrize(
    ("condition", "reason", "span"),
    [
        ("a = 'x", "this text has no end: a single quote is missing", (4, 6)),
        ("a == 1", "write =", (2, 4)),
        ("a && b", "write AND", (2, 3)),
        ("a || b", "write OR", (2, 3)),
        ('a = "x"', "texts stand in single quotes: 'like this'", (4, 5)),
        ("a ~ 'x'", "write LIKE, with % for any characters", (2, 3)),
        ("a -- b", "a condition has no comments", (2, 4)),
        ("a @ b", "this means nothing in a condition", (2, 3)),
        (
            "a" * 100_001,
            "a condition has at most 100,000 characters",
            (100_000, 100_001),
        ),
    ],
)
def test_what_is_no_word_is_explained(
    condition: str, reason: str, span: tuple[int, int]
) -> None:
    with pytest.raises(Mistake) as caught:
        split_words(condition)

    assert (caught.value.reason, caught.value.span) == (reason, span)
