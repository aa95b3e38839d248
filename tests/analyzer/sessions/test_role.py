from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from analyzer.sessions.role import Role, role
from analyzer.sessions.session import Session
from dissectors.services import Protocol
from tests.support.analyses import analysis_of

if TYPE_CHECKING:
    from captures import Connection


@pytest.mark.parametrize(
    ("capture", "expected"),
    [
        ("smtp-relay-plain", "relay"),
        ("smtp-relay-starttls", "relay"),
        ("smtp-submission-plain-auth-login", "submission"),
        ("smtp-implicit-tls", "submission"),
        ("imap-login-plain", "access"),
        ("pop3-implicit-tls", "access"),
    ],
)
def test_role_tells_relay_from_submission_and_access(
    capture: str, expected: str
) -> None:
    sessions = analysis_of(capture).sessions

    assert set(sessions["role"]) == {expected}


@pytest.mark.parametrize(
    ("port", "logins", "expected"),
    [
        (25, 0, Role.RELAY),
        (25, 1, Role.SUBMISSION),
        (587, 0, Role.SUBMISSION),
        (8025, 0, Role.RELAY),
        (8025, 2, Role.SUBMISSION),
    ],
)
def test_login_makes_a_submission(port: int, logins: int, expected: Role) -> None:
    session = Session(Protocol.SMTP)
    session.auth_attempts = logins
    connection = SimpleNamespace(responder=SimpleNamespace(port=port))

    assert role(session, cast("Connection", connection)) is expected
