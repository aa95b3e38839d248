"""What shows that STARTTLS was taken out of what a server offered.

Absence alone shows nothing: some servers offer it to some clients only. A firewall
writes over words that it doesn't know; a server knows what it offered; and what a
client was offered before is missing for a reason.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from analyzer.findings.announcements import LISTING, at_answers, is_greeting
from analyzer.findings.levels import Confidence
from analyzer.sessions.protection import NO_TLS
from analyzer.sessions.refusals import UPGRADES
from analyzer.tables.columns import is_true
from dissectors.registry import protocols

if TYPE_CHECKING:
    import numpy.typing as npt

    from analyzer.findings.facts import Facts

    Flags = npt.NDArray[np.bool_]

OFFER = "(?i)^(STARTTLS|STLS)$"
# Cisco's ends in A
_MASKED = "^X{3,}[XA]$"
_MASKED_BANNER = r"^[*0-9 ]*\*{4,}[*0-9 ]*$"
# RFC 5321 §4.2.4: the command is not known
_UNKNOWN_COMMAND = (500, 502)


def find_stripped(facts: Facts) -> pd.DataFrame:
    """Find offers of STARTTLS that did not arrive.

    Returns:
        Hits.
    """
    found = (_masked_offers(facts), _unknown_commands(facts), _missing_offers(facts))
    return pd.concat([hits for hits in found if len(hits)] or found[:1])


def _masked_offers(facts: Facts) -> pd.DataFrame:
    """Find keywords, or whole greetings, that were written over."""
    sessions = facts.sessions
    masked = sessions.items("capabilities", _MASKED, "protocol")
    lengths = {name: len(spec.upgrade) for name, spec in protocols().items()}
    is_as_long = masked["item"].str.len() == masked["protocol"].map(lengths)
    is_offer = facts.among(masked["session"][is_true(is_as_long)])
    is_banner = is_true(sessions["banner"].str.contains(_MASKED_BANNER))
    # the client went on, and without EHLO there is no list
    is_banner &= is_true(sessions["helo"].notna())
    # where the client spoke first, asterisks may stand for what it said
    is_banner &= ~sessions.has_item("anomalies", "^smtp_early_talker$")
    is_plaintext = is_true(
        sessions["starttls"].isin(["not-offered", "unknown"])
        & (sessions["tls_mode"] == NO_TLS)
    )
    offers = sessions.where(is_offer & is_plaintext)
    banners = sessions.where(is_banner & ~is_offer & is_plaintext, "banner")
    in_list = _at_lists(facts, offers)
    in_greeting = at_answers(facts, banners, is_greeting(facts))
    return pd.concat(
        (
            facts.hits(offers, **in_list, seen="X over a keyword of that length"),
            facts.hits(banners, **in_greeting, seen=banners["banner"]),
        )
    )


def _at_lists(facts: Facts, shown: pd.DataFrame) -> dict[str, Any]:
    """Say where the list is in each of some sessions: IMAP's may be in the greeting."""
    is_list = is_true(facts.exchanges["answered"].isin(LISTING))
    return at_answers(facts, shown, is_list, is_greeting(facts))


def _unknown_commands(facts: Facts) -> pd.DataFrame:
    """Find a STARTTLS that its server offered and then did not know."""
    exchanges = facts.exchanges
    shown = exchanges.where(
        exchanges["verb"].isin(UPGRADES)
        & exchanges["reply_code"].isin(_UNKNOWN_COMMAND)
        & facts.sessions.has_item("capabilities", OFFER)[exchanges["session"]],
        "reply_code",
    )
    code = shown["reply_code"].astype("string")
    return facts.hits(
        shown,
        frame=shown["reply_frame"],
        side="server",
        seen="STARTTLS was offered, and its answer was " + code,
    )


def _missing_offers(facts: Facts) -> pd.DataFrame:
    """Find no offer to a client whom the same server made one before."""
    sessions, pairs = facts.sessions, facts.pairs
    starts = facts.values("start")
    offered = is_true(sessions["starttls"].isin(["offered", "refused", "accepted"]))
    bounds = np.iinfo(np.int64)
    first = np.full(pairs.max(initial=-1) + 1, bounds.max)
    last = np.full(len(first), bounds.min)
    np.minimum.at(first, pairs[offered], starts[offered])
    np.maximum.at(last, pairs[offered], starts[offered])
    missing = _is_not_offered(facts) & (starts > first[pairs])
    shown = sessions.where(missing)
    came_back = (last[pairs] > starts)[shown["session"]]
    confidence = np.where(came_back, Confidence.LIKELY, Confidence.POSSIBLE)
    return facts.hits(
        shown,
        **_at_lists(facts, shown),
        confidence=pd.Series(confidence, shown.index, dtype="object"),
        seen="no STARTTLS, which the same client was offered before",
    )


def _is_not_offered(facts: Facts) -> Flags:
    """Return where a whole list was seen, before any login, without STARTTLS."""
    sessions = facts.sessions
    has_login = is_true(sessions["auth_result"] == "success")
    has_list = sessions["capabilities_before_login"].notna()
    # nobody has to log in, which is the end of all offers
    preauth = facts.exchanges["status"] == "* PREAUTH"
    is_greeted = facts.among(facts.exchanges["session"][is_true(preauth)])
    return (
        is_true(
            (sessions["starttls"] == "not-offered")
            & (sessions["tls_mode"] == NO_TLS)
            & (sessions["capabilities"].list.len() > 0)
        )
        & (~has_login | is_true(has_list))
        & ~(is_greeted | facts.has_gaps)
    )
