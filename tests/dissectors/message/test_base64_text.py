"""Base64 as mail readers decode it."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dissectors.message.base64_text import (
    count_base64,
    decode_base64,
    decode_quanta,
    decode_rest,
)


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


@given(st.text("QUJD==\r\n", max_size=60).map(str.encode), st.integers(1, 9))
def test_pieces_give_the_same(data: bytes, size: int) -> None:
    decoded, rest = b"", b""
    for start in range(0, len(data), size):
        piece, rest = decode_quanta(rest + data[start : start + size])
        decoded += piece
        assert len(rest) < 4
    assert decoded + decode_rest(rest) == decode_base64(data)


@given(st.lists(st.binary(max_size=9)))
def test_what_was_encoded_in_pieces_is_decoded(pieces: list[bytes]) -> None:
    encoded = b"\r\n".join([base64.b64encode(each) for each in pieces])
    assert decode_base64(encoded) == b"".join(pieces)


def test_only_base64_is_counted() -> None:
    assert count_base64(b"QU I=\r\n-") == 4
