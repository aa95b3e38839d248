"""Comments in header fields."""

from __future__ import annotations

import pytest

from dissectors.message.comments import without_comments


@pytest.mark.parametrize(
    ("body", "rest"),
    [
        (b"a", b"a"),
        (b"a (b) c", b"a  c"),
        (b"(a (b) c)d", b"d"),
        (b"a(\\)) b", b"a b"),
        (b"a (b", b"a "),
        (b"a) b", b"a) b"),
    ],
)
def test_comments_are_removed(body: bytes, rest: bytes) -> None:
    assert without_comments(body) == rest
