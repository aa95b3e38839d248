"""What became of mail that was handed to servers, and why."""

from __future__ import annotations

import enum

import pandas as pd

from analyzer.reports.replies import Refusal, why_refused
from analyzer.sessions.failures import Failure
from dissectors.events import Delivery, Direction, ExchangeKind

_HELLO = ("EHLO", "HELO", "LHLO")
_MAIL = ("MAIL", "SEND", "SOML", "SAML", "RCPT", "DATA", "BDAT", "BURL")
_KEYS = ["outcome", "cause"]


class DeliveryOutcome(enum.StrEnum):
    """What became of mail, for one cause."""

    ACCEPTED = "accepted"
    """The server took a message."""
    DEFERRED = "deferred"
    """It did not take it yet (4yz)."""
    REFUSED = "refused"
    """It will never take it (5yz)."""
    CUT = "cut"
    """The message broke off."""
    UNKNOWN = "unknown"
    """The answer was not seen."""


_OF_MESSAGES = {
    Delivery.ACCEPTED: DeliveryOutcome.ACCEPTED,
    Delivery.CUT: DeliveryOutcome.CUT,
    Delivery.UNKNOWN: DeliveryOutcome.UNKNOWN,
}


def deliveries(
    messages: pd.DataFrame, exchanges: pd.DataFrame, sessions: pd.DataFrame
) -> pd.DataFrame:
    """Count what servers did with mail (SMTP), and why they did not take it.

    Returns:
        One row per `outcome` (`DeliveryOutcome`) and `cause` (`Refusal`; null if none
        was given), in the order of outcomes, the most frequent first: as `count` how
        many messages, or replies that refused one, its sender, or a recipient; the
        number of `sessions`; the last of the server's `last_error`; and the
        `session_id` in which it was said.
    """
    facts = pd.concat([_messages(messages), _refusals(exchanges, sessions)])
    facts = facts.merge(sessions[["session_id", "start"]], on="session_id")
    # null is a cause, too
    grouped = facts.groupby(_KEYS, dropna=False)
    last = facts.sort_values("start", kind="stable").groupby(_KEYS, dropna=False)
    rows = pd.DataFrame(
        {
            "count": grouped.size(),
            "sessions": grouped["session_id"].nunique(),
            "last_error": last["last_error"].last(),
            "session_id": last["session_id"].last().astype("string"),
        }
    ).reset_index()
    order = {outcome.value: rank for rank, outcome in enumerate(DeliveryOutcome)}
    rows = rows.assign(rank=rows["outcome"].map(order)).sort_values(
        ["rank", "count", "cause"], ascending=[True, False, True]
    )
    return rows.drop(columns="rank").reset_index(drop=True)


def _messages(messages: pd.DataFrame) -> pd.DataFrame:
    is_sent = messages["direction"].isin((Direction.SUBMITTED, Direction.RELAYED))
    # why one was refused is told by the reply
    sent = messages[is_sent & messages["outcome"].isin(_OF_MESSAGES)]
    return _facts(sent["session_id"], sent["outcome"].map(_OF_MESSAGES), None, None)


def _refusals(exchanges: pd.DataFrame, sessions: pd.DataFrame) -> pd.DataFrame:
    code, answered = exchanges["reply_code"], exchanges["answered"]
    is_hello = exchanges["kind"].eq(ExchangeKind.GREETING) | answered.isin(_HELLO)
    is_refused = ((code >= 400) & (answered.isin(_MAIL) | is_hello)).fillna(value=False)
    refused = exchanges[is_refused]
    # a client that is refused EHLO tries HELO
    turned_away = (Failure.HELLO_REFUSED, Failure.TURNED_AWAY)
    ended = sessions.loc[sessions["failure"].isin(turned_away), "session_id"]
    refused = refused[~is_hello[refused.index] | refused["session_id"].isin(ended)]
    why, _ = why_refused(refused)
    cause = pd.Series(why, refused.index, dtype="string")
    outcome = pd.Series(DeliveryOutcome.REFUSED.value, refused.index, dtype="string")
    outcome = outcome.mask(refused["reply_code"] < 500, DeliveryOutcome.DEFERRED.value)
    said = (
        refused["reply_code"].astype("string") + " " + refused["reply_text"].fillna("")
    )
    facts = _facts(refused["session_id"], outcome, cause, said)
    # it only follows from another one
    return facts[facts["cause"] != Refusal.OUT_OF_ORDER]


def _facts(
    session_id: pd.Series[str],
    outcome: pd.Series[str],
    cause: pd.Series[str] | None,
    last_error: pd.Series[str] | None,
) -> pd.DataFrame:
    columns = {
        "session_id": session_id,
        "outcome": outcome,
        "cause": cause,
        "last_error": last_error,
    }
    return pd.DataFrame(columns, session_id.index).astype("string")
