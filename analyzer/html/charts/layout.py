"""What all charts look like: type, colours, and rows with their names above them.

A name above its bar, not beside it, leaves charts as wide as a phone all of their
width, however long an IPv6 address is.
"""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go

from analyzer.text import escape_controls

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from analyzer.html.charts.palette import Theme

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif"
_FONT_SIZE = 13
_LONGEST_NAME = 44

# in parts of a row's height, below its middle
_BAR_MIDDLE = 0.23
_BAR_HEIGHT = 0.38
_ROW_PX = 52


def plain(text: str) -> str:
    """Escape text for Plotly, which knows some HTML, and TeX between $."""
    text = escape_controls(text)
    if len(text) > _LONGEST_NAME:
        text = text[: _LONGEST_NAME - 1] + "\N{HORIZONTAL ELLIPSIS}"
    return html.escape(text, quote=False).replace("$", "&#36;")


def new_figure(
    theme: Theme,
    *,
    xaxis: Mapping[str, Any] | None = None,
    yaxis: Mapping[str, Any] | None = None,
    **layout: Any,
) -> go.Figure:
    """Return an empty figure that fits into the page.

    Args:
        theme: the colours.
        xaxis: what its horizontal axis is besides.
        yaxis: the same of the vertical one.
        layout: what else there is, or is otherwise.
    """
    axis = {"fixedrange": True, "zeroline": False, "automargin": True}
    usual = {
        "template": "none",
        "font": {"family": FONT, "size": _FONT_SIZE, "color": theme.text},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "margin": {"l": 0, "r": 0, "t": 8, "b": 8},
        "showlegend": False,
        # on a phone a finger on a chart scrolls the page
        "dragmode": False,
        "hoverlabel": {
            "bgcolor": theme.surface,
            "bordercolor": theme.line,
            "font": {"family": FONT, "size": _FONT_SIZE, "color": theme.text},
            "align": "left",
        },
        "xaxis": {**axis, **(xaxis or {})},
        "yaxis": {**axis, **(yaxis or {})},
    }
    # all at once: Plotly checks everything with each part that is added
    return go.Figure(layout={**usual, **layout})


def row_figure(
    names: Sequence[str], values: Sequence[str], theme: Theme, *, axis_px: int = 0
) -> go.Figure:
    """Return a figure with a row for each name, to draw bars or marks into.

    Args:
        names: names of the rows, from the traffic, the topmost first.
        values: what stands at the right end of each row.
        theme: the colours.
        axis_px: room for a horizontal axis, if there is one.
    """
    count = len(names)
    texts = [
        text
        for row, (name, value) in enumerate(zip(names, values, strict=True))
        for text in (
            _text(row, plain(name), x=0, anchor="left", color=theme.text),
            _text(row, plain(value), x=1, anchor="right", color=theme.muted),
        )
    ]
    return new_figure(
        theme,
        height=_ROW_PX * count + axis_px + 8,
        margin={"l": 0, "r": 0, "t": 0, "b": axis_px + 8},
        barmode="stack",
        xaxis={"visible": bool(axis_px)},
        yaxis={"visible": False, "range": [count - 0.5, -0.5]},
        annotations=texts,
    )


def add_bars(
    figure: go.Figure,
    lengths: Sequence[int],
    names: Sequence[str],
    descriptions: Sequence[str],
    *,
    colours: str | Sequence[str],
    **more: Any,
) -> None:
    """Add a horizontal bar to each row, beside those that are there."""
    figure.add_bar(
        orientation="h",
        x=list(lengths),
        y=bar_positions(len(lengths)),
        width=_BAR_HEIGHT,
        marker={"color": colours, "line": {"width": 0}},
        hovertext=hover_texts(names, descriptions),
        hoverinfo="text",
        **more,
    )


def hover_texts(names: Sequence[str], descriptions: Sequence[str]) -> list[str]:
    """Return what pointing at a row shows: its name, and its figures in words."""
    return [
        f"{plain(name)}<br>{words.replace(', ', '<br>')}"
        for name, words in zip(names, descriptions, strict=True)
    ]


def bar_positions(count: int) -> list[float]:
    """Return where the bars of rows are."""
    return [row + _BAR_MIDDLE for row in range(count)]


def _text(row: int, text: str, *, x: int, anchor: str, color: str) -> dict[str, Any]:
    return {
        "text": text,
        "x": x,
        "xref": "paper",
        "xanchor": anchor,
        "y": row,
        "yanchor": "bottom",
        "showarrow": False,
        # the frame that it has not is a pixel wide
        "xshift": 1 if x else -1,
        "font": {"color": color},
    }
