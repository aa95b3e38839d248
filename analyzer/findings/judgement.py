"""All rules over the tables of an analysis."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from analyzer.findings import registry
from analyzer.findings.engine import find
from analyzer.findings.settings import Settings
from dissectors.plugins import describe_error

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    from analyzer.findings.rule import Rule


class Judgement(NamedTuple):
    """What is wrong, and what could not be told.

    Attributes:
        findings: the table `findings`.
        problems: rules that were left out or failed, in words.
    """

    findings: pa.Table
    problems: list[str]


def judge(
    tables: Mapping[str, pa.Table], settings: Settings | None = None
) -> Judgement:
    """Ask all rules; one that fails keeps nothing from the others.

    Args:
        tables: of an analysis, by name.
        settings: what users set.
    """
    problems = list(registry.problems())
    findings = find(
        tables,
        registry.rules().values(),
        settings or Settings(),
        lambda rule, error: problems.append(_describe(rule, error)),
    )
    return Judgement(findings, problems)


def _describe(rule: Rule, error: Exception) -> str:
    package = registry.package_of(rule.id)
    of_package = f" of {package}" if package else ""
    reason = describe_error(error)
    return f"the rule {rule.id}{of_package} failed, and tells nothing ({reason})"
