"""The summary of an analysis: for people on a terminal, and as JSON for machines."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd
from rich.table import Table
from rich.text import Text

from analyzer import reports
from analyzer.text import escape_controls

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from analyzer.pipeline import Analysis

_MOST_ROWS = 10


@dataclass(frozen=True, slots=True)
class Section:
    """One table of the summary: its name in JSON, its title, and how it is made."""

    name: str
    title: str
    report: Callable[[Analysis], pd.DataFrame]


SECTIONS = (
    Section("services", "Services", lambda a: reports.by_service(a.sessions)),
    Section(
        "plaintext_logins",
        "Logins in plaintext",
        lambda a: reports.plaintext_logins(a.sessions),
    ),
    Section("tls", "TLS", lambda a: reports.tls_versions(a.sessions)),
    Section(
        "clients", "Busiest clients", lambda a: reports.busiest(a.sessions, "client")
    ),
    Section(
        "servers", "Busiest servers", lambda a: reports.busiest(a.sessions, "server")
    ),
    Section("slowest", "Slowest answers", lambda a: reports.slowest(a.sessions)),
    Section("failed", "Failures", lambda a: reports.failed(a.sessions)),
    Section("not_read", "Not read", reports.not_read),
)


def print_summary(analysis: Analysis, console: Console) -> None:
    """Print what an administrator wants to know first."""
    console.print(_headline(analysis))
    for section in SECTIONS:
        rows = section.report(analysis)
        if len(rows):
            console.print()
            console.print(_table(section.title, rows))


def summary_json(analysis: Analysis) -> str:
    """The same as JSON: the counts, and each section as a list of objects."""
    summary: dict[str, Any] = {
        "captures": list(analysis.captures),
        "packets": analysis.packets,
        "capture_bytes": analysis.capture_bytes,
        "sessions": len(analysis.sessions),
        "messages": len(analysis.messages),
        "problems": [
            {"capture": each.capture, "offset": each.offset, "reason": each.reason}
            for each in analysis.problems
        ],
    }
    for section in SECTIONS:
        rows = section.report(analysis)
        summary[section.name] = [
            {name: _plain(value) for name, value in row.items()}
            for row in rows.to_dict(orient="records")
        ]
    return json.dumps(summary, indent=2, allow_nan=False)


def _headline(analysis: Analysis) -> Text:
    sessions = analysis.sessions
    count = len(sessions)
    text = Text()
    text.append(f"{count:,} mail session{'' if count == 1 else 's'}", style="bold")
    text.append(f" in {analysis.packets:,} packets ({_size(analysis.capture_bytes)})")
    if not count:
        return text
    encrypted = int(reports.is_encrypted(sessions).sum())
    exposed = int(sessions["credentials_exposed"].sum())
    first, last = sessions["start"].min(), sessions["end"].max()
    text.append(f", {first:%Y-%m-%d %H:%M:%S} to {last:%Y-%m-%d %H:%M:%S} UTC\n")
    text.append(f"{encrypted / count:.0%} encrypted", style="green")
    text.append(", ")
    if exposed:
        plural = "" if exposed == 1 else "s"
        text.append(f"{exposed:,} session{plural} with a password in clear", "bold red")
    else:
        text.append("no password in clear", style="green")
    return text


def _table(title: str, rows: pd.DataFrame) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None)
    table.padding = (0, 2, 0, 0)
    for name in rows.columns:
        numeric = pd.api.types.is_numeric_dtype(rows[name].dtype)
        heading = name.removesuffix("_s").removesuffix("_share").replace("_", " ")
        table.add_column(
            heading, justify="right" if numeric else "left", overflow="fold"
        )
    for row in rows.head(_MOST_ROWS).itertuples(index=False):
        cells = zip(rows.columns, row, strict=True)
        table.add_row(*(Text(_cell(name, value)) for name, value in cells))
    if len(rows) > _MOST_ROWS:
        table.caption = f"and {len(rows) - _MOST_ROWS:,} more"
        table.caption_justify = "left"
    return table


def _cell(name: str, value: Any) -> str:
    if _plain(value) is None:
        return "-"
    if name.endswith("_share"):
        return f"{value:.0%}"
    if name.endswith("_s"):
        return f"{value:.3f} s"
    if name == "bytes":
        return _size(int(value))
    return f"{value:,}" if isinstance(value, int) else escape_controls(str(value))


def _plain(value: Any) -> Any:
    """A value for JSON: missing ones as `None`."""
    return None if pd.isna(value) else value


def _size(count: int) -> str:
    size = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
