"""What a session learns of its TLS behind the handshake."""

from __future__ import annotations

from analyzer.sessions.tls import SessionTls
from dissectors.events import (
    Certificate,
    CertificatesShown,
    ClientCertificate,
    ClientCertificateAdvanced,
    Side,
    TlsAlertSeen,
    TlsDecrypted,
    TlsHandshakeSeen,
    TlsRenegotiated,
)

FIRST, SECOND = Certificate(b"1", "01"), Certificate(b"2", "02")


def warning(name: str) -> TlsAlertSeen:
    return TlsAlertSeen(
        Side.SERVER, name, f"server warning {name}", is_fatal=False, frame=3
    )


def test_first_fatal_alert_counts_and_all_are_told() -> None:
    tls = SessionTls(TlsHandshakeSeen(), ("before",))

    tls.fold(warning("unrecognized_name"))
    tls.fold(TlsAlertSeen(Side.CLIENT, "unknown_ca", "first", is_fatal=True, frame=3))
    tls.fold(
        TlsAlertSeen(Side.CLIENT, "internal_error", "second", is_fatal=True, frame=3)
    )

    assert (tls.alert, tls.alert_frame) == ("unknown_ca", 3)
    warned = "server warning unrecognized_name"
    assert tls.alerts == ("before", warned, "first", "second")


def test_goodbye_is_in_no_list_of_alerts() -> None:
    tls = SessionTls(TlsHandshakeSeen())

    tls.fold(
        TlsAlertSeen(Side.CLIENT, "close_notify", "goodbye", is_fatal=True, frame=3)
    )

    assert (tls.alert, tls.alerts) == ("close_notify", ())


def test_no_more_than_twenty_alerts_are_kept() -> None:
    tls = SessionTls(TlsHandshakeSeen())

    for _ in range(30):
        tls.fold(warning("unrecognized_name"))

    assert len(tls.alerts) == 20


def test_certificates_of_a_renegotiation_are_kept_apart() -> None:
    tls = SessionTls(TlsHandshakeSeen(chain=(FIRST,)))

    tls.fold(TlsRenegotiated())
    tls.fold(CertificatesShown(Side.SERVER, [SECOND], 7))
    tls.fold(CertificatesShown(Side.CLIENT, [FIRST, SECOND], 7))
    tls.fold(CertificatesShown(Side.CLIENT, [SECOND], 7))

    assert tls.renegotiations == 1
    assert tls.certificate == FIRST
    assert tls.client_chain == [FIRST, SECOND]
    assert tls.later_certificates == [(Side.SERVER, SECOND), (Side.CLIENT, SECOND)]


def test_certificate_that_the_handshake_did_not_show_is_judged() -> None:
    without, tls = (SessionTls(TlsHandshakeSeen()) for _ in range(2))

    tls.fold(CertificatesShown(Side.SERVER, [SECOND, FIRST], 7))

    assert (without.certificate, tls.certificate) == (None, SECOND)
    assert (without.chain_frame, tls.chain_frame) == (None, 7)
    assert tls.later_certificates == []


def test_client_may_show_a_certificate_after_the_handshake() -> None:
    tls = SessionTls(TlsHandshakeSeen(client_certificate=ClientCertificate.REQUESTED))

    tls.fold(ClientCertificateAdvanced(ClientCertificate.GIVEN))

    assert tls.client_certificate is ClientCertificate.GIVEN


def test_data_that_was_decrypted_is_noted() -> None:
    opaque, opened = (SessionTls(TlsHandshakeSeen()) for _ in range(2))

    opened.fold(TlsDecrypted())

    assert (opaque.is_decrypted, opened.is_decrypted) == (False, True)
