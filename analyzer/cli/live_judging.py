"""What is wrong in what a monitor sees: as it comes up, and in all of it at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analyzer.cli import outputs
from analyzer.cli.judging import NOT_JUDGED

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

    from analyzer.cli.judging import Judged, Standards
    from analyzer.runs.monitor import OnRows

# so many rows of a table fit into memory, as far as rules look at them
_MOST_SESSIONS = 1_000_000
_MOST_DETAILS = 10_000_000


def raise_findings(
    standards: Standards | None, raised: list[dict[str, Any]]
) -> OnRows | None:
    """Return what finds something wrong in rows that a monitor has.

    Args:
        standards: to judge by; nothing is judged without.
        raised: takes the findings that are new, and not accepted.
    """
    if standards is None:
        return None
    from analyzer.findings import registry
    from analyzer.findings.live import LiveFindings

    findings = LiveFindings(registry.rules().values(), standards.settings)
    findings.failures += registry.problems()

    def take(
        closed: dict[str, pa.Table], recent: dict[str, pa.Table], is_last: bool
    ) -> list[str]:
        accepted = standards.accepted_ids()
        raised.extend(
            finding
            for finding in findings.take(closed, recent, is_last=is_last)
            if finding["finding_id"] not in accepted
        )
        failures = findings.failures.copy()
        findings.failures.clear()
        return failures

    return take


def judge_stored(
    folder: Path, standards: Standards | None, problems: list[str]
) -> Judged:
    """Find what is wrong in all that was stored, unless that is too much for memory.

    Args:
        folder: that holds the parts.
        standards: to judge by; nothing is judged without.
        problems: rules that fail are added to them, unless that was said before.

    Raises:
        LoadError: what was stored can't be read any more.
    """
    if standards is None:
        return NOT_JUDGED
    from analyzer.tables.stored import stored_tables

    tables = stored_tables(folder)
    for name, table in tables.items():
        most = _MOST_SESSIONS if name == "sessions" else _MOST_DETAILS
        if len(table) > most:
            note = (
                f"there are more than {most:,} {name}, too many for all rules to look "
                "at them together: what they found was told as it came up"
            )
            outputs.warn([note])
            return NOT_JUDGED
    failures: list[str] = []
    judged = standards.judge(tables, failures)
    problems += [each for each in failures if each not in problems]
    return judged
