from __future__ import annotations

from typing import Any

import pytest

from analyzer.reports.verdicts import (
    NONE_SEEN,
    REFUSED,
    STARTTLS,
    UNKNOWN,
    ClientUse,
    PortUse,
    verdict,
)
from analyzer.sessions.role import Role


def clients(count: int, first: int = 1) -> list[str]:
    return [f"192.0.2.{first + i}" for i in range(count)]


def access(sessions: int = 9, plaintext: int = 5, **figures: Any) -> str:
    return verdict(
        PortUse(Role.ACCESS, sessions=sessions, plaintext=plaintext, **figures)
    )


def relay(sessions: int = 9, plaintext: int = 4, **figures: Any) -> str:
    return verdict(
        PortUse(Role.RELAY, sessions=sessions, plaintext=plaintext, **figures)
    )


@pytest.mark.parametrize(
    ("used", "expected"),
    [
        (
            {ClientUse.PLAINTEXT_ONLY: clients(3)},
            "3 clients would be cut off: 192.0.2.1, 192.0.2.2, 192.0.2.3",
        ),
        (
            {ClientUse.PLAINTEXT_ONLY: clients(1_200)},
            (
                "1,200 clients would be cut off: 192.0.2.1, 192.0.2.2, 192.0.2.3 "
                "(and 1,197 more)"
            ),
        ),
        (
            {ClientUse.PLAINTEXT_ONLY: clients(1), ClientUse.BOTH: clients(1, 7)},
            "1 client would be cut off: 192.0.2.1; 1 more also uses TLS",
        ),
        (
            {ClientUse.PLAINTEXT_ONLY: clients(2), ClientUse.BOTH: clients(2, 7)},
            "2 clients would be cut off: 192.0.2.1, 192.0.2.2; 2 more also use TLS",
        ),
        (
            {ClientUse.BOTH: clients(2)},
            (
                "nobody would be cut off: "
                "2 clients in plaintext also use TLS: 192.0.2.1, 192.0.2.2"
            ),
        ),
        (
            {ClientUse.FAILED_LOGIN: clients(1), ClientUse.CONNECTED_ONLY: clients(4)},
            "nobody would be cut off: 1 client with failed logins only: 192.0.2.1",
        ),
        (
            {ClientUse.BOTH: clients(1), ClientUse.FAILED_LOGIN: clients(1, 7)},
            (
                "nobody would be cut off: "
                "1 client in plaintext also uses TLS: 192.0.2.1; "
                "1 client with failed logins only: 192.0.2.7"
            ),
        ),
        (
            {
                ClientUse.PLAINTEXT_ONLY: clients(1),
                ClientUse.FAILED_LOGIN: clients(2, 7),
            },
            (
                "1 client would be cut off: 192.0.2.1; "
                "2 clients with failed logins only: 192.0.2.7, 192.0.2.8"
            ),
        ),
        (
            {ClientUse.INCOMPLETE: clients(1), ClientUse.CONNECTED_ONLY: clients(1)},
            "can't tell for 1 client captured in part: 192.0.2.1",
        ),
        (
            {ClientUse.INCOMPLETE: clients(1), ClientUse.FAILED_LOGIN: clients(1, 7)},
            (
                "1 client with failed logins only: 192.0.2.7; "
                "can't tell for 1 client captured in part: 192.0.2.1"
            ),
        ),
        (
            {ClientUse.BOTH: clients(1), ClientUse.INCOMPLETE: clients(1, 7)},
            (
                "1 client in plaintext also uses TLS: 192.0.2.1; "
                "can't tell for 1 client captured in part: 192.0.2.7"
            ),
        ),
        (
            {ClientUse.CONNECTED_ONLY: clients(2)},
            "nobody logged in or moved mail in plaintext: 2 clients only connected",
        ),
    ],
)
def test_verdict_says_whom_the_end_of_plaintext_would_hurt(
    used: dict[ClientUse, list[str]], expected: str
) -> None:
    assert access(clients=used) == expected


def test_verdict_says_if_clients_have_no_other_way() -> None:
    used = {ClientUse.PLAINTEXT_ONLY: clients(1)}

    assert access(clients=used, offered=NONE_SEEN) == (
        "1 client would be cut off: 192.0.2.1; no encrypted alternative seen"
    )
    assert (
        access(clients=used, offered=UNKNOWN) == "1 client would be cut off: 192.0.2.1"
    )


@pytest.mark.parametrize(
    ("figures", "expected"),
    [
        ({"encrypted": 9, "implicit": 9}, "always encrypted"),
        ({"encrypted": 9}, "nobody used it in plaintext"),
        ({"encrypted": 8}, "nobody was seen to use it in plaintext"),
        ({"encrypted": 9, "cut": 1}, "nobody was seen to use it in plaintext"),
        ({}, "can't tell: nothing was said, or it was not captured"),
        ({"failed": 1}, "nobody got in; TLS failed in 1 session"),
        (
            {"encrypted": 7, "implicit": 7, "failed": 2},
            "always encrypted; TLS failed in 2 sessions",
        ),
    ],
)
def test_verdict_of_a_port_without_plaintext(
    figures: dict[str, int], expected: str
) -> None:
    assert access(plaintext=0, **figures) == expected
    assert relay(plaintext=0, **figures) == expected


@pytest.mark.parametrize(
    ("offered", "expected"),
    [
        (REFUSED, "4 of 9 sessions in plaintext; the server refuses STARTTLS"),
        (NONE_SEEN, "4 of 9 sessions in plaintext; the server offers no TLS"),
        (
            "TLS",
            (
                "4 of 9 sessions in plaintext; the server offers TLS, "
                "1 client never used it: 192.0.2.1"
            ),
        ),
        (
            UNKNOWN,
            "4 of 9 sessions in plaintext; can't tell whether the server offers TLS",
        ),
        (
            STARTTLS,
            (
                "4 of 9 sessions in plaintext; the server offers STARTTLS, "
                "1 client never used it: 192.0.2.1"
            ),
        ),
    ],
)
def test_verdict_of_relay_says_what_kept_it_from_tls(
    offered: str, expected: str
) -> None:
    used = {ClientUse.PLAINTEXT_ONLY: clients(1), ClientUse.BOTH: clients(1, 7)}

    assert relay(offered=offered, clients=used) == expected


def test_verdict_of_relay_names_clients_that_use_tls_at_times() -> None:
    told = relay(1, 1, offered=STARTTLS, clients={ClientUse.BOTH: clients(1)}, failed=1)

    assert told == (
        "the only session was in plaintext; the server offers STARTTLS, "
        "1 client used it at other times: 192.0.2.1; TLS failed in 1 session"
    )


def test_port_that_accepts_no_connection_lets_nobody_in() -> None:
    assert access(3, 0, attempts=3) == "nobody got in: no connection was accepted"
    assert access(3, 0, attempts=2).startswith("can't tell")
    assert access(0, 0).startswith("can't tell")
