"""Charsets by the names that mailers give them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dissectors.message.charsets import _CODECS, decode_charset, decode_unlabelled
from tests.support.encoding_labels import WHATWG_LABELS


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
        (b"iso-2022-jp", b"\x1b$B-!F|-j|b\x1b(B a", "①日㈱髙 a"),
        (b"iso-2022-jp", b"\x1b$B-~\x1b(B\xff", "\ufffd\ufffd"),
        (b"euc-jp", b"\xad\xa1\xc6\xfc\xad\xeaa\xff", "①日㈱a\ufffd"),
    ],
)
def test_charset_is_taken_for_its_superset(
    charset: bytes, data: bytes, text: str
) -> None:
    assert decode_charset(data, charset) == text


# the codecs that Python has for what browsers call by another name
CODECS = {
    "iso-8859-8-i": "iso8859-8",
    "x-mac-cyrillic": "mac-cyrillic",
    "macintosh": "mac-roman",
    "windows-874": "cp874",
    "gbk": "gb18030",
    "big5": "cp950",
    "shift_jis": "cp932",
    "euc-kr": "cp949",
    "iso-2022-jp": "iso2022-jp-ext",
}
SAMPLE = (
    "a\u20ac\u05d0\u0436\u03b1\u0e01\u65e5\uac00\u00e4\u00f0\u0141\u0126\u1e02\u012e"
)


@pytest.mark.parametrize("name", WHATWG_LABELS)
def test_labels_of_browsers_are_known(name: str) -> None:
    codec = CODECS.get(name, name)
    # Hong Kong's extension has other signs than Microsoft's
    sample = "\u65e5" if name == "big5" else SAMPLE
    data = sample.encode(codec, "ignore")
    for label in WHATWG_LABELS[name].split():
        assert decode_charset(data, label.encode()) == data.decode(codec), label


@pytest.mark.parametrize(
    ("charset", "data", "text"),
    [
        (b"ISO_8859-1:1987", b"\xe4", "\u00e4"),
        (b"ISO-8859-8-I", b"\xf9\xec\xe5\xed", "\u05e9\u05dc\u05d5\u05dd"),
        (b"csISO88598E", b"\xf9", "\u05e9"),
        (b'"iso-8859-5"', b"\xd6", "\u0436"),
        (b"iso8859_7", b"\xe1", "\u03b1"),
        (b"ISO 8859-2", b"\xa3", "\u0141"),
        (b"x-windows-949", b"\xb0\xa1", "\uac00"),
        (b"cp-850", b"\x84", "\u00e4"),
        (b"IBM00858", b"\xd5", "\u20ac"),
        (b"hz-gb-2312", b"~{<:~}", "\u5df1"),
        (b"iso-2022-kr", b"\x1b$)C\x0e0!\x0f", "\uac00"),
        (b"UNICODE-1-1-UTF-8", b"\xc3\xa4", "\u00e4"),
        (b"unicode-1-1-utf-7", b"+AOQ-", "\u00e4"),
        (b"iso-8859-1", b"\x81", "\x81"),
    ],
)
def test_names_are_compared_by_letters_and_digits(
    charset: bytes, data: bytes, text: str
) -> None:
    """UTS #22 \u00a71.4."""
    assert decode_charset(data, charset) == text


def test_invalid_bytes_are_replaced() -> None:
    assert decode_charset(b"a\xffb", b"utf-8") == "a\ufffdb"


@pytest.mark.parametrize(
    ("data", "text"),
    [(b"+2AA-", "\ufffd"), (b"a+3AA-b", "a\ufffdb"), (b"+2D3eAA-", "\U0001f600")],
)
def test_half_characters_of_utf_7_are_replaced(data: bytes, text: str) -> None:
    assert decode_charset(data, b"utf-7") == text


@given(st.sampled_from(sorted(_CODECS)), st.binary(max_size=20))
def test_what_is_decoded_can_be_written(charset: str, data: bytes) -> None:
    decode_charset(data, charset.encode()).encode()


@pytest.mark.parametrize(
    "charset",
    [b"", b"x-unknown", b"\xff", b"punycode", b"idna", b"unicode_escape", b"rot13"],
)
@pytest.mark.parametrize(("data", "text"), [(b"\xc3\xa4", "ä"), (b"\xe4", "ä")])
def test_unknown_charset_is_like_none(charset: bytes, data: bytes, text: str) -> None:
    assert decode_charset(data, charset) == text


def test_ascii_with_eight_bits_is_like_no_charset() -> None:
    assert decode_charset(b"\xc3\xa4", b"us-ascii") == "ä"
    assert decode_charset(b"\x93a\x94", b"us-ascii") == "\u201ca\u201d"
    assert decode_unlabelled(b"plain") == "plain"
    assert decode_unlabelled(b"\x80\x81\xff") == "\u20ac\x81\xff"
