from __future__ import annotations

from functools import partial

from dissectors.caching import cache_short


def test_short_texts_are_parsed_once() -> None:
    parsed = []

    @partial(cache_short, longest=3)
    def parse(raw: bytes, limit: int) -> bytes:
        parsed.append(raw)
        return raw[:limit]

    for raw in (b"abc", b"abc", b"abcd", b"abcd"):
        assert parse(raw, 2) == b"ab"
    assert parse(b"abc", 1) == b"a"

    assert parsed == [b"abc", b"abcd", b"abcd", b"abc"]
