"""Findings of analyses, for tests of rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import analyzer
from analyzer.findings.engine import find
from analyzer.findings.registry import rules
from analyzer.findings.settings import Settings
from tests.support.analyses import analysis_of
from tests.support.traffic import write_pcap

if TYPE_CHECKING:
    from pathlib import Path

    from analyzer.tables.results import Results
    from tests.support.traffic import PacketScript


def findings_of(
    analysis: Results, settings: Settings | None = None
) -> list[dict[str, Any]]:
    """All findings, the worst first."""
    table = find(analysis.tables, rules().values(), settings or Settings())
    return list(table.to_pylist())


def named(findings: list[dict[str, Any]], rule: str) -> list[dict[str, Any]]:
    """Those of one rule."""
    return [each for each in findings if each["rule"] == rule]


def committed(name: str, rule: str) -> list[dict[str, Any]]:
    """Those of one rule in a committed capture."""
    return named(findings_of(analysis_of(name)), rule)


def found(folder: Path, rule: str, *dialogues: PacketScript) -> list[dict[str, Any]]:
    """Those of one rule in connections made by hand."""
    capture = write_pcap(folder / "a.pcap", *dialogues)
    return named(findings_of(analyzer.analyze(capture)), rule)


def judgements(findings: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Severity and confidence of each."""
    return [(each["severity"], each["confidence"]) for each in findings]
