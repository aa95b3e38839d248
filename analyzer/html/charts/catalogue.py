"""Which charts there are, and what they show."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from analyzer import reports
from analyzer.html.charts import figures, wording
from analyzer.reports.channel import ENCRYPTED
from analyzer.sessions.failures import failure_label

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pandas as pd
    import plotly.graph_objects as go

    from analyzer.html.charts.palette import Theme
    from analyzer.html.charts.wording import Row
    from analyzer.tables.results import Results

    Draw = Callable[[pd.DataFrame, Sequence[str], Sequence[str], Theme], go.Figure]

_MAX_ROWS = 10


@dataclass(frozen=True, slots=True)
class Chart:
    """One chart of the page.

    Attributes:
        name: its name in the page.
        title: its title.
        empty: what to say if there is nothing to draw.
        report: what it shows, a row for each bar.
        draw: makes the figure.
        label_row: names a row.
        describe_row: says the figures of a row in words.
        note: how to read it.
        shows_channels: whether its colours are those of channels.
        summary: says all rows, if they are too many to be said one by one.
        kind: how the script draws it for chosen sessions.
        by: columns of the page's sessions: a row for each of their values, by which it
            filters.
        only: values that some columns must have; "" for any.
    """

    name: str
    title: str
    empty: str
    report: Callable[[Results], pd.DataFrame]
    draw: Draw
    label_row: Callable[[Row], str]
    describe_row: Callable[[Row], str]
    kind: str
    by: tuple[str, ...]
    only: Mapping[str, Sequence[str]] = field(default_factory=dict)
    note: str = ""
    shows_channels: bool = False
    summary: Callable[[pd.DataFrame], str] | None = None

    def drawn(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return the rows that are drawn."""
        return rows if self.summary else rows.head(_MAX_ROWS)

    def pattern(self, rows: pd.DataFrame, theme: Theme) -> go.Figure:
        """Draw what the page's script puts rows into: as few as show how it looks."""
        return self.figure(rows if self.summary else rows.head(1), theme)

    def figure(self, rows: pd.DataFrame, theme: Theme) -> go.Figure:
        """Draw rows of the report."""
        return self.draw(rows, *self._texts(rows), theme)

    def describe(self, rows: pd.DataFrame) -> str:
        """Describe the figure to those who can't see it."""
        if self.summary:
            text = self.summary(rows)
        else:
            pairs = zip(*self._texts(rows), strict=True)
            text = "; ".join(f"{name}: {words}" for name, words in pairs)
        return f"{self.title}: {text}."

    def _texts(self, rows: pd.DataFrame) -> tuple[list[str], list[str]]:
        records = rows.to_dict("records")
        return list(map(self.label_row, records)), list(map(self.describe_row, records))


CHARTS = (
    Chart(
        name="over-time",
        title="Sessions over time",
        empty="No mail session was found.",
        report=lambda a: reports.over_time(a.sessions),
        draw=figures.draw_over_time,
        label_row=lambda row: f"{row['time']}",
        describe_row=wording.sessions_of,
        kind="time",
        by=("start",),
        shows_channels=True,
        summary=wording.times_of,
    ),
    Chart(
        name="ports",
        title="Ports and their protection",
        empty="No mail session was found.",
        report=lambda a: reports.by_port(a.sessions),
        draw=figures.draw_channels,
        label_row=lambda row: f"{row['server_port']} {row['service']}",
        describe_row=wording.channels_of,
        kind="channels",
        by=("server_port", "service"),
        shows_channels=True,
    ),
    Chart(
        name="tls",
        title="TLS versions",
        empty="No TLS was seen.",
        report=lambda a: reports.by_tls_version(a.sessions),
        draw=figures.draw_versions,
        label_row=lambda row: str(row["tls_version"]),
        describe_row=wording.version_of,
        kind="versions",
        by=("tls_version",),
        only={"channel": ENCRYPTED, "tls_version": ("",)},
        note="What client and server agreed on. RFC 8996 forbids TLS 1.0 and 1.1.",
    ),
    Chart(
        name="failures",
        title="Failures",
        empty="No session failed.",
        report=lambda a: reports.by_failure(a.sessions),
        draw=figures.draw_counts,
        label_row=lambda row: failure_label(row["failure"]),
        describe_row=wording.sessions_of,
        kind="counts",
        by=("failure",),
        only={"failure": ("",)},
    ),
    Chart(
        name="latency",
        title="Slowest steps",
        empty="No step of which both ends were seen.",
        report=lambda a: reports.latency_by_step(a.exchanges, a.sessions, ["protocol"]),
        draw=figures.draw_latencies,
        label_row=lambda row: f"{row['protocol'].upper()} {row['step']}",
        describe_row=wording.latency_of,
        kind="latency",
        by=("step",),
        note="How long answers took, on a logarithmic scale: \N{BLACK CIRCLE} median, "
        "\N{BLACK DIAMOND} 95th percentile (also at the right), | slowest.",
    ),
    Chart(
        name="servers",
        title="Busiest servers",
        empty="No mail session was found.",
        report=lambda a: reports.busiest(a.sessions, "server"),
        draw=figures.draw_counts,
        label_row=lambda row: str(row["server_ip"]),
        describe_row=wording.host_of,
        kind="counts",
        by=("server_ip",),
        note="Sessions per server.",
    ),
    Chart(
        name="clients",
        title="Busiest clients",
        empty="No mail session was found.",
        report=lambda a: reports.busiest(a.sessions, "client"),
        draw=figures.draw_counts,
        label_row=lambda row: str(row["client_ip"]),
        describe_row=wording.host_of,
        kind="counts",
        by=("client_ip",),
        note="Sessions per client.",
    ),
)
