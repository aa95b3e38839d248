"""What a session is for: relay, submission or access."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

from dissectors import registry

if TYPE_CHECKING:
    from analyzer.sessions.session import Session
    from captures import Connection


class Role(enum.StrEnum):
    """What a session is for; RFC 8314 §3 is about the last two."""

    RELAY = "relay"
    """Mail from server to server (RFC 5321)."""
    SUBMISSION = "submission"
    """Mail from a user to his server (RFC 6409)."""
    ACCESS = "access"
    """A user reads his mail."""


def role(session: Session, connection: Connection) -> Role:
    """Tell the role by the port, and by whether there was a login.

    On port 25 servers relay and some users submit: those log in, others don't.
    """
    if not registry.protocols()[session.protocol].is_transport:
        return Role.ACCESS
    service = registry.service_by_port().get(connection.responder.port)
    if session.auth_attempts or (service is not None and service.is_submission):
        return Role.SUBMISSION
    return Role.RELAY
