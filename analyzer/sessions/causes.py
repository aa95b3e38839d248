"""Why a session failed: one cause for each, decided here alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from analyzer.sessions.failures import Failure
from analyzer.sessions.protection import failed_after
from analyzer.sessions.refusals import CLOSING_CODE, LEAVING, reply_line, unanswered
from captures import Ending
from dissectors.events import Delivery, Direction, Side, StartTls
from dissectors.registry import service_by_port
from dissectors.services import Security

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.sessions.refusals import Refusals
    from analyzer.sessions.session import Session
    from captures import Connection
    from dissectors.events import Exchange

_RANK = {failure: rank for rank, failure in enumerate(Failure)}
# connections that were open, and are over
_BEGUN = (Ending.CLOSED, Ending.RESET, Ending.TIMEOUT)
_FETCHING = ("FETCH", "UID FETCH")

# RFC 5530 §3, RFC 3206 §4, RFC 2449 §8.1: response codes that tell whether it may
# be different later
_TEMPORARY = frozenset(("UNAVAILABLE", "INUSE", "SYS/TEMP", "IN-USE", "LOGIN-DELAY"))
_PERMANENT = frozenset(
    (
        *("AUTHENTICATIONFAILED", "AUTHORIZATIONFAILED", "AUTH", "EXPIRED"),
        *("PRIVACYREQUIRED", "NOPERM", "NONEXISTENT", "CANNOT", "TOOBIG", "SYS/PERM"),
    )
)
# whoever leaves sooner did not wait for an answer
_PATIENCE_NS = 5_000_000_000


class Cause(NamedTuple):
    """Why a session failed.

    Attributes:
        failure: what it was.
        detail: what was said of it: the server's reply, or the TLS alert.
        is_temporary: whether the server said that it may be different later; `None`
            if it did not say.
    """

    failure: Failure
    detail: str | None = None
    is_temporary: bool | None = None


def cause(session: Session, connection: Connection) -> Cause | None:
    """Tell why a session failed; `None` if nothing is known to have failed."""
    refusals = session.refusals(session.exchanges if session.last_error else ())
    causes = [
        *_of_connection(session, connection),
        *_of_tls(session, connection),
        *(_by_reply(*refusal) for refusal in refusals),
        *_of_end(session, connection, refusals),
    ]
    return min(causes, key=lambda candidate: _RANK[candidate.failure], default=None)


def _by_reply(failure: Failure, exchange: Exchange) -> Cause:
    return Cause(failure, reply_line(exchange), _is_temporary(exchange))


def _is_temporary(exchange: Exchange) -> bool | None:
    if exchange.reply_code is not None:
        # RFC 5321 §4.2.1: 4yz is transient
        return exchange.reply_code < 500
    if exchange.response_code in _TEMPORARY:
        return True
    return False if exchange.response_code in _PERMANENT else None


def _of_connection(session: Session, connection: Connection) -> Iterator[Cause]:
    """Yield why nobody answered, or not a word was said."""
    server = connection.flows[Side.SERVER]
    if connection.ending is Ending.REFUSED:
        yield Cause(Failure.CONNECTION_REFUSED)
    if connection.ending is Ending.UNANSWERED:
        yield Cause(Failure.NO_ANSWER)
    was_opened = (
        connection.handshake.syn_ns is not None
        and connection.handshake.established_ns is not None
    )
    if connection.ending not in _BEGUN or not was_opened:
        return
    service = service_by_port().get(connection.responder.port)
    speaks_first = service is None or service.security is not Security.IMPLICIT_TLS
    if (
        _is_read(session)
        and _is_whole(connection)
        and speaks_first
        and not server.stream_bytes
        and _was_left_waiting(session, connection, connection.handshake.established_ns)
    ):
        yield Cause(Failure.NO_GREETING)


def _of_tls(session: Session, connection: Connection) -> Iterator[Cause]:
    tls = session.tls
    if tls is None:
        is_due = session.starttls is StartTls.ACCEPTED and _is_whole(connection)
        is_over = connection.ending in _BEGUN
        if is_due and is_over and _was_left_waiting(session, connection, None):
            yield Cause(Failure.TLS_FAILED)
    elif not tls.handshake.established:
        # what one side did not say, the other one may have
        has_failed = failed_after(session, connection) is not None
        if tls.alert is not None or (has_failed and connection.is_complete):
            yield Cause(Failure.TLS_FAILED, tls.alerts[0] if tls.alerts else None)


def _of_end(
    session: Session, connection: Connection, refusals: Refusals
) -> Iterator[Cause]:
    """Yield why the session ended before the client wanted it to."""
    if connection.ending not in _BEGUN or not _is_read(session):
        return
    is_leaving = any(
        exchange.verb in LEAVING for exchange in reversed(session.exchanges)
    )
    is_half_open = (
        connection.handshake.syn_ns is not None
        and connection.handshake.established_ns is None
    )
    if connection.ending is Ending.RESET and not (is_leaving or is_half_open):
        yield Cause(Failure.CONNECTION_RESET)
    if not _is_whole(connection):
        return
    pending = unanswered(reversed(session.exchanges))
    goodbye = refusals.goodbye
    if goodbye is not None and _closes(goodbye, session) and not is_leaving:
        is_due = refusals.is_goodbye_due and pending is None
        if not is_due or goodbye.response_code in _TEMPORARY:
            yield _by_reply(Failure.CLOSED_BY_SERVER, goodbye)
    if _is_cut(session, pending):
        yield Cause(Failure.MESSAGE_CUT)
    if pending and _was_left_waiting(session, connection, pending.request_time_ns):
        yield Cause(Failure.UNANSWERED)


def _closes(goodbye: Exchange, session: Session) -> bool:
    """Return whether the connection ended with it; only 421 need not come last."""
    is_last = any(exchange is goodbye for exchange in session.exchanges[-1:])
    has_ended = is_last and session.ended_by is Side.SERVER
    return goodbye.reply_code in (None, CLOSING_CODE) or has_ended


def _is_cut(session: Session, pending: Exchange | None) -> bool:
    """Return whether a message broke off, and nothing was answered after that."""
    answers = (exchange.reply_time_ns for exchange in reversed(session.exchanges))
    last_ns = next((time_ns for time_ns in answers if time_ns is not None), 0)
    return any(
        message.outcome is Delivery.CUT
        # what the server sends may begin with the answer itself
        and message.time_ns >= last_ns + (message.direction is not Direction.RETRIEVED)
        # what IMAP clients fetch piece by piece, they need not fetch to its end
        and (pending is not None or message.verb not in _FETCHING)
        for message in session.messages
    )


def _is_read(session: Session) -> bool:
    """Return whether nothing but gaps hides what was said."""
    return not session.is_unread and (session.tls is None or session.tls.is_decrypted)


def _is_whole(connection: Connection) -> bool:
    """Return whether there are no gaps."""
    return all(flow.packets and not flow.missing_bytes for flow in connection.flows)


def _was_left_waiting(
    session: Session, connection: Connection, since_ns: int | None
) -> bool:
    """Return whether it was not the client's choice to stop waiting."""
    if connection.ending is not Ending.CLOSED or session.ended_by is Side.SERVER:
        return True
    return since_ns is not None and connection.end_ns - since_ns >= _PATIENCE_NS
