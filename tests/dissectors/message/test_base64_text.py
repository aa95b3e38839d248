"""Base64 as mail readers decode it."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dissectors.message import base64_text
from dissectors.message.base64_text import Base64Decoder, count_base64, decode_base64


@pytest.mark.parametrize(
    ("data", "plain"),
    [
        (b"", b""),
        (b"QUJD", b"ABC"),
        (b"QUI=", b"AB"),
        (b"QQ==", b"A"),
        (b"QUI", b"AB"),
        (b"QQ", b"A"),
        (b"QUJDQ", b"ABC"),
        (b"QU\r\nJ\tD!\0\xff-_", b"ABC"),
        (b"QQ==\r\nQUJD", b"AABC"),
        (b"QQ==QUI=QUJD\r\nQQ==", b"AABABCA"),
        (b"QQ=====QUJD", b"AABC"),
        (b"QU=JD", b"ABC"),
        (b"QUJD=QUJD", b"ABCABC"),
        (b"Q=Q=", b"A"),
        (b"==QUJD", b"ABC"),
        (b"Q U = =", b"A"),
    ],
)
def test_oddities_are_survived(data: bytes, plain: bytes) -> None:
    assert decode_base64(data) == plain


@pytest.mark.parametrize(
    "after",
    [
        b"_______________\r\nOur list\r\n",
        b"--wrong--\r\nQUJD",
        b"-- \r\nsignature",
        b"\r\n\r\nFooter: text",
        b"footer without a line end!",
    ],
)
def test_data_ends_behind_padding_where_something_else_begins(after: bytes) -> None:
    assert decode_base64(b"QUJD\r\nQQ==\r\n" + after) == b"ABCA"
    assert decode_base64(b"QUJD\r\nQQ==\r\nQUJD\r\n" + after) == b"ABCAABC"


@given(st.text("QUJD==\r\n!", max_size=60).map(str.encode), st.integers(1, 9))
def test_pieces_give_the_same(data: bytes, size: int) -> None:
    patched = pytest.MonkeyPatch()
    try:
        patched.setattr(base64_text, "_LONGEST_LINE", 7)
        decoder = Base64Decoder()
        pieces = [data[start : start + size] for start in range(0, len(data), size)]
        decoded = b"".join(map(decoder.decode, pieces)) + decoder.finish()
        assert decoded == decode_base64(data)
    finally:
        patched.undo()


@given(st.lists(st.binary(max_size=9)))
def test_what_was_encoded_in_pieces_is_decoded(pieces: list[bytes]) -> None:
    encoded = b"\r\n".join([base64.b64encode(each) for each in pieces])
    assert decode_base64(encoded) == b"".join(pieces)


def test_only_base64_is_counted() -> None:
    assert count_base64(b"QU I=\r\n-") == 4
