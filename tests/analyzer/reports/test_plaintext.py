from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

import analyzer
from analyzer.reports import (
    has_plaintext,
    plaintext_ports,
    plaintext_totals,
    plaintext_users,
)
from analyzer.sessions.role import Role
from tests.support.analyses import CAPTURES, analysis_of, decrypted
from tests.support.plaintext import (
    MAIL,
    Sessions,
    handshake,
    send_mail,
    upgrade,
)
from tests.support.tables import sessions_of
from tests.support.traffic import CLIENT, SYN

if TYPE_CHECKING:
    from pathlib import Path

    from analyzer import Analysis

# of the columns that count sessions
COUNTS = ["plaintext", "starttls", "implicit", "midstream", "failed", "unknown"]


@pytest.fixture
def sessions() -> Sessions:
    return Sessions()


def verdicts(analysis: Analysis) -> dict[tuple[int, str], str]:
    ports = plaintext_ports(analysis.sessions)
    return {
        (row["server_port"], row["role"]): row["verdict"] for _, row in ports.iterrows()
    }


def offered(analysis: Analysis) -> dict[tuple[int, str], str]:
    ports = plaintext_ports(analysis.sessions)
    return {
        (row["server_port"], row["role"]): row["offered"] for _, row in ports.iterrows()
    }


def users(analysis: Analysis, *columns: str) -> list[tuple[Any, ...]]:
    told = plaintext_users(analysis.sessions)[list(columns)]
    plain = told.astype(object).where(told.notna(), None)
    return list(plain.itertuples(index=False, name=None))


def test_ports_of_the_office_have_these_figures() -> None:
    ports = plaintext_ports(analysis_of("office").sessions)

    told = ports[
        [
            *("server_ip", "server_port", "role", "sessions", *COUNTS),
            *("plaintext_logins", "plaintext_mail", "clients", "plaintext_clients"),
            "offered",
        ]
    ]
    v4, v6 = "192.0.2.10", "2001:db8:2::10"
    assert list(told.itertuples(index=False, name=None)) == [
        (v4, 587, "submission", 8, 6, 2, 0, 0, 0, 0, 5, 2, 3, 2, "STARTTLS"),
        (v4, 110, "access", 5, 4, 1, 0, 0, 0, 0, 4, 1, 2, 2, "STARTTLS, port 995"),
        (v6, 143, "access", 1, 1, 0, 0, 0, 0, 0, 1, 1, 1, 1, "STARTTLS, port 993"),
        (v4, 143, "access", 2, 1, 1, 0, 0, 0, 0, 1, 0, 1, 1, "STARTTLS"),
        (v6, 993, "access", 3, 0, 0, 3, 0, 0, 0, 0, 0, 3, 0, "TLS"),
        (v4, 995, "access", 1, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, "TLS"),
        (v6, 465, "submission", 1, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, "TLS"),
        (v6, 587, "submission", 1, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0, "STARTTLS, port 465"),
        (v4, 25, "relay", 4, 2, 2, 0, 0, 0, 0, 0, 1, 3, 2, "STARTTLS"),
        ("203.0.113.25", 25, "relay", 1, 1, 0, 0, 0, 0, 0, 0, 1, 1, 1, "none seen"),
        ("198.51.100.25", 25, "relay", 2, 0, 2, 0, 0, 0, 0, 0, 0, 1, 0, "STARTTLS"),
    ]


def test_ports_of_the_office_have_these_verdicts() -> None:
    ports = plaintext_ports(analysis_of("office").sessions)

    assert list(ports["verdict"]) == [
        (
            "1 client would be cut off: 192.0.2.150; "
            "1 client with failed logins only: 203.0.113.66"
        ),
        (
            "nobody would be cut off: "
            "1 client in plaintext also uses TLS: 192.0.2.102; "
            "1 client with failed logins only: 203.0.113.66"
        ),
        "nobody would be cut off: 1 client in plaintext also uses TLS: 2001:db8:2::102",
        "nobody would be cut off: 1 client with failed logins only: 192.0.2.101",
        "always encrypted",
        "always encrypted",
        "always encrypted",
        "nobody used it in plaintext",
        (
            "2 of 4 sessions in plaintext; the server offers STARTTLS, "
            "2 clients never used it: 203.0.113.25, 203.0.113.66"
        ),
        "the only session was in plaintext; the server offers no TLS",
        "nobody used it in plaintext",
    ]


