"""What servers refused of mail transactions, and what they took when it came again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analyzer.findings.sources import client_networks
from analyzer.reports.replies import Refusal, why_refused
from analyzer.sessions.failures import Failure
from analyzer.tables.columns import is_true, nanoseconds
from dissectors.events import ExchangeKind

if TYPE_CHECKING:
    import numpy.typing as npt

    from analyzer.findings.facts import Facts

    Places = npt.NDArray[np.int64]

_HELLO = ("EHLO", "HELO", "LHLO")
_ENVELOPE = ("MAIL", "SEND", "SOML", "SAML", "RCPT")
_DATA = ("DATA", "BDAT", "BURL")
_STORED = ("APPEND", "COPY", "UID COPY", "MOVE", "UID MOVE", "REPLACE", "UID REPLACE")
_SMTP = (*_HELLO, *_ENVELOPE, *_DATA)
_TOLD = (
    *("kind", "answered", "argument", "time", "reply_code", "enhanced_status_code"),
    *("status", "response_code", "reply_text"),
)


def refused_mail(facts: Facts) -> pd.DataFrame:
    """Find what was refused, and not granted later in the same session.

    Returns:
        Rows of `exchanges`, with `why` (a `Refusal`) and whether that is
        `is_certain`; the envelope's `sender` and `recipient`, as they were sent; and
        `waited_s`: how long until the same came again, in whatever session, and was
        taken.
    """
    exchanges = facts.exchanges
    code, answered = exchanges["reply_code"], exchanges["answered"]
    is_greeting = exchanges["kind"] == ExchangeKind.GREETING
    is_refused = (code >= 400) & (answered.isin(_SMTP) | is_greeting)
    # RFC 5530 §3: only a response code says why
    is_full = (exchanges["status"] == "NO") & exchanges["response_code"].notna()
    refused = exchanges.where(
        is_true(is_refused) | is_true(is_full & answered.isin(_STORED)),
        *_TOLD,
    )
    refused["why"], refused["is_certain"] = why_refused(refused)
    refused = refused[_is_cause(facts, refused)]
    refused["sender"], refused["recipient"] = _envelope(facts, refused.index)
    refused["waited_s"] = _waited_s(facts, refused)
    is_later = _is_granted_later(facts, refused)
    return refused[~is_later]


def _is_cause(facts: Facts, refused: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Return which refusals do not only follow from another one."""
    failure = facts.of_session(refused, "failure")
    # a client that is refused EHLO tries HELO
    is_hello = refused["answered"].isin(_HELLO)
    is_try = is_hello & (failure != Failure.HELLO_REFUSED).fillna(value=True)
    is_known = refused["reply_code"].notna() | refused["is_certain"]
    is_cause = is_known & ~is_try & (refused["why"] != Refusal.OUT_OF_ORDER)
    return is_true(is_cause)


def _envelope(
    facts: Facts, index: pd.Index[int]
) -> tuple[pd.Series[str], pd.Series[str]]:
    """Return sender and recipient, as they were when some exchanges took place.

    Args:
        facts: of which exchanges.
        index: which of them: their places.
    """
    answered = facts.exchanges["answered"]
    last = [
        _last(facts, index.to_numpy(), answered == verb) for verb in ("MAIL", "RCPT")
    ]
    sender, recipient = (each.set_axis(index) for each in last)
    # RFC 5321 §3.3: parameters follow the path
    return sender.str.lower().str.replace(">.*", ">", regex=True), recipient


def _last(facts: Facts, places: Places, is_asked: pd.Series[bool]) -> pd.Series[str]:
    """Return the argument of the last of some commands up to some exchanges."""
    asked = np.flatnonzero(is_true(is_asked))
    session = facts.exchanges["session"].to_numpy()
    arguments = facts.exchanges["argument"]
    if not len(asked):
        return pd.Series(None, range(len(places)), dtype=arguments.dtype)
    last = asked[np.maximum(np.searchsorted(asked, places, side="right") - 1, 0)]
    is_same = (last <= places) & (session[last] == session[places])
    return arguments.take(last).reset_index(drop=True).where(is_same)


def _waited_s(facts: Facts, refused: pd.DataFrame) -> pd.Series[float]:
    """Return how long after each refusal the same was accepted."""
    exchanges = facts.exchanges
    wanted = refused["recipient"].dropna().unique()
    is_taken = is_true(exchanges["reply_code"] < 400)
    is_last = is_true(exchanges["kind"] == ExchangeKind.MESSAGE)
    is_recipient = is_true(exchanges["answered"] == "RCPT")
    if not len(wanted):
        return pd.Series(np.nan, refused.index)
    is_known = is_true(exchanges["argument"].isin(wanted))
    is_last &= not refused["answered"].isin(_ENVELOPE).all()
    # where messages were taken, the envelope says whose
    taken = exchanges.where(
        is_taken & (is_last | (is_recipient & is_known)), "time", "answered"
    )
    taken["sender"], taken["recipient"] = _envelope(facts, taken.index)
    right, left = _keyed(facts, taken), _keyed(facts, refused)
    keys = ["sender", "recipient", "network", "is_envelope"]
    found = pd.merge_asof(
        left.sort_values("time"),
        right.assign(accepted=right["time"]).sort_values("time").drop(columns="place"),
        on="time",
        by=keys,
        direction="forward",
        allow_exact_matches=False,
    ).set_index("place")
    # clocks may be wrong by centuries: more nanoseconds than fit
    waited_s = found["accepted"].astype("float64") / 1e9 - found["time"] / 1e9
    return waited_s.reindex(refused.index)


def _keyed(facts: Facts, rows: pd.DataFrame) -> pd.DataFrame:
    """Return by what a server knows mail again that comes again, and where it was."""
    keyed = {
        "place": rows.index,
        "time": nanoseconds(rows["time"]),
        "sender": rows["sender"].astype("object"),
        "recipient": rows["recipient"].astype("object"),
        # senders have several hosts, mostly in one network
        "network": facts.once(client_networks)[rows["session"].to_numpy()],
        "is_envelope": rows["answered"].isin(_ENVELOPE).to_numpy(dtype=bool),
    }
    return pd.DataFrame(keyed).dropna(subset=["sender", "recipient"])


def _is_granted_later(facts: Facts, refused: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Return which senders were accepted later in the same session."""
    exchanges = facts.exchanges
    taken = exchanges.where(
        (exchanges["answered"] == "MAIL") & (exchanges["reply_code"] < 400)
    )
    is_sender = is_true(refused["answered"] == "MAIL")
    if taken.empty or not is_sender.any():
        return np.zeros(len(refused), bool)
    places = taken.index.to_numpy()
    after = np.searchsorted(places, refused.index.to_numpy(), side="right")
    following: Places = places[np.minimum(after, len(places) - 1)]
    session = exchanges["session"].to_numpy()
    is_same = session[following] == refused["session"].to_numpy()
    sender = _envelope(facts, pd.Index(following))[0].to_numpy(
        dtype=object, na_value=""
    )
    is_equal = sender == refused["sender"].to_numpy(dtype=object, na_value="")
    is_later: npt.NDArray[np.bool_] = is_sender & (after < len(places))
    is_later &= is_same & is_equal
    return is_later
