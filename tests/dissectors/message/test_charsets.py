"""Charsets by the names that mailers give them."""

from __future__ import annotations

import pytest

from dissectors.message.charsets import decode_charset, decode_unlabelled


@pytest.mark.parametrize(
    ("charset", "data", "text"),
    [
        (b"utf-8", b"\xc3\xa4", "ä"),
        (b"UTF8", b"\xc3\xa4", "ä"),
        (b"ISO-8859-1", b"\xe4", "ä"),
        (b"iso-8859-15", b"\xa4", "€"),
        (b"windows-1252", b"\x80", "€"),
        (b"gb2312", b"\xb2\xe2\xca\xd4", "测试"),
        (b"GBK", b"\x81\x40", "丂"),
        (b"big5", b"\xb4\xfa", "測"),
        (b"shift_jis", b"\x93\xfa", "日"),
        (b"iso-2022-jp", b"\x1b$BF|\x1b(B", "日"),
        (b"euc-kr", b"\xb0\xa1", "가"),
        (b"ks_c_5601-1987", b"\xb0\xa1", "가"),
        (b"koi8-r", b"\xc4", "д"),
        (b"koi8-u", b"\xa4", "є"),
        (b"windows-1251", b"\xe4", "д"),
        (b"tis-620", b"\xa1", "ก"),
        (b"utf-7", b"+AOQ-", "ä"),
    ],
)
def test_charset_is_known(charset: bytes, data: bytes, text: str) -> None:
    assert decode_charset(data, charset) == text


@pytest.mark.parametrize(
    ("charset", "data", "text"),
    [
        (b"gb2312", "镕".encode("gb18030"), "镕"),
        (b"shift_jis", "①".encode("cp932"), "①"),
        (b"iso-8859-1", b"\x93quoted\x94", "“quoted”"),
        (b"euc-kr", "똠".encode("cp949"), "똠"),
    ],
)
def test_charset_is_taken_for_its_superset(
    charset: bytes, data: bytes, text: str
) -> None:
    assert decode_charset(data, charset) == text


def test_invalid_bytes_are_replaced() -> None:
    assert decode_charset(b"a\xffb", b"utf-8") == "a\ufffdb"


@pytest.mark.parametrize(
    "charset",
    [b"", b"x-unknown", b"\xff", b"punycode", b"idna", b"unicode_escape", b"rot13"],
)
@pytest.mark.parametrize(("data", "text"), [(b"\xc3\xa4", "ä"), (b"\xe4", "ä")])
def test_unknown_charset_is_like_none(charset: bytes, data: bytes, text: str) -> None:
    assert decode_charset(data, charset) == text


def test_ascii_with_eight_bits_is_like_no_charset() -> None:
    assert decode_charset(b"\xc3\xa4", b"us-ascii") == "ä"
    assert decode_unlabelled(b"plain") == "plain"
