from __future__ import annotations

import re
from pathlib import Path

import pytest

from dissectors.registry import BUILTIN, known_anomalies

ROOT = Path(__file__).parents[2]
SOURCES = [
    path.read_text(encoding="utf-8")
    for package in ("analyzer", "dissectors")
    for path in (ROOT / package).rglob("*.py")
    if path.name not in ("anomalies.py", "spec.py")
]
ANOMALIES = known_anomalies(BUILTIN)


@pytest.mark.parametrize("code", ANOMALIES)
def test_code_is_explained_and_reported_somewhere(code: str) -> None:
    assert re.fullmatch("[a-z0-9]+(_[a-z0-9]+)+", code)
    assert ANOMALIES[code]
    assert any(f'"{code}"' in source for source in SOURCES)
