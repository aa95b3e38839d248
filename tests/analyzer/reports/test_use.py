from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from analyzer.reports import is_encrypted, protocol_use
from tests.support.analyses import CAPTURES, analysis_of, rows_of
from tests.support.tables import TLS, sessions_of


def use_of(protocol: str, *rows: dict[str, Any]) -> dict[str, Any]:
    """The row of a protocol whose sessions these are."""
    use = protocol_use(sessions_of(*({"protocol": protocol, **row} for row in rows)))
    assert use["protocol"].tolist() == ["smtp", "imap", "pop3"]
    [row] = use[use["protocol"] == protocol].to_dict("records")
    return {str(name): value for name, value in row.items()}


def test_relay_and_submission_are_told_apart() -> None:
    relay = {"role": "relay", "messages_sent": 2}
    submission = {"role": "submission", "message_bytes": 900}
    use = use_of(
        "smtp",
        relay,
        {"role": "submission", "messages_sent": 1},
        submission | {"messages_sent": 4},
    )

    assert (use["messages_relayed"], use["messages_submitted"]) == (2, 5)
    assert use["message_bytes"] == 900


def test_what_tls_hides_is_told_from_what_did_not_happen() -> None:
    use = use_of(
        "imap",
        TLS,
        # whoever has the keys sees what is inside
        TLS | {"auth_attempts": 1, "messages_retrieved": 1},
        TLS | {"tls_established": None, "failure": "tls-failed"},
        {"credentials_exposed": True, "client_ip": "192.0.2.7"},
    )

    assert (use["sessions"], use["encrypted"], use["hidden"]) == (4, 2, 1)
    assert (use["failed_tls"], use["exposing_logins"]) == (1, 1)
    assert (use["clients"], use["servers"]) == (2, 1)


def test_maildrops_are_emptied_or_not() -> None:
    tom, zoe = {"auth_user": "tom"}, {"auth_user": "zoe"}
    use = use_of(
        "pop3",
        tom | {"retention": "left-on-server", "messages_left": 7, "end": 5},
        tom | {"retention": "some-deleted", "messages_left": 2, "messages_deleted": 1},
        zoe | {"retention": "left-on-server", "messages_left": 7},
        zoe | {"retention": "deleted", "messages_left": 0, "server_ip": "192.0.2.9"},
        {"messages_left": None, "retention": None, "messages_deleted": 3},
    )

    assert (use["kept_all"], use["deleted_some"], use["deleted_all"]) == (2, 1, 1)
    # what Tom's first session left was there for his second
    assert (use["messages_left"], use["messages_deleted"]) == (9, 4)


def test_what_is_left_is_not_known_unless_a_session_ended_well() -> None:
    use = use_of("pop3", {"messages_left": None, "messages_retrieved": 1})

    assert pd.isna(use["messages_left"])
    assert use["messages_retrieved"] == 1


def test_mailboxes_and_what_is_done_to_them_are_counted() -> None:
    use = use_of(
        "imap",
        {"mailboxes": ["INBOX", "Sent"], "mailboxes_listed": 5, "flags_changed": 3},
        {"mailboxes": ["INBOX"], "mailboxes_listed": 9, "messages_moved": 2},
        {"mailboxes_changed": 1, "messages_copied": 4, "parts_fetched": 6},
    )

    assert (use["mailboxes"], use["mailboxes_listed"]) == (2, 9)
    assert (use["mailboxes_changed"], use["flags_changed"]) == (1, 3)
    assert (use["messages_copied"], use["messages_moved"]) == (4, 2)
    assert use["parts_fetched"] == 6


def test_sessions_that_asked_what_is_new_are_counted() -> None:
    use = use_of("pop3", {"extensions": ["UIDL", "TOP"]}, {"extensions": ["TOP"]}, {})

    assert use["uidl_sessions"] == 1


def test_synchronisation_and_idling_are_counted_by_session() -> None:
    use = use_of(
        "imap",
        {"synchronisation": "complete", "idle_s": 2.5, "duration_s": 8.0},
        {"synchronisation": "new", "idle_s": 4.0, "duration_s": 1.0},
        {"synchronisation": "new", "duration_s": 2.0},
        {"synchronisation": "none", "idle_s": None},
    )

    assert use["synchronised_complete"] == 1
    assert use["synchronised_new"] == 2
    assert use["synchronised_none"] == 1
    assert (use["idle_sessions"], use["idle_s"]) == (2, 6.5)
    assert (use["median_s"], use["longest_s"]) == (1.5, 8.0)


def test_devices_are_the_addresses_from_which_an_account_got_in() -> None:
    def login(user: str, number: int, result: str = "success") -> dict[str, Any]:
        client = f"192.0.2.{number}"
        return {"auth_user": user, "client_ip": client, "auth_result": result}

    use = use_of(
        "imap",
        login("tom", 1),
        login("Tom", 2),
        login("tom", 2),
        login("ines", 1, "unknown"),
        # who guesses is no device, and who only failed is no account
        login("tom", 66, "failure"),
        login("root", 66, "failure"),
    )

    assert (use["accounts"], use["roaming_accounts"]) == (2, 1)
    assert use["most_devices"] == 2


def test_protocol_that_nobody_used_is_all_zero() -> None:
    use = protocol_use(sessions_of())

    unknown = ["messages_left", "median_s", "longest_s"]
    assert use["protocol"].tolist() == ["smtp", "imap", "pop3"]
    assert use[unknown].isna().all(axis=None)
    assert (use.drop(columns=["protocol", *unknown]) == 0).all(axis=None)


@pytest.mark.parametrize("name", CAPTURES)
def test_figures_of_all_protocols_add_up_to_those_of_the_sessions(name: str) -> None:
    use, rows = protocol_use(analysis_of(name).sessions), rows_of(name)

    assert use["sessions"].sum() == len(rows)
    assert use["encrypted"].sum() == is_encrypted(analysis_of(name).sessions).sum()
    sent = use["messages_submitted"].sum() + use["messages_relayed"].sum()
    assert sent == sum(row["messages_sent"] for row in rows)
    for column in ("client_bytes", "messages_retrieved", "messages_deleted"):
        assert use[column].sum() == sum(row[column] for row in rows)
    assert use["mailboxes"].sum() == len({n for row in rows for n in row["mailboxes"]})
