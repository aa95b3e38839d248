"""Those of some findings that somebody asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
from pyarrow import compute

if TYPE_CHECKING:
    from collections.abc import Collection

    from analyzer.findings.judgement import Judgement


def of_rules(findings: pa.Table, rules: Collection[str]) -> pa.Table:
    """Return the findings of some rules."""
    return _where(findings, "rule", rules)


def of_severities(findings: pa.Table, severities: Collection[str]) -> pa.Table:
    """Return the findings that are so severe."""
    return _where(findings, "severity", severities)


def of_session(found: Judgement, place: int) -> pa.Table:
    """Return the findings that a session shows, given its place in `sessions`."""
    shown = [name for name, places in found.sessions.items() if place in places]
    return _where(found.findings, "finding_id", shown)


def _where(findings: pa.Table, column: str, values: Collection[str]) -> pa.Table:
    return findings.filter(
        compute.is_in(findings[column], pa.array([*values], pa.string()))
    )
