"""Fragments and literals."""

from __future__ import annotations

import pytest

from dissectors.conversation.lines import LineBuffer
from dissectors.conversation.literals import (
    FragmentReader,
    KeptLiteral,
    Literal,
    find_literal,
)


@pytest.mark.parametrize(
    ("fragment", "literal"),
    [
        (b"a LOGIN {4}", Literal(8, 4, synchronizing=True)),
        (b"a LOGIN {4+}", Literal(8, 4, synchronizing=False)),
        (b"a LOGIN {4-}", Literal(8, 4, synchronizing=False)),
        (b"* 1 FETCH (BINARY[] ~{0}", Literal(20, 0, synchronizing=True)),
        (b"{7}", Literal(0, 7, synchronizing=True)),
        (b"~{7}", Literal(0, 7, synchronizing=True)),
        (b"a {1} {2}", Literal(6, 2, synchronizing=True)),
    ],
)
def test_literal_is_found_at_the_end(fragment: bytes, literal: Literal) -> None:
    assert find_literal(fragment) == literal


@pytest.mark.parametrize(
    "fragment",
    [
        b"",
        b"}",
        b"a NOOP",
        b"a SEARCH {4} TO",
        b"a SEARCH {}",
        b"a SEARCH {+}",
        b"a SEARCH {-4}",
        b"a SEARCH { 4}",
        b"a SEARCH {4++}",
        b"a SEARCH 4}",
        # more digits than number64 has
        b"a SEARCH {18446744073709551616}",
    ],
)
def test_fragment_without_literal(fragment: bytes) -> None:
    assert find_literal(fragment) is None


def make_reader(data: bytes = b"") -> tuple[LineBuffer, FragmentReader]:
    buffer = LineBuffer(1000)
    buffer.data += data
    return buffer, FragmentReader(buffer)


def announce(reader: FragmentReader, size: int) -> KeptLiteral:
    sink = KeptLiteral()
    reader.expect_literal(Literal(0, size, synchronizing=True), sink)
    return sink


def test_literal_that_looks_like_a_command_is_no_fragment() -> None:
    _, reader = make_reader(b"a1 NOOP\r\nrest\r\na2 NOOP\r\n")
    sink = announce(reader, 9)
    assert reader.take_fragment() == b"rest"
    assert reader.take_fragment() == b"a2 NOOP"
    assert sink.data == b"a1 NOOP\r\n"
    assert sink.complete


def test_literal_arrives_byte_by_byte() -> None:
    buffer, reader = make_reader()
    sink = announce(reader, 4)
    fragments = []
    for byte in b"\r\n{}x\r\n":
        buffer.data.append(byte)
        fragments.append(reader.take_fragment())
    assert fragments == [None] * 6 + [b"x"]
    assert sink.data == b"\r\n{}"


def test_empty_literal_ends_at_once() -> None:
    _, reader = make_reader()
    assert announce(reader, 0).complete
    assert not reader.in_literal


def test_literal_without_sink_is_dropped() -> None:
    buffer, reader = make_reader(b"secret\r\n")
    reader.expect_literal(Literal(0, 6, synchronizing=True), None)
    assert reader.take_fragment() == b""
    assert buffer.offset == 8


def test_gap_inside_a_literal_keeps_the_place() -> None:
    buffer, reader = make_reader(b"ab")
    sink = announce(reader, 6)
    assert reader.take_fragment() is None
    assert reader.skip_gap(3)
    buffer.data += b"f next\r\n"
    assert reader.take_fragment() == b" next"
    assert not sink.complete


def test_gap_up_to_the_end_of_a_literal_keeps_the_place() -> None:
    buffer, reader = make_reader()
    sink = announce(reader, 3)
    assert reader.skip_gap(3)
    buffer.data += b"next\r\n"
    assert reader.take_fragment() == b"next"
    assert not sink.complete


def test_gap_beyond_a_literal_loses_the_place() -> None:
    buffer, reader = make_reader(b"ab")
    sink = announce(reader, 6)
    reader.take_fragment()
    assert not reader.skip_gap(5)
    buffer.data += b"next\r\n"
    assert reader.take_fragment() == b"next"
    assert not sink.complete


def test_gap_in_a_fragment_drops_what_was_before_it() -> None:
    buffer, reader = make_reader(b"a LOG")
    assert reader.take_fragment() is None
    assert not reader.skip_gap(1)
    assert not buffer.data


def test_untouched_literal_is_withdrawn() -> None:
    buffer, reader = make_reader()
    sink = announce(reader, 6)
    assert reader.is_untouched
    reader.withdraw_literal()
    buffer.data += b"a2 NOOP\r\n"
    assert reader.take_fragment() == b"a2 NOOP"
    assert not sink.data


def test_literal_of_which_a_byte_came_is_touched() -> None:
    buffer, reader = make_reader()
    announce(reader, 6)
    buffer.data += b"x"
    assert not reader.is_untouched
    reader.take_fragment()
    assert not reader.is_untouched


def test_abandoned_literal_is_incomplete() -> None:
    buffer, reader = make_reader(b"abc")
    sink = announce(reader, 6)
    reader.take_fragment()
    reader.abandon()
    assert sink.data == b"abc"
    assert not sink.complete
    assert not reader.in_literal
    assert not buffer.data


def test_gap_in_a_literal_without_sink_keeps_the_place() -> None:
    buffer, reader = make_reader()
    reader.expect_literal(Literal(0, 6, synchronizing=True), None)
    assert reader.skip_gap(4)
    buffer.data += b"efnext\r\n"
    assert reader.take_fragment() == b"next"
