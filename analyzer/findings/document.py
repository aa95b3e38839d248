"""The documentation of all rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.findings.registry import BUILTIN
from analyzer.findings.rule import by_theme

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.findings.rule import Rule

_INTRODUCTION = """\
# Findings

Made by `python -m analyzer.findings`. What mailtap takes for wrong, by theme; `mailtap
rules ID` says the same, and `mailtap config` prints a file in which each rule can be
disabled, and its severity and thresholds be set. A finding may be more or less severe,
and more or less sure, than its rule: its proof says when.
"""


def as_markdown() -> str:
    """Return the documentation of mailtap's own rules."""
    parts = [_INTRODUCTION]
    for theme, rules in by_theme(BUILTIN).items():
        parts.append(f"## {theme}\n")
        rows = [
            f"| [`{rule.id}`](#{rule.id}) | {rule.severity} | {rule.title} |"
            for rule in rules
        ]
        parts.append(
            "\n".join(["| rule | severity | finding |", "|---|---|---|", *rows])
        )
        parts.append("")
        for rule in rules:
            parts += _explain(rule)
    return "\n".join(parts)


def _explain(rule: Rule) -> Iterator[str]:
    yield f"### {rule.id}\n"
    yield f"{rule.title}: {rule.severity}, {rule.confidence}. {rule.proof}\n"
    yield f"- Remedy ({rule.mender}): {rule.remedy}"
    for name, kind in rule.kinds.items():
        yield f"- `{name}`: {kind.title}. Remedy ({kind.mender}): {kind.remedy}"
    if rule.rests_on_absence:
        yield "- It rests on what was not sent: possible at most in sessions with gaps."
    if rule.thresholds:
        told = (f"`{name}` {value:g}" for name, value in rule.thresholds.items())
        yield f"- Thresholds: {', '.join(told)}"
    if rule.references:
        yield f"- References: {'; '.join(rule.references)}"
    yield ""
