"""The verdict on how a session was protected, from what was seen of it.

Submission (RFC 6409) and access (IMAP, POP3) are held to RFC 8314 and RFC 9325: TLS
with a certificate that the client can check. Relay between servers is opportunistic
(RFC 7435): a certificate that nobody checks is usual there, and better than none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from analyzer.sessions.certificate_status import REFUSED
from analyzer.sessions.role import Role, role
from captures import Ending
from dissectors.events import StartTls
from dissectors.registry import service_by_port
from dissectors.services import Security

if TYPE_CHECKING:
    from analyzer.sessions.session import Session
    from captures import Connection

PROTECTED = "protected"
WEAK_TLS = "weak-tls"
PLAINTEXT_LOGIN = "plaintext-login"
PLAINTEXT_MAIL = "plaintext-mail"
PLAINTEXT_NO_DATA = "plaintext-no-data"
UNKNOWN = "unknown"

NO_TLS = "none"
IMPLICIT = "implicit"
STARTTLS = "starttls"
TLS_MODES = (NO_TLS, IMPLICIT, STARTTLS)
# from best to worst
VERDICTS = (
    PROTECTED,
    WEAK_TLS,
    PLAINTEXT_NO_DATA,
    PLAINTEXT_MAIL,
    PLAINTEXT_LOGIN,
    UNKNOWN,
)

# behind these, what was sent can't be read
_HIDING = frozenset(
    {
        "imap_compression_lost",
        "imap_compression_bomb",
        "tls_record_invalid",
    }
)


class CertificateVerdict(NamedTuple):
    """What is known of a server's certificate.

    Attributes:
        status: of its chain (`analyzer.sessions.trust`); `None` if it was not seen.
        name_matches: it is for the host that was asked for.
        weaknesses: of keys and signatures (`Weakness`).
    """

    status: str | None
    name_matches: bool | None
    weaknesses: list[str]


NO_CERTIFICATE = CertificateVerdict(None, None, [])


def protection(
    session: Session,
    connection: Connection,
    certificate: CertificateVerdict = NO_CERTIFICATE,
) -> str:
    """Judge a session.

    Args:
        session: what happened in it.
        connection: the account of its TCP connection.
        certificate: of the server.
    """
    if session.plaintext_login:
        return PLAINTEXT_LOGIN
    if session.is_unread:
        return UNKNOWN
    if session.plaintext_messages:
        return PLAINTEXT_MAIL
    tls = session.tls
    if tls is None or not tls.handshake.established:
        # what was lost may have been anything
        return UNKNOWN if _hides_something(session, connection) else PLAINTEXT_NO_DATA
    is_cut = (
        connection.handshake.syn_ns is None
        and tls_mode(session, connection) != IMPLICIT
    )
    seen = tls.handshake
    if seen.choice.version is None or seen.after_gap or is_cut:
        # a login or a message may be in what is missing
        return UNKNOWN
    weak = bool(seen.choice.weaknesses)
    if role(session, connection) is not Role.RELAY:
        weak = (
            weak
            or bool(seen.key_exchange.weaknesses)
            or bool(certificate.weaknesses)
            or certificate.status in REFUSED
            or certificate.name_matches is False
        )
    return WEAK_TLS if weak else PROTECTED


def tls_mode(session: Session, connection: Connection) -> str | None:
    """Tell how TLS began: `NO_TLS`, `IMPLICIT` or `STARTTLS`.

    `None` if the beginning was not captured and the port does not tell.
    """
    if session.tls is None:
        return NO_TLS
    if session.starttls is StartTls.ACCEPTED:
        return STARTTLS
    seen = session.tls.handshake
    if seen.choice.version is None and session.greeting is not None:
        # a hello that was answered in plaintext protects nothing
        return NO_TLS
    service = service_by_port().get(connection.responder.port)
    is_implicit = service is not None and service.security is Security.IMPLICIT_TLS
    if is_implicit or (connection.handshake.syn_ns is not None and not seen.after_gap):
        return IMPLICIT
    # on these ports no hello comes first (RFC 3207 §4, RFC 9051 §6.2.1, RFC 2595 §4)
    return STARTTLS if service is not None and seen.begin_ns is not None else None


def failed_after(session: Session, connection: Connection) -> str | None:
    """Return the last step of a failed TLS handshake; `None` if it may go on."""
    tls = session.tls
    if tls is None or (connection.ending is Ending.OPEN and tls.alert is None):
        return None
    return tls.handshake.failed_after


def _hides_something(session: Session, connection: Connection) -> bool:
    missing = any(flow.missing_bytes for flow in connection.flows)
    tls = session.tls
    # records of TLS whose handshake was not captured, or not to its end
    is_dark = tls is not None and tls.alert is None
    is_dark = is_dark and failed_after(session, connection) is None
    # where nobody said anything, nothing was said in plaintext either
    is_silent = not connection.carried_payload
    is_whole = connection.is_complete and not (missing or is_dark or is_silent)
    return not is_whole or not _HIDING.isdisjoint(session.oddities)
