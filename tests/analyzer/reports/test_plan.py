from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from analyzer.reports import (
    plaintext_by_port,
    plaintext_clients,
    plaintext_ports,
    plaintext_totals,
)
from analyzer.sessions.role import Role
from tests.support.analyses import CAPTURES, analysis_of
from tests.support.plaintext import Sessions, handshake, send_mail, upgrade
from tests.support.tables import sessions_of

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

# somebody who reads mail in plaintext
READER = {
    "role": "access",
    "client_bytes": 9,
    "auth_exposure": "password",
    "auth_result": "success",
    "auth_user": "tom",
    "credentials_exposed": True,
    "protection": "plaintext-login",
    "complete": True,
}
REFUSED = READER | {"auth_result": "failure", "auth_failures": 1}
RELAY = {
    "role": "relay",
    "protocol": "smtp",
    "service": "smtp",
    "server_port": 25,
    "client_bytes": 9,
    "plaintext_messages": 1,
}


def told(rows: pd.DataFrame, *columns: str) -> list[tuple[Any, ...]]:
    plain = rows[list(columns)].astype(object)
    plain = plain.where(rows[list(columns)].notna(), None)
    return list(plain.itertuples(index=False, name=None))


def of_clients(count: int, row: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
    return [{**row, "client_ip": f"192.0.2.{n}", **more} for n in range(count)]


def test_totals_count_clients_and_servers_of_a_port() -> None:
    sessions = sessions_of(
        *of_clients(3, READER, server_ip="198.51.100.1"),
        *of_clients(2, READER, server_ip="198.51.100.2", auth_user="Tom"),
        *of_clients(2, READER, server_port=110, service="pop3", protocol="pop3"),
    )

    assert told(
        plaintext_by_port(sessions),
        *("server_port", "cut_off_clients", "cut_off_servers", "total"),
    ) == [
        (143, 3, 2, "3 clients on 2 servers (1 account) would be cut off"),
        (110, 2, 1, "2 clients on 1 server (1 account) would be cut off"),
    ]


def test_client_that_knows_tls_at_one_server_is_cut_off_from_the_other() -> None:
    tls = {"role": "access", "tls_mode": "implicit", "tls_established": True}
    tls |= {"tls_version": "TLSv1.3", "server_port": 993, "service": "imaps"}
    sessions = sessions_of(
        READER, READER | {"server_ip": "198.51.100.2"}, tls, tls | {"client_bytes": 1}
    )

    port = plaintext_by_port(sessions).iloc[0]

    assert (port["cut_off_clients"], port["cut_off_servers"]) == (1, 1)
    assert (port["plaintext_only_clients"], port["also_tls_clients"]) == (1, 0)
    assert told(plaintext_clients(sessions), "server_ip", "use", "action") == [
        (
            "198.51.100.2",
            "plaintext only",
            "ask whether the server offers TLS: not captured",
        ),
        ("198.51.100.25", "both", "switch to port 993"),
    ]


def test_those_who_never_got_in_are_counted_apart() -> None:
    sessions = sessions_of(READER, REFUSED | {"client_ip": "192.0.2.66"})

    assert told(plaintext_by_port(sessions), "total") == [
        (
            (
                "1 client on 1 server (1 account) would be cut off; "
                "1 client with failed logins only"
            ),
        )
    ]
    assert told(plaintext_clients(sessions), "client_ip", "use", "action") == [
        (
            "192.0.2.1",
            "plaintext only",
            "ask whether the server offers TLS: not captured",
        ),
        (
            "192.0.2.66",
            "failed login",
            "correct its password, or remove it: it never got in",
        ),
    ]


@pytest.mark.parametrize("got_in", [REFUSED, READER])
def test_attackers_would_never_be_cut_off(got_in: dict[str, Any]) -> None:
    guesser = {"client_ip": "192.0.2.66"}
    sessions = sessions_of(READER, REFUSED | guesser, got_in | guesser)
    attacks = np.array([False, True, True])

    assert told(plaintext_clients(sessions, attacks), "client_ip", "use") == [
        ("192.0.2.1", "plaintext only"),
        ("192.0.2.66", "attack"),
    ]
    assert told(plaintext_by_port(sessions, attacks), "total", "attacking_clients") == [
        (
            (
                "1 client on 1 server (1 account) would be cut off; "
                "1 client guessing passwords"
            ),
            1,
        )
    ]
    assert told(plaintext_ports(sessions, attacks), "verdict") == [
        (
            (
                "1 client would be cut off: 192.0.2.1; "
                "1 client guessing passwords: 192.0.2.66"
            ),
        )
    ]
    assert plaintext_totals(sessions, attacks).cut_off_clients == 1


def test_user_at_the_address_of_an_attacker_would_be_cut_off() -> None:
    sessions = sessions_of(REFUSED | {"auth_user": "root"}, READER)

    (client,) = told(
        plaintext_clients(sessions, np.array([True, False])),
        *("use", "would_be_cut_off", "accounts"),
    )

    assert client == ("plaintext only", True, "root, tom")


def test_other_ways_are_told_with_what_was_seen_of_them(
    sessions: Sessions, tmp_path: Path
) -> None:
    for client in ("192.0.2.1", "192.0.2.1", "192.0.2.2"):
        send_mail(sessions.smtp(587, client))
    send_mail(sessions.smtp(587, "192.0.2.3", b"250 SIZE\r\n"))
    upgrade(sessions.smtp(587, "192.0.2.4"))
    handshake(sessions.open(465, "192.0.2.5"))

    clients = plaintext_clients(sessions.analyse(tmp_path).sessions)

    action, way = (
        "switch to port 465 or turn on STARTTLS",
        "TLS on port 465 in 1 session",
    )
    assert told(clients, "client_ip", "action", "seen") == [
        (
            "192.0.2.1",
            action,
            "STARTTLS offered to it in 2 sessions and to others in 2 sessions; " + way,
        ),
        (
            "192.0.2.2",
            action,
            "STARTTLS offered to it in 1 session and to others in 3 sessions; " + way,
        ),
        ("192.0.2.3", action, "STARTTLS offered to others in 4 sessions; " + way),
    ]


def test_software_and_accounts_of_clients_are_told() -> None:
    phone = READER | {"client_software": "Phone 1.0"}
    sessions = sessions_of(
        phone, *[phone | {"auth_user": f"u{n}"} for n in range(4)], READER
    )

    assert told(plaintext_clients(sessions), "client_software", "accounts") == [
        ("Phone 1.0", "tom, u0, u1 (and 2 more)")
    ]


def test_relay_is_last_and_stays_open() -> None:
    starttls = RELAY | {"starttls": "offered", "client_ip": "192.0.2.9"}
    sessions = sessions_of(RELAY, starttls, READER)

    clients, ports = plaintext_clients(sessions), plaintext_by_port(sessions)

    assert told(clients, "role", "action", "would_be_cut_off")[1:] == [
        ("relay", "turn on STARTTLS", False),
        ("relay", "turn on STARTTLS", False),
    ]
    assert told(ports, "server_port", "cut_off_clients", "total")[1:] == [
        (
            25,
            0,
            (
                "nobody would be cut off: this is relay; "
                "2 clients used no TLS with at least one server"
            ),
        )
    ]


@pytest.mark.parametrize("name", CAPTURES)
def test_plan_of_every_capture_adds_up(name: str) -> None:
    sessions = analysis_of(name).sessions

    ports, clients = plaintext_by_port(sessions), plaintext_clients(sessions)

    assert ports["sessions"].sum() == len(sessions)
    cut_off = clients.loc[clients["would_be_cut_off"], "client_ip"].nunique()
    assert cut_off == plaintext_totals(sessions).cut_off_clients
    uses = list(ports.filter(like="_clients"))[1:]
    by_port = clients.groupby(["server_port", "service", "role"])["client_ip"].nunique()
    assert ports[uses].sum().sum() == by_port.sum()
    assert (clients[["action", "seen", "use"]] != "").all(axis=None)
    relay = clients["role"] == Role.RELAY
    assert not (relay & clients["would_be_cut_off"]).any()


@pytest.fixture
def sessions() -> Sessions:
    return Sessions()