def test_users_of_the_office_are_these() -> None:
    told = users(
        analysis_of("office"),
        *("auth_user", "client_ip", "server_port", "auth_mechanism", "result"),
        *("exposed", "sessions", "used_tls", "would_be_cut_off"),
    )

    both, guesser = "password and mail", "203.0.113.66"
    scanner, ines = "scanner@example.com", "ines@example.com"
    assert told == [
        (scanner, "192.0.2.150", 587, "LOGIN", "success", both, 2, False, True),
        (
            "ravi@example.com",
            "192.0.2.102",
            110,
            "USER",
            "success",
            both,
            1,
            True,
            False,
        ),
        (
            "tom@example.com",
            "2001:db8:2::102",
            143,
            "LOGIN",
            "success",
            both,
            1,
            True,
            False,
        ),
        (scanner, guesser, 110, "USER", "failure", "password", 3, False, False),
        (scanner, guesser, 587, "LOGIN", "failure", "password", 2, False, False),
        (ines, "192.0.2.101", 143, "LOGIN", "failure", "password", 1, True, False),
        (ines, guesser, 587, "LOGIN", "failure", "password", 1, False, False),
        (None, guesser, 587, "LOGIN", "failure", "nothing", 1, False, False),
        (None, "192.0.2.10", 25, None, None, "mail", 1, False, False),
        (None, "203.0.113.25", 25, None, None, "mail", 1, False, False),
    ]


def test_totals_of_the_office_tell_relay_from_the_rest() -> None:
    assert plaintext_totals(analysis_of("office").sessions)._asdict() == {
        "sessions": 29,
        "plaintext_sessions": 15,
        "relay": 7,
        "plaintext_relay": 3,
        "plaintext_logins": 11,
        "exposing_logins": 11,
        "plaintext_mail": 4,
        "exposed_accounts": 3,
        "refused_accounts": 1,
        "cut_off_clients": 1,
        "unjudged": 0,
    }


def test_client_does_not_break_if_another_capture_shows_its_tls() -> None:
    names = ("imap-login-plain", "imap-starttls")

    alone = verdicts(analysis_of(names[0]))
    together = verdicts(analyzer.analyze([CAPTURES[name] for name in names]))

    assert alone == {(143, "access"): "1 client would be cut off: 192.0.2.102"}
    assert together == {
        (
            143,
            "access",
        ): "nobody would be cut off: 1 client in plaintext also uses TLS: 192.0.2.102"
    }


@pytest.mark.parametrize(
    ("capture", "exposed"),
    [
        ("pop3-user-pass", "password and mail"),
        ("pop3-apop", "hash to attack offline and mail"),
        ("imap-cram-md5", "hash to attack offline"),
        ("pop3-failed-login", "password"),
        ("smtp-auth-cram-md5", "hash to attack offline and mail"),
        ("imap-midstream", "mail"),
        ("smtp-relay-plain", "mail"),
    ],
)
def test_users_are_told_with_what_was_gained(capture: str, exposed: str) -> None:
    assert users(analysis_of(capture), "exposed") == [(exposed,)]


def test_token_is_gained_from_xoauth2(sessions: Sessions, tmp_path: Path) -> None:
    dialogue = sessions.smtp(587, "192.0.2.1")
    dialogue.client(b"AUTH XOAUTH2 dXNlcj10b20BYXV0aD1CZWFyZXIgeAEB\r\n")
    dialogue.server(b"235 ok\r\n")

    told = users(sessions.analyse(tmp_path), "auth_user", "exposed", "would_be_cut_off")

    assert told == [("tom", "token", True)]


