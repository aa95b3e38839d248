"""The verdict on captures whose protection is known, and on made-up handshakes."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from analyzer.sessions.certificate_status import CertificateStatus
from analyzer.sessions.protection import CertificateVerdict, protection
from analyzer.sessions.session import Session
from captures import Ending
from dissectors.events import (
    Side,
    StartTls,
    StartTlsAdvanced,
    TlsAlertSeen,
    TlsChoice,
    TlsHandshakeSeen,
    TlsKeyExchange,
)
from dissectors.services import Protocol
from tests.support.analyses import rows_of

if TYPE_CHECKING:
    from captures import Connection

VERDICTS = {
    "imap-cram-md5": {"plaintext-login"},
    "imap-implicit-tls": {"protected"},
    "imap-midstream": {"plaintext-mail"},
    "imap-starttls": {"protected"},
    "imap-untrusted-certificate": {"plaintext-no-data"},
    "one-direction-server": {"unknown"},
    "pop3-failed-login": {"plaintext-login"},
    "pop3-stls": {"protected"},
    "smtp-relay-plain": {"plaintext-mail"},
    "smtp-relay-starttls": {"protected"},
    "smtp-starttls-failed": {"plaintext-no-data"},
    "smtp-starttls-refused": {"plaintext-no-data"},
    "smtp-starttls-stripped": {"plaintext-login"},
    "tls10": {"weak-tls"},
}
SEEN = TlsHandshakeSeen(choice=TlsChoice("TLSv1.2"), established=True, begin_ns=100)
OLD_VERSION = TlsChoice("TLSv1.0", weaknesses=["old-version=TLSv1.0"])
NOT_ESTABLISHED = dataclasses.replace(SEEN, established=False)
REFUSAL = (
    TlsAlertSeen(Side.CLIENT, "unknown_ca", "client fatal", is_fatal=True, frame=3),
)
FINE = CertificateVerdict(CertificateStatus.VALID, name_matches=True, weaknesses=[])


@pytest.mark.parametrize("name", VERDICTS)
def test_captures_are_judged(name: str) -> None:
    assert {row["protection"] for row in rows_of(name)} == VERDICTS[name]


def judge(
    seen: TlsHandshakeSeen,
    certificate: CertificateVerdict = FINE,
    *,
    relay: bool = False,
    ending: Ending = Ending.CLOSED,
    later: tuple[TlsAlertSeen, ...] = (),
) -> str:
    """The verdict on a session with a TLS handshake, and what came behind it."""
    session = Session(Protocol.SMTP if relay else Protocol.IMAP)
    session.fold([seen, *later])
    port = 25 if relay else 143
    return protection(session, connection(port, ending), certificate)


def connection(
    port: int, ending: Ending = Ending.CLOSED, syn_ns: int | None = 1
) -> Connection:
    """A complete one."""
    found = SimpleNamespace(
        responder=SimpleNamespace(port=port),
        flows=(),
        is_complete=True,
        carried_payload=True,
        ending=ending,
        handshake=SimpleNamespace(syn_ns=syn_ns),
    )
    return cast("Connection", found)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "protected"),
        ({"choice": OLD_VERSION}, "weak-tls"),
        ({"key_exchange": TlsKeyExchange(weaknesses=["weak"])}, "weak-tls"),
        # the hello of the server was not seen
        ({"choice": TlsChoice()}, "unknown"),
        # records of TLS without any handshake
        ({"established": False}, "unknown"),
        ({"established": False, "failed_after": "client_hello"}, "plaintext-no-data"),
    ],
)
def test_handshakes_are_judged(changes: dict[str, Any], expected: str) -> None:
    assert judge(dataclasses.replace(SEEN, **changes)) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"status": CertificateStatus.EXPIRED}, "weak-tls"),
        ({"status": CertificateStatus.SELF_SIGNED}, "weak-tls"),
        ({"status": CertificateStatus.INVALID}, "weak-tls"),
        ({"name_matches": False}, "weak-tls"),
        ({"weaknesses": ["short-key=RSA 1024"]}, "weak-tls"),
        # its issuer may be known to the client
        ({"status": CertificateStatus.UNTRUSTED_ROOT}, "protected"),
        # TLS 1.3 hides it
        ({"status": None, "name_matches": None}, "protected"),
    ],
)
def test_certificates_are_judged_but_for_relay(
    changes: dict[str, Any], expected: str
) -> None:
    assert judge(SEEN, FINE._replace(**changes)) == expected
    assert judge(SEEN, FINE._replace(**changes), relay=True) == "protected"


def test_relay_is_judged_by_version_and_suite() -> None:
    old = dataclasses.replace(SEEN, choice=OLD_VERSION)
    exchange = TlsKeyExchange("DH 1024", weaknesses=["weak-group=DH 1024"])
    short = dataclasses.replace(SEEN, key_exchange=exchange)
    assert judge(old, relay=True) == "weak-tls"
    assert judge(short, relay=True) == "protected"


def test_gap_before_the_handshake_may_have_held_anything() -> None:
    assert judge(dataclasses.replace(SEEN, after_gap=True)) == "unknown"


def test_what_was_said_before_starttls_may_be_missing() -> None:
    session = Session(Protocol.SMTP)
    session.fold([StartTlsAdvanced(StartTls.ACCEPTED), SEEN])
    assert protection(session, connection(587)) == "protected"
    assert protection(session, connection(587, syn_ns=None)) == "unknown"


def test_handshake_that_goes_on_has_not_failed() -> None:
    begun = dataclasses.replace(SEEN, established=False, failed_after="server_hello")
    assert judge(begun) == "plaintext-no-data"
    assert judge(begun, ending=Ending.OPEN) == "unknown"
    assert judge(begun, ending=Ending.OPEN, later=REFUSAL) == "plaintext-no-data"


def test_handshake_that_a_side_refused_protects_nothing() -> None:
    assert judge(NOT_ESTABLISHED) == "unknown"
    assert judge(NOT_ESTABLISHED, later=REFUSAL) == "plaintext-no-data"
