"""Recipients that clients named, and what servers said of each (RFC 5321 §4.1.1.3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import compute

from analyzer.findings.own import domain_of
from analyzer.tables.columns import is_true
from dissectors.events import Outcome

if TYPE_CHECKING:
    import numpy.typing as npt

    from analyzer.findings.facts import Facts

    Flags = npt.NDArray[np.bool_]

# RFC 5321 §4.1.2: "TO:<path>" and parameters; some leave the brackets out
_PATH = r"(?is)^\s*(?:TO|FROM)\s*:\s*(?:<(?P<path>[^>]*)>|(?P<bare>[^<\s]+))"
# what servers say to those for whom they won't relay, whatever the code: RFC 3463 §3.8
# has none of its own
_RELAYING = r"(?i)relay|rcpthosts|non-accepted domain"
# a block list's name may tell of relays, too
_BLOCKED = r"(?i)\bblock|black|\blisted\b|spam"
# RFC 3463 §3.2: 5.1.1 bad mailbox, 5.1.2 bad system, 5.1.6 moved, 5.1.10 null MX
_NO_SUCH = r"^5\.1\.(?:0|1|6|10)$"
_UNKNOWN = (
    r"(?i)unknown|no such|not exist|doesn't exist|not found|no mailbox|invalid"
    r"|unavailable|not a valid|undeliverable|unrouteable|not here"
)
_MAILBOX_CODES = (550, 551, 553)


@dataclass(frozen=True, slots=True)
class Recipients:
    """All recipients that got an answer.

    Attributes:
        rows: a row for each: session, time, and where it can be seen; its `address`,
            `domain` and the `sender`, in lower case; `reply_code` and `reply_text`.
        accepted: the server took it.
        relay_refused: the server said that it does not relay there.
        unknown: the server said that there is no such mailbox.
        is_anonymous: nobody had logged in, and nothing of the session is missing.
    """

    rows: pd.DataFrame
    accepted: Flags
    relay_refused: Flags
    unknown: Flags
    is_anonymous: Flags


def recipients(facts: Facts) -> Recipients:
    """Find all recipients."""
    exchanges = facts.exchanges
    rows = exchanges.where(
        exchanges["verb"].isin(["MAIL", "RCPT"]),
        "verb",
        "argument",
        "time",
        "reply_code",
        "enhanced_status_code",
        "reply_text",
    )
    order = np.argsort(rows["session"].to_numpy(), kind="stable")
    if (np.diff(order) != 1).any():
        rows = rows.iloc[order]
    rows = rows.reset_index(drop=True)
    rows["address"] = _paths(rows["argument"])
    rows["sender"] = _senders(rows)
    rows = rows[is_true((rows["verb"] == "RCPT") & rows["reply_code"].notna())]
    rows = rows.reset_index(drop=True)
    rows["domain"] = domain_of(rows["address"])
    code = rows["reply_code"]
    relay_refused, unknown = np.zeros((2, len(rows)), bool)
    places = np.flatnonzero(is_true((code >= 500) & (code < 600)))
    relay_refused[places], unknown[places] = _causes(rows.iloc[places])
    return Recipients(
        rows,
        is_true((code >= 200) & (code < 300)),
        relay_refused,
        unknown,
        is_anonymous(facts)[rows["session"].to_numpy()],
    )


def _causes(refused: pd.DataFrame) -> tuple[Flags, Flags]:
    """Return who was refused as the server does not relay, or has no such mailbox."""
    text, status = refused["reply_text"].fillna(""), refused["enhanced_status_code"]
    relaying = is_true(text.str.contains(_RELAYING))
    relaying &= ~is_true(text.str.contains(_BLOCKED))
    unknown = is_true(status.str.contains(_NO_SUCH)) | is_true(
        status.isna() & text.str.contains(_UNKNOWN)
    )
    unknown &= is_true(refused["reply_code"].isin(_MAILBOX_CODES)) & ~relaying
    return relaying, unknown


def is_anonymous(facts: Facts) -> Flags:
    """Return the sessions that were seen whole, and in which nobody logged in."""
    sessions = facts.sessions
    is_known = is_true(sessions["auth_result"] == Outcome.SUCCESS)
    is_known |= is_true(sessions["tls_client_certificate"] == "given")
    flags: Flags = ~is_known & ~facts.has_gaps
    return flags


def _paths(arguments: pd.Series[Any]) -> pd.Series[Any]:
    """Return the addresses of arguments, in lower case; null where there is none."""
    found = compute.extract_regex(pa.array(arguments), _PATH)
    path, bare = (compute.struct_field(found, name) for name in ("path", "bare"))
    path = compute.if_else(compute.equal(path, ""), bare, path)
    return pd.Series(
        compute.utf8_lower(path),
        index=arguments.index,
        dtype=pd.ArrowDtype(pa.string()),
    )


def _senders(rows: pd.DataFrame) -> pd.Series[Any]:
    """Return for each row, by session, the address of the last MAIL before it."""
    is_mail = is_true(rows["verb"] == "MAIL")
    last = np.maximum.accumulate(np.where(is_mail, np.arange(len(rows)), -1))
    sessions = rows["session"].to_numpy()
    is_same = (last >= 0) & (sessions[np.maximum(last, 0)] == sessions)
    senders = rows["address"].take(np.maximum(last, 0)).set_axis(rows.index)
    return senders.where(is_same)
