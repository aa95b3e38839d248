"""How each session was protected."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

from analyzer.sessions.failures import Failure

if TYPE_CHECKING:
    import pandas as pd


class Protection(enum.StrEnum):
    """What an eavesdropper saw of a session."""

    IMPLICIT = "implicit"
    """TLS from the first byte on."""
    STARTTLS = "starttls"
    """Upgraded to TLS after some commands in clear."""
    MIDSTREAM = "midstream"
    """TLS; how it began was not captured, and the port does not tell."""
    CLEAR = "clear"
    """Everything."""
    FAILED = "failed"
    """TLS was begun, and no session came of it."""
    UNKNOWN = "unknown"
    """Nothing was said, or it was not captured."""


ENCRYPTED = (Protection.IMPLICIT, Protection.STARTTLS, Protection.MIDSTREAM)


def protection(sessions: pd.DataFrame) -> pd.Series[str]:
    """The `Protection` of each session.

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
        .replace("none", Protection.CLEAR.value)
        .fillna(Protection.MIDSTREAM.value)
        .mask(has_tls & is_open_ended | ~has_tls & is_silent, Protection.UNKNOWN.value)
        .mask(has_failed, Protection.FAILED.value)
        .rename("protection")
    )


def is_encrypted(sessions: pd.DataFrame) -> pd.Series[bool]:
    """Which sessions went over to TLS."""
    return protection(sessions).isin(ENCRYPTED)


def encrypted_share(sessions: pd.DataFrame) -> float | None:
    """The share of sessions that went over to TLS, of those of which it is known."""
    known = protection(sessions) != Protection.UNKNOWN
    if not known.any():
        return None
    return float(is_encrypted(sessions)[known].mean())
