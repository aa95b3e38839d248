from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dissectors.conversation.dotstuffing import MAX_DOUBTFUL_BYTES, StuffedText
from dissectors.conversation.lines import LineBuffer
from dissectors.smtp.grammar import SMUGGLED
from tests.support.playbook import every_split

PIECES = st.lists(
    st.sampled_from([b"\r", b"\n", b".", b"x", b"\r\n", b"\r\n.", b"\r\n..", b"\n."]),
    max_size=12,
)


def read_all(
    pieces: list[bytes], *, bare_lf: bool = False
) -> tuple[bytes, StuffedText, bytes]:
    """Returns the text, its reader, and the bytes behind it."""
    reader = StuffedText(bare_lf=bare_lf)
    unread = LineBuffer(100)
    text = b""
    for piece in pieces:
        unread.data += piece
        if not reader.ended:
            text += reader.read(unread)
    return text, reader, bytes(unread.data)


@pytest.mark.parametrize(
    ("data", "text", "rest"),
    [
        (b".\r\n", b"", b""),
        (b".\r\nQUIT\r\n", b"", b"QUIT\r\n"),
        (b"a\r\n.\r\nb", b"a\r\n", b"b"),
        (b"..a\r\n..\r\n...\r\n.\r\n", b".a\r\n.\r\n..\r\n", b""),
        (b".a\r\n.b\r\n.\r\n", b"a\r\nb\r\n", b""),
        (b"\r\n\r\n.\r\n", b"\r\n\r\n", b""),
        (b"a\n.b\r\n.\r\n", b"a\n.b\r\n", b""),
        (b"a\r.\r\n\r\n.\r\n", b"a\r.\r\n\r\n", b""),
    ],
)
def test_text_ends_with_lone_dot(data: bytes, text: bytes, rest: bytes) -> None:
    for pieces in [[data], *every_split(data)]:
        got, reader, left = read_all(pieces)
        assert (got, left) == (text, rest)
        assert reader.ended
        assert not reader.lookalike_seen


@pytest.mark.parametrize("end", [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r\n.\r\n"])
def test_bare_lf_text_ends_with_any_lone_dot(end: bytes) -> None:
    for pieces in every_split(b"a\n..b" + end + b"rest"):
        text, reader, rest = read_all(pieces, bare_lf=True)
        assert text == b"a\n.b" + end.partition(b".")[0]
        assert rest == b"rest"
        assert not reader.lookalike_seen


@pytest.mark.parametrize("lookalike", [b"\n.\n", b"\n.\r\n", b"\r\n.\n"])
def test_lookalike_is_text_if_the_true_end_comes(lookalike: bytes) -> None:
    for pieces in every_split(b"a" + lookalike + b"b\r\n.\r\n"):
        text, reader, rest = read_all(pieces)
        assert text == b"a" + lookalike.replace(b"\r\n.", b"\r\n") + b"b\r\n"
        assert reader.ended
        assert reader.lookalike_seen
        assert rest == b""


@pytest.mark.parametrize("lookalike", [b".\n", b"\n.\n", b"\n.\r\n", b"\r\n.\n"])
def test_lookalike_ends_text_if_the_owner_says_so(lookalike: bytes) -> None:
    reader, unread = StuffedText(), LineBuffer(100)
    unread.data += lookalike + b"QUIT"
    assert reader.read(unread) == b""
    assert reader.in_doubt
    assert reader.end_at_lookalike(unread) == lookalike.partition(b".")[0]
    assert reader.ended
    assert unread.data == b"QUIT"


@pytest.mark.parametrize("lookalike", [b"\n.\n", b"\n.\r\n", b"\r\n.\n"])
def test_command_behind_a_lookalike_is_found(lookalike: bytes) -> None:
    whole = b"a\n.\nb" + lookalike + b"RSET\r\nc\r\n.\r\n" + b"d\n.\nRSET\r\n"
    for pieces in [[whole], *every_split(whole)]:
        reader, unread = StuffedText(commands=SMUGGLED), LineBuffer(100)
        for frame, piece in enumerate(pieces):
            unread.data += piece
            unread.mark(unread.offset + len(unread.data), 0, frame)
            if not reader.ended:
                reader.read(unread)
        assert reader.command_place is not None
        assert reader.command_place.offset == len(b"a\n.\nb")


def test_command_behind_the_true_end_is_none_of_the_text() -> None:
    reader, unread = StuffedText(commands=SMUGGLED), LineBuffer(100)
    unread.data += b"a\n.\nb\r\n.\r\n\n.\nRSET\r\n"
    unread.mark(len(unread.data), 0, 0)
    reader.read(unread)
    assert reader.lookalike_seen
    assert reader.command_place is None


def test_true_end_overlaps_lookalike() -> None:
    text, reader, rest = read_all([b"a\n.\r\n.\r\nb"])
    assert (text, rest) == (b"a\n.\r\n", b"b")
    assert reader.ended


def test_doubt_has_a_limit() -> None:
    reader, unread = StuffedText(), LineBuffer(100)
    unread.data += b"a\n.\n" + b"x" * MAX_DOUBTFUL_BYTES
    assert len(reader.read(unread)) == MAX_DOUBTFUL_BYTES + 4
    assert not reader.in_doubt


def test_text_goes_on_behind_gap_inside_a_line() -> None:
    reader, unread = StuffedText(), LineBuffer(100)
    unread.data += b"a\r\n"
    assert reader.read(unread) + reader.cross_gap(unread) == b"a\r\n"
    unread.data += b".\r\nb\r\n.\r\n"
    assert reader.read(unread) == b".\r\nb\r\n"
    assert reader.ended


def test_text_that_is_joined_inside_a_line() -> None:
    unread = LineBuffer(100)
    unread.data += b".\r\n"
    reader = StuffedText(inside_line=True)
    assert reader.read(unread) == b"."
    assert not reader.ended


@given(PIECES, st.booleans())
def test_any_split_gives_the_same_text(pieces: list[bytes], bare_lf: bool) -> None:
    whole = b"".join(pieces) + b"\r\n.\r\n"
    text, reader, rest = read_all([whole], bare_lf=bare_lf)
    for split in every_split(whole):
        got, again, left = read_all(split, bare_lf=bare_lf)
        assert (got, left, again.lookalike_seen) == (text, rest, reader.lookalike_seen)
