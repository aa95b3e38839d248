"""How each session was secured, as it was seen; `protection` is the verdict on it."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

from analyzer.sessions.failures import Failure

if TYPE_CHECKING:
    import pandas as pd


class Channel(enum.StrEnum):
    """What an eavesdropper saw of a session."""

    IMPLICIT = "implicit"
    """TLS from the first byte on."""
    STARTTLS = "starttls"
    """Upgraded to TLS after some commands in plaintext."""
    MIDSTREAM = "midstream"
    """TLS; how it began was not captured, and the port does not tell."""
    PLAINTEXT = "plaintext"
    """Everything."""
    FAILED = "failed"
    """TLS was begun, and no session came of it."""
    UNKNOWN = "unknown"
    """Nothing was said, or it was not captured."""


ENCRYPTED = (Channel.IMPLICIT, Channel.STARTTLS, Channel.MIDSTREAM)


def channel_of(sessions: pd.DataFrame) -> pd.Series[str]:
    """Return the `Channel` of each session.

    It is encrypted if both sides sent encrypted data; or if they agreed on a
    version, and the rest was not seen.
    """
    has_tls = (sessions["tls_mode"] != "none").fillna(value=True)
    established = sessions["tls_established"].fillna(value=False)
    has_failed = has_tls & (sessions["failure"] == Failure.TLS_FAILED).fillna(
        value=False
    )
    is_open_ended = ~established & sessions["tls_version"].isna()
    is_silent = (sessions["client_bytes"] == 0) & (sessions["server_bytes"] == 0)
    return (
        sessions["tls_mode"]
        .replace("none", Channel.PLAINTEXT.value)
        .fillna(Channel.MIDSTREAM.value)
        .mask(has_tls & is_open_ended | ~has_tls & is_silent, Channel.UNKNOWN.value)
        .mask(has_failed, Channel.FAILED.value)
        .rename("channel")
    )


def is_encrypted(sessions: pd.DataFrame) -> pd.Series[bool]:
    """Return which sessions used TLS."""
    return channel_of(sessions).isin(ENCRYPTED)


def encrypted_share(sessions: pd.DataFrame) -> float | None:
    """Return the share of sessions that used TLS, of those that can be judged."""
    known = channel_of(sessions) != Channel.UNKNOWN
    if not known.any():
        return None
    return float(is_encrypted(sessions)[known].mean())
