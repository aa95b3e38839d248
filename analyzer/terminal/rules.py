"""Rules: for people on a terminal, and as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pandas as pd
from rich.padding import Padding
from rich.text import Text

from analyzer.findings.levels import Mender
from analyzer.findings.rule import by_theme, unit_of
from analyzer.terminal.findings import severity_style
from analyzer.terminal.format import as_table, fit_output
from analyzer.text import as_line

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console

    from analyzer.findings.rule import Kind, Rule
    from analyzer.findings.settings import Settings


def print_rules(rules: Iterable[Rule], settings: Settings, console: Console) -> None:
    """Print a table of rules for each theme."""
    fit_output(console)
    themes = by_theme(rules)
    for theme, members in themes.items():
        rows = pd.DataFrame(
            {
                "rule": [rule.id for rule in members],
                "severity": [_severity(rule, settings) for rule in members],
                "title": [rule.title for rule in members],
                "mender": [str(rule.mender) for rule in members],
            }
        )
        styles = {"severity": [_style(rule, settings) for rule in members]}
        if theme != next(iter(themes)):
            console.print()
        console.print(
            as_table(theme, rows, console.width, styles=styles, limit=len(rows))
        )


def print_rule(rule: Rule, settings: Settings, console: Console) -> None:
    """Print all that there is to know of a rule."""
    fit_output(console)
    heading = Text().append(as_line(rule.id), "bold")
    heading.append(f"  {_severity(rule, settings)}", _style(rule, settings))
    console.print(heading)
    _print(console, rule.title)
    for title, text in (
        ("Proof", rule.proof),
        ("Remedy", _remedy(rule)),
        *((kind.title, _remedy(kind)) for kind in rule.kinds.values()),
        ("Confidence", _confidence(rule)),
        ("References", "; ".join(rule.references)),
        ("Thresholds", "; ".join(_thresholds(rule, settings))),
    ):
        if text:
            console.print()
            console.print(Text(as_line(title), "dim"))
            _print(console, text)


def _confidence(rule: Rule) -> str:
    gaps = "; possible at most in sessions with gaps" if rule.rests_on_absence else ""
    return f"{rule.confidence}{gaps}"


def rules_json(rules: Iterable[Rule], settings: Settings) -> str:
    """Return the rules as a list of objects, as they are set."""
    return json.dumps([_object(rule, settings) for rule in rules], indent=2)


def _object(rule: Rule, settings: Settings) -> dict[str, Any]:
    said = settings.of(rule.id)
    return {
        "id": rule.id,
        "theme": rule.theme,
        "title": rule.title,
        "enabled": said.enabled,
        "severity": str(said.severity or rule.severity),
        "confidence": str(rule.confidence),
        "mender": str(rule.mender),
        "remedy": rule.remedy,
        "proof": rule.proof,
        "references": list(rule.references),
        "thresholds": rule.thresholds_in(settings),
        "units": {name: unit_of(name) for name in rule.thresholds},
        "per": list(rule.per),
    }


def _print(console: Console, text: str) -> None:
    console.print(Padding(Text(as_line(text)), (0, 0, 0, 2), expand=False))


def _severity(rule: Rule, settings: Settings) -> str:
    said = settings.of(rule.id)
    return str(said.severity or rule.severity) if said.enabled else "disabled"


def _style(rule: Rule, settings: Settings) -> str:
    severity = _severity(rule, settings)
    return "dim" if severity == "disabled" else severity_style(severity)


def _remedy(told: Rule | Kind) -> str:
    who = "nobody" if told.mender == Mender.NOBODY else f"the {told.mender}"
    return f"{told.remedy} Mended by {who}."


def _thresholds(rule: Rule, settings: Settings) -> list[str]:
    values = rule.thresholds_in(settings)
    return [f"{name} = {value:g}" for name, value in values.items()]
