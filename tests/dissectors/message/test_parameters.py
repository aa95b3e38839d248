"""Parameters: the examples of RFC 2231, and what mailers really send."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dissectors.message.parameters import ParameterizedField


def test_value_is_in_lower_case() -> None:
    assert ParameterizedField(b" Text/Plain ; charset=x").value == b"text/plain"
    assert ParameterizedField(b"").value == b""


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b"text / plain; charset=x", b"text/plain"),
        (b"(a) text/plain (b (c)); x=y", b"text/plain"),
        (b'"text/plain"', b"text/plain"),
        (b"attachment (comment)", b"attachment"),
        (b"attachment filename=x", b"attachment"),
        (b"two words/plain", b"two"),
    ],
)
def test_value_may_have_comments_blanks_and_quotes(body: bytes, value: bytes) -> None:
    assert ParameterizedField(body).value == value


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (b"x; name=plain.txt", "plain.txt"),
        (b'x;NAME="quoted; name.txt"', "quoted; name.txt"),
        (b"x; name = spaced.txt ; y=z", "spaced.txt"),
        (b"x; name=two words.txt", "two words.txt"),
        (b'x; name="a\\"b\\\\c"', 'a"b\\c'),
        (b'x; name="C:\\temp\\a.txt"', "C:\\temp\\a.txt"),
        (b'x; name="not closed', "not closed"),
        (b"x; name=first; name=second", "first"),
        (b'x; y="; name=no"; name=yes', "yes"),
        (b"x;;;; ; name=a", "a"),
        (b"x; name=", ""),
        (b'x; name=""', ""),
        (b'x; name="\xc3\xa4.txt"', "ä.txt"),
        (b'x; name="=?utf-8?q?=C3=A4?=.txt"', "ä.txt"),
        (b'x; name="=?utf-8?q?a?= =?utf-8?q?b?="', "ab"),
        (b"x; y=z", None),
        (b"x; name", None),
        # RFC 2231 §3
        (b'x; name*0="ftp://";\t name*1="example.com/pub"', "ftp://example.com/pub"),
        # RFC 2231 §4
        (b"x; name*=us-ascii'en-us'This%20is%20%2A%2A%2Afun", "This is ***fun"),
        # RFC 2231 §4.1
        (
            b"x; name*0*=us-ascii'en'This%20is;name*1*=%20%2A%2A%20;name*2=\"isn't\"",
            "This is ** isn't",
        ),
        (b"x; name*=utf-8''%C3%A4; name=fallback", "ä"),
        (b"x; name*1=b; name*0=a; name*3=d", "ab"),
        (b"x; name*0*=utf-8''%C3; name*1*=%A4", "ä"),
        (b"x; name*=unknown''%E4", "ä"),
        (b"x; name*=''%C3%A4", "ä"),
        (b"x; name*=no%20charset", "no charset"),
        (b"x; name*=utf-8''%zz%4", "%zz%4"),
        (b'x; name*0="=?utf-8?q?a?="; name*1=b', "ab"),
        (b"x; name*=utf-8''\"a%20b\"", "a b"),
        (b"x; name*=\"utf-8''a%20b\"", "a b"),
        (b"x name=a; y=z", "a"),
        (b"x (c); name=a", "a"),
    ],
)
def test_parameter_is_decoded(body: bytes, name: str | None) -> None:
    assert ParameterizedField(body).text(b"name") == name


def test_parameter_for_machines() -> None:
    assert ParameterizedField(b"x; boundary=a").raw(b"boundary") == b"a"
    assert (
        ParameterizedField(b"x; boundary*0=a; boundary*1=b").raw(b"boundary") == b"ab"
    )
    assert ParameterizedField(b"x").raw(b"boundary") == b""
    assert ParameterizedField(b"x; boundary=a (b)").raw(b"boundary") == b"a"
    assert ParameterizedField(b'x; boundary="a (b)"').raw(b"boundary") == b"a (b)"


@given(st.binary() | st.text("x;=\"\\*01'% na", max_size=200).map(str.encode))
def test_anything_can_be_read(body: bytes) -> None:
    name = ParameterizedField(body).text(b"n")
    assert name is None or isinstance(name, str)
