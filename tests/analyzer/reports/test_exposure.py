from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from analyzer import analyze
from analyzer.reports.channel import Channel
from analyzer.reports.exposure import (
    CHANNELS,
    EXPOSURES,
    RESULTS,
    exposure,
    is_relay,
    would_be_cut_off,
)
from dissectors.events import Outcome
from tests.support.analyses import CAPTURES, DATA, analysis_of
from tests.support.plaintext import Sessions, send_mail, upgrade
from tests.support.tables import sessions_of

if TYPE_CHECKING:
    from pathlib import Path

FLAGS = (
    *CHANNELS,
    *RESULTS.values(),
    "encrypted",
    "has_login",
    "exposed",
    "mail",
    "works",
)


def holds(name: str) -> list[set[str]]:
    """The flags of each session of a capture."""
    facts = exposure(analysis_of(name).sessions)
    return [{flag for flag in FLAGS if row[flag]} for _, row in facts.iterrows()]


@pytest.mark.parametrize(
    ("capture", "expected"),
    [
        (
            "pop3-user-pass",
            {"plaintext", "login_success", "has_login", "exposed", "mail", "works"},
        ),
        ("pop3-failed-login", {"plaintext", "login_failure", "has_login", "exposed"}),
        ("pop3-apop", {"plaintext", "login_success", "has_login", "mail", "works"}),
        ("imap-cram-md5", {"plaintext", "login_success", "has_login", "works"}),
        ("imap-midstream", {"plaintext", "mail", "works"}),
        ("imap-implicit-tls", {"implicit", "encrypted"}),
        ("pop3-stls", {"starttls", "encrypted"}),
        ("smtp-starttls-failed", {"failed"}),
        ("smtp-starttls-refused", {"plaintext"}),
        ("smtp-relay-plain", {"plaintext", "mail", "works"}),
    ],
)
def test_exposure_is_what_crossed_in_plaintext(
    capture: str, expected: set[str]
) -> None:
    assert holds(capture) == [expected]


@pytest.mark.parametrize("name", CAPTURES)
def test_every_session_has_one_protection_and_plain_flags(name: str) -> None:
    facts = exposure(analysis_of(name).sessions)

    assert (facts[[*CHANNELS]].sum(axis="columns") == 1).all()
    assert all(facts[flag].dtype == bool for flag in (*FLAGS, "used_tls", "is_whole"))
    assert len(is_relay(facts)) == len(would_be_cut_off(facts)) == len(facts)


def test_every_exposure_has_its_place() -> None:
    worst = exposure(analysis_of("pop3-user-pass").sessions)["severity"]
    middle = exposure(analysis_of("pop3-apop").sessions)["severity"]
    nothing = exposure(analysis_of("pop3-stls").sessions)["severity"]

    assert [EXPOSURES[each] for each in (*worst, *middle, *nothing)] == [
        "password",
        "offline",
        "nothing",
    ]


def test_client_that_needs_no_login_works_once_it_opens_a_mailbox(
    tmp_path: Path,
) -> None:
    sessions = Sessions()
    dialogue = sessions.open(143).server(b"* PREAUTH hi\r\n")
    dialogue.client(b"a SELECT INBOX\r\n").server(b"* 0 EXISTS\r\na OK done\r\n")
    sessions.open(143, "192.0.2.2").server(b"* OK hi\r\n")

    facts = exposure(sessions.analyse(tmp_path).sessions)

    assert list(facts["works"]) == [True, False]
    assert list(would_be_cut_off(facts)) == [True, False]


def test_client_may_use_tls_on_another_port_of_the_same_protocol(
    tmp_path: Path,
) -> None:
    sessions = Sessions()
    sessions.pop3("192.0.2.1")
    sessions.tls(995, "192.0.2.1")
    sessions.pop3("192.0.2.2")
    sessions.tls(993, "192.0.2.2")

    facts = exposure(sessions.analyse(tmp_path).sessions)

    assert list(facts["used_tls"]) == [True, True, False, True]
    assert list(would_be_cut_off(facts)) == [False, False, True, False]


def test_password_sent_before_the_upgrade_is_exposed(tmp_path: Path) -> None:
    sessions = Sessions()
    dialogue = sessions.smtp(587, "192.0.2.1")
    dialogue.client(b"AUTH PLAIN AHRvbQBodXNo\r\n").server(b"530 STARTTLS first\r\n")
    upgrade(dialogue)

    facts = exposure(sessions.analyse(tmp_path).sessions)

    assert list(facts["starttls"]) == [True]
    assert list(facts["exposed"]) == [True]
    assert list(facts["works"]) == [False]


def test_mail_sent_before_the_upgrade_crossed_in_plaintext(tmp_path: Path) -> None:
    sessions = Sessions()
    upgrade(send_mail(sessions.smtp(587, "192.0.2.1")))
    upgrade(sessions.smtp(587, "192.0.2.2"))

    facts = exposure(sessions.analyse(tmp_path).sessions)

    assert list(facts["starttls"]) == [True, True]
    assert list(facts["mail"]) == list(facts["works"]) == [True, False]
    assert not would_be_cut_off(facts).any()


def test_mail_that_was_decrypted_is_not_mail_in_plaintext() -> None:
    name = "smtp-submission-starttls-tls13"
    sessions = analyze(CAPTURES[name], key_log=DATA / f"{name}.keys").sessions

    assert list(sessions["message_bytes"] > 0) == [True]
    assert list(exposure(sessions)["mail"]) == [False]


def test_session_with_a_gap_is_not_whole() -> None:
    names = ("pop3-user-pass", "smtp-snaplen", "imap-midstream")

    whole = [list(exposure(analysis_of(name).sessions)["is_whole"]) for name in names]

    assert whole == [[True], [False], [False]]


def test_unknown_result_is_told_from_unknown_protection() -> None:
    unknown = {"client_bytes": 9, "auth_result": "unknown", "auth_exposure": "password"}
    facts = exposure(sessions_of(unknown, {"ended": "refused"}))

    assert list(facts[RESULTS[Outcome.UNKNOWN]]) == [True, False]
    assert list(facts[Channel.UNKNOWN]) == [False, True]
