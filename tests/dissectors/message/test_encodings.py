"""Transfer encodings, undone in pieces."""

from __future__ import annotations

import base64
import binascii
import hashlib
import quopri
import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dissectors.message import encodings as transfer
from dissectors.message.base64_text import decode_base64
from dissectors.message.encodings import content_for

if TYPE_CHECKING:
    from dissectors.message.content import Content


def decoded(encoding: bytes, data: bytes, size: int = 1) -> tuple[int, str]:
    return finished(content_for(encoding), data, size)


def finished(content: Content, data: bytes, size: int) -> tuple[int, str]:
    for start in range(0, len(data), size):
        content.update(data[start : start + size])
    content.finish()
    return content.size_bytes, content.sha256()


def of(plain: bytes) -> tuple[int, str]:
    return len(plain), hashlib.sha256(plain).hexdigest()


@pytest.mark.parametrize(
    "encoding",
    [b"", b"7bit", b"8BIT", b"8-bit", b"binary", b"x-unknown", b"(base64)", b"64base"],
)
def test_other_encodings_change_nothing(encoding: bytes) -> None:
    assert decoded(encoding, b"a=3D\r\n\xff") == of(b"a=3D\r\n\xff")


@pytest.mark.parametrize("size", [1, 3, 100])
@pytest.mark.parametrize("data", [b"QUJDQQ==QUI=QU=JD\r\nQ", b"QQ=", b"=QQ===QQ"])
def test_base64_is_the_same_in_pieces(data: bytes, size: int) -> None:
    assert decoded(b"BASE64 ", data, size) == of(decode_base64(data))


@pytest.mark.parametrize(
    "encoding",
    [
        b"base64 (a (nested \\) comment))",
        b"(before) base64",
        b'"base64"',
        b"Base64;",
        b"base64 ; charset=x",
        b"x-base64",
        b"base-64",
        b"BASE64 base64",
    ],
)
def test_mailer_writes_encoding_as_readers_understand_it(encoding: bytes) -> None:
    """RFC 2045 \u00a73 allows comments, the rest is what mailers send."""
    assert decoded(encoding, b"QUJD") == of(b"ABC")


@pytest.mark.parametrize("size", [1, 7, 100])
@pytest.mark.parametrize("encoding", [b"x-uuencode", b"UUENCODE", b"x-uue", b"uue"])
def test_mailer_declares_uuencode(encoding: bytes, size: int) -> None:
    encoded = b"".join(
        [b"begin 644 a.bin\n", binascii.b2a_uu(b"content"), b"`\nend\nsignature\n"]
    )
    content = content_for(encoding)
    assert finished(content, encoded, size) == of(b"content")
    assert content.name == "a.bin"
    cut = content_for(encoding)
    assert finished(cut, encoded[: encoded.index(b"`\nend")], size) == of(b"content")


def test_what_is_no_uuencode_stays_as_it_is() -> None:
    assert decoded(b"x-uuencode", b"begin without\nend") == of(b"begin without\nend")


@given(st.binary(max_size=300), st.integers(1, 100))
def test_base64_in_pieces(plain: bytes, size: int) -> None:
    assert decoded(b"base64", base64.encodebytes(plain), size) == of(plain)


@pytest.mark.parametrize(
    ("data", "plain"),
    [
        (b"a=3Db=C3=a4", b"a=b\xc3\xa4"),
        (b"one =\r\ntwo=\nthree", b"one twothree"),
        (b"a_b=zz=", b"a_b=zz"),
        (b"a\r\n", b"a\r\n"),
        (b"one = \t\r\ntwo \r\nthree \t\nfour  ", b"one two\r\nthree\nfour"),
    ],
)
def test_quoted_printable_with_oddities(data: bytes, plain: bytes) -> None:
    assert decoded(b"Quoted-Printable", data) == of(plain)


@given(st.binary(max_size=300), st.integers(1, 100))
def test_quoted_printable_in_pieces(plain: bytes, size: int) -> None:
    encoded = quopri.encodestring(plain)
    # what stands at the end of a line was added on the way
    expected = quopri.decodestring(re.sub(rb"[ \t]+(?=\r?\n|\Z)", b"", encoded))
    assert decoded(b"quoted-printable", encoded, size) == of(expected)


@given(
    st.text("=3D\r\na ", max_size=100).map(str.encode),
    st.integers(1, 50),
    st.integers(1, 50),
)
def test_quoted_printable_of_endless_lines(
    data: bytes, first: int, second: int
) -> None:
    longest = transfer._LONGEST_LINE
    transfer._LONGEST_LINE = 20
    try:
        assert decoded(b"quoted-printable", data, first) == decoded(
            b"quoted-printable", data, second
        )
    finally:
        transfer._LONGEST_LINE = longest


def test_escape_at_the_cut_of_an_endless_line_is_kept() -> None:
    longest = transfer._LONGEST_LINE
    for before in range(longest - 4, longest + 1):
        data = b"a" * before + b"=3D" + b"b" * 10
        assert decoded(b"quoted-printable", data, 1000) == of(
            b"a" * before + b"=" + b"b" * 10
        )


@pytest.mark.parametrize("size", [1, 5, 2000])
@pytest.mark.parametrize(
    ("data", "plain"),
    [
        (b"Subject: a\r\n\r\nbody", b"Subject: a\r\n\r\nbody"),
        (b"QUJD", b"ABC"),
        (b"QUJD" * 300 + b":", b"ABC" * 300),
    ],
)
def test_message_in_base64_may_be_in_plaintext(
    data: bytes, plain: bytes, size: int
) -> None:
    content = content_for(b"base64", is_message=True)
    assert finished(content, data, size) == of(plain)
