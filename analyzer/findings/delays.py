"""Servers that answer slowly, and messages whose transfer stalls or breaks off."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from analyzer.findings.levels import Confidence, Mender, Severity
from analyzer.findings.rule import CLIENT_AT_PORT, SERVER, Kind, Rule
from analyzer.reports.latency import LOGIN_VERBS
from analyzer.sessions.failures import Failure
from analyzer.tables.columns import is_true
from dissectors.events import Delivery, ExchangeKind

if TYPE_CHECKING:
    import numpy.typing as npt

    from analyzer.findings.facts import Facts

    Flags = npt.NDArray[np.bool_]
    Numbers = npt.NDArray[np.float64]

_THEME = "delivery"
_SLOW = "slow-phase"
_STALLED = "stalled-transfer"

_PHASES = {
    "banner": Kind(
        "Server is slow to greet",
        Mender.SERVER,
        "See what it does before: reverse DNS and blocklists whose servers don't "
        "answer, ident, a delay that is meant to deter spam.",
    ),
    "login": Kind(
        "Server is slow to let users in",
        Mender.SERVER,
        "See what it asks: the directory, the database, the key derivation, or a "
        "penalty for earlier failures.",
    ),
    "recipient": Kind(
        "Server is slow to accept recipients",
        Mender.SERVER,
        "See what it looks up for each: blocklists, the recipient at another server, "
        "a policy service.",
    ),
    "message": Kind(
        "Server is slow to accept messages",
        Mender.SERVER,
        "See which filters it runs before it answers (viruses, spam), and how fast its "
        "disk is. Clients that give up send the message twice (RFC 1047).",
    ),
}
_TRANSFERS = {
    "stalled": Kind(
        "Transfer of a message stalls",
        Mender.NETWORK,
        "Look for packets too large for the path whose ICMP errors are filtered (MTU), "
        "for loss, and for a filter between client and server.",
    ),
    "broken-off": Kind(
        "Transfer of a message breaks off",
        Mender.NETWORK,
        "See which side ended the connection, and the log of that side.",
    ),
}


def _slow_phases(facts: Facts) -> pd.DataFrame:
    exchanges = facts.exchanges
    answered, kind = exchanges["answered"], exchanges["kind"]
    accepted = (exchanges["reply_code"] < 400) | exchanges["status"].isin(("OK", "+OK"))
    # a reply that asks for more is none yet (RFC 4954 §4)
    let_in = accepted & ~exchanges["reply_code"].isin((334,))
    phases = {
        "banner": kind == ExchangeKind.GREETING,
        "login": let_in & answered.isin(LOGIN_VERBS),
        "recipient": accepted & (answered == "RCPT"),
        "message": accepted & (kind == ExchangeKind.MESSAGE),
    }
    latency_s = _numbers(exchanges["latency_s"])
    delay_s = _numbers(facts.sessions["banner_delay_s"])
    found = []
    for phase, is_of_phase in phases.items():
        asked = np.flatnonzero(is_true(is_of_phase))
        sessions = exchanges["session"].to_numpy()[asked]
        took_s = delay_s[sessions] if phase == "banner" else latency_s[asked]
        is_shown = _is_usual(facts, phase, sessions, took_s)
        chosen = np.zeros(len(exchanges), bool)
        chosen[asked[is_shown]] = True
        shown = exchanges.where(chosen)
        seen = pd.Series(took_s[is_shown], shown.index).round(1).astype("string") + " s"
        told = {"kind": phase, "side": "server", "frame": shown["reply_frame"]}
        found.append(facts.hits(shown, seen=phase + ": " + seen, **told))
    return pd.concat(found, ignore_index=True)


def _is_usual(
    facts: Facts, phase: str, sessions: npt.NDArray[np.int64], took_s: Numbers
) -> Flags:
    """Return which answers were slow, if those of their server mostly are.

    Each session counts once for its client, and each client once for the server: who
    asks for much that is quick does not hide that others wait.

    Args:
        facts: the sessions.
        phase: a name in `_PHASES`, of which there is a threshold.
        sessions: of each answer.
        took_s: how long it took; NaN if that is not known.
    """
    is_slow: Flags = took_s >= facts.threshold(_SLOW, f"{phase}_s")
    if not is_slow.any():
        return is_slow
    share = facts.threshold(_SLOW, "share")
    count = len(facts.sessions)
    asked = np.bincount(sessions[~np.isnan(took_s)], minlength=count)
    slow = np.bincount(sessions[is_slow], minlength=count)
    has_waited = (slow > 0) & (slow >= share * asked)
    pairs, servers = facts.pairs, facts.servers
    firsts = np.unique(pairs, return_index=True)[1]
    of_pair = np.bincount(pairs[asked > 0], minlength=len(firsts))
    waited = np.bincount(pairs[has_waited], minlength=len(firsts))
    is_waiting = (waited > 0) & (waited >= share * of_pair)
    of_server = np.bincount(servers[firsts[of_pair > 0]], minlength=count)
    waiting = np.bincount(servers[firsts[is_waiting]], minlength=count)
    is_often = np.bincount(servers[has_waited], minlength=count) >= facts.threshold(
        _SLOW, "sessions"
    )
    is_usual = (waiting >= share * of_server) & is_often
    return is_slow & has_waited[sessions] & is_usual[servers[sessions]]


def _stalled_transfers(facts: Facts) -> pd.DataFrame:
    messages = facts.messages
    took_s = _numbers(messages["transfer_s"])
    rate = _numbers(messages["size_bytes"]) / np.maximum(took_s, 1e-9)
    # bytes that were not captured were no delay
    is_whole = ~facts.has_gaps[messages["session"].to_numpy()]
    is_slow = (took_s >= facts.threshold(_STALLED, "seconds")) & (
        rate < facts.threshold(_STALLED, "bytes_per_s")
    )
    is_asked_for = is_true(messages["outcome"] != Delivery.PARTIAL)
    is_stalled = is_whole & is_slow & is_asked_for
    failure = facts.of_session(messages.all(), "failure")
    is_cut = (messages["outcome"] == Delivery.CUT) & (failure == Failure.MESSAGE_CUT)
    shown = messages.where(
        is_stalled | is_true(is_cut),
        *("size_bytes", "transfer_s", "outcome", "direction"),
    )
    seen = (
        _text(shown["size_bytes"])
        + " bytes in "
        + _text(shown["transfer_s"].round(1))
        + " s, "
        + shown["outcome"].astype("string")
    )
    kind = np.where(is_stalled[shown.index], "stalled", "broken-off")
    side = np.where(shown["direction"] == "retrieved", "server", "client")
    return facts.hits(shown, kind=kind, side=side, seen=seen)


def _text(numbers: pd.Series[Any]) -> pd.Series[str]:
    return numbers.astype("string").fillna("?")


def _numbers(column: pd.Series[Any]) -> Numbers:
    return column.to_numpy(dtype=np.float64, na_value=np.nan)


RULES = (
    Rule(
        _SLOW,
        _THEME,
        "Server is slow",
        Severity.LOW,
        Confidence.LIKELY,
        Mender.SERVER,
        "See what the server does before it answers.",
        "Packets show how long it took from the connection to the greeting, from the "
        "login to its success, from RCPT to its acceptance, from the end of a message "
        "to its acceptance. A server is slow if that takes seconds for at least half "
        "of its clients, and in three sessions or more: one that was slow once is no "
        "finding, and what is refused may be delayed on purpose.",
        _slow_phases,
        ("RFC 5321, section 4.5.3.2", "RFC 1047"),
        SERVER,
        MappingProxyType(
            {
                "banner_s": 5,
                "login_s": 5,
                "recipient_s": 5,
                "message_s": 10,
                "share": 0.5,
                "sessions": 3,
            }
        ),
        _PHASES,
    ),
    Rule(
        _STALLED,
        _THEME,
        "Transfer of a message stalls or breaks off",
        Severity.LOW,
        Confidence.LIKELY,
        Mender.NETWORK,
        "See where packets are lost or held.",
        "A message took long from its first to its last byte, at a rate below any "
        "line; or the connection ended in it. Sessions with gaps don't count: what was "
        "not captured was no delay.",
        _stalled_transfers,
        ("RFC 2923, section 2.1", "RFC 5321, section 4.5.3.2.5"),
        CLIENT_AT_PORT,
        MappingProxyType({"seconds": 30, "bytes_per_s": 1000}),
        _TRANSFERS,
    ),
)
