from __future__ import annotations

from analyzer.findings.levels import Confidence, Severity


def test_severities_and_confidences_are_ranked() -> None:
    assert list(Severity) == ["info", "low", "medium", "high", "critical"]
    assert list(Confidence) == ["possible", "likely", "proven"]
