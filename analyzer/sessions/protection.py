"""The verdict on how a session was protected, from what was seen of it.

Submission (RFC 6409) and access (IMAP, POP3) are held to RFC 8314 and RFC 9325: TLS
with a certificate that the client can check. Relay between servers is opportunistic
(RFC 7435): a certificate that nobody checks is usual there, and better than none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from analyzer.sessions.certificate_status import REFUSED
from analyzer.sessions.role import Role, role
from captures import Ending
from dissectors.events import StartTls, Weakness
from dissectors.registry import service_by_port
from dissectors.services import Security

if TYPE_CHECKING:
    from collections.abc import Iterable

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

# to look up a member of an enum takes long in Python 3.11
_RELAY = Role.RELAY
# also where nobody checks keys and certificates
_WEAK_ANYWHERE = (
    Weakness.OLD_VERSION.value,
    Weakness.BROKEN_CIPHER.value,
    Weakness.WEAK_CIPHER.value,
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


@dataclass(slots=True)
class _Case:
    """What a verdict rests on."""

    session: Session
    connection: Connection
    certificate: CertificateVerdict


def protection(
    session: Session,
    connection: Connection,
    certificate: CertificateVerdict = NO_CERTIFICATE,
) -> str:
    """Judge a session: the first of `_CONDITIONS` that holds is the verdict.

    Args:
        session: what happened in it.
        connection: the account of its TCP connection.
        certificate: of the server.
    """
    case = _Case(session, connection, certificate)
    for holds, verdict in _CONDITIONS:
        if holds(case):
            return verdict
    return PROTECTED


def why_weak(
    role_: str | None,
    weaknesses: Iterable[str],
    *,
    status: str | None,
    name_matches: bool | None,
) -> list[str]:
    """List why the TLS of a session is weak; nothing if it is not.

    Args:
        role_: the `Role` of the session; `None` if it is not known.
        weaknesses: each `Weakness` of TLS and certificates.
        status: `CertificateStatus` of the server's chain.
        name_matches: the certificate is for the host that was asked for.

    Returns:
        What counts of the weaknesses; `cert-expired` and the like, if clients refuse
        such a certificate; and `cert-name-mismatch`.
    """
    if role_ == _RELAY:
        return [each for each in weaknesses if each.startswith(_WEAK_ANYWHERE)]
    reasons = list(weaknesses)
    if status in REFUSED:
        reasons.append(f"cert-{status}")
    if name_matches is False:
        reasons.append("cert-name-mismatch")
    return reasons


def _logged_in_in_plaintext(case: _Case) -> bool:
    return case.session.plaintext_login


def _is_unread(case: _Case) -> bool:
    return case.session.is_unread


def _moved_mail_in_plaintext(case: _Case) -> bool:
    return bool(case.session.plaintext_messages)


def _may_have_said_anything(case: _Case) -> bool:
    return _has_no_tls(case) and _hides_something(case.session, case.connection)


def _has_no_tls(case: _Case) -> bool:
    tls = case.session.tls
    return tls is None or not tls.handshake.established


def _may_have_said_something_before_tls(case: _Case) -> bool:
    session, connection = case.session, case.connection
    assert session.tls is not None
    seen = session.tls.handshake
    is_cut = (
        connection.handshake.syn_ns is None
        and tls_mode(session, connection) != IMPLICIT
    )
    return seen.choice.version is None or seen.after_gap or is_cut


def _has_weak_tls(case: _Case) -> bool:
    tls, certificate = case.session.tls, case.certificate
    assert tls is not None
    seen = tls.handshake
    weaknesses = (
        *seen.choice.weaknesses,
        *seen.key_exchange.weaknesses,
        *certificate.weaknesses,
    )
    reasons = why_weak(
        role(case.session, case.connection),
        weaknesses,
        status=certificate.status,
        name_matches=certificate.name_matches,
    )
    return bool(reasons)


# in order of precedence: those that are further down need not ask what is above
_CONDITIONS = (
    (_logged_in_in_plaintext, PLAINTEXT_LOGIN),
    (_is_unread, UNKNOWN),
    (_moved_mail_in_plaintext, PLAINTEXT_MAIL),
    (_may_have_said_anything, UNKNOWN),
    (_has_no_tls, PLAINTEXT_NO_DATA),
    (_may_have_said_something_before_tls, UNKNOWN),
    (_has_weak_tls, WEAK_TLS),
)


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
