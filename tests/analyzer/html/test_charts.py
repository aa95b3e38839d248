from __future__ import annotations

import colorsys
import json
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from analyzer import reports
from analyzer.html.charts import CHARTS, DARK, LIGHT, THEMES, Chart, Theme, palette_css
from analyzer.html.charts.layout import plain
from analyzer.reports import Channel
from tests.support.analyses import analysis_of
from tests.support.hostile import with_attacks

if TYPE_CHECKING:
    import plotly.graph_objects as go

OFFICE = "office"
BY_NAME = {chart.name: chart for chart in CHARTS}


def figure_of(chart: Chart, theme: Theme = LIGHT) -> go.Figure:
    return chart.figure(chart.drawn(chart.report(analysis_of(OFFICE))), theme)


def bars(name: str) -> list[float]:
    """All lengths of bars of a chart."""
    key = "y" if name == "over-time" else "x"
    return [value for trace in figure_of(BY_NAME[name]).data for value in trace[key]]


def rows_of(name: str) -> pd.DataFrame:
    return BY_NAME[name].report(analysis_of(OFFICE))


@pytest.mark.parametrize("name", ["over-time", "ports", "tls", "failures", "servers"])
def test_bars_add_up_to_the_report(name: str) -> None:
    assert sum(bars(name)) == rows_of(name)["sessions"].sum() > 0


def test_only_the_first_rows_are_drawn() -> None:
    rows = rows_of("latency")
    assert len(rows) > 10

    drawn = BY_NAME["latency"].drawn(rows)

    assert drawn["step"].tolist() == rows["step"].tolist()[:10]


def test_marks_of_latencies_are_those_of_the_report() -> None:
    rows = rows_of("latency").head(10)

    marks = [t for t in figure_of(BY_NAME["latency"]).data if t.mode == "markers"]

    assert [list(trace.x) for trace in marks] == [
        rows["max"].tolist(),
        rows["p95"].tolist(),
        rows["median"].tolist(),
    ]


def test_kinds_have_the_same_colours_in_all_charts() -> None:
    for name in ("over-time", "ports"):
        colours = [trace.marker.color for trace in figure_of(BY_NAME[name]).data]
        assert colours == [LIGHT.channels[kind].fill for kind in Channel]


def test_old_version_has_the_colour_of_clear() -> None:
    rows = pd.DataFrame(
        {
            "tls_version": ["TLSv1.3", "SSLv3"],
            "sessions": [2, 1],
            "deprecated": [False, True],
        }
    )

    figure = BY_NAME["tls"].figure(rows, DARK)

    assert list(figure.data[0].marker.color) == [
        DARK.channels[Channel.IMPLICIT].fill,
        DARK.channels[Channel.PLAINTEXT].fill,
    ]
    assert "SSLv3: 1 session, deprecated" in BY_NAME["tls"].describe(rows)


@pytest.mark.parametrize(
    "name", ["gre", "imap-mbsync", "one-direction-client", "smtp-starttls-failed"]
)
def test_charts_can_be_drawn_of_captures_with_few_sessions(name: str) -> None:
    analysis = analysis_of(name)

    for chart in CHARTS:
        rows = chart.drawn(chart.report(analysis))
        if not rows.empty:
            figure: dict[str, Any] = json.loads(chart.figure(rows, DARK).to_json())
            assert figure["data"]
            assert chart.title in chart.describe(rows)


def test_words_of_a_chart_say_its_figures() -> None:
    ports = BY_NAME["ports"]

    words = ports.describe(rows_of("ports"))

    assert words.startswith("Ports and their protection: 587 submission: 3 STARTTLS, 6")
    rows = reports.over_time(analysis_of(OFFICE).sessions)
    assert "29 sessions from 2026-11-23 15:26:37" in BY_NAME["over-time"].describe(rows)


def test_text_of_the_traffic_is_no_markup() -> None:
    assert plain("<b>&\x1b$") == "&lt;b&gt;&amp;\\x1b&#36;"
    assert len(plain("x" * 100)) < 50


def test_labels_of_charts_are_no_markup() -> None:
    hostile = with_attacks(analysis_of(OFFICE))

    labels = [
        annotation.text
        for name in ("servers", "clients", "failures")
        for annotation in BY_NAME[name]
        .figure(BY_NAME[name].report(hostile), LIGHT)
        .layout.annotations
    ]
    assert any("&lt;img" in label for label in labels)
    assert not any("<" in label for label in labels)


@pytest.mark.parametrize("chart", CHARTS, ids=lambda chart: chart.name)
def test_pattern_has_all_traces_and_the_layout_of_the_figure(chart: Chart) -> None:
    rows = chart.drawn(chart.report(analysis_of(OFFICE)))
    figure, pattern = (draw(rows, DARK) for draw in (chart.figure, chart.pattern))

    kinds = [{trace.type for trace in each.data} for each in (figure, pattern)]
    assert kinds[0] == kinds[1]
    assert [trace.name for trace in pattern.data if trace.name] == [
        trace.name for trace in figure.data if trace.name
    ]
    assert pattern.layout.font == figure.layout.font
    assert len(pattern.layout.annotations) <= 2


def _luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [
        p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    low, high = sorted([_luminance(one), _luminance(other)])
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_text_can_be_read_on_its_background(theme: Theme) -> None:
    pairs: list[tuple[str, str]] = [*theme.channels.values()]
    pairs += [(theme.page, each) for each in (theme.text, theme.muted)]
    pairs += [(theme.surface, each) for each in (theme.text, theme.muted)]

    # WCAG 2.2, 1.4.3
    assert min(_contrast(fill, text) for fill, text in pairs) >= 4.5


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_encrypted_differs_from_clear_in_hue_and_in_lightness(theme: Theme) -> None:
    fills = [
        theme.channels[kind].fill for kind in (Channel.STARTTLS, Channel.PLAINTEXT)
    ]
    hues = [
        colorsys.rgb_to_hls(*(int(fill[i : i + 2], 16) / 255 for i in (1, 3, 5)))[0]
        for fill in fills
    ]

    assert abs(hues[0] - hues[1]) > 0.3
    assert _contrast(*fills) > 1.5


def test_both_themes_are_in_the_style() -> None:
    css = palette_css()

    assert LIGHT.css in css.partition("@media")[0]
    assert DARK.css in css.partition("prefers-color-scheme:dark")[2]
