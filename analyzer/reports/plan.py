"""The plan to close plaintext: whom that would cut off, and what each client needs.

A client is in plaintext on a port if it was seen there without TLS. What it did there
(`ClientUse`) decides whether it counts: those who guess passwords, and those who never
got in, are told apart, and would never be cut off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analyzer.reports.accounts import account, distinct
from analyzer.reports.advice import advice, total
from analyzer.reports.exposure import (
    exposure,
    is_relay,
    worst_first,
    would_be_cut_off,
)
from analyzer.reports.verdicts import ClientUse
from analyzer.reports.ways import ways
from analyzer.sessions.role import Role

if TYPE_CHECKING:
    import numpy.typing as npt

PORT = ["server_ip", "server_port", "service", "role"]
# ports of all servers together
_NUMBER = ["server_port", "service", "role"]
_CLIENT = ["client_ip", *PORT]
_TOLD = [
    "use",
    "client_software",
    "accounts",
    "sessions",
    "used_tls",
    "would_be_cut_off",
    "action",
    "seen",
    "first_seen",
    "last_seen",
]
_USES = tuple(ClientUse)
_COUNTS = {
    ClientUse.PLAINTEXT_ONLY: "plaintext_only_clients",
    ClientUse.BOTH: "also_tls_clients",
    ClientUse.ATTACK: "attacking_clients",
    ClientUse.FAILED_LOGIN: "failed_login_clients",
    ClientUse.INCOMPLETE: "incomplete_clients",
    ClientUse.CONNECTED_ONLY: "connected_only_clients",
}


def plaintext_clients(
    sessions: pd.DataFrame, attacks: npt.NDArray[np.bool_] | None = None
) -> pd.DataFrame:
    """List the clients in plaintext, and what to do about each.

    Args:
        sessions: all of them.
        attacks: (n,) which of them are those of attackers; `None` if that is not known.

    Returns:
        One row per `client_ip`, `server_ip`, `server_port`, `service` and `role`, those
        that would be cut off first: its `use` of plaintext (`ClientUse`); the
        `client_software` and the `accounts` that it named, as far as these are known;
        the number of `sessions`; whether it ever `used_tls` with the server; whether it
        `would_be_cut_off`; the `action` that it needs; what was `seen` of other ways
        than plaintext; when it was `first_seen` and `last_seen`.
    """
    facts = exposure(sessions, attacks)
    clients = client_uses(facts)
    clients["client_software"] = _names(facts, "client_software", clients)
    clients["accounts"] = _names(facts[facts["has_login"]], "auth_user", clients)
    clients["would_be_cut_off"] = would_be_cut_off(clients)
    clients["action"], clients["seen"] = _advise(facts, clients)
    places = clients["use"].map(_USES.index) + len(_USES) * is_relay(clients)
    order = places.to_numpy().argsort(kind="stable")
    ordered: pd.DataFrame = clients.iloc[order][[*_CLIENT, *_TOLD]]
    return ordered.reset_index(drop=True)


def plaintext_by_port(
    sessions: pd.DataFrame, attacks: npt.NDArray[np.bool_] | None = None
) -> pd.DataFrame:
    """Count the clients in plaintext on each port, on all servers together.

    Args:
        sessions: all of them.
        attacks: (n,) which of them are those of attackers; `None` if that is not known.

    Returns:
        One row per `server_port`, `service` and `role`, those that would cut off most
        first, relay last: the number of `sessions`, and of those in `plaintext`;
        `cut_off_clients`, which would be cut off, from `cut_off_servers`, with
        `cut_off_accounts`; all clients in plaintext, each by its worst `ClientUse`:
        `plaintext_only_clients`, `also_tls_clients`, `attacking_clients`,
        `failed_login_clients`, `incomplete_clients`, `connected_only_clients`; and what
        that means in words, `total`.
    """
    facts = exposure(sessions, attacks)
    clients = client_uses(facts)
    ports = facts.groupby(_NUMBER).agg(
        sessions=("plaintext", "size"), plaintext=("plaintext", "sum")
    )
    cut_off = clients[would_be_cut_off(clients)]
    ports["cut_off_clients"] = _distinct(cut_off, "client_ip")
    ports["cut_off_servers"] = _distinct(cut_off, "server_ip")
    ports["cut_off_accounts"] = _distinct(_logins(facts, cut_off), "account")
    # a client that is cut off from one server counts, whatever it does at others
    worst = clients.assign(place=clients["use"].map(_USES.index)).sort_values("place")
    worst = worst.drop_duplicates([*_NUMBER, "client_ip"])
    for use, name in _COUNTS.items():
        ports[name] = _distinct(worst[worst["use"] == use], "client_ip")
    ports = ports.fillna(0).astype("int64").reset_index()
    ports["total"] = pd.Series(
        [total(port) for port in ports.to_dict("records")],  # type: ignore[arg-type]
        dtype="string",
    )
    by = ["cut_off_clients", "plaintext", "sessions"]
    return worst_first(ports, by)


def client_uses(facts: pd.DataFrame) -> pd.DataFrame:
    """Tell what each client did in plaintext on each port.

    Args:
        facts: of all sessions (`exposure`).

    Returns:
        One row per client and port (`PORT`), the busiest first: `use`, `sessions`,
        `protocol`, `offers` (sessions in which it was offered STARTTLS), `used_tls`,
        `works`, `first_seen` and `last_seen`.
    """
    rows = facts[facts["plaintext"] | facts["has_login"] | facts["works"]]
    rows = rows.assign(
        offers=rows["step"].isin(["offered", "accepted"]).astype("int64")
    )
    grouped = rows.groupby(_CLIENT).agg(
        protocol=("protocol", "first"),
        sessions=("works", "size"),
        works=("works", "any"),
        attacks=("attacks", "any"),
        failure=("guessed", "any"),
        used_tls=("used_tls", "any"),
        is_whole=("is_whole", "all"),
        offers=("offers", "sum"),
        first_seen=("start", "min"),
        last_seen=("end", "max"),
    )
    clients = grouped.sort_values("sessions", ascending=False, kind="stable")
    clients = clients.reset_index()
    # a server that relays in plaintext could use TLS, whatever it did there
    works = clients["works"] | (clients["role"] == Role.RELAY)
    tls = clients["used_tls"]
    clients["use"] = np.select(
        [
            works & ~tls,
            works,
            clients["attacks"],
            clients["failure"],
            clients["is_whole"],
            tls,
        ],
        [
            ClientUse.PLAINTEXT_ONLY,
            ClientUse.BOTH,
            ClientUse.ATTACK,
            ClientUse.FAILED_LOGIN,
            ClientUse.CONNECTED_ONLY,
            ClientUse.BOTH,
        ],
        ClientUse.INCOMPLETE,
    ).astype("object")
    return clients


def _advise(
    facts: pd.DataFrame, clients: pd.DataFrame
) -> tuple[pd.Series[str], pd.Series[str]]:
    """Say of each client what to do, and what was seen of other ways."""
    places = [*PORT, "protocol"]
    ports = facts.groupby(places)["implicit"].sum().reset_index()
    named = ports[places].itertuples(index=False, name=None)
    by_port = dict(zip(named, ways(facts, ports), strict=True))
    actions, seen = [], []
    for use, role, offers, *place in clients[
        ["use", "role", "offers", *places]
    ].itertuples(index=False, name=None):
        others = by_port[tuple(place)]
        actions.append(advice(ClientUse(use), role, others))
        seen.append(others.seen_by(offers))
    return pd.Series(actions, dtype="string"), pd.Series(seen, dtype="string")


def _names(facts: pd.DataFrame, column: str, clients: pd.DataFrame) -> pd.Series[str]:
    """Name the first values of a column that the sessions of each client have."""
    keys = clients[_CLIENT].assign(number=range(len(clients)))
    rows = facts[[*_CLIENT, column]].merge(keys, on=_CLIENT)
    texts, _ = distinct(rows["number"], rows[column])
    return texts.reindex(keys["number"])


def _logins(facts: pd.DataFrame, clients: pd.DataFrame) -> pd.DataFrame:
    """Return the sessions of some clients in which they logged in."""
    logins = facts[facts["has_login"] & facts["works"]]
    rows: pd.DataFrame = logins.merge(clients[_CLIENT], on=_CLIENT)
    return rows.assign(account=account(rows))


def _distinct(rows: pd.DataFrame, column: str) -> pd.Series[int]:
    """Count the values of a column by port."""
    counts: pd.Series[int] = rows.groupby(_NUMBER)[column].nunique()
    return counts
