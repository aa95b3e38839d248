"""The row of a session in the table `sessions`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.sessions.causes import cause
from analyzer.sessions.connection_columns import identity, timing, volume
from analyzer.sessions.dialogue_columns import (
    authentication,
    dialogue,
    envelope,
    failure,
    mail,
)
from analyzer.sessions.security_columns import security

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analyzer.sessions.columns import Row
    from analyzer.sessions.session import Session
    from analyzer.sessions.trust import Trust
    from captures import Connection


def session_row(
    identifier: str,
    session: Session,
    connection: Connection,
    captures: Sequence[str],
    trust: Trust,
) -> Row:
    """Make the row of a session.

    Args:
        identifier: its ID.
        session: what happened in it.
        connection: the account of its TCP connection.
        captures: names of all captures.
        trust: judges certificates.

    Returns:
        Its values, in the order in which their groups name the columns.
    """
    return (
        identifier,
        *identity(session, connection, captures),
        *timing(session, connection),
        *volume(session, connection),
        *security(session, connection, captures, trust),
        *dialogue(session),
        *authentication(session),
        *envelope(session),
        *failure(cause(session, connection)),
        *mail(session),
    )
