"""Encoded words: the examples of RFC 2047, and what mailers really send."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dissectors.message import decode_words


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        # RFC 2047 §8
        (b"=?ISO-8859-1?Q?a?=", "a"),
        (b"=?ISO-8859-1?Q?a?= b", "a b"),
        (b"=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=", "ab"),
        (b"=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=", "ab"),
        (b"=?ISO-8859-1?Q?a_b?=", "a b"),
        (b"=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=", "a b"),
        (b"=?US-ASCII?Q?Keith_Moore?= <moore@example.com>", None),
        (b"=?ISO-8859-1?Q?Andr=E9?= Pirard", "André Pirard"),
        (
            b"=?ISO-8859-1?B?SWYgeW91IHJlYWQgdGhpcyB5bw==?= =?ISO-8859-2?B?dQ==?=",
            "If you read this you",
        ),
        # RFC 2231 §5
        (b"=?US-ASCII*EN?Q?Keith_Moore?=", "Keith Moore"),
    ],
)
def test_examples(raw: bytes, text: str | None) -> None:
    assert decode_words(raw) == (text or "Keith Moore <moore@example.com>")


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"", ""),
        (b"plain text", "plain text"),
        (b"raw \xc3\xa4", "raw ä"),
        (b"raw \xe4", "raw ä"),
        (b"=?utf-8?q?a?==?utf-8?q?b?=", "ab"),
        (b"=?utf-8?q??=", ""),
        (b"=?utf-8?q?a?= =?utf-8?q??= =?utf-8?b?Yg==?=", "ab"),
        (b"=?utf-8?q?=C3?= =?utf-8?q?=A4?=", "ä"),
        (b"=?utf-8?b?w6?= =?utf-8?b?Q=?=", "\u00e4"),
        (b"=?utf-8?b?YQ?= =?utf-8?b?Yg==?=", "ab"),
        (
            b"=?utf-8?b?w6?= =?utf-8?b?Q?= =?utf-8?q?=C3?= =?utf-8?b?pA==?=",
            "\ufffd\u00e4",
        ),
        (b"=?utf-8?q?What??=", "What?"),
        (b"=?utf-8?q?Who?What?= x", "Who?What x"),
        (b'"=?utf-8?q?a?=" <a@x>', '"a" <a@x>'),
        (b"x=?utf-8?q?a?=y", "xay"),
        (b'=?"utf-8"?q?=C3=A4?=', "\u00e4"),
        (b"=?utf-8?q?=C3?= =?iso-8859-1?q?=A4?=", "\ufffd¤"),
        (b"=?utf-8?q?two words?=", "two words"),
        (b"=?utf-8?q?a?=\tx", "a\tx"),
        (b"Re: =?utf-8?q?a?=", "Re: a"),
        (b"=?utf-8?b?Y Q?=", "a"),
        (b"=?utf-8?b?YQ===?=", "a"),
        (b"=?utf-8?q?=zz=?=", "=zz"),
        (b"=?utf-8?x?a?=", "=?utf-8?x?a?="),
        (b"=?utf-8?q?a", "=?utf-8?q?a"),
        (b"=?=?utf-8?q?a?=", "=?a"),
    ],
)
def test_what_mailers_send(raw: bytes, text: str) -> None:
    assert decode_words(raw) == text


@given(st.binary() | st.text("=?abqQB_utf-8 \t*", max_size=200).map(str.encode))
def test_anything_can_be_decoded(raw: bytes) -> None:
    assert isinstance(decode_words(raw), str)
