"""Which parts are files."""

from __future__ import annotations

import pytest

from dissectors.message.files import is_file, is_no_text


@pytest.mark.parametrize(
    ("media_type", "disposition", "has_name", "expected"),
    [
        (b"text/plain", b"", False, False),
        (b"text/html", b"inline", False, False),
        (b"text/plain", b"", True, True),
        (b"text/plain", b"attachment", False, True),
        (b"text/plain", b"unheard-of", False, True),
        (b"image/png", b"inline", False, True),
        (b"message/rfc822", b"", False, True),
        (b"message/delivery-status", b"", False, False),
        (b"application/pgp-signature", b"", False, False),
        (b"application/pgp-signature", b"", True, True),
    ],
)
def test_all_but_text_and_what_belongs_to_other_parts_is_a_file(
    media_type: bytes, disposition: bytes, has_name: bool, expected: bool
) -> None:
    assert is_file(media_type, disposition, has_name=has_name) is expected


@pytest.mark.parametrize(
    ("detected_type", "expected"),
    [
        (None, False),
        ("text/html", False),
        ("image/svg+xml", False),
        ("application/pdf", True),
        ("image/png", True),
    ],
)
def test_what_is_said_to_be_text_may_be_something_else(
    detected_type: str | None, expected: bool
) -> None:
    assert is_no_text(detected_type) is expected
