"""The sessions themselves, with what is worth knowing of each."""

from __future__ import annotations

import pandas as pd

from analyzer.reports.breakdown import is_deprecated
from analyzer.reports.channel import Channel, channel_of
from analyzer.reports.overview import message_count, payload_bytes

_KEPT = [
    "start",
    "service",
    "client_ip",
    "server_ip",
    "server_port",
    "channel",
    "protection",
    "tls_version",
    "auth_user",
    "auth_result",
    "failure",
    "messages",
    "bytes",
    "duration_s",
    "slowest_s",
    "last_error",
    "anomalies",
    "session_id",
]


def listing(sessions: pd.DataFrame, limit: int) -> pd.DataFrame:
    """List sessions by time; if there are too many, the most relevant ones.

    Args:
        sessions: the sessions.
        limit: how many rows there may be.

    Returns:
        One row per session: some of its columns, its `channel`, and the number
        of its `messages` and `bytes`.
    """
    rows = sessions.assign(
        channel=channel_of(sessions),
        messages=message_count(sessions),
        bytes=payload_bytes(sessions),
    )
    worst_first = _priority(rows).sort_values(ascending=False, kind="stable").index
    return rows.loc[worst_first[:limit].sort_values(), _KEPT].sort_values(
        ["start", "session_id"]
    )


def _priority(rows: pd.DataFrame) -> pd.Series[int]:
    """Return how much each session is worth looking at."""
    signs = (
        (rows["anomalies"].list.len() > 0).fillna(value=False),
        rows["failure"].notna(),
        is_deprecated(rows["tls_version"]),
        rows["channel"] == Channel.FAILED.value,
        rows["credentials_exposed"].fillna(value=False),
    )
    priority = pd.Series(0, index=rows.index)
    for weight, sign in enumerate(signs):
        priority += sign.astype("int64") * 2**weight
    return priority
