from __future__ import annotations

import pytest

from dissectors.credentials.names import read_name


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (b"ann@example.com", "ann@example.com"),
        ("j\u00f6rg".encode(), "j\u00f6rg"),
        (b"j\xf6rg", "j\\xf6rg"),
        (b"CORP\\ann", "CORP\\ann"),
        (b"Ann Bee", "Ann Bee"),
        (b"Ann  Bee", None),
        (b" ann", None),
        (b"ann:secret", None),
        (b"ann\tsecret", None),
        (b"ann\rsecret", None),
        (b"ann\0secret", None),
        ("ann\u00a0secret".encode(), None),
        ("ann\u2003secret".encode(), None),
        ("ann\u200bsecret".encode(), None),
        (b"ann\xa0secret", None),
        (b"ann\x85secret", None),
        (b"", None),
        (None, None),
    ],
)
def test_name_is_shown_if_it_is_nothing_else(
    raw: bytes | None, name: str | None
) -> None:
    assert read_name(raw) == name


def test_name_whose_end_only_a_blank_tells_has_none() -> None:
    assert read_name(b"Ann Bee", blanks=False) is None
