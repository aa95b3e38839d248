from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dissectors.conversation.lines import LineBuffer, decode_text, split_words
from tests.support.playbook import every_split, split_bytes


def lines_of(pieces: list[bytes], limit: int = 100) -> list[bytes]:
    unread = LineBuffer(limit)
    lines = []
    for piece in pieces:
        unread.data += piece
        while (line := unread.take_line()) is not None:
            lines.append(line)
    return lines


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"a\r\nbc\r\n", [b"a", b"bc"]),
        (b"a\nb\r\n", [b"a", b"b"]),
        (b"\r\n\n", [b"", b""]),
        (b"a\rb\r\r\n", [b"a\rb\r"]),
        (b"a", []),
        (b"", []),
    ],
)
def test_line_ends_in_crlf_or_bare_lf(data: bytes, lines: list[bytes]) -> None:
    assert lines_of([data]) == lines
    assert lines_of(split_bytes(data)) == lines


def test_bare_lf_is_noted() -> None:
    unread = LineBuffer(100)
    unread.data += b"a\nb\r\n"
    unread.take_line()
    assert unread.bare_lf
    unread.take_line()
    assert not unread.bare_lf


@pytest.mark.parametrize("length", [99, 100, 101, 102, 250])
def test_overlong_line_is_cut_whatever_the_split(length: int) -> None:
    data = b"x" * length + b"\nshort\n"
    for pieces in every_split(data):
        assert lines_of(pieces) == [b"x" * min(length, 100), b"short"]


def test_overlong_line_is_counted_and_its_rest_is_skipped() -> None:
    unread = LineBuffer(10)
    unread.data += b"x" * 11
    assert unread.take_line() == b"x" * 10
    assert unread.overlong == 1
    assert unread.take_line() is None
    assert unread.take_unfinished_line() == b""
    unread.data += b"rest\r\nnext\r\n"
    assert unread.offset == 11


def test_offset_counts_all_that_was_taken() -> None:
    unread = LineBuffer(100)
    unread.data += b"ab\r\ncdef"
    unread.take_line()
    unread.take(1)
    assert (unread.offset, len(unread)) == (5, 3)
    assert unread.take_unfinished_line() == b"def"
    assert unread.offset == 8


@given(st.lists(st.binary(max_size=20), max_size=10), st.integers(1, 15))
def test_any_split_gives_the_same_lines(pieces: list[bytes], limit: int) -> None:
    assert lines_of(pieces, limit) == lines_of([b"".join(pieces)], limit)


def test_text_is_decoded_with_other_bytes_escaped() -> None:
    assert decode_text("grün".encode() + b"\xff", 100) == "grün\\xff"
    assert decode_text(b"abc", 2) == "ab"


def test_text_is_split_at_the_blanks_of_bytes() -> None:
    text = "A\u00a0B C\u2003D\tE \x85F"
    assert split_words(text) == [word.decode() for word in text.encode().split()]
