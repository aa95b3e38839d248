"""Who still sends passwords and mail in plaintext, and who would notice if it ended.

A client uses plaintext on a port if it logged in there, moved mail or opened a mailbox
without TLS, or before STARTTLS. It would be cut off without plaintext if it was never
seen to use TLS with that server for that protocol, on whatever port. Relay between
servers (on port 25, without a login) is counted apart.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

from analyzer.reports.accounts import account
from analyzer.reports.channel import ENCRYPTED
from analyzer.reports.exposure import (
    CHANNELS,
    EXPOSURES,
    RESULTS,
    exposure,
    is_relay,
    worst_first,
    would_be_cut_off,
)
from analyzer.reports.plan import PORT, client_uses
from analyzer.reports.verdicts import ClientUse, PortUse, verdict
from analyzer.reports.ways import ways
from dissectors.events import Exposure

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy as np
    import numpy.typing as npt

_USER = ["client_ip", "auth_user", *PORT, "auth_mechanism"]
_EXPOSURE_LABELS = {
    Exposure.NOTHING: "",
    Exposure.OFFLINE: "hash to attack offline",
    Exposure.TOKEN: "token",
    Exposure.PASSWORD: "password",
}

_Clients = dict[ClientUse, list[str]]


class PlaintextTotals(NamedTuple):
    """The figures of all servers together.

    Attributes:
        sessions: all sessions.
        plaintext_sessions: those that stayed in plaintext.
        relay: those between servers.
        plaintext_relay: those of them that stayed in plaintext.
        plaintext_logins: sessions with a plaintext login.
        exposing_logins: those of them in which a password or a token crossed.
        plaintext_mail: sessions of submission and access in which mail did.
        exposed_accounts: users whose password or token crossed, and was accepted, or
            may have been.
        refused_accounts: other users, of whom the server refused what crossed.
        cut_off_clients: clients that would be cut off if plaintext were disabled.
        unjudged: sessions in which something was said, and nobody can tell what.
    """

    sessions: int
    plaintext_sessions: int
    relay: int
    plaintext_relay: int
    plaintext_logins: int
    exposing_logins: int
    plaintext_mail: int
    exposed_accounts: int
    refused_accounts: int
    cut_off_clients: int
    unjudged: int

    @property
    def other_logins(self) -> int:
        """Sessions whose login showed neither a password nor a token."""
        return self.plaintext_logins - self.exposing_logins


def plaintext_ports(
    sessions: pd.DataFrame, attacks: npt.NDArray[np.bool_] | None = None
) -> pd.DataFrame:
    """Show how each port of each server was used, and what that means.

    Args:
        sessions: all of them.
        attacks: (n,) which of them are those of attackers; `None` if that is not known.

    Returns:
        One row per `server_ip`, `server_port`, `service` and `role`, the worst
        first: the number of `sessions`, of which `plaintext`, `starttls`, `implicit`,
        `midstream`, `failed` and `unknown` (see `Channel`); `plaintext_logins`,
        sessions with a plaintext login; `plaintext_mail`, those with mail in plaintext;
        the number of `clients`, and of `plaintext_clients`; `offered`, the protected
        ways that the server was seen to offer; and the `verdict` in plain words.
    """
    facts = exposure(sessions, attacks)
    ports = _count_ports(facts)
    clients = _clients_by_use(facts)
    ports["verdict"] = _texts(
        verdict(_port_use(port, clients[_key(port, PORT)])) for port in _records(ports)
    )
    return worst_first(
        ports.drop(columns=["protocol", "attempts", "cut"]),
        ["plaintext_logins", "plaintext_mail", "plaintext", "sessions"],
    )


def plaintext_users(
    sessions: pd.DataFrame, attacks: npt.NDArray[np.bool_] | None = None
) -> pd.DataFrame:
    """List who logged in or moved mail in plaintext, and what that exposed.

    Args:
        sessions: all of them.
        attacks: (n,) which of them are those of attackers; `None` if that is not known.

    Returns:
        One row per `client_ip`, `auth_user`, `server_ip`, `server_port`, `service`,
        `role` and `auth_mechanism` (user and mechanism are null without a login),
        the worst first: the `result` of the logins, what was `exposed`, the number
        of `sessions`, the protected ways `offered` by the server, whether the client
        ever `used_tls` with it, whether it `would_be_cut_off` without plaintext, and
        when it was `first_seen` and `last_seen`.
    """
    facts = exposure(sessions, attacks)
    rows = facts[facts["has_login"] | facts["works"]]
    grouped = rows.groupby(_USER, dropna=False).agg(
        sessions=("works", "size"),
        severity=("severity", "max"),
        first_seen=("start", "min"),
        last_seen=("end", "max"),
        **{
            name: (name, "any")
            for name in (*RESULTS.values(), "mail", "works", "used_tls")
        },
    )
    users = grouped.reset_index().merge(
        _count_ports(facts)[[*PORT, "offered"]], on=PORT, how="left"
    )
    users["result"] = _texts(map(_results, _records(users[[*RESULTS.values()]])))
    users["exposed"] = _texts(map(_exposed, _records(users[["severity", "mail"]])))
    users["would_be_cut_off"] = would_be_cut_off(users)
    tail = [
        "sessions",
        "offered",
        "used_tls",
        "would_be_cut_off",
        "first_seen",
        "last_seen",
    ]
    worst = worst_first(users, ["severity", "would_be_cut_off", "works", "sessions"])
    return worst[[*_USER, "result", "exposed", *tail]]


def plaintext_totals(
    sessions: pd.DataFrame, attacks: npt.NDArray[np.bool_] | None = None
) -> PlaintextTotals:
    """Add up the figures of all servers."""
    facts = exposure(sessions, attacks)
    relay, users = facts[is_relay(facts)], facts[~is_relay(facts)]
    exposed = facts[facts["exposed"]]
    accounts = set(account(exposed[~exposed["refused"]]).dropna())
    refused = set(account(exposed).dropna()) - accounts
    return PlaintextTotals(
        sessions=len(facts),
        plaintext_sessions=int(facts["plaintext"].sum()),
        relay=len(relay),
        plaintext_relay=int(relay["plaintext"].sum()),
        plaintext_logins=int(facts["plaintext_login"].sum()),
        exposing_logins=len(exposed),
        plaintext_mail=int(users["mail"].sum()),
        exposed_accounts=len(accounts),
        refused_accounts=len(refused),
        cut_off_clients=int(users.loc[would_be_cut_off(users), "client_ip"].nunique()),
        unjudged=int(facts["unjudged"].sum()),
    )


def has_plaintext(sessions: pd.DataFrame) -> bool:
    """Return whether submission or access exposed a password, a token or mail.

    One that the server refused crossed all the same. Neither relay between servers
    counts, nor a login that shows no more than what can be attacked offline, such as
    CRAM-MD5.
    """
    facts = exposure(sessions)
    crossed = facts["exposed"] | facts["mail"]
    return bool((crossed & ~is_relay(facts)).any())


def _count_ports(facts: pd.DataFrame) -> pd.DataFrame:
    """Count the figures of each port, and say what is offered there."""
    grouped = facts.groupby(PORT)
    ports = grouped.agg(
        protocol=("protocol", "first"),
        sessions=("plaintext", "size"),
        **{channel: (channel, "sum") for channel in CHANNELS},
        plaintext_logins=("plaintext_login", "sum"),
        plaintext_mail=("mail", "sum"),
        clients=("client_ip", "nunique"),
        attempts=("attempt", "sum"),
        cut=("cut", "sum"),
    )
    in_plaintext = facts[facts["plaintext"]].groupby(PORT)["client_ip"].nunique()
    ports["plaintext_clients"] = (
        in_plaintext.reindex(ports.index).fillna(0).astype("int64")
    )
    ports = ports.reset_index()
    ports["offered"] = _texts(each.offered for each in ways(facts, ports))
    return ports


def _port_use(port: Mapping[str, Any], clients: _Clients) -> PortUse:
    return PortUse(
        port["role"],
        sessions=port["sessions"],
        plaintext=port["plaintext"],
        encrypted=sum(port[channel] for channel in ENCRYPTED),
        implicit=port["implicit"],
        cut=port["cut"],
        failed=port["failed"],
        attempts=port["attempts"],
        offered=port["offered"],
        clients=clients,
    )


def _clients_by_use(
    facts: pd.DataFrame,
) -> defaultdict[tuple[Any, ...], _Clients]:
    """Group the clients of each port in plaintext by what they did, busiest first."""
    clients_by_port: defaultdict[tuple[Any, ...], _Clients] = defaultdict(dict)
    for client in _records(client_uses(facts)[[*PORT, "client_ip", "use"]]):
        uses = clients_by_port[_key(client, PORT)]
        uses.setdefault(ClientUse(client["use"]), []).append(client["client_ip"])
    return clients_by_port


def _results(user: Mapping[str, Any]) -> str | None:
    results = (result for result, name in RESULTS.items() if user[name])
    return ", ".join(results) or None


def _exposed(user: Mapping[str, Any]) -> str:
    parts = [
        _EXPOSURE_LABELS[EXPOSURES[user["severity"]]],
        "mail" if user["mail"] else "",
    ]
    return " and ".join(filter(None, parts)) or "nothing"


def _key(row: Mapping[str, Any], names: Sequence[str]) -> tuple[Any, ...]:
    return tuple(row[name] for name in names)


def _records(rows: pd.DataFrame) -> list[dict[str, Any]]:
    return rows.to_dict("records")  # type: ignore[return-value]


def _texts(values: Iterable[str | None]) -> pd.Series[str]:
    return pd.Series(list(values), dtype="string")
