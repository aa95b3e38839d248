"""Sessions by how they were secured, and by what went wrong."""

from __future__ import annotations

import pandas as pd

from analyzer.reports.channel import Channel, channel_of, is_encrypted
from analyzer.reports.overview import (
    is_plaintext_login,
    message_count,
    payload_bytes,
    tls_versions,
)
from dissectors.tls.registries.versions import DEPRECATED

_PORT = ["server_port", "service", "protocol"]


def by_channel(sessions: pd.DataFrame) -> pd.DataFrame:
    """Count sessions per `channel`: every one, in the order of `Channel`."""
    channels = [channel.value for channel in Channel]
    counts = channel_of(sessions).value_counts().reindex(channels, fill_value=0)
    return pd.DataFrame(
        {"channel": channels, "sessions": counts.astype("int64").to_numpy()}
    )


def by_port(sessions: pd.DataFrame) -> pd.DataFrame:
    """Count sessions per port of servers, and how they were secured.

    Returns:
        One row per `server_port`, `service` and `protocol`, the busiest first: the
        number of `sessions`, and of those with each `Channel`.
    """
    channels = channel_of(sessions)
    flags = {
        channel.value: (channels == channel.value).astype("int64")
        for channel in Channel
    }
    counted = sessions[_PORT].assign(sessions=1, **flags).groupby(_PORT).sum()
    return counted.sort_values("sessions", ascending=False, kind="stable").reset_index()


def port_totals(sessions: pd.DataFrame) -> pd.DataFrame:
    """Add up what went over each port of servers.

    Returns:
        One row per `server_port`, `service` and `protocol`, the busiest first: the
        number of `sessions`, `clients` and `servers`; how many sessions were
        `encrypted`, had `plaintext_logins`, or `failed`; the number of `messages`, and
        of `bytes` of both sides.
    """
    facts = sessions[["client_ip", "server_ip", *_PORT]].assign(
        sessions=1,
        encrypted=is_encrypted(sessions).astype("int64"),
        plaintext_logins=is_plaintext_login(sessions).astype("int64"),
        failed=sessions["failure"].notna().astype("int64"),
        messages=message_count(sessions),
        bytes=payload_bytes(sessions),
    )
    grouped = facts.groupby(_PORT)
    totals = grouped[facts.columns[5:].tolist()].sum()
    totals.insert(1, "clients", grouped["client_ip"].nunique())
    totals.insert(2, "servers", grouped["server_ip"].nunique())
    return totals.sort_values("sessions", ascending=False, kind="stable").reset_index()


def by_tls_version(sessions: pd.DataFrame) -> pd.DataFrame:
    """Count sessions per TLS version that was agreed on.

    Returns:
        One row per `tls_version`, the newest first: the number of `sessions`, and
        whether the version is `deprecated`.
    """
    counted = tls_versions(sessions).groupby("tls_version")["sessions"].sum()
    # their names sort by age; those without a name come last
    rows = counted.sort_index(ascending=False).reset_index()
    rows["deprecated"] = is_deprecated(rows["tls_version"])
    return rows


def by_failure(sessions: pd.DataFrame) -> pd.DataFrame:
    """Count sessions per `Failure`, the most frequent first."""
    counts = sessions["failure"].value_counts(sort=False).sort_index()
    ordered = counts.sort_values(ascending=False, kind="stable")
    return ordered.astype("int64").rename_axis("failure").reset_index(name="sessions")


def is_deprecated(versions: pd.Series[str]) -> pd.Series[bool]:
    """Return which TLS versions nobody should use any more."""
    return versions.isin(DEPRECATED)
