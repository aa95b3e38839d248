"""Small tables made by hand, for what reports make of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa

from analyzer import Analysis
from analyzer.tables import schema

if TYPE_CHECKING:
    from collections.abc import Mapping

# of a session with TLS from its first byte on
TLS = {"tls_mode": "implicit", "tls_version": "TLSv1.3", "tls_established": True}
# what a row says if a test does not care
_USUAL: dict[str, Mapping[str, Any]] = {
    "sessions": {
        "protocol": "imap",
        "service": "imap",
        "client_ip": "192.0.2.1",
        "server_ip": "198.51.100.25",
        "server_port": 143,
        "start": 1_000_000_000,
        "end": 2_000_000_000,
        "duration_s": 1.0,
        "client_packets": 4,
        "server_packets": 4,
        "ended": "closed",
        "complete": True,
        "tls_mode": "none",
        "credentials_exposed": False,
    },
    "messages": {"direction": "retrieved"},
    "exchanges": {"kind": "command"},
}


def frame_of(table: schema.Table, *rows: Mapping[str, Any]) -> pd.DataFrame:
    """Rows as a data frame with all columns and types of a table.

    What a row does not say is as in most rows: counts are 0, lists are empty.
    """
    usual = {each.name: _default(each.type) for each in table.columns}
    usual |= _USUAL.get(table.name, {})
    arrow = pa.Table.from_pylist([{**usual, **row} for row in rows], table.arrow)
    frame: pd.DataFrame = arrow.to_pandas(types_mapper=pd.ArrowDtype)
    return frame


def sessions_of(*rows: Mapping[str, Any]) -> pd.DataFrame:
    """Sessions with these values; each is a quiet IMAP session in plaintext."""
    return frame_of(schema.SESSIONS, *rows)


def with_sessions(sessions: pd.DataFrame) -> Analysis:
    """An analysis that found these sessions, and nothing else."""
    arrow = {table.name: table.arrow.empty_table() for table in schema.TABLES}
    kind = schema.SESSIONS.arrow
    arrow["sessions"] = pa.Table.from_pandas(sessions, kind, preserve_index=False)
    return Analysis(tables=arrow, captures=[])


def _default(kind: pa.DataType) -> Any:
    if pa.types.is_list(kind):
        return []
    return 0 if kind == pa.int64() else None
