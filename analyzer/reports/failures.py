"""What failed, and for whom: by client and by server."""

from __future__ import annotations

import pandas as pd

_KEYS = {
    "client": ["client_ip"],
    "server": ["server_ip", "server_port", "service"],
}


def failures_by_host(sessions: pd.DataFrame, side: str) -> pd.DataFrame:
    """List the clients, or the ports of servers, that have failures.

    Args:
        sessions: the sessions.
        side: `client` or `server`.

    Returns:
        One row per `client_ip`; or per `server_ip`, `server_port` and `service`; those
        with most failures first: the number of `sessions`, how many of them `failed`,
        which share that is (0 to 1), with how many servers or clients that was
        (`peers`), the most frequent `failure`; and of the last that failed: `last_seen`
        (its end), what was said (`last_error`) and its `session_id`.
    """
    keys, peer = _KEYS[side], "server_ip" if side == "client" else "client_ip"
    told = [*keys, peer, "session_id", "end", "failure", "failure_detail"]
    failed = sessions.loc[sessions["failure"].notna(), told]
    counted = failed.groupby(keys)
    every = sessions.groupby(keys).size()
    last = failed.sort_values(["end", "session_id"]).drop_duplicates(keys, keep="last")
    last = last.set_index(keys)
    kinds = failed.groupby([*keys, "failure"]).size().rename("count").reset_index()
    kinds = kinds.sort_values("count", ascending=False, kind="stable")
    rows = pd.DataFrame(
        {
            "sessions": every,
            "failed": counted.size(),
            "peers": counted[peer].nunique(),
            "failure": kinds.drop_duplicates(keys).set_index(keys)["failure"],
            "last_seen": last["end"],
            "last_error": last["failure_detail"],
            "session_id": last["session_id"],
        }
    )
    rows = rows[rows["failed"].notna()].astype({"failed": "int64", "peers": "int64"})
    rows.insert(2, "failed_share", rows["failed"] / rows["sessions"])
    return rows.sort_values("failed", ascending=False, kind="stable").reset_index()
