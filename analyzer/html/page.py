"""Builds the page from its template, the reports and the charts."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, NamedTuple

import jinja2
import plotly.offline
from markupsafe import Markup

from analyzer import __version__, reports
from analyzer.findings.attacks import attacks_among
from analyzer.findings.judgement import judge_analysis
from analyzer.html.charts import CHARTS, THEMES, Chart, palette_css
from analyzer.html.charts.wording import CHANNEL_NAMES
from analyzer.html.findings import group_findings, leave_out_accepted, severity_counts
from analyzer.html.policy import content_security_policy, styles_added_by
from analyzer.html.sentences import verdict
from analyzer.html.session_table import session_table
from analyzer.html.tables import TABLES, fill
from analyzer.tables.export import atomic_write
from analyzer.terminal.format import as_size, as_span
from analyzer.text import escape_controls, pluralize, pluralize_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pandas as pd

    from analyzer.findings.judgement import Judgement
    from analyzer.findings.settings import Settings
    from analyzer.tables.results import Results

# in a title, and in the list at the end
_FEW_NAMES = 3
_MAX_NAMES = 50


class _Drawing(NamedTuple):
    """A chart of the page: what it is, what is in it, and the same in words."""

    chart: Chart
    figures: dict[str, Any]
    words: str
    left_out: int


def write_page(
    analysis: Results,
    path: Path,
    judgement: Judgement | None = None,
    settings: Settings | None = None,
) -> None:
    """Write the report of an analysis; the file appears whole or not at all.

    Args:
        analysis: what it is about.
        path: where to.
        judgement: what is wrong, with `analyzer.findings.review` or without; `None` if
            the rules are yet to be asked.
        settings: what users set.

    Raises:
        ExportError: the file can't be written.
    """
    page = render_page(analysis, judgement, settings)
    with atomic_write(path) as file:
        file.write(page.encode())


def render_page(
    analysis: Results,
    judgement: Judgement | None = None,
    settings: Settings | None = None,
) -> str:
    """Make the report of an analysis: HTML that needs no other file.

    Args:
        analysis: what it is about.
        judgement: what is wrong, with `analyzer.findings.review` or without; `None` if
            the rules are yet to be asked.
        settings: what users set.
    """
    findings, problems, _ = judgement or judge_analysis(analysis, settings)
    standing, accepted = leave_out_accepted(findings)
    attacked = attacks_among(analysis, settings)
    drawings = {chart.name: _draw(chart, analysis) for chart in CHARTS}
    style = palette_css() + _asset("style.css")
    plotly_script, script = plotly.offline.get_plotlyjs(), _asset("script.js")
    return _template().render(
        policy=content_security_policy(
            scripts=[plotly_script, script],
            styles=[style, *styles_added_by(plotly_script)],
        ),
        style=style,
        plotly_script=plotly_script,
        script=script,
        version=__version__,
        analysis=analysis,
        facts=_facts(analysis),
        title=pluralize_of(
            len(analysis.sessions), analysis.sessions_in_all, "mail session"
        ),
        source=_source(analysis.captures),
        names=_names(analysis.captures),
        findings=group_findings(standing),
        severities=severity_counts(standing),
        accepted=accepted,
        rule_problems=problems,
        verdict=verdict(analysis, attacked),
        channels=_channels(analysis.sessions),
        drawings=drawings,
        figures={
            name: drawing.figures
            for name, drawing in drawings.items()
            if drawing.figures
        },
        tables={table.name: fill(table, analysis, attacked) for table in TABLES},
        sessions=session_table(analysis.sessions),
    )


def _draw(chart: Chart, analysis: Results) -> _Drawing:
    rows = chart.report(analysis)
    if rows.empty:
        return _Drawing(chart, {}, "", 0)
    drawn = chart.drawn(rows)
    figures = {
        theme.name: json.loads(chart.figure(drawn, theme).to_json()) for theme in THEMES
    }
    return _Drawing(chart, figures, chart.describe(drawn), len(rows) - len(drawn))


def _channels(sessions: pd.DataFrame) -> list[dict[str, Any]]:
    """Count the sessions of each channel, and place its part of the whole."""
    counts = reports.by_channel(sessions)
    counts["name"] = counts["channel"].map(CHANNEL_NAMES)
    shares = 100 * counts["sessions"] / max(len(sessions), 1)
    counts["width"] = shares.round(3)
    counts["left"] = (shares.cumsum() - shares).round(3)
    return counts.to_dict("records")  # type: ignore[return-value]


def _source(captures: Sequence[str]) -> str:
    return (
        ", ".join(_names(captures))
        if len(captures) <= _FEW_NAMES
        else (pluralize(len(captures), "capture"))
    )


def _names(captures: Sequence[str]) -> list[str]:
    names = [name if name != "-" else "standard input" for name in captures]
    left_out = len(names) - _MAX_NAMES
    if left_out > 0:
        return [*names[:_MAX_NAMES], f"and {pluralize(left_out, 'more capture')}"]
    return names


def _facts(analysis: Results) -> list[str]:
    """Say what was read, and from which time it is."""
    facts = [
        pluralize(analysis.packets, "packet"),
        as_size(analysis.capture_bytes),
    ]
    if not analysis.sessions.empty:
        begin, end = analysis.sessions["start"].min(), analysis.sessions["end"].max()
        facts.append(as_span(begin, end))
    return facts


def _asset(name: str) -> str:
    return resources.files(__package__).joinpath("assets", name).read_text("utf-8")


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        autoescape=True,
        finalize=_without_controls,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.policies["json.dumps_kwargs"] = {
        "allow_nan": False,
        "separators": (",", ":"),
    }
    return environment.from_string(_asset("template.html"))


def _without_controls(value: Any) -> Any:
    """Escape what the template prints, so that it can't reorder text around it."""
    is_text = isinstance(value, str) and not isinstance(value, Markup)
    return escape_controls(value) if is_text else value
