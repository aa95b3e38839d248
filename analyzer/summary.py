"""The summary of an analysis: for people on a terminal, and as JSON for machines."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from analyzer import reports
from analyzer.text import escape_controls

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from analyzer.analysis import Analysis

_MOST_ROWS = 10
# user names may be as long as a line
_WIDEST_CELL = 40
_GAP = 2
_TIME = "%Y-%m-%d %H:%M:%S"
# the only text that reads well in several lines
_WRAPPED = "last_error"
_WRAPPED_WIDTH = 30
# in a pipe nothing is folded or left out
_UNLIMITED = 10_000

# for people; all others have a word per line
_HEADINGS = {
    "auth_mechanism": "mechanism",
    "auth_result": "result",
    "auth_user": "user",
    "client_ip": "client",
    "encrypted_share": "share",
    "last_error": "last error",
    "server_ip": "server",
    "session_id": "session",
    "slowest_s": "time",
    "slowest_verb": "command",
    "tls_cipher": "cipher",
    "tls_version": "version",
}


@dataclass(frozen=True, slots=True)
class Section:
    """One table of the summary.

    Attributes:
        name: its name in JSON.
        title: its title for people.
        report: how it is made.
        optional: columns that a narrow terminal does without, the first first.
        style: of the title.
    """

    name: str
    title: str
    report: Callable[[Analysis], pd.DataFrame]
    optional: tuple[str, ...] = ()
    style: str = "bold"


SECTIONS = (
    Section(
        "services",
        "Services",
        lambda a: reports.by_service(a.sessions),
        ("encrypted", "bytes"),
    ),
    Section(
        "plaintext_logins",
        "Logins in plaintext",
        lambda a: reports.plaintext_logins(a.sessions),
        ("server_ip", "auth_mechanism", "service"),
        "bold red",
    ),
    Section(
        "failed",
        "Failures",
        lambda a: reports.failed(a.sessions),
        style="bold yellow",
    ),
    Section("tls", "TLS", lambda a: reports.tls_versions(a.sessions)),
    Section(
        "slowest",
        "Slowest answers",
        lambda a: reports.slowest(a.sessions),
        ("server_ip", "service", "session_id"),
    ),
    Section(
        "clients", "Busiest clients", lambda a: reports.busiest(a.sessions, "client")
    ),
    Section(
        "servers", "Busiest servers", lambda a: reports.busiest(a.sessions, "server")
    ),
    Section("not_read", "Not read", reports.not_read, style="bold yellow"),
)


def print_summary(analysis: Analysis, console: Console) -> None:
    """Print what an administrator wants to know first."""
    if not console.is_terminal:
        console.width = _UNLIMITED
    console.print(_headline(analysis))
    for section in SECTIONS:
        rows = section.report(analysis)
        if len(rows):
            console.print()
            console.print(_table(section, rows, console.width))


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
    text = Text(_counted(count, "mail session"), style="bold")
    size = _size(analysis.capture_bytes)
    text.append(f" in {_counted(analysis.packets, 'packet')} ({size})", "not bold")
    if not count:
        return text
    first, last = sessions["start"].min(), sessions["end"].max()
    until = f"{last:%H:%M:%S}" if last.date() == first.date() else f"{last:{_TIME}}"
    text.append(f"\n{first:{_TIME}} to {until} UTC\n", "not bold")
    encrypted = int(reports.is_encrypted(sessions).sum())
    text.append(_share(encrypted / count) + " encrypted", "green")
    text.append(", ")
    exposed = int(sessions["credentials_exposed"].sum())
    if exposed:
        text.append(f"{_counted(exposed, 'session')} with a password in clear", "red")
    else:
        text.append("no password in clear", "green")
    return text


def _table(section: Section, rows: pd.DataFrame, width: int) -> Table:
    table = Table(title=section.title, title_justify="left", box=None, pad_edge=False)
    table.title_style, table.header_style = section.style, "dim"
    table.padding = (0, _GAP, 0, 0)
    cells = {
        name: [_cell(name, value) for value in rows[name].head(_MOST_ROWS)]
        for name in rows.columns
    }
    for name in section.optional:
        if sum(_width(*column) for column in cells.items()) > width:
            del cells[name]
    for name in cells:
        is_numeric = pd.api.types.is_numeric_dtype(rows[name].dtype)
        table.add_column(
            Text(_heading(name)),
            justify="right" if is_numeric else "left",
            vertical="top",
            no_wrap=name != _WRAPPED,
            overflow="fold" if name == _WRAPPED else "ellipsis",
        )
    for row in zip(*cells.values(), strict=True):
        table.add_row(*map(Text, row))
    if len(rows) > _MOST_ROWS:
        table.caption = f"and {len(rows) - _MOST_ROWS:,} more"
        table.caption_justify = "left"
    return table


def _width(name: str, cells: list[str]) -> int:
    """How wide a column is, with the gap behind it."""
    lines = [*_heading(name).split("\n"), *cells]
    widest = max(map(cell_len, lines)) + _GAP
    return min(widest, _WRAPPED_WIDTH) if name == _WRAPPED else widest


def _heading(name: str) -> str:
    return _HEADINGS.get(name, name.replace("_", "\n"))


def _cell(name: str, value: Any) -> str:
    if _plain(value) is None:
        return "-"
    if name in _FORMATS:
        return _FORMATS[name](value)
    if pd.api.types.is_integer(value):
        return f"{value:,}"
    text = escape_controls(str(value))
    if name == _WRAPPED or len(text) <= _WIDEST_CELL:
        return text
    return text[: _WIDEST_CELL - 1] + "\N{HORIZONTAL ELLIPSIS}"


def _share(value: float) -> str:
    """A share in percent, which is 100 for all and 0 for none only."""
    percent = 100 * value if value in (0, 1) else min(max(100 * value, 1), 99)
    return f"{percent:.0f}%"


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


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


_FORMATS: dict[str, Callable[[Any], str]] = {
    "bytes": _size,
    "encrypted_share": _share,
    "slowest_s": "{:.3f} s".format,
}
