"""What an administrator asks first: services, logins, failures, busy hosts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
from pyarrow import compute

from analyzer.reports.channel import Channel, channel_of, is_encrypted
from analyzer.sessions.protection import PLAINTEXT_LOGIN

if TYPE_CHECKING:
    from analyzer.tables.results import Results

_TOP = 10
# columns of the session table, and what they are called in `failed`
_OF_FAILURES = {
    "service": "service",
    "failure": "failure",
    "failure_temporary": "temporary",
    "failure_detail": "last_error",
}


def by_service(sessions: pd.DataFrame) -> pd.DataFrame:
    """Count sessions per service, with share encrypted, logins and volume.

    Returns:
        One row per service, the busiest first, with `service`, `sessions`,
        `encrypted`, `encrypted_share` (0 to 1, of the sessions of which it is known;
        null if of none), `plaintext_logins`, `failed_logins`, `messages`, `bytes`.
    """
    facts = pd.DataFrame(
        {
            "service": sessions["service"],
            "sessions": 1,
            "encrypted": is_encrypted(sessions).astype("int64"),
            "known": (channel_of(sessions) != Channel.UNKNOWN).astype("int64"),
            "plaintext_logins": is_plaintext_login(sessions).astype("int64"),
            "failed_logins": sessions["auth_failures"],
            "messages": message_count(sessions),
            "bytes": payload_bytes(sessions),
        }
    )
    grouped = facts.groupby("service").sum()
    # none of none is not a number
    share = grouped["encrypted"] / grouped.pop("known")
    grouped.insert(2, "encrypted_share", share)
    return _largest_first(grouped, "sessions")


def plaintext_logins(sessions: pd.DataFrame) -> pd.DataFrame:
    """List who logged in in plaintext, or tried to: how, from where, to where.

    Returns:
        One row per `auth_user`, `auth_mechanism`, `auth_exposure`, `client_ip`,
        `service`, `server_ip` and `auth_result`, with the number of `sessions`.
    """
    keys = [
        "auth_user",
        "auth_mechanism",
        "auth_exposure",
        "client_ip",
        "service",
        "server_ip",
        "auth_result",
    ]
    return _count_by(sessions.loc[is_plaintext_login(sessions), keys], keys)


def is_plaintext_login(sessions: pd.DataFrame) -> pd.Series[bool]:
    """Return in which sessions somebody logged in in plaintext, or tried to."""
    verdicts = (sessions["protection"] == PLAINTEXT_LOGIN).fillna(value=False)
    return verdicts | sessions["credentials_exposed"].fillna(value=False)


def tls_versions(sessions: pd.DataFrame) -> pd.DataFrame:
    """Count encrypted sessions per negotiated `tls_version` and `tls_cipher`."""
    agreed = is_encrypted(sessions) & sessions["tls_version"].notna()
    keys = ["tls_version", "tls_cipher"]
    return _count_by(sessions.loc[agreed, keys], keys)


def busiest(sessions: pd.DataFrame, side: str, limit: int = _TOP) -> pd.DataFrame:
    """List the addresses with most sessions.

    Args:
        sessions: the sessions.
        side: `client` or `server`.
        limit: how many addresses.

    Returns:
        One row per address: `{side}_ip`, `sessions`, `peers`, `bytes`.
    """
    other = "server" if side == "client" else "client"
    facts = pd.DataFrame(
        {
            "ip": sessions[f"{side}_ip"],
            "peer": sessions[f"{other}_ip"],
            "bytes": payload_bytes(sessions),
        }
    )
    grouped = facts.groupby("ip").agg(
        sessions=("peer", "size"), peers=("peer", "nunique"), bytes=("bytes", "sum")
    )
    ranked = _largest_first(grouped, "sessions").head(limit)
    return ranked.rename(columns={"ip": f"{side}_ip"})


def slowest(sessions: pd.DataFrame, limit: int = _TOP) -> pd.DataFrame:
    """List the sessions with the slowest answers.

    Returns:
        `session_id`, `service`, `client_ip`, `server_ip`, `slowest_verb`,
        `slowest_s`, the slowest first.
    """
    columns = [
        "session_id",
        "service",
        "client_ip",
        "server_ip",
        "slowest_verb",
        "slowest_s",
    ]
    timed = sessions.loc[sessions["slowest_s"].notna(), columns]
    return timed.sort_values(["slowest_s", "session_id"], ascending=[False, True]).head(
        limit
    )


def failed(sessions: pd.DataFrame) -> pd.DataFrame:
    """List what clients could not do: one row per cause and what was said of it.

    Returns:
        `service`, `failure` (see `Failure`), whether it was `temporary` (null if the
        server did not say), the number of `sessions`, and as `last_error` what the
        server said, or the alert of TLS.
    """
    rows = sessions.loc[sessions["failure"].notna(), [*_OF_FAILURES]]
    counted = _count_by(rows.rename(columns=_OF_FAILURES), [*_OF_FAILURES.values()])
    return counted[["service", "failure", "temporary", "sessions", "last_error"]]


def message_count(sessions: pd.DataFrame) -> pd.Series[int]:
    """Return how many messages each session moved, in either direction."""
    return (
        sessions["messages_sent"]
        + sessions["messages_appended"]
        + sessions["messages_retrieved"]
    )


def payload_bytes(sessions: pd.DataFrame) -> pd.Series[int]:
    """Return how many bytes both sides of each session sent."""
    return sessions["client_bytes"] + sessions["server_bytes"]


def not_read(analysis: Results) -> pd.DataFrame:
    """List what could not be read: `what`, `count` and `unit`."""
    rows = [(reason, count, "packets") for reason, count in analysis.undecoded.items()]
    if analysis.dropped:
        rows.append(("dropped before they were captured", analysis.dropped, "packets"))
    missing = int(analysis.sessions["missing_bytes"].sum())
    if missing:
        rows.append(("payload that was not captured", missing, "bytes"))
    if analysis.connections_evicted:
        evicted = analysis.connections_evicted
        rows.append(("given up to stay within memory", evicted, "connections"))
    oddities = compute.list_flatten(analysis.tables["sessions"]["anomalies"])
    cut_short = compute.sum(compute.equal(oddities, "cut_short")).as_py()
    if cut_short:
        rows.append(("cut short to stay within memory", cut_short, "sessions"))
    if analysis.attempts_without_row:
        no_rows = analysis.attempts_without_row
        rows.append(
            ("without data: counted, not in the tables", no_rows, "connections")
        )
    return pd.DataFrame(rows, columns=["what", "count", "unit"])


def _count_by(rows: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Count the `sessions` that share the same keys, most first."""
    sizes = rows.groupby(keys, dropna=False).size().to_frame("sessions")
    return _largest_first(sizes, "sessions")


def _largest_first(grouped: pd.DataFrame, by: str) -> pd.DataFrame:
    """Sort by a column, ties by the group's name, so that the order is stable."""
    ordered = grouped.sort_index().sort_values(by, ascending=False, kind="stable")
    return ordered.reset_index()
