"""Which sessions are worth looking at first."""

from __future__ import annotations

import pandas as pd

from analyzer.reports.breakdown import is_deprecated
from analyzer.reports.channel import Channel, channel_of

MOST_WORRIES = 31
"""No session is more worth looking at."""


def worries(sessions: pd.DataFrame) -> pd.Series[int]:
    """Return how much each session is worth looking at, from 0 to `MOST_WORRIES`.

    A password in plaintext outweighs a TLS handshake that failed, that a deprecated
    version, that a failure, and that an anomaly.
    """
    signs = (
        (sessions["anomalies"].list.len() > 0).fillna(value=False),
        sessions["failure"].notna(),
        is_deprecated(sessions["tls_version"]),
        channel_of(sessions) == Channel.FAILED.value,
        sessions["credentials_exposed"].fillna(value=False),
    )
    worry = pd.Series(0, index=sessions.index)
    for weight, sign in enumerate(signs):
        worry += sign.astype("int64") * 2**weight
    return worry
