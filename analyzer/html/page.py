"""Builds the page from its template, the reports and the charts."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, NamedTuple

import jinja2
from markupsafe import Markup

from analyzer import __version__, reports
from analyzer.findings.attacks import attacks_among
from analyzer.findings.judgement import judge_analysis
from analyzer.html.charts import CHARTS, THEMES, Chart, palette_css
from analyzer.html.charts.wording import CHANNEL_NAMES
from analyzer.html.data import PageSessions, labels, main_data
from analyzer.html.dialogues import dialogue_data
from analyzer.html.findings import group_findings, leave_out_accepted, severity_counts
from analyzer.html.policy import content_security_policy, styles_added_by
from analyzer.html.provenance import Making, capture_names, listed, source
from analyzer.html.sentences import verdict
from analyzer.html.session_columns import COLUMNS, PROTECTION
from analyzer.html.tables import TABLES, fill
from analyzer.sessions.certificate_status import REFUSED
from analyzer.tables.export import atomic_write
from analyzer.terminal.format import as_size, as_span
from analyzer.text import escape_controls, pluralize
from captures import CaptureError
from dissectors.tls.registries.versions import DEPRECATED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import pandas as pd

    from analyzer.findings.judgement import Judgement
    from analyzer.findings.settings import Settings
    from analyzer.html.findings import Group
    from analyzer.html.tables import FilledTable
    from analyzer.tables.results import Results

# vendored as the npm package plotly.js-basic-dist-min has it
PLOTLY = "plotly-basic.min.js"
# one script, in this order
_SCRIPTS = (
    "format.js",
    "data.js",
    "selection.js",
    "address.js",
    "views.js",
    "charts.js",
    "tables.js",
    "findings.js",
    "sessions.js",
    "drawer.js",
    "page.js",
)


class _Drawing(NamedTuple):
    """A chart of the page: what it is, what is in it, and the same in words."""

    chart: Chart
    figures: dict[str, Any]
    words: str


def write_page(
    analysis: Results,
    path: Path,
    judgement: Judgement | None = None,
    settings: Settings | None = None,
    making: Making | None = None,
) -> None:
    """Write the report of an analysis; the file appears whole or not at all.

    Args:
        analysis: what it is about.
        path: where to.
        judgement: what is wrong, with `analyzer.findings.review` or without; `None` if
            the rules are yet to be asked.
        settings: what users set.
        making: when the page is made, and how; `None` for now.

    Raises:
        ExportError: the file can't be written.
    """
    page = render_page(analysis, judgement, settings, making)
    with atomic_write(path) as file:
        file.write(page.encode())


def render_page(
    analysis: Results,
    judgement: Judgement | None = None,
    settings: Settings | None = None,
    making: Making | None = None,
) -> str:
    """Make the report of an analysis: HTML that needs no other file.

    Args:
        analysis: what it is about.
        judgement: what is wrong, with `analyzer.findings.review` or without; `None` if
            the rules are yet to be asked.
        settings: what users set.
        making: when the page is made, and how; `None` for now.
    """
    judgement = judgement or judge_analysis(analysis, settings)
    standing, accepted = leave_out_accepted(judgement.findings)
    judgement = judgement._replace(findings=standing)
    attacked = attacks_among(analysis, settings)
    names = capture_names(analysis.captures)
    drawings = {chart.name: _draw(chart, analysis) for chart in CHARTS}
    tables = {table.name: fill(table, analysis, attacked) for table in TABLES}
    groups = group_findings(standing, names)
    sessions = PageSessions(analysis, judgement, names)
    style = palette_css() + _asset("style.css")
    plotly_script, script = _asset(PLOTLY), _script()
    return _template().render(
        policy=content_security_policy(
            scripts=[plotly_script, script],
            styles=[style, *styles_added_by(plotly_script)],
        ),
        style=style,
        plotly_script=plotly_script,
        script=script,
        version=__version__,
        making=(making or Making()).lines,
        total=len(analysis.sessions),
        left_out=sessions.left_out,
        facts=_facts(analysis),
        title=analysis.count_sessions("mail session"),
        source=source(names),
        names=listed(names),
        findings=groups,
        severities=severity_counts(standing),
        accepted=accepted,
        problems=[_problem(each, names) for each in analysis.problems],
        rule_problems=judgement.problems,
        verdict=verdict(analysis, attacked),
        channels=_channels(analysis.sessions),
        shares=_shares(analysis.sessions),
        drawings=drawings,
        figures={
            name: drawing.figures
            for name, drawing in drawings.items()
            if drawing.figures
        },
        tables=tables,
        data=main_data(analysis, judgement, sessions, _model(sessions, groups, tables)),
        dialogues=dialogue_data(analysis, sessions),
    )


def _model(
    sessions: PageSessions, groups: Sequence[Group], tables: Mapping[str, FilledTable]
) -> dict[str, Any]:
    """Return what the script is told besides the rows of tables."""
    return {
        "columns": [
            {"name": each.name, "title": each.title, "kind": each.kind}
            | ({"shown": True} if each.shown else {})
            for each in COLUMNS
        ],
        # what sessions are filtered by besides
        "titles": {
            "finding": "Finding",
            "problem": "Finding",
            "severities": "Severity",
            "step": "Step",
        },
        "labels": {
            **labels(sessions.facts),
            "finding": {
                each.finding_id: escape_controls(f"{group.title}: {each.subject}")
                for group in groups
                for each in (*group.findings, *group.more)
            },
        },
        "bad": sorted({*DEPRECATED, *REFUSED}),
        "charts": {
            chart.name: {"kind": chart.kind, "by": chart.by, "only": chart.only}
            for chart in CHARTS
        },
        "tables": {
            name: {"headings": table.spec.headings, **asdict(table.spec.live)}
            for name, table in tables.items()
            if table.spec.live and table.rows
        },
        "more": {
            name: _without_controls_in(table.more)
            for name, table in tables.items()
            if table.more
        },
        "findings": [
            [_without_controls_in(group.more), group.severity] for group in groups
        ],
    }


def _problem(error: CaptureError, names: Mapping[str, str]) -> str:
    """Say what could not be read, without the folder it is in."""
    name = names[error.capture]
    return str(
        CaptureError(name, error.reason, offset=error.offset, usable=error.usable)
    )


def _draw(chart: Chart, analysis: Results) -> _Drawing:
    rows = chart.report(analysis)
    if rows.empty:
        return _Drawing(chart, {}, "")
    figures = {
        theme.name: json.loads(chart.pattern(rows, theme).to_json()) for theme in THEMES
    }
    return _Drawing(chart, figures, chart.describe(chart.drawn(rows)))


def _channels(sessions: pd.DataFrame) -> list[dict[str, Any]]:
    """Name the channels of sessions, for those who read charts."""
    counts = reports.by_channel(sessions)
    counts["name"] = counts["channel"].map(CHANNEL_NAMES)
    return counts[counts["sessions"] > 0].to_dict("records")  # type: ignore[return-value]


def _shares(sessions: pd.DataFrame) -> list[dict[str, Any]]:
    """Count the sessions of each verdict, and place its part of the whole."""
    counts = reports.by_verdict(sessions)
    counts["name"] = counts["verdict"].map(lambda each: PROTECTION.get(each, each))
    shares = 100 * counts["sessions"] / max(len(sessions), 1)
    counts["width"] = shares.round(3)
    counts["left"] = (shares.cumsum() - shares).round(3)
    return counts.to_dict("records")  # type: ignore[return-value]


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


def _script() -> str:
    """Return the parts of the script as one, in which nothing else is global."""
    parts = "\n".join(map(_asset, _SCRIPTS))
    return f'"use strict";\n{{\n{parts}}}\n'


@cache
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


def _without_controls_in(value: Any) -> Any:
    """Escape all texts in lists of lists."""
    if isinstance(value, (list, tuple)):
        return [_without_controls_in(item) for item in value]
    return _without_controls(value)


def _without_controls(value: Any) -> Any:
    """Escape what the template prints, so that it can't reorder text around it."""
    is_text = isinstance(value, str) and not isinstance(value, Markup)
    return escape_controls(value) if is_text else value
