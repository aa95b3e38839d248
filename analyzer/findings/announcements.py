"""Where servers greet, and say what they offer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.tables.columns import is_true
from dissectors.events import ExchangeKind

if TYPE_CHECKING:
    import pandas as pd

    from analyzer.findings.facts import Facts

# RFC 5321 §4.1.1.1, RFC 2033 §4.1, RFC 9051 §6.1.1, RFC 2449 §5
_ASKING = ("EHLO", "LHLO", "CAPABILITY", "CAPA")
# a response code of IMAP, which a greeting may have (RFC 9051 §7.1)
_TELLING = "CAPABILITY"
_DONE = ("OK", "+OK")


def in_greetings(facts: Facts, rows: pd.DataFrame) -> pd.DataFrame:
    """Tell in which packets the servers of some sessions greeted.

    Args:
        facts: what the rows are of.
        rows: of `sessions`.

    Returns:
        The rows, with this `frame` and its `capture`; those of the session's first
        packet where it is not known.
    """
    return _placed(rows, facts.once(_greetings))


def in_offers(facts: Facts, rows: pd.DataFrame) -> pd.DataFrame:
    """Tell in which packets the servers of some sessions first said what they offer.

    Args:
        facts: what the rows are of.
        rows: of `sessions`.

    Returns:
        What `in_greetings` does; greetings stand in for what was not captured.
    """
    return _placed(_placed(rows, facts.once(_greetings)), facts.once(_offers))


def _greetings(facts: Facts) -> pd.DataFrame:
    exchanges = facts.exchanges
    return exchanges.where(exchanges["kind"] == ExchangeKind.GREETING)


def _offers(facts: Facts) -> pd.DataFrame:
    exchanges = facts.exchanges
    is_done = (exchanges["reply_code"] < 300) | exchanges["status"].isin(_DONE)
    is_list = is_true(exchanges["verb"].isin(_ASKING) & is_done)
    return exchanges.where(is_list | is_true(exchanges["response_code"] == _TELLING))


def _placed(rows: pd.DataFrame, exchanges: pd.DataFrame) -> pd.DataFrame:
    seen = exchanges[exchanges["reply_frame"].notna()].drop_duplicates("session")
    seen = seen.set_index("session").reindex(rows["session"]).set_axis(rows.index)
    frame = rows["frame"] if "frame" in rows else rows["first_frame"]
    return rows.assign(
        capture=seen["capture"].fillna(rows["capture"]),
        frame=seen["reply_frame"].fillna(frame),
    )
