from __future__ import annotations

from typing import Any

import pytest

from analyzer.reports import by_port, protocol_use
from analyzer.terminal.observations import HIDDEN, NOT_SEEN, NOTHING, observations
from dissectors.services import Protocol
from tests.support.tables import TLS, sessions_of


def seen(protocol: str, *rows: dict[str, Any]) -> dict[str, list[str]]:
    """What is said of a protocol whose sessions these are."""
    sessions = sessions_of(*({"protocol": protocol, **row} for row in rows))
    use = protocol_use(sessions)
    [row] = use[use["protocol"] == protocol].to_dict("records")
    return observations(row, by_port(sessions).to_dict("records"))


@pytest.mark.parametrize("protocol", Protocol)
def test_nothing_is_said_of_what_was_not_used(protocol: str) -> None:
    assert set(map(tuple, seen(protocol).values())) == {(NOT_SEEN,)}


@pytest.mark.parametrize("protocol", Protocol)
def test_what_tls_hides_is_not_said_to_be_none(protocol: str) -> None:
    said = seen(protocol, TLS, TLS)

    hidden = {"purpose", "storage", "synchronisation", "devices", "folders"}
    assert {name for name, texts in said.items() if texts == [HIDDEN]} == hidden
    assert said["security"] == ["2 of 2 encrypted"]
    assert said["ports"] == ["143: 2 TLS"]


def test_smtp_submits_and_relays_and_has_no_folders() -> None:
    said = seen(
        "smtp",
        {"role": "relay", "messages_sent": 1, "client_bytes": 4000},
        {"role": "submission", "messages_sent": 1200, "server_bytes": 30},
    )

    assert said["purpose"] == ["1,200 submitted", "1 relayed"]
    assert said["direction"] == ["4.0 kB to servers", "30 B to clients"]
    assert said["devices"] == ["no account known"]
    for name in ("storage", "synchronisation", "folders"):
        assert said[name] == [NOTHING]


def test_imap_works_on_what_stays_on_the_server() -> None:
    said = seen(
        "imap",
        {
            "messages_retrieved": 2,
            "headers_fetched": 9,
            "parts_fetched": 3,
            "messages_appended": 1,
            "messages_deleted": 4,
            "messages_moved": 5,
            "mailboxes": ["INBOX", "Sent"],
            "mailboxes_listed": 7,
            "mailboxes_changed": 1,
            "flags_changed": 6,
            "synchronisation": "complete",
            "idle_s": 90.0,
            "duration_s": 120.0,
        },
    )

    assert said["purpose"] == [
        "2 retrieved",
        "9 as header only",
        "3 as parts",
        "1 stored",
    ]
    assert said["storage"] == ["4 deleted", "5 moved"]
    assert said["synchronisation"] == [
        "1 session learned all",
        "flags of 6 changed",
    ]
    assert said["folders"] == ["2 opened", "7 listed", "1 changed"]
    assert said["network"] == ["2.0 min (longest)", "1 session idle for 1.5 min"]


def test_imap_that_did_nothing_says_so() -> None:
    said = seen("imap", {"client_bytes": 1})

    assert said["purpose"] == ["no message"]
    assert said["storage"] == ["0 deleted"]
    assert said["synchronisation"] == ["nothing synchronised"]
    assert said["folders"] == ["none"]
    assert said["security"] == ["0 of 1 encrypted"]


def test_pop3_leaves_or_deletes_what_it_fetched() -> None:
    said = seen(
        "pop3",
        {
            "auth_user": "tom",
            "retention": "left-on-server",
            "messages_left": 8,
            "extensions": ["UIDL"],
        },
        {"retention": "deleted", "messages_left": 0, "messages_deleted": 3},
        {"retention": "deleted", "messages_left": 0, "messages_deleted": 2},
    )

    assert said["storage"] == [
        "8 left on the server",
        "5 deleted",
        "1 session kept all",
        "2 sessions deleted all",
    ]
    assert said["synchronisation"] == ["1 session asked what is new"]
    assert said["network"] == ["1 s (median)", "1 s (longest)"]


def test_pop3_that_was_cut_off_does_not_say_what_is_left() -> None:
    said = seen("pop3", {"messages_left": None})

    assert said["storage"] == ["0 deleted"]
    assert said["synchronisation"] == ["nobody asked what is new"]


@pytest.mark.parametrize(
    ("logins", "words"),
    [
        (["tom 1"], ["1 account", "from one address"]),
        (["tom 1", "tom 2", "tom 3"], ["1 account", "from 3 addresses"]),
        (["tom 1", "zoe 1"], ["2 accounts", "each from one address"]),
        (["tom 1", "tom 2", "zoe 1"], ["2 accounts", "1 from up to 2 addresses"]),
    ],
    ids=str,
)
def test_devices_are_counted_by_account(logins: list[str], words: list[str]) -> None:
    rows = []
    for login in logins:
        user, number = login.split()
        rows.append({"auth_user": user, "client_ip": f"192.0.2.{number}"})

    said = seen("imap", *(row | {"auth_result": "success"} for row in rows))

    assert said["devices"] == words


def test_protection_names_what_went_wrong() -> None:
    failed = {"tls_mode": "starttls", "failure": "tls-failed"}
    clear = {"credentials_exposed": True, "client_bytes": 9}

    said = seen("imap", failed, clear, {"ended": "refused"})

    assert said["security"] == [
        "0 of 2 encrypted",
        "1 failed to be",
        "1 unknown",
        "1 showed a password or token",
    ]


def test_ports_are_told_by_protection_and_not_all_if_there_are_many() -> None:
    clear = {"client_bytes": 1}
    upgraded = TLS | {"tls_mode": "starttls", "server_port": 110}

    few = seen("pop3", clear | {"server_port": 110}, upgraded, upgraded)
    many = seen("pop3", *(clear | {"server_port": port} for port in range(1, 10)))

    assert few["ports"] == ["110: 2 STLS, 1 in plaintext"]
    assert many["ports"][:2] == ["1: 1 in plaintext", "2: 1 in plaintext"]
    assert many["ports"][6:] == ["and 3 more ports"]
