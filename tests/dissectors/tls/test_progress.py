"""When a handshake is over, and when it is reported."""

from __future__ import annotations

from dissectors.events import Side, TlsHandshakeSeen
from tests.support.tls.handshakes import FULL_HANDSHAKE, FULL_HANDSHAKE_1_3, play
from tests.support.tls.wire import (
    APPLICATION_DATA,
    CHANGE_CIPHER_SPEC,
    CLIENT_HELLO_1_3,
    FINISHED,
    SERVER_HELLO_1_3,
    alert,
    record,
)


def test_nothing_is_reported_after_the_handshake() -> None:
    connection = play(FULL_HANDSHAKE)
    before = list(connection.events)
    connection.client(b"garbage that is no record")
    connection.gap(Side.SERVER, 10)
    connection.server(alert(2, 40))
    connection.eof()
    assert connection.events == before


def test_early_data_does_not_prove_the_handshake() -> None:
    """RFC 8446 §4.2.10."""
    connection = play(
        [
            (Side.CLIENT, CLIENT_HELLO_1_3 + CHANGE_CIPHER_SPEC + APPLICATION_DATA),
            (Side.SERVER, SERVER_HELLO_1_3 + APPLICATION_DATA),
        ]
    )
    assert not connection.is_opaque()
    connection.client(APPLICATION_DATA)
    assert connection.is_opaque()
    assert connection.seen.established


def test_client_refuses_certificate_in_tls_1_3() -> None:
    """An encrypted alert is too short to be a Finished."""
    connection = play(
        [
            (Side.CLIENT, CLIENT_HELLO_1_3),
            (Side.SERVER, SERVER_HELLO_1_3 + APPLICATION_DATA),
            (Side.CLIENT, record(23, bytes(19))),
        ]
    )
    assert not connection.is_opaque()
    connection.eof()
    assert not connection.seen.established


def test_client_refuses_certificate_in_plaintext() -> None:
    connection = play([*FULL_HANDSHAKE[:2], (Side.CLIENT, alert(2, 48))])
    assert [each.name for each in connection.alerts] == ["unknown_ca"]
    assert connection.seen.chain


def test_connection_that_was_captured_from_the_middle() -> None:
    connection = play([(Side.SERVER, APPLICATION_DATA)])
    assert connection.is_opaque()
    assert connection.seen == TlsHandshakeSeen(established=True)


def test_protected_alert_from_the_middle() -> None:
    connection = play([(Side.CLIENT, record(21, bytes(26)))])
    assert connection.seen == TlsHandshakeSeen()


def test_protected_alert_before_finished_proves_nothing() -> None:
    alert_record = record(21, bytes(26))
    connection = play([*FULL_HANDSHAKE[:3], (Side.SERVER, alert_record)])
    assert not connection.is_opaque()


def test_client_speaks_alone() -> None:
    connection = play([FULL_HANDSHAKE[0], FULL_HANDSHAKE[2], (Side.CLIENT, FINISHED)])
    assert not connection.is_opaque()
    connection.eof()
    assert connection.seen.offer.sni == "mail.example.com"
    assert not connection.seen.established


def test_server_speaks_alone() -> None:
    connection = play([FULL_HANDSHAKE[1], FULL_HANDSHAKE[3]])
    connection.eof()
    assert connection.seen.choice.version == "TLSv1.2"
    assert connection.seen.chain
    assert connection.seen.offer.ja3 is None


def test_lost_server_leaves_the_client_dark() -> None:
    connection = play(FULL_HANDSHAKE_1_3[:1])
    connection.gap(Side.SERVER, 3000)
    connection.client(APPLICATION_DATA)
    assert connection.is_opaque()
    assert connection.seen.offer.sni == "mail.example.com"
