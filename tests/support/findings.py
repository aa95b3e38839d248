"""Findings of analyses, for tests of rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analyzer.findings.engine import find
from analyzer.findings.registry import rules
from analyzer.findings.settings import Settings

if TYPE_CHECKING:
    from analyzer.tables.results import Results


def findings_of(
    analysis: Results, settings: Settings | None = None
) -> list[dict[str, Any]]:
    """All findings, the worst first."""
    table = find(analysis.tables, rules().values(), settings or Settings())
    return list(table.to_pylist())


def named(findings: list[dict[str, Any]], rule: str) -> list[dict[str, Any]]:
    """Those of one rule."""
    return [each for each in findings if each["rule"] == rule]