def test_sessions_of_one_account_are_one_row(
    sessions: Sessions, tmp_path: Path
) -> None:
    sessions.pop3("192.0.2.1")
    sessions.pop3("192.0.2.1", accepted=False)
    sessions.pop3("192.0.2.1", b"zoe")

    analysis = sessions.analyse(tmp_path)

    told = users(analysis, "auth_user", "sessions", "result", "first_seen", "last_seen")
    starts, ends = analysis.sessions["start"], analysis.sessions["end"]
    assert told == [
        ("tom", 2, "success, failure", starts[0], ends[1]),
        ("zoe", 1, "success", starts[2], ends[2]),
    ]


def test_port_25_with_logins_has_two_rows(sessions: Sessions, tmp_path: Path) -> None:
    send_mail(sessions.smtp(25, "203.0.113.9"))
    upgrade(sessions.smtp(25, "203.0.113.8"))
    dialogue = sessions.smtp(25, "192.0.2.1")
    dialogue.client(b"AUTH PLAIN AHRvbQBodXNo\r\n").server(b"235 ok\r\n")
    send_mail(dialogue)

    analysis = sessions.analyse(tmp_path)

    assert verdicts(analysis) == {
        (25, "submission"): "1 client would be cut off: 192.0.2.1",
        (25, "relay"): "1 of 2 sessions in plaintext; the server offers STARTTLS, "
        "1 client never used it: 203.0.113.9",
    }
    assert users(analysis, "role", "auth_user", "exposed", "would_be_cut_off") == [
        ("submission", "tom", "password and mail", True),
        ("relay", None, "mail", False),
    ]


@pytest.mark.parametrize(
    ("extensions", "ways", "verdict"),
    [
        (b"250 SIZE\r\n", "none seen", "the server offers no TLS"),
        (b"", "unknown", "can't tell whether the server offers TLS"),
    ],
)
def test_absence_of_starttls_must_have_been_seen(
    extensions: bytes,
    ways: str,
    verdict: str,
    sessions: Sessions,
    tmp_path: Path,
) -> None:
    sessions.smtp(25, "203.0.113.9", extensions)

    analysis = sessions.analyse(tmp_path)

    assert offered(analysis) == {(25, "relay"): ways}
    assert verdicts(analysis) == {
        (25, "relay"): f"the only session was in plaintext; {verdict}"
    }


def test_starttls_that_is_only_refused_is_no_offer(
    sessions: Sessions, tmp_path: Path
) -> None:
    dialogue = sessions.smtp(25, "203.0.113.9")
    send_mail(dialogue.client(b"STARTTLS\r\n").server(b"454 not now\r\n"))

    analysis = sessions.analyse(tmp_path)

    assert offered(analysis) == {(25, "relay"): "STARTTLS refused"}
    assert verdicts(analysis)[25, "relay"].endswith("; the server refuses STARTTLS")


def test_offers_are_those_of_the_same_server_and_protocol(
    sessions: Sessions, tmp_path: Path
) -> None:
    sessions.pop3("192.0.2.1")
    handshake(sessions.open(995, "192.0.2.2"))
    handshake(sessions.open(993, "192.0.2.2"))
    handshake(sessions.open(465, "192.0.2.2"))
    upgrade(sessions.smtp(25, "203.0.113.8"))
    upgrade(sessions.smtp(587, "192.0.2.2"))
    handshake(sessions.open(995, "192.0.2.2", "198.51.100.99"))

    assert offered(sessions.analyse(tmp_path)) == {
        (110, "access"): "port 995",
        (995, "access"): "TLS",
        (993, "access"): "TLS",
        (465, "submission"): "TLS",
        # a server's relay is no way to submit, nor the other way round
        (587, "submission"): "STARTTLS, port 465",
        (25, "relay"): "STARTTLS",
    }


def test_clients_are_named_by_how_often_they_came(
    sessions: Sessions, tmp_path: Path
) -> None:
    for number in (1, 2, 3, 4, 5, 5):
        sessions.pop3(f"192.0.2.{number}")

    assert verdicts(sessions.analyse(tmp_path)) == {
        (110, "access"): "5 clients would be cut off: 192.0.2.5, 192.0.2.1, 192.0.2.2 "
        "(and 2 more)"
    }


