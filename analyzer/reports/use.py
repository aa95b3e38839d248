"""What each protocol was really used for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from analyzer.reports.accounts import account
from analyzer.reports.channel import Channel, channel_of, is_encrypted
from analyzer.reports.overview import message_count
from analyzer.sessions.role import Role
from dissectors import registry
from dissectors.events import Synchronisation

if TYPE_CHECKING:
    from typing import Any

_SUMMED = (
    "client_bytes",
    "server_bytes",
    "messages_appended",
    "messages_retrieved",
    "message_bytes",
    "headers_fetched",
    "parts_fetched",
    "flags_changed",
    "messages_copied",
    "messages_moved",
    "messages_deleted",
    "mailboxes_changed",
)
# what `retention` may be, and how it is counted
_RETENTIONS = {
    "left-on-server": "kept_all",
    "some-deleted": "deleted_some",
    "deleted": "deleted_all",
}
# what is not known, rather than none, where a protocol was not used
_NULLABLE = ("messages_left", "median_s", "longest_s")


def protocol_use(sessions: pd.DataFrame) -> pd.DataFrame:
    """Show how each protocol was used, as far as it was seen in plaintext.

    Returns:
        One row per `protocol`, in the order of the registry, also of one that nobody
        used. Some columns of the session table are added up; besides there are

        - the number of `sessions`, and of those that were `encrypted`, with
          `failed_tls`, of an `unknown` channel, with `exposing_logins` (a password or
          a token in plaintext), and `hidden`: of these TLS leaves nothing to count;
        - the number of `clients` and `servers`, that is of addresses;
        - `messages_submitted` and `messages_relayed`, which `role` tells apart;
        - `messages_left` in maildrops by the last session of each that ended as it
          should, null if none did; how many sessions `kept_all` that they fetched,
          `deleted_some`, or `deleted_all`;
        - how many sessions learned something of `synchronised_none`, `..._new` or
          `..._complete`, which are values of `Synchronisation`;
        - the number of `uidl_sessions`, in which the client asked what is new (UIDL);
        - the number of `mailboxes` by name, and `mailboxes_listed`, the longest list;
        - the number of `accounts` that got in, of those that came from several
          addresses as `roaming_accounts`, and `most_devices`, the most addresses;
        - the number of `idle_sessions`, which waited for news, for `idle_s` in all;
        - `median_s` and `longest_s`, the duration of sessions in seconds.
    """
    protocols = sessions["protocol"]
    extensions = _flat(sessions, "extensions")
    grouped = sessions.groupby("protocol")
    durations = sessions["duration_s"].astype("float64").groupby(protocols)
    counts = pd.DataFrame(
        {
            "sessions": grouped.size(),
            "clients": grouped["client_ip"].nunique(),
            "servers": grouped["server_ip"].nunique(),
        }
    )
    sums = _facts(sessions).groupby(protocols).sum()
    use = counts.join(sums).assign(
        messages_left=_messages_left(sessions),
        uidl_sessions=(extensions == "UIDL").groupby(level=0).sum(),
        mailboxes=_flat(sessions, "mailboxes").groupby(level=0).nunique(),
        mailboxes_listed=grouped["mailboxes_listed"].max(),
        median_s=durations.median(),
        longest_s=durations.max(),
        **_devices(sessions),
    )
    return _every_protocol(use)


def _facts(sessions: pd.DataFrame) -> pd.DataFrame:
    """Return what is added up of each session, in types that are quickly added."""
    encrypted = is_encrypted(sessions)
    # whoever has the keys sees a login or mail inside
    is_open = (sessions["auth_attempts"] > 0) | (message_count(sessions) > 0)
    sent, is_relay = sessions["messages_sent"], sessions["role"] == Role.RELAY
    facts = {
        "encrypted": encrypted,
        "failed_tls": channel_of(sessions) == Channel.FAILED,
        "unknown": channel_of(sessions) == Channel.UNKNOWN,
        "exposing_logins": sessions["credentials_exposed"].fillna(value=False),
        "hidden": encrypted & ~is_open,
        "messages_submitted": sent.mask(is_relay, 0),
        "messages_relayed": sent.where(is_relay, 0),
        **{name: sessions[name] for name in _SUMMED},
        **{
            name: (sessions["retention"] == retention).fillna(value=False)
            for retention, name in _RETENTIONS.items()
        },
        **{
            f"synchronised_{level}": (sessions["synchronisation"] == level).fillna(
                value=False
            )
            for level in Synchronisation
        },
        "idle_sessions": sessions["idle_s"].notna(),
    }
    numbers = pd.DataFrame(facts, index=sessions.index).astype("int64")
    return numbers.assign(idle_s=sessions["idle_s"].astype("float64"))


def _messages_left(sessions: pd.DataFrame) -> pd.Series[int]:
    """Return how many messages are left in all maildrops, by protocol."""
    known = ["protocol", "server_ip", "auth_user", "end", "messages_left"]
    ended = sessions.loc[sessions["messages_left"].notna(), known]
    maildrops = ended.assign(account=account(ended)).sort_values("end", kind="stable")
    last = maildrops.drop_duplicates(["protocol", "server_ip", "account"], keep="last")
    left: pd.Series[int] = last.groupby("protocol")["messages_left"].sum(min_count=1)
    return left


def _flat(sessions: pd.DataFrame, lists: str) -> pd.Series[str]:
    """Flatten the lists in a column; the index is their protocol."""
    items: pd.Series[str] = (
        sessions[lists].set_axis(sessions["protocol"]).list.flatten()
    )
    return items


def _devices(sessions: pd.DataFrame) -> dict[str, pd.Series[Any]]:
    """Count the accounts that got in, and their addresses, by protocol."""
    is_in = sessions["auth_result"].isin(["success", "unknown"])
    logins = sessions.loc[is_in, ["protocol", "client_ip"]]
    logins["account"] = account(sessions)
    devices = logins.groupby(["protocol", "account"])["client_ip"].nunique()
    by_protocol = devices.groupby(level="protocol")
    return {
        "accounts": by_protocol.size(),
        "roaming_accounts": (devices > 1).groupby(level="protocol").sum(),
        "most_devices": by_protocol.max(),
    }


def _every_protocol(use: pd.DataFrame) -> pd.DataFrame:
    # a table may have sessions of a plug-in that is not installed here
    names = dict.fromkeys([*registry.protocols(), *use.index])
    rows = use.reindex([str(name) for name in names])
    counts = rows.columns.difference([*_NULLABLE, "idle_s"])
    rows[counts] = rows[counts].fillna(0).astype("int64")
    rows["messages_left"] = rows["messages_left"].astype("Int64")
    rows["idle_s"] = rows["idle_s"].fillna(0.0)
    return rows.rename_axis("protocol").reset_index()
