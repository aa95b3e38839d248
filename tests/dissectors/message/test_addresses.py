"""Address lists, with groups and what is obsolete (RFC 5322 §3.4 and §4.4)."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dissectors.message.addresses import split_addresses, without_groups
from dissectors.message.words import decode_words


@pytest.mark.parametrize(
    ("body", "addresses"),
    [
        (b"a@example.com,b@example.com", ["a@example.com", "b@example.com"]),
        (b'"Doe, John" <j@example.com>', ['"Doe, John" <j@example.com>']),
        (b'"a\\", b" <j@example.com>, c', ['"a\\", b" <j@example.com>', "c"]),
        (
            b"j@example.com (Doe (x, y), John), b",
            ["j@example.com (Doe (x, y), John)", "b"],
        ),
        (
            b"<@a.example.com,@b.example.com:c@d>",
            ["<@a.example.com,@b.example.com:c@d>"],
        ),
        (b", ,a,", ["a"]),
        (b'"not closed, a', ['"not closed, a']),
        (b"=?utf-8?q?=C3=A4=2C?= <a@b>, c", ["ä, <a@b>", "c"]),
        (b"", []),
        # RFC 5322 §3.4: group
        (b"undisclosed-recipients:;", []),
        (b"Undisclosed recipients: ;", []),
        (b"undisclosed-recipients: (hidden);", []),
        (b"(list suppressed)", []),
        (b'Team: a@x, "B, b" <b@x>;, c@x', ["a@x", '"B, b" <b@x>', "c@x"]),
        (b'"The: team": a@x;', ["a@x"]),
        (b"=?utf-8?q?T=C3=A4m?=: a@x;", ["a@x"]),
        (b"a: ; b: ; c@x", ["c@x"]),
        (b"a@x; b@x", ["a@x", "b@x"]),
        (b"Team: a@x", ["a@x"]),
        # §4.4: empty members, routes; RFC 5321 §4.1.3: literals
        (b"Team: , a@x, ,;", ["a@x"]),
        (b"a@[IPv6:2001:db8::1], b", ["a@[IPv6:2001:db8::1]", "b"]),
        (b"[Team: x] <a@x>, b", ["[Team: x] <a@x>", "b"]),
        (b"=?utf-8?q?Doe,_J;?= <a@b>, c", ["Doe, J; <a@b>", "c"]),
        (b'"=?utf-8?q?Doe=2C_J?=" <a@b>', ['"Doe, J" <a@b>']),
        (b"a (one (two) three, four) @ b , c", ["a (one (two) three, four) @ b", "c"]),
    ],
)
def test_address_list_is_split(body: bytes, addresses: list[str]) -> None:
    assert [decode_words(each) for each in split_addresses(body)] == addresses


@pytest.mark.parametrize(
    ("body", "rest"),
    [
        (b"Team: a@x, b@x;", b"a@x, b@x"),
        (b'"A: B" <a@x>', b'"A: B" <a@x>'),
        (b"a@x ,  b@x", b"a@x ,  b@x"),
        (b"nobody:;", b""),
        (b"News: today <a@x>", b"News: today <a@x>"),
    ],
)
def test_only_the_names_of_groups_are_left_out(body: bytes, rest: bytes) -> None:
    assert without_groups(body) == rest


@given(st.text('a@,:;<>()[]"\\ =?q', max_size=200).map(str.encode))
def test_no_address_is_empty(body: bytes) -> None:
    assert all(split_addresses(body))


@pytest.mark.parametrize("text", [b"=?", b"(", b"((", b'"', b"[", b"<", b"a:", b"(a,"])
def test_cost_of_hostile_lists_is_linear(text: bytes) -> None:
    start = time.perf_counter()
    list(split_addresses(text * 100_000))
    assert time.perf_counter() - start < 5
