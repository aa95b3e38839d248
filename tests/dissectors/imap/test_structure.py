"""ENVELOPE and BODYSTRUCTURE."""

from __future__ import annotations

import pytest

from dissectors.imap.structure import (
    Value,
    find_item,
    parse_items,
    read_envelope,
    read_structure,
)
from dissectors.limits import DEFAULT_LIMITS, Limits


def items(text: bytes, *literals: bytes | None) -> list[Value]:
    return parse_items(text, literals, DEFAULT_LIMITS)


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        (b'(UID 5 X (a (b) "c d"))', [b"UID", b"5", b"X", [b"a", [b"b"], b"c d"]]),
        (b'(nil NIL "NIL" "a \\"b\\"")', [None, None, b"NIL", b'a "b"']),
        (b"(a (b", [b"a", [b"b"]]),
        (b'(a "open', [b"a", b"open"]),
        (b"(a) b)", [b"a"]),
        (b"a b", []),
        (b"", []),
    ],
)
def test_lists_are_nested(text: bytes, parsed: list[Value]) -> None:
    assert items(text) == parsed


def test_literals_are_put_in_place() -> None:
    assert items(b"(a {3} ~{5+} {x} {1})", b"one", None) == [
        *(b"a", b"one", None, b"{", b"x}", None)
    ]


def test_lists_are_read_to_a_depth() -> None:
    deep = parse_items(b"(" * 99 + b"x" + b")" * 99, (), Limits(mime_depth=2))
    depth = 0
    while deep:
        inner = deep[0]
        deep = inner if isinstance(inner, list) else []
        depth += 1
    assert depth == 7


def test_item_is_found_by_its_name() -> None:
    found = items(b"(UID 1 envelope (a) BODY (b))")
    assert find_item(found, b"ENVELOPE") == [b"a"]
    assert find_item(found, b"BODYSTRUCTURE", b"BODY") == [b"b"]
    assert find_item(found, b"FLAGS") is None


@pytest.mark.parametrize("text", [b"()", b"(NIL)", b"((a) (b) (c) ((x)) 5)"])
def test_envelope_of_another_shape_tells_nothing(text: bytes) -> None:
    facts = read_envelope(items(text), DEFAULT_LIMITS)
    assert (facts.subject, facts.from_, facts.to) == (None, None, [])


def test_group_is_no_address() -> None:
    """RFC 9051 \u00a77.5.2: its start and end have no host or no mailbox."""
    group = b'((NIL NIL "team" NIL) ("A" NIL "a" "x") (NIL NIL NIL NIL))'
    envelope = items(b"(NIL NIL NIL NIL NIL %b)" % group)
    assert read_envelope(envelope, DEFAULT_LIMITS).to == ["A <a@x>"]


@pytest.mark.parametrize(
    "text", [b"()", b"(a)", b"(((((a)))))", b'("TEXT" "PLAIN")', b"(NIL NIL NIL NIL)"]
)
def test_structure_of_another_shape_has_no_parts(text: bytes) -> None:
    assert read_structure(items(text), DEFAULT_LIMITS) == {}


def test_part_that_is_no_text_is_a_file_without_a_name() -> None:
    body = (
        b'(("TEXT" "PLAIN" NIL NIL NIL "7BIT" 9 1)'
        b'("IMAGE" "PNG" NIL NIL NIL "BASE64" 9)'
        b'("APPLICATION" "PGP-SIGNATURE" NIL NIL NIL "7BIT" 9) "MIXED")'
    )
    parts = read_structure(items(body), DEFAULT_LIMITS)
    assert [part.attachment is not None for part in parts.values()] == [
        False,
        True,
        False,
    ]


def test_parts_are_limited() -> None:
    part = b'("IMAGE" "PNG" ("NAME" "a") NIL NIL "BASE64" 9)'
    parts = read_structure(items(b"(%b MIXED)" % (part * 9)), Limits(mime_parts=4))
    assert list(parts) == ["1", "2", "3", "4"]
    attachment = parts["4"].attachment
    assert attachment is not None
    assert (attachment.name, attachment.content_type) == ("a", "image/png")
