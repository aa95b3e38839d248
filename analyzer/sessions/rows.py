"""Makes the rows that a session adds to the tables."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from analyzer.sessions.detail_rows import detail_rows
from analyzer.sessions.details import Details
from analyzer.sessions.identity import session_id
from analyzer.sessions.session_row import session_row
from analyzer.sessions.wrong_clock import clock_anomalies

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from analyzer.sessions.columns import Row
    from analyzer.sessions.session import Session
    from analyzer.sessions.tls import SessionTls
    from analyzer.sessions.trust import Trust
    from captures import Connection
    from dissectors import events


class ShownCertificates(NamedTuple):
    """The certificates that a session showed.

    Attributes:
        session_id: its ID.
        start_ns: when it began.
        shown: what each certificate was shown as, and the certificate.
    """

    session_id: str
    start_ns: int
    shown: list[tuple[str, events.Certificate]]


class SessionRows(NamedTuple):
    """What one session adds to the tables, by their names.

    Attributes:
        whole: the rows that tell of all of it.
        details: the rows of its details that were not made before.
    """

    whole: dict[str, list[Any]]
    details: Mapping[str, list[Row]]

    @property
    def session(self) -> Row:
        """The row of `sessions`."""
        row: Row = self.whole["sessions"][0]
        return row


def session_rows(
    session: Session,
    connection: Connection,
    captures: Sequence[str],
    trust: Trust,
) -> SessionRows:
    """Make the rows of a session.

    Args:
        session: what happened in it.
        connection: the account of its TCP connection.
        captures: names of all captures.
        trust: judges certificates.
    """
    identifier = session_id(connection)
    session.fold(clock_anomalies(connection, session.oddities))
    # answers come in another order than commands; commands tell the order
    exchanges = sorted(session.exchanges, key=attrgetter("number"))
    details = Details(session.messages, exchanges, session.logins, session.anomalies)
    whole: dict[str, list[Any]] = {
        "sessions": [session_row(identifier, session, connection, captures, trust)]
    }
    if session.tls is not None and (shown := _certificates(session.tls)):
        whole["certificates"] = [
            ShownCertificates(identifier, connection.start_ns, shown)
        ]
    return SessionRows(whole, detail_rows(details, connection, captures))


def _certificates(tls: SessionTls) -> list[tuple[str, events.Certificate]]:
    shown = []
    for side, chain in (("server", tls.chain), ("client", tls.client_chain)):
        shown += [(side, certificate) for certificate in chain[:1]]
        shown += [(f"{side}-chain", certificate) for certificate in chain[1:]]
    shown += [
        (f"{side.name.lower()}-chain", certificate)
        for side, certificate in tls.later_certificates
    ]
    return shown
