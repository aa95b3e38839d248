"""Mail that is hidden in other mail, behind what only its receiver takes for its end.

Text that quotes a dialogue looks the same as long as the receiver doesn't fall for it.
The proof is in what it answers: each command and each message is answered once, and
what is answered besides was read out of a message.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analyzer.findings.levels import Confidence, Severity
from analyzer.findings.rows import firsts_of_sessions
from analyzer.tables.columns import is_true
from dissectors.events import ExchangeKind

if TYPE_CHECKING:
    from analyzer.findings.facts import Facts

# RFC 5321 §3.8, RFC 7504: a server that closes the connection says so at any time
_CLOSING = (421, 521)
# RFC 5321 §4.1.1.4: the answer to DATA, and to nothing else that is not known
_GO_AHEAD = 354


def find_smuggled(facts: Facts) -> pd.DataFrame:
    """Find messages with commands behind a lookalike of their end.

    Returns:
        Hits: the lookalikes; where other bytes were taken for an end, the replies.
    """
    anomalies = facts.anomalies
    shown = anomalies.where(anomalies["code"] == "smtp_smuggled_command", "detail")
    surplus = _surplus_replies(facts)
    behind = _behind(surplus, shown)["session"].to_numpy()
    count = np.bincount(behind, minlength=len(facts.sessions))[shown["session"]]
    # who refuses at the lookalike does not fall for it
    accepted = _behind(_accepted_messages(facts, shown), shown)["session"]
    is_answered = is_true(shown["detail"].notna() & shown["session"].isin(accepted))
    seen = pd.Series("a lone dot, a command behind it", shown.index)
    seen = seen.mask(is_answered, seen + ", answered before the true end")
    more = pd.Series(count, shown.index).astype("string") + " more replies than asked"
    seen = seen.mask(count > 0, seen + "; " + more)
    is_proven = (count > 0) | is_answered
    unknown = pd.Series(None, shown.index, dtype="object")
    hits = facts.hits(
        shown,
        severity=unknown.mask(is_proven, Severity.CRITICAL),
        confidence=unknown.mask(is_proven, Confidence.PROVEN),
        seen=seen,
    )
    return pd.concat((hits, _unexplained(facts, surplus, shown)))


def _surplus_replies(facts: Facts) -> pd.DataFrame:
    """Return replies that answer nothing, of sessions that were captured whole."""
    exchanges = facts.exchanges
    is_surplus = (exchanges["kind"] == ExchangeKind.UNSOLICITED) & (
        exchanges["reply_code"].notna() & ~exchanges["reply_code"].isin(_CLOSING)
    )
    chosen = is_true(is_surplus) & ~facts.has_gaps[exchanges["session"]]
    return exchanges.where(chosen, "reply_code")


def _accepted_messages(facts: Facts, shown: pd.DataFrame) -> pd.DataFrame:
    exchanges = facts.exchanges
    is_message = exchanges["kind"] == ExchangeKind.MESSAGE
    is_accepted = is_true(is_message & (exchanges["reply_code"] < 400))
    return exchanges.where(is_accepted & facts.are_of(exchanges, shown["session"]))


def _behind(answers: pd.DataFrame, shown: pd.DataFrame) -> pd.DataFrame:
    """Return answers that came behind the first lookalike of their session."""
    since = firsts_of_sessions(shown, answers)["frame"]
    return answers[is_true(answers["reply_frame"] >= since)]


def _unexplained(
    facts: Facts, surplus: pd.DataFrame, explained: pd.DataFrame
) -> pd.DataFrame:
    """Find go-aheads for mail data that no DATA asked for, behind another message."""
    exchanges, anomalies = facts.exchanges, facts.anomalies
    is_go_ahead = is_true(surplus["reply_code"] == _GO_AHEAD)
    is_explained = is_true(surplus["session"].isin(explained["session"]))
    shown = surplus[is_go_ahead & ~is_explained].drop_duplicates("session")
    chosen = facts.are_of(exchanges, shown["session"])
    is_message = is_true(exchanges["kind"] == ExchangeKind.MESSAGE)
    sent = exchanges["session"][chosen & is_message]
    shown = shown[is_true(shown["session"].isin(sent))]
    # a dot between bare CR, perhaps
    chosen = facts.are_of(anomalies, shown["session"])
    odd = anomalies.where(chosen & is_true(anomalies["code"] == "message_bare_cr"))
    place = firsts_of_sessions(odd, shown)
    return facts.hits(
        shown,
        severity=Severity.CRITICAL,
        confidence=Confidence.PROVEN,
        capture=place["capture"].fillna(shown["capture"]),
        frame=place["frame"].fillna(shown["reply_frame"]),
        side=place["side"].fillna("server"),
        offset=place["offset"],
        seen="more answers than commands: a go-ahead (354) without DATA",
    )
