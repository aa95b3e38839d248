"""How the bytes of a message are looked at."""

from __future__ import annotations

import pytest

from dissectors.message import reader


@pytest.fixture(params=[1, 64, 16 * 1024])
def slice_bytes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Every test runs with bytes looked at one by one, in pieces, and at once."""
    size: int = request.param
    monkeypatch.setattr(reader, "_SLICE", size)
    return size
