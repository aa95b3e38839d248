"""Tables and words for people on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from analyzer.sessions.failures import failure_label
from analyzer.terminal.weaknesses import weakness_label
from analyzer.text import as_line, shorten

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping, Sequence

    from rich.console import Console

TIME_FORMAT = "%Y-%m-%d %H:%M:%S"

# user names may be as long as a line
_WIDEST_CELL = 40
_GAP = 2
# text that reads well in several lines, and how narrow it may become
_WRAPPED_WIDTHS = {
    "accounts": 25,
    "attachments": 20,
    "action": 26,
    "concerns": 28,
    "client_ips": 25,
    "failure": 22,
    "exposed": 22,
    "from": 20,
    "last_error": 30,
    "message_id": 26,
    "name": 20,
    "seen": 30,
    "sha256": 34,
    "subject": 20,
    "title": 24,
    "to": 20,
    "verdict": 29,
}
# in a pipe nothing is folded or left out
_UNLIMITED = 10_000

_UNITS = ((1e-3, 1e6, "\N{MICRO SIGN}s"), (1, 1e3, "ms"), (60, 1, "s"))

# for people; all others have a word per line
_HEADINGS = {
    "auth_exposure": "exposed",
    "auth_mechanism": "mechanism",
    "auth_result": "result",
    "auth_user": "user",
    "action": "to do",
    "client_ip": "client",
    "client_ips": "addresses",
    "concerns": "concerns most",
    "detected_type": "type by\ncontent",
    "duration_s": "duration",
    "encrypted_share": "encrypted %",
    "first_seen": "first seen",
    "implicit": "implicit\nTLS",
    "in_part": "fetched\nin part",
    "last_error": "last error",
    "last_seen": "last seen",
    "lowest_bytes_per_s": "lowest\nrate",
    "median_bytes": "median\nsize",
    "median_bytes_per_s": "median\nrate",
    "midstream": "TLS, start\nnot seen",
    "not_after": "valid until",
    "p95": "95%",
    "plaintext": "in\nplaintext",
    "seen": "seen of other ways",
    "message_id": "message",
    "server_ip": "server",
    "server_port": "port",
    "session_id": "session",
    "sha256": "SHA-256",
    "size_bytes": "size",
    "slowest_s": "time",
    "slowest_verb": "command",
    "starttls": "STARTTLS",
    "title": "finding",
    "tls_cipher": "cipher",
    "tls_version": "version",
    "used_tls": "also\nTLS",
    "verb": "command",
    "would_be_cut_off": "would be\ncut off",
}


def fit_output(console: Console) -> None:
    """Let lines be as long as they are, unless a terminal shows them."""
    if not console.is_terminal:
        console.width = _UNLIMITED


def as_table(
    title: str,
    rows: pd.DataFrame,
    width: int,
    *,
    optional: Sequence[str] = (),
    styles: Mapping[str, Sequence[str]] | None = None,
    style: str = "bold",
    limit: int = 10,
    wrapped: Container[str] = (),
) -> Table:
    """Return rows as a table that fits.

    Args:
        title: what it shows.
        rows: the rows.
        width: how wide it may be.
        optional: columns that a narrow terminal leaves out, in this order.
        styles: the style of each cell, for some columns.
        style: the style of the title.
        limit: how many rows are shown.
        wrapped: columns whose text may take several lines, besides those that always
            may.
    """
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    table.title_style, table.header_style = style, "dim"
    table.padding = (0, _GAP, 0, 0)
    cells = {
        name: [_cell(name, value, wrapped) for value in rows[name].head(limit)]
        for name in rows.columns
    }
    for name in optional:
        if sum(_width(*column) for column in cells.items()) > width:
            cells.pop(name, None)
    for name in cells:
        is_wrapped = name in _WRAPPED_WIDTHS or name in wrapped
        _add_column(table, name, rows[name].dtype, is_wrapped=is_wrapped)
    plain = [""] * len(rows)
    texts = [
        map(Text, column, (styles or {}).get(name, plain))
        for name, column in cells.items()
    ]
    for row in zip(*texts, strict=True):
        table.add_row(*row)
    if len(rows) > limit:
        table.caption = f"and {len(rows) - limit:,} more"
        table.caption_justify = "left"
    return table


def as_share(value: float) -> str:
    """Format a share in percent: 100 only for all, and 0 only for none."""
    percent = 100 * value if value in (0, 1) else min(max(100 * value, 1), 99)
    return f"{percent:.0f}%"


def as_size(count: int) -> str:
    """Format a number of bytes, in the unit that suits it."""
    size = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def as_duration(seconds: float) -> str:
    """Format a time in the unit that suits it."""
    for limit, factor, unit in _UNITS:
        # 0.9999 ms would be 1000 µs
        if seconds < limit * 0.9995:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds / 60:,.1f} min"


def as_span(first: pd.Timestamp, last: pd.Timestamp) -> str:
    """Format two times in UTC, without what is the same again."""
    start, end = f"{first:{TIME_FORMAT}}", f"{last:{TIME_FORMAT}}"
    if start == end:
        return f"{start} UTC"
    rest = f"{last:%H:%M:%S}" if last.date() == first.date() else end
    return f"{start} to {rest} UTC"


def _add_column(table: Table, name: str, kind: Any, *, is_wrapped: bool) -> None:
    is_numeric = pd.api.types.is_numeric_dtype(kind)
    is_flag = pd.api.types.is_bool_dtype(kind)
    table.add_column(
        Text(_heading(name)),
        justify="right" if is_numeric and not is_flag else "left",
        vertical="top",
        no_wrap=not is_wrapped,
        overflow="fold" if is_wrapped else "ellipsis",
    )


def _width(name: str, cells: list[str]) -> int:
    """Return how wide a column is, with the gap behind it."""
    lines = [*_heading(name).split("\n"), *cells]
    widest = max(map(cell_len, lines)) + _GAP
    return min(widest, _WRAPPED_WIDTHS.get(name, widest))


def _heading(name: str) -> str:
    return _HEADINGS.get(name, name.replace("_", "\n"))


def _cell(name: str, value: Any, wrapped: Container[str]) -> str:
    if pd.isna(value):
        return "-"
    if name in FORMATS:
        return FORMATS[name](value)
    if pd.api.types.is_bool(value):
        return "yes" if value else "no"
    if pd.api.types.is_integer(value):
        return f"{value:,}"
    text = as_line(str(value))
    is_wrapped = name in _WRAPPED_WIDTHS or name in wrapped
    return text if is_wrapped else shorten(text, _WIDEST_CELL)


def _as_time(time: pd.Timestamp) -> str:
    return f"{time:{TIME_FORMAT}}"


def _as_rate(bytes_per_s: float) -> str:
    return f"{as_size(int(bytes_per_s))}/s"


# how the values of some columns look
FORMATS: dict[str, Callable[[Any], str]] = {
    "bytes": as_size,
    "failure": failure_label,
    "encrypted_share": as_share,
    "first_seen": _as_time,
    "last_seen": _as_time,
    "max": as_duration,
    "lowest_bytes_per_s": _as_rate,
    "median": as_duration,
    "median_bytes": as_size,
    "median_bytes_per_s": _as_rate,
    "not_after": "{:%Y-%m-%d}".format,
    "p95": as_duration,
    "server_port": str,
    "size_bytes": as_size,
    "slowest_s": as_duration,
    "time": _as_time,
    "weakness": weakness_label,
}
