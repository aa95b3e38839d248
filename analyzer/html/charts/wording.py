"""What charts say of their rows: their names, and the figures in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analyzer.reports import Channel
from analyzer.terminal.format import TIME_FORMAT, as_duration, as_size
from analyzer.text import counted

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    Row = Mapping[Any, Any]

KIND_NAMES = {
    Channel.IMPLICIT: "implicit TLS",
    Channel.STARTTLS: "STARTTLS",
    Channel.MIDSTREAM: "TLS, start not seen",
    Channel.PLAINTEXT: "in plaintext",
    Channel.FAILED: "TLS failed",
    Channel.UNKNOWN: "unknown",
}


def kinds_of(row: Row) -> str:
    """Say how many sessions each channel has."""
    return ", ".join(
        f"{row[kind.value]:,} {name}"
        for kind, name in KIND_NAMES.items()
        if row[kind.value]
    )


def sessions_of(row: Row) -> str:
    """Say how many sessions there are."""
    return counted(row["sessions"], "session")


def version_of(row: Row) -> str:
    """Say how many sessions a TLS version has, and whether it is deprecated."""
    return sessions_of(row) + (", deprecated" if row["deprecated"] else "")


def host_of(row: Row) -> str:
    """Say what a busy host did."""
    return f"{sessions_of(row)} with {counted(row['peers'], 'peer')}, " + as_size(
        row["bytes"]
    )


def latency_of(row: Row) -> str:
    """Say how long the answers to a command took."""
    return (
        f"{counted(row['count'], 'answer')}, half within {as_duration(row['median'])}, "
        f"95% within {as_duration(row['p95'])}, all within {as_duration(row['max'])}"
    )


def times_of(rows: pd.DataFrame) -> str:
    """Say when there were sessions, and when there were most."""
    totals = rows.groupby("time")["sessions"].sum()
    return (
        f"{counted(int(totals.sum()), 'session')} from {totals.index[0]:{TIME_FORMAT}} "
        f"to {totals.index[-1]:{TIME_FORMAT}} UTC in steps of "
        f"{as_duration(int(rows['step_s'].iloc[0]))}, most of them ({totals.max():,}) "
        f"at {totals.idxmax():{TIME_FORMAT}}"
    )
