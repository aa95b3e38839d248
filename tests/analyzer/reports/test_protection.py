from __future__ import annotations

import pytest

from analyzer.reports import protection
from tests.support.analyses import analysis_of


@pytest.mark.parametrize(
    ("capture", "expected"),
    [
        ("pop3-user-pass", "clear"),
        ("smtp-starttls-refused", "clear"),
        ("smtp-relay-starttls", "starttls"),
        ("smtp-implicit-tls", "implicit"),
        ("imap-implicit-tls", "implicit"),
        ("smtp-starttls-failed", "failed"),
        ("imap-untrusted-certificate", "failed"),
    ],
)
def test_protection_is_what_was_seen(capture: str, expected: str) -> None:
    sessions = analysis_of(capture).sessions

    assert set(protection(sessions)) == {expected}


def test_session_in_which_nothing_was_said_is_unknown() -> None:
    sessions = analysis_of("pop3-user-pass").sessions.assign(
        client_bytes=0, server_bytes=0
    )

    assert set(protection(sessions)) == {"unknown"}


def test_handshake_of_which_one_direction_was_captured_is_unknown() -> None:
    sessions = analysis_of("smtp-starttls-failed").sessions.assign(
        tls_alert=None, complete=False
    )

    assert set(protection(sessions)) == {"unknown"}
