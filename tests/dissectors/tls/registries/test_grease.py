from __future__ import annotations

from dissectors.tls.registries.grease import GREASE


def test_grease_is_as_reserved() -> None:
    """RFC 8701 §2."""
    assert len(GREASE) == 16
    assert {0x0A0A, 0x7A7A, 0xFAFA} <= GREASE
    assert 0x0A1A not in GREASE
