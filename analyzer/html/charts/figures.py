"""Rows of a report to a Plotly figure: one function for each kind of chart.

All take the rows, the names of the rows, what to say of each row to those who
point at it, and the colours.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pandas as pd

from analyzer.html.charts.layout import (
    add_bars,
    bar_positions,
    hover_texts,
    new_figure,
    row_figure,
)
from analyzer.html.charts.wording import CHANNEL_NAMES
from analyzer.terminal.format import as_duration

if TYPE_CHECKING:
    from collections.abc import Sequence

    import plotly.graph_objects as go

    from analyzer.html.charts.palette import Theme

_TIMELINE_PX = 260
# so much of a step is bar, the rest is the gap to the next
_BAR_SHARE = 0.86
# up to here an axis would have fractions of sessions
_FEW = 5
_AXIS_PX = 28
_MARK_PX = 11
_SMALL_FONT = 11
# columns of `latency_by_verb`, and the shape of their marks
_LATENCY_MARKS = (("max", "line-ns"), ("p95", "diamond"), ("median", "circle"))
_TIME_FORMAT = "%Y-%m-%d %H:%M:%S.%f"
# a logarithm has no zero, and captures have no shorter times
_QUICKEST_S = 1e-6


def draw_over_time(
    rows: pd.DataFrame,
    _names: Sequence[str],
    _descriptions: Sequence[str],
    theme: Theme,
) -> go.Figure:
    """Draw the sessions of each step of time as a bar, by channel."""
    step = pd.Timedelta(seconds=int(rows["step_s"].iloc[0]))
    figure = new_figure(
        theme,
        height=_TIMELINE_PX,
        barmode="stack",
        hovermode="x unified",
        # for the script, which counts anew
        meta={"step_s": int(step.total_seconds())},
    )
    for channel, swatch in theme.channels.items():
        bars = rows[rows["channel"] == channel.value]
        figure.add_bar(
            name=channel.value,
            x=_times(bars["time"]),
            y=bars["sessions"].tolist(),
            width=step.total_seconds() * 1000 * _BAR_SHARE,
            offset=0,
            marker={"color": swatch.fill, "line": {"width": 0}},
            hovertemplate="%{y:,} " + CHANNEL_NAMES[channel] + "<extra></extra>",
        )
    # around the last nanoseconds that there are, ends are beyond them
    first, last = rows["time"].min().as_unit("us"), rows["time"].max().as_unit("us")
    ends = [first - step / 2, last + step * 1.5]
    figure.update_xaxes(
        type="date",
        range=[f"{end:{_TIME_FORMAT}}" for end in ends],
        nticks=5,
        tickangle=0,
        color=theme.muted,
        showgrid=False,
    )
    figure.update_yaxes(
        tickformat=",d",
        nticks=5,
        rangemode="nonnegative",
        color=theme.muted,
        gridcolor=theme.line,
    )
    if rows.groupby("time")["sessions"].sum().max() <= _FEW:
        figure.update_yaxes(dtick=1)
    return figure


def draw_channels(
    rows: pd.DataFrame, names: Sequence[str], descriptions: Sequence[str], theme: Theme
) -> go.Figure:
    """Draw a bar for each row, divided by channel; it has a column for each."""
    figure = row_figure(names, [f"{total:,}" for total in rows["sessions"]], theme)
    for channel, swatch in theme.channels.items():
        counts = rows[channel.value].tolist()
        add_bars(
            figure,
            counts,
            names,
            descriptions,
            name=channel.value,
            colours=swatch.fill,
            text=[f"{count:,}" if count else "" for count in counts],
            textposition="inside",
            insidetextanchor="middle",
            textangle=0,
            textfont={"color": swatch.text, "size": _SMALL_FONT},
        )
    # a number that does not fit into its bar is left out
    figure.update_layout(uniformtext={"mode": "hide", "minsize": _SMALL_FONT})
    return figure.update_xaxes(range=[0, rows["sessions"].max()])


def draw_counts(
    rows: pd.DataFrame, names: Sequence[str], descriptions: Sequence[str], theme: Theme
) -> go.Figure:
    """Draw the number of sessions of each row as a bar."""
    figure = row_figure(names, [f"{count:,}" for count in rows["sessions"]], theme)
    colours = [theme.accent] * len(rows)
    add_bars(figure, rows["sessions"].tolist(), names, descriptions, colours=colours)
    return figure.update_xaxes(range=[0, rows["sessions"].max()])


def draw_versions(
    rows: pd.DataFrame, names: Sequence[str], descriptions: Sequence[str], theme: Theme
) -> go.Figure:
    """Draw the sessions of each TLS version, in the colour of plaintext if old."""
    figure = draw_counts(rows, names, descriptions, theme)
    colours = [theme.tls_colour(deprecated=is_old) for is_old in rows["deprecated"]]
    return figure.update_traces(marker_color=colours)


def draw_latencies(
    rows: pd.DataFrame, names: Sequence[str], descriptions: Sequence[str], theme: Theme
) -> go.Figure:
    """Draw median, 95th percentile and maximum of each row on a logarithmic axis."""
    figure = row_figure(
        names,
        [as_duration(p95) for p95 in rows["p95"]],
        theme,
        axis_px=_AXIS_PX,
    )
    positions = bar_positions(len(rows))
    times = rows[["median", "p95", "max"]].clip(lower=_QUICKEST_S)
    for position, median, slowest in zip(
        positions, times["median"], times["max"], strict=True
    ):
        figure.add_scatter(
            x=[median, slowest],
            y=[position, position],
            mode="lines",
            line={"color": theme.accent, "width": 2},
            hoverinfo="skip",
        )
    for name, symbol in _LATENCY_MARKS:
        figure.add_scatter(
            x=times[name].tolist(),
            y=positions,
            mode="markers",
            marker=_mark(symbol, theme.text if name == "median" else theme.accent),
            hovertext=hover_texts(names, descriptions),
            hoverinfo="text",
        )
    _set_decades(figure, times["median"].min(), times["max"].max(), theme)
    return figure


def _mark(symbol: str, colour: str) -> dict[str, Any]:
    line = {"width": 2, "color": colour}
    return {"color": colour, "symbol": symbol, "size": _MARK_PX, "line": line}


def _set_decades(figure: go.Figure, low: float, high: float, theme: Theme) -> None:
    """Give a logarithmic axis of time whole powers of ten."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    decades = range(first, max(last, first + 1) + 1)
    figure.update_xaxes(
        type="log",
        # marks on the first and the last are not cut
        range=[decades[0] - 0.1, decades[-1] + 0.1],
        tickvals=[10.0**decade for decade in decades],
        ticktext=[as_duration(10.0**decade) for decade in decades],
        color=theme.muted,
        gridcolor=theme.line,
    )


def _times(values: pd.Series[pd.Timestamp]) -> list[str]:
    """Return times in UTC, as Plotly takes them."""
    return values.dt.strftime(_TIME_FORMAT).tolist()
