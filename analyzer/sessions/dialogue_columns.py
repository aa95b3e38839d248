"""Columns of a session from its dialogue: names, logins, and what was done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.sessions.columns import columns, columns_of, nulls_of
from dissectors.events import Exposure, Side, State, Use
from dissectors.services import Protocol

if TYPE_CHECKING:
    from analyzer.sessions.causes import Cause
    from analyzer.sessions.columns import Row
    from analyzer.sessions.session import Session
    from dissectors import events


@columns(
    "banner",
    "state",
    "server_software",
    "server_id",
    "capabilities",
    "capabilities_before_tls",
    "capabilities_before_login",
    "extensions",
    "helo",
    "forwarded_client",
    "client_software",
    "client_id",
)
def dialogue(session: Session) -> Row:
    """Tell what both sides said of themselves."""
    return (
        session.greeting.text if session.greeting is not None else None,
        session.state,
        session.software[Side.SERVER],
        session.software_fields[Side.SERVER],
        session.capabilities,
        session.capabilities_before_tls,
        session.capabilities_before_login,
        list(session.extensions),
        session.helo,
        session.forwarded_client,
        session.software[Side.CLIENT],
        session.software_fields[Side.CLIENT],
    )


@columns("auth_mechanism", "auth_user", "auth_authzid", "auth_result")
def _attempt(auth: events.AuthAttempted) -> Row:
    return (auth.mechanism, auth.user, auth.authzid, auth.result)


_NO_ATTEMPT = nulls_of(_attempt)


@columns(
    "auth_offered",
    *columns_of(_attempt),
    "auth_attempts",
    "auth_failures",
    "auth_exposure",
    "credentials_exposed",
)
def authentication(session: Session) -> Row:
    """Tell of the logins."""
    offered, auth = session.login_offered, session.auth
    return (
        list(offered) if offered is not None else None,
        *(_attempt(auth) if auth is not None else _NO_ATTEMPT),
        session.auth_attempts,
        session.auth_failures,
        session.exposure,
        _is_exposed(session),
    )


def _is_exposed(session: Session) -> bool | None:
    """Return whether a password or token crossed in plaintext, if it is known."""
    if session.exposure in (Exposure.PASSWORD, Exposure.TOKEN):
        return True
    return None if session.is_unread else False


@columns("mail_from", "rcpt_to", "rcpt_refused", "reply_codes", "last_error")
def envelope(session: Session) -> Row:
    """List senders, recipients and replies (SMTP)."""
    return (
        session.mail_from,
        session.rcpt_to,
        session.rcpt_refused,
        session.reply_codes,
        session.last_error,
    )


@columns("failure", "failure_detail", "failure_temporary")
def failure(cause: Cause | None) -> Row:
    """Tell what the client could not do."""
    return cause or _NO_FAILURE


_NO_FAILURE = nulls_of(failure)


@columns(
    "messages_sent",
    "messages_appended",
    "message_bytes",
    "plaintext_messages",
    "mailboxes",
    "mailboxes_listed",
    "mailboxes_changed",
    "messages_available",
    "messages_retrieved",
    "headers_fetched",
    "parts_fetched",
    "flags_changed",
    "messages_copied",
    "messages_moved",
    "messages_deleted",
    "messages_left",
    "retention",
    "synchronisation",
    "anomalies",
)
def mail(session: Session) -> Row:
    """Count what was done with messages and mailboxes."""
    used = session.uses.get
    return (
        session.messages_sent,
        session.messages_appended,
        session.message_bytes,
        session.plaintext_messages,
        list(session.mailboxes),
        used(Use.MAILBOXES_LISTED, 0),
        used(Use.MAILBOXES_CHANGED, 0),
        session.available,
        session.messages_retrieved,
        used(Use.HEADERS_FETCHED, 0),
        used(Use.PARTS_FETCHED, 0),
        used(Use.FLAGS_CHANGED, 0),
        used(Use.MESSAGES_COPIED, 0),
        used(Use.MESSAGES_MOVED, 0),
        session.deleted,
        _left_on_server(session),
        _retention(session, session.messages_retrieved),
        session.synchronisation,
        list(session.oddities),
    )


def _left_on_server(session: Session) -> int | None:
    """Return how many messages a POP3 session left, if it ended as it should."""
    if session.protocol != Protocol.POP3 or session.available is None:
        return None
    if session.state is not State.UPDATE:
        return None
    return max(0, session.available - session.deleted)


def _retention(session: Session, retrieved: int) -> str | None:
    """Return whether a POP3 client fetched messages away, or read them there."""
    if session.protocol != Protocol.POP3 or not retrieved:
        return None
    if not session.retrieved_deleted:
        return "left-on-server"
    return "some-deleted" if session.retrieved_kept else "deleted"
