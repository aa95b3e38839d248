"""What charts say of their rows: their names, and the figures in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analyzer.reports import Channel
from analyzer.terminal.format import TIME_FORMAT, as_duration, as_size
from analyzer.text import pluralize

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    Row = Mapping[Any, Any]

CHANNEL_NAMES = {
    Channel.IMPLICIT: "implicit TLS",
    Channel.STARTTLS: "STARTTLS",
    Channel.MIDSTREAM: "TLS, start not seen",
    Channel.PLAINTEXT: "in plaintext",
    Channel.FAILED: "TLS failed",
    Channel.UNKNOWN: "unknown",
}


def channels_of(row: Row) -> str:
    """Say how many sessions each channel has."""
    return ", ".join(
        f"{row[channel.value]:,} {name}"
        for channel, name in CHANNEL_NAMES.items()
        if row[channel.value]
    )


def sessions_of(row: Row) -> str:
    """Say how many sessions there are."""
    return pluralize(row["sessions"], "session")


def version_of(row: Row) -> str:
    """Say how many sessions a TLS version has, and whether it is deprecated."""
    return sessions_of(row) + (", deprecated" if row["deprecated"] else "")


def host_of(row: Row) -> str:
    """Say what a busy host did."""
    return f"{sessions_of(row)} with {pluralize(row['peers'], 'peer')}, " + as_size(
        row["bytes"]
    )


def latency_of(row: Row) -> str:
    """Say how long the answers to a command took."""
    return (
        f"{pluralize(row['count'], 'answer')}, "
        f"half within {as_duration(row['median'])}, "
        f"95% within {as_duration(row['p95'])}, all within {as_duration(row['max'])}"
    )


def times_of(rows: pd.DataFrame) -> str:
    """Say when there were sessions, and when there were most."""
    totals = rows.groupby("time")["sessions"].sum()
    return (
        f"{pluralize(int(totals.sum()), 'session')} "
        f"from {totals.index[0]:{TIME_FORMAT}} to {totals.index[-1]:{TIME_FORMAT}} UTC "
        f"in steps of {as_duration(int(rows['step_s'].iloc[0]))}, "
        f"most of them ({totals.max():,}) at {totals.idxmax():{TIME_FORMAT}}"
    )
