"""Makes rows of the tables from what is known of a session."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from analyzer.sessions.causes import cause
from analyzer.sessions.identity import address_text, community_id, session_id
from analyzer.sessions.protection import (
    IMPLICIT,
    NO_TLS,
    STARTTLS,
    CertificateVerdict,
    failed_after,
    protection,
    tls_mode,
)
from analyzer.sessions.role import role
from analyzer.sessions.session import Details
from analyzer.sessions.trust import covers, weaknesses
from analyzer.sessions.wrong_clock import clock_anomalies, exchange_latency_ns
from captures import split_frame_id
from dissectors.events import (
    ExchangeKind,
    Exposure,
    Side,
    StartTls,
    State,
    Use,
)
from dissectors.registry import service_by_port
from dissectors.services import Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analyzer.sessions.causes import Cause
    from analyzer.sessions.session import Session
    from analyzer.sessions.trust import Trust
    from captures import Connection
    from dissectors import events

Row = tuple[Any, ...]

# of a session in which nothing failed
_NO_FAILURE = (None, None, None)
# the columns of a session without TLS, behind `starttls`
_NO_COLUMNS_OF_TLS = (None,) * 39

_NS = 1e9
_STARTTLS_NAMES = {
    StartTls.NOT_OFFERED: "not-offered",
    StartTls.OFFERED: "offered",
    StartTls.REFUSED: "refused",
    StartTls.ACCEPTED: "accepted",
}


class DetailRows(NamedTuple):
    """Rows that belong to a session, each in the order of its table's columns."""

    messages: list[Row]
    exchanges: list[Row]
    anomalies: list[Row]


NO_DETAIL_ROWS = DetailRows([], [], [])


class SessionRows(NamedTuple):
    """The rows of one session.

    Attributes:
        session: the row of `sessions`, in the order of its columns.
        details: the rows of its details that were not made before.
        session_id: its ID.
        start_ns: when it began.
        certificates: what each certificate was shown as, and the certificate.
    """

    session: Row
    details: DetailRows
    session_id: str
    start_ns: int
    certificates: list[tuple[str, events.Certificate]]


