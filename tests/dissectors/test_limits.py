from __future__ import annotations

from dataclasses import FrozenInstanceError, fields

import pytest

from dissectors.limits import DEFAULT_LIMITS, Limits


def test_every_limit_limits_something() -> None:
    assert all(getattr(DEFAULT_LIMITS, field.name) > 0 for field in fields(Limits))


def test_lines_are_as_long_as_the_protocols_allow() -> None:
    # RFC 9051 §4: at least 8192; RFC 4954 §4: 12288 for base64 of AUTH
    assert DEFAULT_LIMITS.line >= 12_288
    assert DEFAULT_LIMITS.kept_text < DEFAULT_LIMITS.line


def test_limits_do_not_change_on_the_way() -> None:
    with pytest.raises(FrozenInstanceError):
        DEFAULT_LIMITS.line = 1  # type: ignore[misc]
