"""The session table, as data for the page's script."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from analyzer import reports
from analyzer.html.charts.wording import CHANNEL_NAMES
from analyzer.sessions.failures import failure_label
from analyzer.text import escape_controls

if TYPE_CHECKING:
    import pandas as pd

# more make a page that is slow to open
MAX_ROWS = 20_000


class _ShownColumn(NamedTuple):
    """A column, its heading, and how the script shows its values."""

    name: str
    title: str
    kind: str = "text"


_COLUMNS = (
    _ShownColumn("start", "Start (UTC)", "time"),
    _ShownColumn("service", "Service"),
    _ShownColumn("client_ip", "Client", "address"),
    _ShownColumn("server_ip", "Server", "address"),
    _ShownColumn("server_port", "Port", "port"),
    _ShownColumn("channel", "Channel", "channel"),
    _ShownColumn("protection", "Protection"),
    _ShownColumn("tls_version", "TLS"),
    _ShownColumn("auth_user", "User"),
    _ShownColumn("auth_result", "Login"),
    _ShownColumn("failure", "Failure"),
    _ShownColumn("messages", "Messages", "count"),
    _ShownColumn("bytes", "Bytes", "size"),
    _ShownColumn("duration_s", "Duration", "seconds"),
    _ShownColumn("slowest_s", "Slowest answer", "seconds"),
    _ShownColumn("last_error", "Last error", "long"),
    _ShownColumn("anomalies", "Anomalies", "long"),
    _ShownColumn("session_id", "Session", "address"),
)


def session_table(sessions: pd.DataFrame) -> dict[str, Any]:
    """Return columns and rows of the table, and how many sessions there are."""
    rows = reports.listing(sessions, MAX_ROWS)
    cells = [_cells(column, rows[column.name]) for column in _COLUMNS]
    return {
        "columns": [column._asdict() for column in _COLUMNS],
        "channels": CHANNEL_NAMES,
        "rows": list(zip(*cells, strict=True)),
        "total": len(sessions),
    }


def _cells(column: _ShownColumn, values: pd.Series[Any]) -> list[Any]:
    """Return values as JSON has them, with text that can do no harm."""
    if column.kind == "time":
        times = values.astype("datetime64[ns, UTC]").dt
        # milliseconds: the last digits are for machines
        return [text[:-3] for text in times.strftime("%Y-%m-%d %H:%M:%S.%f")]
    if column.name == "failure":
        values = values.map(failure_label, na_action="ignore")
    if column.name == "anomalies":
        values = values.map(lambda codes: ", ".join(codes) or None)
    known = values.astype("object").where(values.notna(), None)
    return [escape_controls(v) if isinstance(v, str) else v for v in known]