def session_rows(
    session: Session,
    connection: Connection,
    captures: Sequence[str],
    trust: Trust,
) -> SessionRows:
    """The rows of a session.

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
    details = Details(session.messages, exchanges, session.anomalies)
    return SessionRows(
        _session_row(identifier, session, connection, captures, trust),
        detail_rows(details, connection, captures),
        identifier,
        connection.start_ns,
        _certificates(session.tls) if session.tls is not None else [],
    )


def detail_rows(
    details: Details, connection: Connection, captures: Sequence[str]
) -> DetailRows:
    """The rows of some details of a session.

    Args:
        details: the details.
        connection: the session's.
        captures: names of all captures.
    """
    name = session_id(connection)
    return DetailRows(
        [_message_row(name, each, captures) for each in details.messages],
        [_exchange_row(name, each, connection, captures) for each in details.exchanges],
        [_anomaly_row(name, each, captures) for each in details.anomalies],
    )


def _certificates(
    tls: events.TlsHandshakeSeen,
) -> list[tuple[str, events.Certificate]]:
    shown = []
    for side, chain in (("server", tls.chain), ("client", tls.client_chain)):
        shown += [(side, each) for each in chain[:1]]
        shown += [(f"{side}-chain", each) for each in chain[1:]]
    shown += [(f"{side.name.lower()}-chain", each) for side, each in tls.further]
    return shown


def _session_row(
    identifier: str,
    session: Session,
    connection: Connection,
    captures: Sequence[str],
    trust: Trust,
) -> Row:
    return (
        identifier,
        *_identity(session, connection, captures),
        *_timing(session, connection),
        *_volume(session, connection),
        *_protection(session, connection, trust),
        *_dialogue(session),
        *_authentication(session),
        *_mail(session, cause(session, connection)),
    )


def _identity(session: Session, connection: Connection, captures: Sequence[str]) -> Row:
    client, server = connection.originator, connection.responder
    service = service_by_port().get(server.port)
    fits = service is not None and service.protocol == session.protocol
    capture, frame = split_frame_id(connection.first_frame)
    return (
        community_id(client, server),
        session.protocol,
        service.name if service is not None and fits else session.protocol,
        role(session, connection),
        address_text(client.address),
        client.port,
        address_text(server.address),
        server.port,
        connection.vlan if connection.vlan >= 0 else None,
        captures[capture],
        frame,
    )


def _timing(session: Session, connection: Connection) -> Row:
    slowest_ns, slowest_verb = session.slowest(connection)
    return (
        connection.start_ns,
        connection.end_ns,
        (connection.end_ns - connection.start_ns) / _NS,
        *_handshake_delays(session, connection),
        session.idle_ns / _NS if session.idle_ns is not None else None,
        slowest_verb,
        slowest_ns / _NS if slowest_verb is not None else None,
    )


def _handshake_delays(session: Session, connection: Connection) -> Row:
    acknowledged_ns = connection.handshake.acknowledged_ns
    ends = (
        (connection.handshake.syn_ns, acknowledged_ns),
        (acknowledged_ns, session.greeting_time_ns),
        (acknowledged_ns, session.login_time_ns),
    )
    given = {each.time_ns for each in (connection.mistimed or {}).values()}
    return tuple(
        _seconds_between(*both) if given.isdisjoint(both) else None for both in ends
    )


def _volume(session: Session, connection: Connection) -> Row:
    client, server = connection.flows
    return (
        client.packets,
        server.packets,
        connection.copied_packets,
        client.stream_bytes,
        server.stream_bytes,
        client.missing_bytes + server.missing_bytes,
        client.retransmitted_bytes + server.retransmitted_bytes,
        connection.ending,
        connection.is_complete and "cut_short" not in session.oddities,
    )


def _protection(session: Session, connection: Connection, trust: Trust) -> Row:
    tls = session.tls
    if tls is None:
        verdict = protection(session, connection)
        return (NO_TLS, verdict, _starttls_name(session), *_NO_COLUMNS_OF_TLS)
    mode = tls_mode(session, connection)
    certificate = tls.certificate
    status = trust.status(tls.chain, connection.start_ns)
    matches = None
    if tls.sni is not None and certificate is not None and certificate.subject:
        matches = covers(certificate, tls.sni)
    judged = CertificateVerdict(status, matches, weaknesses(tls.chain))
    return (
        mode,
        protection(session, connection, judged),
        _upgrade(session, mode),
        tls.version,
        tls.cipher,
        tls.group,
        tls.post_quantum,
        tls.forward_secret,
        tls.signature,
        [*tls.weak_choices, *tls.weak_exchange, *judged.weaknesses],
        tls.established,
        _seconds_between(tls.begin_ns, tls.end_ns),
        failed_after(session, connection),
        tls.resumption,
        tls.retried,
        tls.early_data,
        tls.client_certificate,
        tls.secure_renegotiation,
        tls.renegotiations,
        tls.decrypted,
        tls.sni,
        tls.ech,
        tls.alpn,
        tls.alert,
        tls.alerts,
        tls.offered_versions,
        tls.offered_ciphers,
        tls.offered_groups,
        tls.offered_signatures,
        tls.offered_alpn,
        tls.grease,
        tls.ja3,
        tls.ja3s,
        tls.ja4,
        *(
            (
                certificate.sha256,
                status,
                matches,
                certificate.subject,
                certificate.issuer,
                certificate.names,
                certificate.not_before_ns,
                certificate.not_after_ns,
            )
            if certificate is not None
            else (None,) * 8
        ),
    )


def _upgrade(session: Session, mode: str | None) -> str | None:
    """How far STARTTLS came; `None` where TLS began with the connection."""
    if mode == IMPLICIT:
        return None
    return "accepted" if mode == STARTTLS else _starttls_name(session)


def _starttls_name(session: Session) -> str:
    step = session.starttls
    if step is StartTls.REQUESTED:
        step = StartTls.OFFERED if session.starttls_offered else None
    return "unknown" if step is None else _STARTTLS_NAMES[step]


def _dialogue(session: Session) -> Row:
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


def _authentication(session: Session) -> Row:
    auth = session.auth
    offered = session.login_offered
    offered_names = list(offered) if offered is not None else None
    if auth is None:
        exposed = _is_exposed(session)
        return (offered_names, None, None, None, None, 0, 0, session.exposure, exposed)
    return (
        offered_names,
        auth.mechanism,
        auth.user,
        auth.authzid,
        auth.result,
        session.auth_attempts,
        session.auth_failures,
        session.exposure,
        _is_exposed(session),
    )


def _is_exposed(session: Session) -> bool | None:
    """Whether a password or a token crossed in clear, if that can be known."""
    if session.exposure in (Exposure.PASSWORD, Exposure.TOKEN):
        return True
    return None if session.is_unread else False


def _mail(session: Session, why: Cause | None) -> Row:
    used = session.uses.get
    return (
        session.mail_from,
        session.rcpt_to,
        session.rcpt_refused,
        session.reply_codes,
        session.last_error,
        *(why or _NO_FAILURE),
        session.messages_sent,
        session.messages_appended,
        session.message_bytes,
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
    """How many messages a POP3 session left; nobody knows unless it was ended well."""
    if session.protocol != Protocol.POP3 or session.available is None:
        return None
    if session.state is not State.UPDATE:
        return None
    return max(0, session.available - session.deleted)


def _retention(session: Session, retrieved: int) -> str | None:
    """What POP3 is used for: to fetch messages away, or to read them there."""
    if session.protocol != Protocol.POP3 or not retrieved:
        return None
    if not session.retrieved_deleted:
        return "left-on-server"
    return "some-deleted" if session.retrieved_kept else "deleted"


def _exchange_row(
    identifier: str,
    exchange: events.Exchange,
    connection: Connection,
    captures: Sequence[str],
) -> Row:
    latency_ns = exchange_latency_ns(exchange, connection)
    capture, request_frame = _place(exchange.request_frame, captures)
    reply_capture, reply_frame = _place(exchange.reply_frame, captures)
    time_ns, reply_time_ns = exchange.request_time_ns, exchange.reply_time_ns
    if capture is None:
        capture = reply_capture
    elif reply_capture != capture:
        reply_frame = None
    return (
        identifier,
        exchange.kind,
        exchange.verb if exchange.kind is not ExchangeKind.MESSAGE else None,
        exchange.verb,
        exchange.argument,
        reply_time_ns if time_ns is None else time_ns,
        exchange.reply_code,
        exchange.enhanced_status_code,
        exchange.status,
        exchange.response_code,
        exchange.reply_text,
        latency_ns / _NS if latency_ns is not None else None,
        capture,
        request_frame,
        reply_frame,
    )


def _message_row(
    identifier: str, message: events.MessageTransferred, captures: Sequence[str]
) -> Row:
    facts = message.facts
    transfer_s = _seconds_between(message.begin_ns, message.time_ns)
    return (
        identifier,
        message.direction,
        message.verb,
        message.time_ns,
        *_place(message.frame, captures),
        message.sender,
        message.recipients,
        message.parameters,
        message.mailbox,
        facts.message_id,
        facts.in_reply_to,
        facts.subject,
        facts.from_,
        facts.reply_to,
        facts.to,
        facts.date,
        facts.mailer,
        facts.list_id,
        facts.received,
        facts.originating_ip,
        facts.dkim,
        facts.authentication_results,
        facts.content_type,
        facts.part_count,
        facts.size_bytes,
        transfer_s,
        facts.size_bytes / transfer_s if transfer_s else None,
        message.outcome,
        facts.cut,
        [
            (
                each.name,
                each.content_type,
                each.detected_type,
                each.part,
                each.size_bytes,
                each.sha256,
            )
            for each in facts.attachments
        ],
    )


def _anomaly_row(
    identifier: str, anomaly: events.Anomaly, captures: Sequence[str]
) -> Row:
    return (
        identifier,
        anomaly.code,
        anomaly.side.name.lower(),
        anomaly.offset if anomaly.offset >= 0 else None,
        anomaly.time_ns,
        *_place(anomaly.frame, captures),
        anomaly.detail or None,
    )


def _place(
    frame_id: int | None, captures: Sequence[str]
) -> tuple[str | None, int | None]:
    """The capture that holds a packet, and its number there."""
    if frame_id is None:
        return None, None
    capture, number = split_frame_id(frame_id)
    return captures[capture], number


def _seconds_between(start_ns: int | None, end_ns: int | None) -> float | None:
    """How long something took; unknown also if the clock went back meanwhile."""
    if start_ns is None or end_ns is None or end_ns < start_ns:
        return None
    return (end_ns - start_ns) / _NS
