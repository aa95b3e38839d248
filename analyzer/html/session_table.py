"""The session table, as data for the page's script."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from analyzer import reports
from analyzer.html.charts.wording import KIND_NAMES
from analyzer.sessions.failures import failure_words
from analyzer.text import escape_controls

if TYPE_CHECKING:
    import pandas as pd

# more make a page that is slow to open
MOST_ROWS = 20_000


class _Column(NamedTuple):
    """A column, its heading, and how the script shows its values."""

    name: str
    title: str
    kind: str = "text"


_COLUMNS = (
    _Column("start", "Start (UTC)", "time"),
    _Column("service", "Service"),
    _Column("client_ip", "Client", "address"),
    _Column("server_ip", "Server", "address"),
    _Column("server_port", "Port", "port"),
    _Column("channel", "Protection", "channel"),
    _Column("protection", "Verdict"),
    _Column("tls_version", "TLS"),
    _Column("auth_user", "User"),
    _Column("auth_result", "Login"),
    _Column("failure", "Failure"),
    _Column("messages", "Messages", "count"),
    _Column("bytes", "Bytes", "size"),
    _Column("duration_s", "Duration", "seconds"),
    _Column("slowest_s", "Slowest answer", "seconds"),
    _Column("last_error", "Last error", "long"),
    _Column("anomalies", "Anomalies", "long"),
    _Column("session_id", "Session", "address"),
)


def session_table(sessions: pd.DataFrame) -> dict[str, Any]:
    """The columns and rows of the table, and how many sessions there are in all."""
    rows = reports.listing(sessions, MOST_ROWS)
    cells = [_cells(column, rows[column.name]) for column in _COLUMNS]
    return {
        "columns": [column._asdict() for column in _COLUMNS],
        "kinds": KIND_NAMES,
        "rows": list(zip(*cells, strict=True)),
        "total": len(sessions),
    }


def _cells(column: _Column, values: pd.Series[Any]) -> list[Any]:
    """Values as JSON has them; text can do no harm."""
    if column.kind == "time":
        times = values.astype("datetime64[ns, UTC]").dt
        # milliseconds: the last digits are for machines
        return [text[:-3] for text in times.strftime("%Y-%m-%d %H:%M:%S.%f")]
    if column.name == "failure":
        values = values.map(failure_words, na_action="ignore")
    if column.name == "anomalies":
        values = values.map(lambda codes: ", ".join(codes) or None)
    known = values.astype("object").where(values.notna(), None)
    return [escape_controls(v) if isinstance(v, str) else v for v in known]
