"""The charts of the page as files: PNG or SVG.

Kaleido draws them in a browser without a window, which is installed apart; both are an
extra. All charts are drawn by one browser, into a folder that goes when it has ended.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from analyzer.errors import ExportError
from analyzer.html.charts import CHARTS, LIGHT
from analyzer.html.charts.wording import CHANNEL_NAMES
from analyzer.reports.channel import Channel
from analyzer.tables.export import atomic_write, make_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from analyzer.tables.results import Results

KINDS = ("png", "svg")
_WIDTH_PX = 800
# of what is printed, a pixel of the page is too coarse
_SCALE = 2
_MARGIN_PX = {"l": 24, "r": 24, "t": 76, "b": 24}
_TITLE_PX = 18
# on the page, one beside the charts is for all
_LEGEND = {
    "orientation": "h",
    "x": 0,
    "y": 1,
    "yanchor": "bottom",
    "traceorder": "normal",
}
# nothing is fetched from the network to draw a chart
_KALEIDO: dict[str, Any] = {"mathjax": False, "timeout": 90}


def check_pictures() -> None:
    """Check whether pictures can be drawn, before any work is done for them.

    Raises:
        ExportError: Kaleido is not installed.
    """
    if find_spec("kaleido") is None:
        raise ExportError(
            "pictures take Kaleido, and Chromium or Chrome: pip install "
            "'mailtap[pictures]'"
        )


def write_pictures(analysis: Results, folders: Mapping[str, Path]) -> None:
    """Draw the charts that have something to show.

    Args:
        analysis: what was found.
        folders: of each kind of picture that is wanted (`KINDS`), the folder for it,
            which is made if it is missing. Files are called as their charts.

    Raises:
        ExportError: a picture can't be drawn or written.
    """
    check_pictures()
    for folder in folders.values():
        make_folder(folder)
    with TemporaryDirectory(prefix="mailtap-") as name:
        drawn = Path(name)
        _draw([*_pictures(analysis, folders, drawn)])
        for kind, folder in folders.items():
            for picture in sorted(drawn.glob(f"*.{kind}")):
                with atomic_write(folder / picture.name) as file:
                    file.write(picture.read_bytes())


def _pictures(
    analysis: Results, kinds: Mapping[str, Path], folder: Path
) -> Iterator[dict[str, Any]]:
    """Yield what Kaleido wants to know of each picture."""
    for chart in CHARTS:
        rows = chart.drawn(chart.report(analysis))
        if rows.empty:
            continue
        figure = chart.figure(rows, LIGHT)
        for trace in figure.data if chart.shows_channels else ():
            trace.name = CHANNEL_NAMES[Channel(trace.name)]
        height = (figure.layout.height or 300) + _MARGIN_PX["t"] + _MARGIN_PX["b"]
        figure.update_layout(
            title={
                "text": chart.title,
                "x": 0,
                "xref": "paper",
                "y": 1 - 8 / height,
                "yanchor": "top",
            },
            title_font_size=_TITLE_PX,
            showlegend=chart.shows_channels,
            legend=_LEGEND,
            paper_bgcolor=LIGHT.surface,
            margin=_MARGIN_PX,
            width=_WIDTH_PX,
            height=height,
        )
        for kind in kinds:
            scale = _SCALE if kind == "png" else 1
            options = {
                "format": kind,
                "width": _WIDTH_PX,
                "height": height,
                "scale": scale,
            }
            yield {
                "fig": figure.to_dict(),
                "path": folder / f"{chart.name}.{kind}",
                "opts": options,
            }


def _draw(pictures: list[dict[str, Any]]) -> None:
    import kaleido
    from kaleido.errors import KaleidoError

    if not pictures:
        return
    try:
        kaleido.write_fig_from_object_sync(pictures, kopts=_KALEIDO)
    except (KaleidoError, OSError, RuntimeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ExportError(f"pictures can't be drawn ({reason})") from error
