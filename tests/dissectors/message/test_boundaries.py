"""Delimiter lines, among lines that look like them."""

from __future__ import annotations

import pytest

from dissectors.message.boundaries import Boundaries, DelimiterLine

OPEN = Boundaries([None, b"ab", None, b"abc"])


@pytest.mark.parametrize(
    ("buffer", "line"),
    [
        (b"x\n--ab\r\n", DelimiterLine(2, 8, 1, is_closing=False)),
        (b"x\n--abc\n", DelimiterLine(2, 8, 3, is_closing=False)),
        (b"\n--abx\n--ab-- \t\n", DelimiterLine(7, 16, 1, is_closing=True)),
        (b"\n--ab-\n--a\n ab\n", None),
        (b"\n--ab", None),
        (b"--ab\n", None),
    ],
)
def test_first_delimiter_line_is_found(
    buffer: bytes, line: DelimiterLine | None
) -> None:
    assert OPEN.find(bytearray(buffer), 0, len(buffer), at_end=False) == line


def test_last_line_needs_no_end() -> None:
    buffer = bytearray(b"\n--ab--")
    line = DelimiterLine(1, 7, 1, is_closing=True)
    assert OPEN.find(buffer, 0, len(buffer), at_end=True) == line


def test_innermost_level_counts_where_a_boundary_is_used_twice() -> None:
    found = Boundaries([b"a", b"a"]).find(bytearray(b"\n--a\n"), 0, 6, at_end=True)
    assert found is not None
    assert found.level == 1


def test_without_multiparts_there_are_none() -> None:
    assert not Boundaries([None])
