"""Columns of a session that tell how it was secured: STARTTLS, TLS, certificate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.sessions.columns import columns, columns_of, nulls_of
from analyzer.sessions.identity import capture_and_frame
from analyzer.sessions.protection import (
    IMPLICIT,
    STARTTLS,
    CertificateVerdict,
    failed_after,
    protection,
    tls_mode,
)
from analyzer.sessions.trust import covers, weaknesses
from analyzer.sessions.wrong_clock import seconds_between
from dissectors.events import StartTls

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analyzer.sessions.columns import Row
    from analyzer.sessions.session import Session
    from analyzer.sessions.tls import SessionTls
    from analyzer.sessions.trust import Trust
    from captures import Connection
    from dissectors import events

_STARTTLS_NAMES = {
    StartTls.NOT_OFFERED: "not-offered",
    StartTls.OFFERED: "offered",
    StartTls.REFUSED: "refused",
    StartTls.ACCEPTED: "accepted",
}


@columns(
    "tls_version",
    "tls_cipher",
    "tls_group",
    "tls_post_quantum",
    "tls_forward_secret",
    "tls_signature",
    "tls_weaknesses",
    "tls_established",
    "tls_handshake_s",
    "tls_failed_after",
    "tls_resumption",
    "tls_retried",
    "tls_early_data",
    "tls_client_certificate",
    "tls_secure_renegotiation",
    "tls_renegotiations",
    "tls_decrypted",
    "tls_sni",
    "tls_ech",
    "tls_alpn",
    "tls_alert",
    "tls_alerts",
    "tls_offered_versions",
    "tls_offered_ciphers",
    "tls_offered_groups",
    "tls_offered_signatures",
    "tls_offered_alpn",
    "tls_grease",
    "ja3",
    "ja3s",
    "ja4",
)
def _handshake(
    tls: SessionTls,
    certificate_weaknesses: list[str],
    failed_step: str | None,
) -> Row:
    seen = tls.handshake
    offer, choice, exchange = seen.offer, seen.choice, seen.key_exchange
    return (
        choice.version,
        choice.cipher,
        exchange.group,
        exchange.post_quantum,
        exchange.forward_secret,
        exchange.signature,
        [
            *choice.weaknesses,
            *exchange.weaknesses,
            *certificate_weaknesses,
        ],
        seen.established,
        seconds_between(seen.begin_ns, seen.end_ns),
        failed_step,
        seen.resumption,
        seen.retried,
        seen.early_data,
        tls.client_certificate,
        seen.secure_renegotiation,
        tls.renegotiations,
        tls.is_decrypted,
        offer.sni,
        offer.ech,
        choice.alpn,
        tls.alert,
        tls.alerts,
        offer.versions,
        offer.ciphers,
        offer.groups,
        offer.signatures,
        offer.alpn,
        offer.grease,
        offer.ja3,
        choice.ja3s,
        offer.ja4,
    )


@columns(
    "cert_sha256",
    "cert_status",
    "cert_name_matches",
    "cert_subject",
    "cert_issuer",
    "cert_names",
    "cert_not_before",
    "cert_not_after",
)
def _certificate(certificate: events.Certificate, verdict: CertificateVerdict) -> Row:
    return (
        certificate.sha256,
        verdict.status,
        verdict.name_matches,
        certificate.subject,
        certificate.issuer,
        certificate.names,
        certificate.not_before_ns,
        certificate.not_after_ns,
    )


@columns("tls_capture", "tls_frame", "cert_frame", "tls_alert_frame")
def _places(tls: SessionTls, captures: Sequence[str]) -> Row:
    ids = (tls.handshake.chosen_frame, tls.chain_frame, tls.alert_frame)
    places = [capture_and_frame(each, captures) for each in ids]
    first = next((capture for capture, _ in places if capture is not None), None)
    return (first, *(frame if capture == first else None for capture, frame in places))


_NO_CERTIFICATE = nulls_of(_certificate)
_NO_HANDSHAKE = (*nulls_of(_handshake), *_NO_CERTIFICATE, *nulls_of(_places))


@columns(
    "tls_mode",
    "protection",
    "starttls",
    *columns_of(_handshake, _certificate, _places),
)
def security(
    session: Session, connection: Connection, captures: Sequence[str], trust: Trust
) -> Row:
    """Tell how it was secured, by which TLS, and by whose certificate."""
    tls = session.tls
    mode = tls_mode(session, connection)
    upgrade = _upgrade(session, mode)
    if tls is None:
        return (mode, protection(session, connection), upgrade, *_NO_HANDSHAKE)
    certificate = tls.certificate
    status = trust.status(tls.chain, connection.start_ns)
    matches = None
    sni = tls.handshake.offer.sni
    if sni is not None and certificate is not None and certificate.subject:
        matches = covers(certificate, sni)
    verdict = CertificateVerdict(status, matches, weaknesses(tls.chain))
    failed_step = failed_after(session, connection)
    return (
        mode,
        protection(session, connection, verdict),
        upgrade,
        *_handshake(tls, verdict.weaknesses, failed_step),
        *(
            _certificate(certificate, verdict)
            if certificate is not None
            else _NO_CERTIFICATE
        ),
        *_places(tls, captures),
    )


def _upgrade(session: Session, mode: str | None) -> str | None:
    """Return how far STARTTLS came; `None` where TLS began with the connection."""
    if mode == IMPLICIT:
        return None
    return "accepted" if mode == STARTTLS else _starttls_name(session)


def _starttls_name(session: Session) -> str:
    step = session.starttls
    if step is StartTls.REQUESTED:
        step = StartTls.OFFERED if session.starttls_offered else None
    return "unknown" if step is None else _STARTTLS_NAMES[step]
