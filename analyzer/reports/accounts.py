"""Who logged in, or tried to: one row per account, however often and from where."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa
from pyarrow import compute

from analyzer.sessions.failures import Failure
from dissectors.events import Outcome

if TYPE_CHECKING:
    from typing import Any

# guessers may come from thousands of addresses
_MAX_NAMES = 3

_KEPT = [
    "auth_user",
    "service",
    "client_ip",
    "client_software",
    "auth_result",
    "auth_failures",
    "failure",
    "failure_temporary",
    "credentials_exposed",
    "start",
    "end",
]


def accounts(sessions: pd.DataFrame) -> pd.DataFrame:
    """List the accounts that were seen in plaintext, and what they were used for.

    Returns:
        One row per account (see `account`), the busiest first: its name as it was
        first given as `auth_user`; the `services` that were used; the number of
        `sessions`; the number of `clients`, that is of addresses, and `client_ips`;
        the number of `failures`; whether a password or a token was `exposed`, that is
        crossed in plaintext and was accepted, or may have been; whether such were
        `only_refused`; when it was `first_seen` and `last_seen`; and the
        `client_software`, as far as it told its name. Where there are many, a text
        names the first and counts the rest.
    """
    rows = sessions.loc[sessions["auth_user"].notna(), _KEPT]
    rows = rows.sort_values("start", kind="stable")
    is_refused = is_refused_login(rows).astype("bool")
    crossed = rows["credentials_exposed"].fillna(value=False).astype("bool")
    facts = pd.DataFrame(
        {
            "account": account(rows),
            "auth_user": rows["auth_user"],
            "failures": rows["auth_failures"].astype("int64"),
            "crossed": crossed,
            "exposed": crossed & ~is_refused,
            "start": rows["start"],
            "end": rows["end"],
        }
    )
    services, _ = distinct(facts["account"], rows["service"])
    client_ips, clients = distinct(facts["account"], rows["client_ip"])
    software, _ = distinct(facts["account"], rows["client_software"])
    grouped = facts.groupby("account")
    rows_by_account = pd.DataFrame(
        {
            "auth_user": grouped["auth_user"].first(),
            "services": services,
            "sessions": grouped.size(),
            "clients": clients,
            "client_ips": client_ips,
            "failures": grouped["failures"].sum(),
            "exposed": grouped["exposed"].any(),
            "only_refused": grouped["crossed"].any() & ~grouped["exposed"].any(),
            "first_seen": grouped["start"].min(),
            "last_seen": grouped["end"].max(),
            "client_software": software,
        }
    )
    ordered = rows_by_account.sort_values("sessions", ascending=False, kind="stable")
    return ordered.reset_index(drop=True)


def account(sessions: pd.DataFrame) -> pd.Series[str]:
    """Return the account of each session; null if none was seen.

    The local part of an address may depend on case (RFC 5321 §2.4), but nobody
    gives one name to two people.
    """
    return sessions["auth_user"].str.lower().rename("account")


def is_refused_login(sessions: pd.DataFrame) -> pd.Series[bool]:
    """Return in which sessions the server refused a login, and not just for now."""
    is_later = (sessions["failure"] == Failure.LOGIN_FAILED) & sessions[
        "failure_temporary"
    ]
    is_failure = sessions["auth_result"] == Outcome.FAILURE
    return is_failure.fillna(value=False) & ~is_later.fillna(value=False)


def distinct(
    accounts: pd.Series[Any], values: pd.Series[str]
) -> tuple[pd.Series[str], pd.Series[int]]:
    """Return the first distinct values of each account as text, and how many.

    Args:
        accounts: of each row; or what else values are collected by.
        values: of each row; null does not count.
    """
    pairs = pd.DataFrame({"account": accounts, "value": values}).dropna()
    pairs = pairs.drop_duplicates().sort_values(["account", "value"])
    grouped = pairs.groupby("account")
    counts = grouped.size()
    first = pa.Table.from_pandas(pairs[grouped.cumcount() < _MAX_NAMES])
    lists = first.group_by("account", use_threads=False).aggregate([("value", "list")])
    texts = compute.binary_join(lists["value_list"], ", ").to_pandas().astype("string")
    texts.index = pd.Index(lists["account"].to_pandas())
    more = counts - _MAX_NAMES
    tails = " (and " + more.astype("string") + " more)"
    return texts + tails.where(more > 0, ""), counts
