from __future__ import annotations

from typing import Any

import pytest

from analyzer import reports
from analyzer.terminal.session_line import SessionLine, describe
from tests.support.analyses import CAPTURES, DATA, analysis_of, rows_of

SECRETS = (DATA / "secrets.txt").read_text(encoding="utf-8").splitlines()


def lines_of(name: str) -> list[SessionLine]:
    channels = reports.channel_of(analysis_of(name).sessions)
    return [describe(*each) for each in zip(rows_of(name), channels, strict=True)]


def line_of(name: str, **changes: Any) -> SessionLine:
    (channel,) = reports.channel_of(analysis_of(name).sessions)
    (row,) = rows_of(name)
    return describe(row | changes, channel)


def test_line_says_who_what_and_how() -> None:
    line = line_of("pop3-user-pass")

    assert line.service == "pop3"
    assert line.server.endswith(":110")
    assert line.channel == "plaintext"
    assert "@example" in line.user
    assert line.activity.startswith("logged in, ")
    assert line.warnings.startswith("password in plaintext")
    assert str(line).count("\n") == 0


@pytest.mark.parametrize(
    ("capture", "channel"),
    [
        ("imap-implicit-tls", "TLSv1.3"),
        ("smtp-submission-starttls-tls12", "STARTTLS TLSv1.2"),
        ("smtp-starttls-failed", "TLS failed"),
        ("smtp-relay-plain", "plaintext"),
    ],
)
def test_line_says_how_the_session_was_secured(capture: str, channel: str) -> None:
    assert line_of(capture).channel == channel


def test_line_says_what_was_done_to_messages() -> None:
    line = line_of(
        "imap-login-plain",
        messages_retrieved=3,
        flags_changed=1200,
        messages_copied=0,
        messages_moved=2,
        messages_deleted=1,
    )

    assert "3 retrieved, 1,200 flagged, 2 moved, 1 deleted" in line.activity
    assert "copied" not in line.activity


def test_line_says_why_nothing_came_of_it() -> None:
    assert line_of("pop3-user-pass", ended="reset").activity.endswith(", reset")
    assert line_of("pop3-user-pass", ended="open").activity.endswith(", still open")
    assert "login failed" in line_of("pop3-failed-login", auth_failures=1).warnings
    assert "7 failed logins" in line_of("pop3-failed-login", auth_failures=7).warnings


def test_line_says_what_failed_in_the_words_of_the_server() -> None:
    assert line_of("pop3-failed-login").warnings.endswith(
        "login failed: -ERR [AUTH] Authentication failed."
    )
    assert line_of("smtp-starttls-failed").warnings.startswith(
        "TLS handshake failed: server fatal protocol_version"
    )
    refused = line_of(
        "pop3-user-pass", failure="connection-refused", ended="refused", last_error=None
    )
    assert refused.warnings.endswith("connection refused")
    assert refused.activity.endswith("B")


def test_login_that_was_mended_is_told_without_words() -> None:
    line = line_of("smtp-auth-again")

    assert line.warnings.endswith("2 failed logins")
    assert "535" not in str(line)


def test_server_with_an_ipv6_address_is_told_from_its_port() -> None:
    assert line_of("smtp-ipv6").server == "[2001:db8:2::10]:25"


def test_text_of_the_traffic_can_not_control_the_terminal() -> None:
    line = line_of(
        "pop3-user-pass", auth_user="\x1b]0;x\x07" * 99, last_error="\u202e\n" * 99
    )

    assert str(line).isprintable()
    assert len(str(line)) < 400


@pytest.mark.parametrize("name", CAPTURES)
def test_no_secret_is_in_a_line(name: str) -> None:
    text = "\n".join(map(str, lines_of(name)))

    assert [each for each in SECRETS if each in text] == []
