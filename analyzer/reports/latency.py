"""How long servers take to answer."""

from __future__ import annotations

import pandas as pd


def latency_by_verb(exchanges: pd.DataFrame, sessions: pd.DataFrame) -> pd.DataFrame:
    """Measure how long the answers to each command, and to each message, took.

    IDLE is left out: it is answered when the client ends it.

    Returns:
        One row per `protocol` and `verb`, the slowest first: the `count` of answers,
        and in seconds their `median`, `p95` (the 95th percentile) and `max`.
    """
    # RFC 2177 §3; what has no verb is no command
    is_command = (exchanges["answered"] != "IDLE").fillna(value=False)
    is_timed = is_command & exchanges["latency_s"].notna()
    timed = exchanges.loc[is_timed, ["session_id", "answered", "latency_s"]]
    timed = timed.rename(columns={"answered": "verb"})
    timed = timed.merge(sessions[["session_id", "protocol"]], on="session_id")
    # quantiles of Arrow columns are slow
    timed["latency_s"] = timed["latency_s"].astype("float64")
    latencies = timed.groupby(["protocol", "verb"])["latency_s"]
    rows = pd.DataFrame(
        {
            "count": latencies.size(),
            "median": latencies.median(),
            "p95": latencies.quantile(0.95),
            "max": latencies.max(),
        }
    )
    ordered = rows.sort_values(["p95", "max"], ascending=False, kind="stable")
    return ordered.reset_index()
