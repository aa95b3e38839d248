"""What handshakes say, message by message."""

from __future__ import annotations

import ssl

import pytest

from dissectors.events import Side
from dissectors.limits import Limits
from tests.support.tls.handshakes import FULL_HANDSHAKE, FULL_HANDSHAKE_1_3, play
from tests.support.tls.wire import (
    CHANGE_CIPHER_SPEC,
    CLIENT_HELLO,
    FINISHED,
    SERVER_HELLO,
    Connection,
    alert,
    alpn,
    certificate_message,
    client_hello_body,
    handshake,
    handshake_record,
    record,
    server_hello_body,
    uint16s,
)


def test_full_handshake_of_tls_1_2() -> None:
    connection = play(FULL_HANDSHAKE[:3])
    assert connection.events == []
    assert not connection.is_opaque()
    connection.server(FULL_HANDSHAKE[3][1])
    assert connection.is_opaque()
    seen = connection.seen
    assert (seen.choice.version, max(seen.offer.versions)) == ("TLSv1.2", "TLSv1.2")
    assert seen.choice.cipher == "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
    assert seen.offer.sni == "mail.example.com"
    assert seen.established
    assert connection.alerts == []
    assert seen.chain
    assert seen.chain[0].names[0] == "mail.example.com"
    assert (seen.chosen_frame, seen.chain_frame) == (2, 2)
    assert len(seen.offer.ja3 or "") == len(seen.choice.ja3s or "") == 32
    assert (seen.offer.ja4 or "").startswith("t12d020100_")
    assert connection.anomalies == []


def test_resumed_handshake_of_tls_1_2_has_no_certificate() -> None:
    connection = play(
        [
            (Side.CLIENT, CLIENT_HELLO),
            (Side.SERVER, SERVER_HELLO + CHANGE_CIPHER_SPEC + FINISHED),
            (Side.CLIENT, CHANGE_CIPHER_SPEC + FINISHED),
        ]
    )
    assert connection.is_opaque()
    assert connection.seen.established
    assert not connection.seen.chain


def test_tls_1_3_after_retry_request() -> None:
    connection = play(FULL_HANDSHAKE_1_3)
    assert connection.is_opaque()
    seen = connection.seen
    assert (seen.choice.version, max(seen.offer.versions)) == ("TLSv1.3", "TLSv1.3")
    assert seen.choice.cipher == "TLS_AES_128_GCM_SHA256"
    assert seen.established
    assert connection.anomalies == []


def test_second_client_hello_changes_nothing() -> None:
    other = handshake_record(1, client_hello_body(suites=(0x1302,)))
    once = play(FULL_HANDSHAKE_1_3)
    twice = play(
        [*FULL_HANDSHAKE_1_3[:2], (Side.CLIENT, other), *FULL_HANDSHAKE_1_3[3:]]
    )
    assert once.seen == twice.seen


def test_server_chooses_application_protocol() -> None:
    hello = handshake_record(2, server_hello_body(extensions=[alpn(b"imap")]))
    connection = play([(Side.CLIENT, CLIENT_HELLO), (Side.SERVER, hello)])
    connection.eof()
    assert connection.seen.choice.alpn == "imap"


def test_server_refuses_with_fatal_alert() -> None:
    connection = play([(Side.CLIENT, CLIENT_HELLO), (Side.SERVER, alert(2, 40))])
    assert connection.is_opaque()
    assert [each.name for each in connection.alerts] == ["handshake_failure"]
    assert connection.seen.choice.version is None
    assert not connection.seen.established


def test_warning_alert_is_no_end() -> None:
    connection = play([(Side.CLIENT, CLIENT_HELLO), (Side.SERVER, alert(1, 112))])
    assert connection.events == []
    connection.server(FULL_HANDSHAKE[1][1])
    connection.eof()
    assert [each.is_fatal for each in connection.alerts] == [False]
    assert connection.seen.choice.version == "TLSv1.2"


def test_sslv2_compatible_hello_has_no_fingerprint() -> None:
    suites = bytes.fromhex("00002f 00c02f")
    hello = b"\1\3\3" + uint16s(len(suites), 0, 16) + suites + bytes(16)
    hello = uint16s(0x8000 | len(hello)) + hello
    for size in (1, len(hello)):
        connection = Connection()
        for start in range(0, len(hello), size):
            connection.client(hello[start : start + size])
        connection.server(SERVER_HELLO)
        connection.eof()
        assert max(connection.seen.offer.versions) == "TLSv1.2"
        assert (connection.seen.offer.ja3, connection.seen.offer.ja4) == (None, None)
        assert connection.seen.choice.cipher == "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"


def test_malformed_sslv2_hello_is_an_anomaly() -> None:
    connection = play([(Side.CLIENT, b"\x80\x05\1\3\1xx")])
    assert [each.code for each in connection.anomalies] == ["tls_handshake_invalid"]


@pytest.mark.parametrize(
    ("side", "message"),
    [(Side.CLIENT, handshake(1, b"\3\3")), (Side.SERVER, handshake(2, b"\3\3"))],
)
def test_hello_that_cannot_be_read(side: Side, message: bytes) -> None:
    connection = play([(side, record(22, message))])
    [anomaly] = connection.anomalies
    assert anomaly.code == "tls_handshake_invalid"
    assert anomaly.detail.endswith("_HELLO: 32 bytes wanted, 0 left")


def test_extension_that_cannot_be_read() -> None:
    body = client_hello_body(extensions=[(0, b"\xff")])
    connection = play([(Side.CLIENT, handshake_record(1, body))])
    assert [each.detail for each in connection.anomalies] == ["extension 0"]


def test_certificate_that_cannot_be_read() -> None:
    connection = play([(Side.SERVER, SERVER_HELLO + certificate_message(b"garbage"))])
    connection.eof()
    assert [each.code for each in connection.anomalies] == ["tls_certificate_invalid"]
    (certificate,) = connection.seen.chain
    assert certificate.subject is None


def test_server_sends_empty_certificate_list() -> None:
    connection = play([(Side.SERVER, SERVER_HELLO + certificate_message())])
    connection.eof()
    assert not connection.seen.chain
    assert connection.anomalies == []


def test_long_server_name_is_cut() -> None:
    body = client_hello_body(extensions=[(0, b"\x0f\xa3\0\x0f\xa0" + b"a" * 4000)])
    connection = play([(Side.CLIENT, handshake_record(1, body))], Limits(kept_text=64))
    connection.eof()
    assert connection.seen.offer.sni == "a" * 64


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_hello_of_a_real_client(version: ssl.TLSVersion) -> None:
    client_context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client_context.check_hostname = False
    client_context.verify_mode = ssl.CERT_NONE
    client_context.maximum_version = version
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_context.wrap_bio(
        incoming, outgoing, server_hostname="mail.example.com"
    )
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    connection = Connection()
    connection.client(outgoing.read())
    connection.eof()
    offered = {"TLSv1_2": "TLSv1.2", "TLSv1_3": "TLSv1.3"}[version.name]
    assert max(connection.seen.offer.versions) == offered
    assert connection.seen.offer.sni == "mail.example.com"
    assert connection.anomalies == []
