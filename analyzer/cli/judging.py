"""Asks the rules for a command, and says whether what they found is too bad."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from analyzer.cli import options
from analyzer.cli.main import FOUND

if TYPE_CHECKING:
    import pyarrow as pa

    from analyzer.tables.results import Results


class Judged(NamedTuple):
    """What is wrong.

    Attributes:
        findings: the table `findings`.
        reviewed: with what is known of them (`analyzer.findings.review`).
    """

    findings: pa.Table
    reviewed: pa.Table


def judge_results(analysis: Results, problems: list[str]) -> Judged:
    """Find what is wrong.

    Args:
        analysis: what was found in captures.
        problems: rules that fail are added to them.
    """
    from analyzer.findings.judgement import judge
    from analyzer.findings.review import review

    judgement = judge(analysis.tables)
    problems += judgement.problems
    return Judged(judgement.findings, review(judgement.findings))


def failing_status(reviewed: pa.Table, fail_on: str | None) -> int:
    """Return the exit status: `FOUND` if a finding that counts is so severe."""
    if fail_on is None:
        return 0
    from analyzer.findings.review import counting_findings

    found = counting_findings(reviewed)["severity"].to_pylist()
    return FOUND if set(found) & {*options.at_least(fail_on)} else 0
