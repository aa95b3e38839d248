"""How each session was protected."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


class Protection(enum.StrEnum):
    """What an eavesdropper saw of a session."""

    IMPLICIT = "implicit"
    """TLS from the first byte on, or from the first one that was captured."""
    STARTTLS = "starttls"
    """Upgraded to TLS after some commands in clear."""
    CLEAR = "clear"
    """Everything."""
    FAILED = "failed"
    """TLS was begun, and no session came of it."""
    UNKNOWN = "unknown"
    """Nothing was said, or it was not captured."""


def protection(sessions: pd.DataFrame) -> pd.Series[str]:
    """The `Protection` of each session.

    It is encrypted if both sides sent encrypted data; or if they agreed on a
    version, no alert in clear followed, and the rest was not seen.
    """
    has_tls = sessions["tls_mode"] != "none"
    established = sessions["tls_established"].fillna(value=False)
    agreed = sessions["tls_version"].notna() & sessions["tls_alert"].isna()
    has_failed = has_tls & ~(agreed | established)
    is_silent = (sessions["client_bytes"] == 0) & (sessions["server_bytes"] == 0)
    # what one direction does not show may have happened in the other
    is_unseen = ~sessions["complete"] & sessions["tls_alert"].isna()
    return (
        sessions["tls_mode"]
        .replace("none", Protection.CLEAR.value)
        .fillna(Protection.IMPLICIT.value)
        .mask(has_failed, Protection.FAILED.value)
        .mask(has_failed & is_unseen | ~has_tls & is_silent, Protection.UNKNOWN.value)
        .rename("protection")
    )


def is_encrypted(sessions: pd.DataFrame) -> pd.Series[bool]:
    """Which sessions went over to TLS."""
    return protection(sessions).isin([Protection.IMPLICIT, Protection.STARTTLS])
