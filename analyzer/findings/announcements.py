"""Where servers greet, and say what they offer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from analyzer.findings.rows import firsts_of_sessions
from analyzer.tables.columns import is_true
from dissectors.events import ExchangeKind

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from analyzer.findings.facts import Facts

    Flags = npt.NDArray[np.bool_]

# RFC 5321 §4.1.1.1, RFC 2033 §4.1, RFC 9051 §6.1.1, RFC 2449 §5
LISTING = ("EHLO", "LHLO", "CAPABILITY", "CAPA")
# a response code of IMAP, which a greeting may have (RFC 9051 §7.1)
_TELLING = "CAPABILITY"
_DONE = ("OK", "+OK")


def at_greetings(facts: Facts, shown: pd.DataFrame) -> dict[str, Any]:
    """Say where the server greets in each of some sessions.

    Args:
        facts: the tables.
        shown: the sessions, whose first packets count where that is not known.
    """
    return _or_first_packet(shown, at_answers(facts, shown, is_greeting(facts)))


def at_offers(facts: Facts, shown: pd.DataFrame) -> dict[str, Any]:
    """Say where the server first tells what it offers in each of some sessions.

    Args:
        facts: the tables.
        shown: the sessions, whose greetings count, or first packets, where that is not
            known.
    """
    exchanges = facts.exchanges
    is_done = (exchanges["reply_code"] < 300) | exchanges["status"].isin(_DONE)
    is_list = is_true(exchanges["verb"].isin(LISTING) & is_done)
    is_offer = is_list | is_true(exchanges["response_code"] == _TELLING)
    place = at_answers(facts, shown, is_offer, is_greeting(facts))
    return _or_first_packet(shown, place)


def at_answers(facts: Facts, shown: pd.DataFrame, *wanted: Flags) -> dict[str, Any]:
    """Say where the first of some answers is in each of some sessions.

    Args:
        facts: the tables.
        shown: the sessions.
        wanted: flags for exchanges, the best first.
    """
    exchanges = facts.exchanges
    chosen = facts.are_of(exchanges, shown["session"])
    answers = pd.concat([exchanges.where(chosen & each) for each in wanted])
    place = firsts_of_sessions(answers, shown)
    return {
        "capture": place["capture"],
        "frame": place["reply_frame"],
        "side": "server",
    }


def is_greeting(facts: Facts) -> Flags:
    """Return which exchanges are greetings."""
    return is_true(facts.exchanges["kind"] == ExchangeKind.GREETING)


def _or_first_packet(shown: pd.DataFrame, place: dict[str, Any]) -> dict[str, Any]:
    return {
        **place,
        "capture": place["capture"].fillna(shown["capture"]),
        "frame": place["frame"].fillna(shown["first_frame"]),
    }
