"""Clients that go on in plaintext when the upgrade to TLS has failed.

They do so in the same session, if the server refused or TLS broke off and both sides
went on; or they connect again. What comes next at the same server may be somebody else
of the same address, unless he says the same HELO, and is no sign if it was in plaintext
before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analyzer.findings.levels import Confidence, Severity
from analyzer.sessions.failures import Failure
from analyzer.sessions.protection import NO_TLS
from analyzer.sessions.refusals import UPGRADES
from analyzer.sessions.role import Role
from analyzer.tables.columns import is_true

if TYPE_CHECKING:
    import numpy.typing as npt

    from analyzer.findings.facts import Facts

    Flags = npt.NDArray[np.bool_]

_RULE = "starttls-abandoned"
_NS = 1_000_000_000
# by these a session is used; a client that only looks around shows nothing
_USES = (
    *("AUTH", "X-EXPS", "MAIL"),
    *("LOGIN", "AUTHENTICATE", "SELECT", "EXAMINE", "APPEND"),
    *("USER", "APOP", "RETR", "TOP"),
)


def find_abandoned(facts: Facts) -> pd.DataFrame:
    """Find what clients said in plaintext after an upgrade failed.

    Returns:
        Hits: the first command that uses the session.
    """
    has_failed = _has_failed(facts)
    if not has_failed.any():
        return facts.hits(facts.sessions.where(has_failed))
    uses = _first_uses(facts, has_failed)
    failure = _failures_before(facts, has_failed, uses)[uses["session"]]
    in_same = uses[has_failed[uses["session"]]]
    in_next = uses[failure >= 0]
    return pd.concat(
        (
            _hits(facts, in_same, "in plaintext, after TLS failed"),
            _hits(
                facts, in_next, "in plaintext, soon after TLS failed in a session"
            ).assign(confidence=Confidence.LIKELY),
            _failure_hits(facts, failure[failure >= 0]),
        )
    )


def _hits(facts: Facts, shown: pd.DataFrame, seen: str) -> pd.DataFrame:
    severity = pd.Series(None, shown.index, dtype="object")
    is_relay = is_true(facts.of_session(shown, "role") == Role.RELAY)
    shows_password = is_true(facts.of_session(shown, "credentials_exposed"))
    severity = severity.mask(is_relay, Severity.LOW)
    severity = severity.mask(shows_password, Severity.HIGH)
    return facts.hits(
        shown, severity=severity, side="client", seen=shown["verb"] + " " + seen
    )


def _failure_hits(facts: Facts, sessions: npt.NDArray[np.int64]) -> pd.DataFrame:
    """Show the upgrades that failed in some sessions."""
    exchanges = facts.exchanges
    chosen = facts.are_of(exchanges, sessions)
    shown = exchanges.where(chosen & exchanges["verb"].isin(UPGRADES), "verb")
    return facts.hits(
        shown,
        severity=Severity.LOW,
        confidence=Confidence.LIKELY,
        side="client",
        seen=shown["verb"] + ", after which TLS failed",
    )


def _has_failed(facts: Facts) -> Flags:
    """Return in which sessions STARTTLS came to nothing."""
    sessions, anomalies = facts.sessions, facts.anomalies
    is_code = is_true(anomalies["code"] == "starttls_not_begun")
    never_began = facts.among(anomalies["session"][is_code])
    was_agreed = is_true(sessions["starttls"] == "accepted")
    is_broken = (sessions["failure"] == Failure.TLS_FAILED) | (
        sessions["tls_alert"].notna()
    )
    is_encrypted = is_true(sessions["tls_established"])
    return is_true(sessions["starttls"] == "refused") | (
        was_agreed & (never_began | is_true(is_broken)) & ~is_encrypted
    )


def _first_uses(facts: Facts, has_failed: Flags) -> pd.DataFrame:
    """Return what clients did first in plaintext, at servers where upgrades failed.

    In sessions where one failed, it is what they did then.
    """
    exchanges, sessions = facts.exchanges, facts.sessions
    at_failure = np.zeros(facts.pairs.max(initial=-1) + 1, bool)
    at_failure[facts.pairs[has_failed]] = True
    is_plaintext = is_true(sessions["tls_mode"] == NO_TLS) | has_failed
    chosen = (at_failure[facts.pairs] & is_plaintext)[exchanges["session"]]
    said = exchanges.where(
        chosen & exchanges["verb"].isin((*_USES, *UPGRADES)), "verb", "time"
    )
    is_upgrade = is_true(said["verb"].isin(UPGRADES))
    # what was sent before the answer waited for none
    answers = said[is_upgrade].drop_duplicates("session", keep="last")
    answered = answers.set_index("session")["reply_frame"].reindex(said["session"])
    is_too_early = said["request_frame"] <= answered.set_axis(said.index)
    begun = pd.Series(is_upgrade, said.index).groupby(said["session"]).cumsum() > 0
    behind = begun.to_numpy() | ~has_failed[said["session"]]
    uses = said[behind & ~is_upgrade & ~is_true(is_too_early)]
    return uses.drop_duplicates("session")


def _failures_before(
    facts: Facts, has_failed: Flags, uses: pd.DataFrame
) -> npt.NDArray[np.int64]:
    """Return the session before each, if an upgrade failed in it just before; or -1."""
    starts, ends = facts.values("start"), facts.values("end")
    helo = facts.codes("helo")[0]
    places = np.flatnonzero(has_failed | facts.among(uses["session"]))
    places = places[np.lexsort((starts[places], helo[places], facts.pairs[places]))]
    of_client = np.stack((facts.pairs[places], helo[places]))
    is_first = np.append([True], (np.diff(of_client) != 0).any(axis=0))
    before = np.roll(places, 1)
    within = facts.threshold(_RULE, "within_s") * _NS
    follows = (
        ~is_first
        & has_failed[before]
        & ~has_failed[places]
        & (starts[places] - ends[before] <= within)
    )
    # who was there in plaintext before anything failed did not mind
    client = np.cumsum(is_first) - 1
    follows &= has_failed[places[is_first]][client]
    failures = np.full(len(starts), -1, np.int64)
    failures[places[follows]] = before[follows]
    return failures