def test_client_that_only_looks_is_not_in_the_way(
    sessions: Sessions, tmp_path: Path
) -> None:
    sessions.open(110).server(b"+OK hi\r\n").client(b"QUIT\r\n").close()

    analysis = sessions.analyse(tmp_path)

    assert verdicts(analysis) == {
        (
            110,
            "access",
        ): "nobody logged in or moved mail in plaintext: 1 client only connected"
    }
    assert users(analysis, "client_ip") == []


def test_client_captured_in_part_may_have_logged_in(
    sessions: Sessions, tmp_path: Path
) -> None:
    dialogue = sessions.open(143, handshake=False).client(b"a1 NOOP\r\n")
    dialogue.server(b"* 3 EXISTS\r\na1 OK done\r\n")

    assert verdicts(sessions.analyse(tmp_path)) == {
        (143, "access"): "can't tell for 1 client captured in part: 192.0.2.1"
    }


def test_client_captured_in_part_does_not_break_if_it_uses_tls(
    sessions: Sessions, tmp_path: Path
) -> None:
    dialogue = sessions.open(143, handshake=False).client(b"a1 NOOP\r\n")
    dialogue.server(b"* 3 EXISTS\r\na1 OK done\r\n")
    sessions.tls(993, "192.0.2.1")

    assert verdicts(sessions.analyse(tmp_path)) == {
        (
            143,
            "access",
        ): "nobody would be cut off: 1 client in plaintext also uses TLS: 192.0.2.1",
        (993, "access"): "always encrypted",
    }


def test_connection_without_an_answer_proves_nothing(
    sessions: Sessions, tmp_path: Path
) -> None:
    sessions.open(143, handshake=False).send(CLIENT, flags=SYN)

    analysis = sessions.analyse(tmp_path)

    assert verdicts(analysis) == {
        (143, "access"): "nobody got in: no connection was accepted"
    }
    assert offered(analysis) == {(143, "access"): "unknown"}


def test_mail_before_the_upgrade_counts_as_mail_in_plaintext(
    sessions: Sessions, tmp_path: Path
) -> None:
    upgrade(send_mail(sessions.smtp(587, "192.0.2.1")))
    upgrade(send_mail(sessions.smtp(25, "203.0.113.9")))

    analysis = sessions.analyse(tmp_path)

    assert has_plaintext(analysis.sessions)
    assert plaintext_totals(analysis.sessions).plaintext_mail == 1
    assert users(analysis, "role", "exposed", "would_be_cut_off") == [
        ("submission", "mail", False),
        ("relay", "mail", False),
    ]
    assert verdicts(analysis) == {
        (587, "submission"): "nobody would be cut off: "
        "1 client in plaintext also uses TLS: 192.0.2.1",
        (25, "relay"): "nobody would be cut off: "
        "1 client in plaintext also uses TLS: 203.0.113.9",
    }


def test_mail_without_a_login_makes_a_client_break(
    sessions: Sessions, tmp_path: Path
) -> None:
    send_mail(sessions.smtp(587, "192.0.2.1", b"250 SIZE\r\n"))

    analysis = sessions.analyse(tmp_path)

    assert verdicts(analysis) == {
        (587, "submission"): "1 client would be cut off: 192.0.2.1; "
        "no encrypted alternative seen"
    }
    assert users(analysis, "auth_user", "exposed", "would_be_cut_off") == [
        (None, "mail", True)
    ]


@pytest.mark.parametrize(
    ("capture", "expected"),
    [
        ("pop3-user-pass", True),
        ("pop3-failed-login", True),
        ("imap-midstream", True),
        ("smtp-submission-plain-auth-login", True),
        ("imap-cram-md5", False),
        ("imap-implicit-tls", False),
        ("pop3-stls", False),
        ("smtp-relay-plain", False),
        ("smtp-starttls-refused", False),
        ("negative-redis", False),
    ],
)
def test_plaintext_is_what_crossed_in_submission_or_access(
    capture: str, expected: bool
) -> None:
    assert has_plaintext(analysis_of(capture).sessions) is expected


@pytest.mark.parametrize("name", CAPTURES)
def test_figures_of_every_capture_add_up(name: str) -> None:
    sessions = analysis_of(name).sessions

    ports, told = plaintext_ports(sessions), plaintext_users(sessions)
    totals = plaintext_totals(sessions)

    assert ports["sessions"].sum() == totals.sessions == len(sessions)
    assert (ports[COUNTS].sum(axis="columns") == ports["sessions"]).all()
    in_plaintext = sessions["protection"] == "plaintext-login"
    assert (
        ports["plaintext_logins"].sum() == totals.plaintext_logins == in_plaintext.sum()
    )
    assert totals.exposing_logins == sessions["credentials_exposed"].sum()
    assert ports["plaintext"].sum() == totals.plaintext_sessions
    relay = ports[ports["role"] == Role.RELAY]
    assert (relay["sessions"].sum(), relay["plaintext"].sum()) == (
        totals.relay,
        totals.plaintext_relay,
    )
    assert (ports["verdict"].str.len() > 0).all()
    named = set(told.loc[told["would_be_cut_off"], "client_ip"])
    assert len(named) == totals.cut_off_clients
    assert not ports.isna().any(axis=None)


def test_client_that_only_guesses_would_not_break() -> None:
    guess: dict[str, Any] = {"role": "access", "client_bytes": 9}
    guess |= {"auth_exposure": "password", "credentials_exposed": True}
    refused = guess | {"auth_result": "failure", "auth_failures": 1}
    # the answer to the last one was not captured
    lost = guess | {"auth_result": "unknown", "protection": "plaintext-login"}
    guesser, worker = {"client_ip": "192.0.2.7"}, {"client_ip": "192.0.2.8"}

    for rows in ([refused, lost], [lost | {"auth_failures": 2}]):
        (verdict,) = plaintext_ports(sessions_of(*(guesser | row for row in rows)))[
            "verdict"
        ]
        assert (
            verdict
            == "nobody would be cut off: 1 client with failed logins only: 192.0.2.7"
        )
    for rows in ([lost], [refused, lost, guess | {"auth_result": "success"}]):
        (verdict,) = plaintext_ports(sessions_of(*(worker | row for row in rows)))[
            "verdict"
        ]
        assert verdict.startswith("1 client would be cut off: 192.0.2.8")


def test_tables_without_sessions_have_the_same_columns() -> None:
    nothing = analysis_of("negative-redis").sessions
    office = analysis_of("office").sessions

    for report in (plaintext_ports, plaintext_users):
        assert isinstance(report(nothing), pd.DataFrame)
        assert report(nothing).empty
        assert list(report(nothing).columns) == list(report(office).columns)


def test_text_of_a_message_is_mail_even_if_it_was_refused(
    sessions: Sessions, tmp_path: Path
) -> None:
    dialogue = sessions.smtp(587, "192.0.2.1")
    dialogue.client(b"MAIL FROM:<a@example.com>\r\n").server(b"250 ok\r\n")
    dialogue.client(b"RCPT TO:<b@example.com>\r\n").server(b"250 ok\r\n")
    dialogue.client(b"DATA\r\n").server(b"354 go\r\n")
    dialogue.client(MAIL + b".\r\n").server(b"554 spam\r\n").close()

    assert has_plaintext(sessions.analyse(tmp_path).sessions)


def test_logins_that_were_decrypted_are_not_in_plaintext() -> None:
    analysis = decrypted("imap-starttls")
    (row,) = analysis.sessions.to_dict("records")
    assert row["auth_user"] == "ines@example.com"
    assert len(plaintext_users(analysis.sessions)) == 0
    (port,) = plaintext_ports(analysis.sessions).to_dict("records")
    assert port["verdict"] == "nobody used it in plaintext"
    assert not has_plaintext(analysis.sessions)
