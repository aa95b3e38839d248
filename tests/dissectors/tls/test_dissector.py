"""Whole handshakes: what is reported, and when the connection is dark."""

from __future__ import annotations

import itertools
import ssl
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dissectors.anomalies import ANOMALIES
from dissectors.events import Side, TlsHandshakeSeen
from dissectors.limits import Limits
from tests.support.tls.certificates import make_certificate
from tests.support.tls.wire import (
    APPLICATION_DATA,
    CHANGE_CIPHER_SPEC,
    CLIENT_HELLO,
    CLIENT_HELLO_1_3,
    FINISHED,
    HELLO_RETRY_REQUEST,
    SERVER_HELLO,
    SERVER_HELLO_1_3,
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

if TYPE_CHECKING:
    from collections.abc import Iterable

CERTIFICATE = certificate_message(make_certificate(), make_certificate("ca"))
HELLO_DONE = handshake_record(14, b"")
KEY_EXCHANGE = handshake_record(16, b"\xa5" * 66)

FULL_HANDSHAKE = [
    (Side.CLIENT, CLIENT_HELLO),
    (Side.SERVER, SERVER_HELLO + CERTIFICATE + HELLO_DONE),
    (Side.CLIENT, KEY_EXCHANGE + CHANGE_CIPHER_SPEC + FINISHED),
    (Side.SERVER, CHANGE_CIPHER_SPEC + FINISHED),
]
FULL_HANDSHAKE_1_3 = [
    (Side.CLIENT, CLIENT_HELLO_1_3),
    (Side.SERVER, HELLO_RETRY_REQUEST + CHANGE_CIPHER_SPEC),
    (Side.CLIENT, CHANGE_CIPHER_SPEC + CLIENT_HELLO_1_3),
    (Side.SERVER, SERVER_HELLO_1_3 + APPLICATION_DATA),
    (Side.CLIENT, APPLICATION_DATA),
]


def play(
    dialogue: Iterable[tuple[Side, bytes]], limits: Limits | None = None
) -> Connection:
    connection = Connection(limits or Limits())
    for side, data in dialogue:
        connection.client(data) if side is Side.CLIENT else connection.server(data)
    return connection


def test_full_handshake_of_tls_1_2() -> None:
    connection = play(FULL_HANDSHAKE[:3])
    assert connection.events == []
    assert not connection.is_opaque()
    connection.server(FULL_HANDSHAKE[3][1])
    assert connection.is_opaque()
    seen = connection.seen
    assert (seen.version, max(seen.offered_versions)) == ("TLSv1.2", "TLSv1.2")
    assert seen.cipher == "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
    assert seen.sni == "mail.example.com"
    assert seen.established
    assert seen.alert is None
    assert seen.certificate is not None
    assert seen.certificate.names[0] == "mail.example.com"
    assert len(seen.ja3 or "") == len(seen.ja3s or "") == 32
    assert (seen.ja4 or "").startswith("t12d020100_")
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
    assert connection.seen.certificate is None


def test_tls_1_3_after_retry_request() -> None:
    connection = play(FULL_HANDSHAKE_1_3)
    assert connection.is_opaque()
    seen = connection.seen
    assert (seen.version, max(seen.offered_versions)) == ("TLSv1.3", "TLSv1.3")
    assert seen.cipher == "TLS_AES_128_GCM_SHA256"
    assert seen.established
    assert connection.anomalies == []


def test_second_client_hello_changes_nothing() -> None:
    other = handshake_record(1, client_hello_body(suites=(0x1302,)))
    once = play(FULL_HANDSHAKE_1_3)
    twice = play(
        [*FULL_HANDSHAKE_1_3[:2], (Side.CLIENT, other), *FULL_HANDSHAKE_1_3[3:]]
    )
    assert once.seen == twice.seen


def test_nothing_is_reported_after_the_handshake() -> None:
    connection = play(FULL_HANDSHAKE)
    before = list(connection.events)
    connection.client(b"garbage that is no record")
    connection.gap(Side.SERVER, 10)
    connection.server(alert(2, 40))
    connection.eof()
    assert connection.events == before


def test_server_chooses_application_protocol() -> None:
    hello = handshake_record(2, server_hello_body(extensions=[alpn(b"imap")]))
    connection = play([(Side.CLIENT, CLIENT_HELLO), (Side.SERVER, hello)])
    connection.eof()
    assert connection.seen.alpn == "imap"


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


def test_heartbeats_are_passed_over() -> None:
    """RFC 6520."""
    heartbeat = record(24, b"\1\0\1x")
    connection = play([(side, data + heartbeat) for side, data in FULL_HANDSHAKE])
    assert connection.seen == play(FULL_HANDSHAKE).seen


def test_server_refuses_with_fatal_alert() -> None:
    connection = play([(Side.CLIENT, CLIENT_HELLO), (Side.SERVER, alert(2, 40))])
    assert connection.is_opaque()
    assert connection.seen.alert == "handshake_failure"
    assert connection.seen.version is None
    assert not connection.seen.established


def test_warning_alert_is_no_end() -> None:
    connection = play([(Side.CLIENT, CLIENT_HELLO), (Side.SERVER, alert(1, 112))])
    assert connection.events == []
    connection.server(FULL_HANDSHAKE[1][1])
    connection.eof()
    assert connection.seen.alert is None
    assert connection.seen.version == "TLSv1.2"


def test_client_refuses_certificate_in_clear() -> None:
    connection = play([*FULL_HANDSHAKE[:2], (Side.CLIENT, alert(2, 48))])
    assert connection.seen.alert == "unknown_ca"
    assert connection.seen.certificate is not None


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
    assert connection.seen.sni == "mail.example.com"
    assert not connection.seen.established


def test_server_speaks_alone() -> None:
    connection = play([FULL_HANDSHAKE[1], FULL_HANDSHAKE[3]])
    connection.eof()
    assert connection.seen.version == "TLSv1.2"
    assert connection.seen.certificate is not None
    assert connection.seen.ja3 is None


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
        assert max(connection.seen.offered_versions) == "TLSv1.2"
        assert (connection.seen.ja3, connection.seen.ja4) == (None, None)
        assert connection.seen.cipher == "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"


def test_malformed_sslv2_hello_is_an_anomaly() -> None:
    connection = play([(Side.CLIENT, b"\x80\x05\1\3\1xx")])
    assert [each.code for each in connection.anomalies] == ["tls_handshake_invalid"]


def test_gap_inside_certificate_leaves_the_rest() -> None:
    first, second = SERVER_HELLO + CERTIFICATE[:100], CERTIFICATE[150:] + HELLO_DONE
    connection = play([FULL_HANDSHAKE[0], (Side.SERVER, first)])
    connection.gap(Side.SERVER, 50)
    connection.server(second)
    connection.client(FULL_HANDSHAKE[2][1])
    connection.server(FULL_HANDSHAKE[3][1])
    assert connection.is_opaque()
    assert connection.seen.established
    assert connection.seen.version == "TLSv1.2"
    assert connection.seen.certificate is None
    assert connection.anomalies == []


def test_gap_inside_application_data_does_not_touch_the_handshake() -> None:
    connection = play([(Side.CLIENT, CLIENT_HELLO_1_3 + APPLICATION_DATA[:10])])
    connection.gap(Side.CLIENT, len(APPLICATION_DATA) - 10)
    connection.server(FULL_HANDSHAKE_1_3[3][1])
    connection.client(APPLICATION_DATA)
    assert connection.seen.established


def test_gap_over_record_boundaries_loses_that_side_only() -> None:
    connection = play(FULL_HANDSHAKE[:1])
    connection.gap(Side.CLIENT, 200)
    connection.client(b"what came after the gap")
    assert not connection.is_opaque()
    connection.server(FULL_HANDSHAKE[1][1] + FULL_HANDSHAKE[3][1])
    assert connection.is_opaque()
    assert connection.seen.certificate is not None
    assert not connection.seen.established
    assert connection.anomalies == []


def test_lost_server_leaves_the_client_dark() -> None:
    connection = play(FULL_HANDSHAKE_1_3[:1])
    connection.gap(Side.SERVER, 3000)
    connection.client(APPLICATION_DATA)
    assert connection.is_opaque()
    assert connection.seen.sni == "mail.example.com"


def test_text_in_place_of_a_record() -> None:
    connection = Connection(offsets=(0, 50))
    connection.client(CLIENT_HELLO)
    connection.server(SERVER_HELLO + b"500 what?\r\n")
    [anomaly] = connection.anomalies
    assert anomaly.code == "tls_record_invalid"
    assert (anomaly.side, anomaly.offset) == (Side.SERVER, 50 + len(SERVER_HELLO))
    assert (anomaly.time_ns, anomaly.frame) == (2, 2)
    connection.client(b"garbage")
    assert connection.is_opaque()
    assert connection.seen.version == "TLSv1.2"


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
    assert connection.seen.certificate is not None
    assert connection.seen.certificate.subject is None


def test_server_sends_empty_certificate_list() -> None:
    connection = play([(Side.SERVER, SERVER_HELLO + certificate_message())])
    connection.eof()
    assert connection.seen.certificate is None
    assert connection.anomalies == []


def test_message_over_the_limit_is_skipped() -> None:
    connection = play(FULL_HANDSHAKE, Limits(handshake=200))
    assert [each.code for each in connection.anomalies] == ["tls_handshake_too_large"]
    assert connection.seen.established
    assert connection.seen.certificate is None


def test_anomalies_are_limited() -> None:
    connection = play([(Side.SERVER, record(22, handshake(2, b"") * 1000))], Limits())
    assert len(connection.anomalies) == Limits().anomalies


def test_long_server_name_is_cut() -> None:
    body = client_hello_body(extensions=[(0, b"\x0f\xa3\0\x0f\xa0" + b"a" * 4000)])
    connection = play([(Side.CLIENT, handshake_record(1, body))], Limits(kept_text=64))
    connection.eof()
    assert connection.seen.sni == "a" * 64


def split(
    dialogue: list[tuple[Side, bytes]], cuts: list[int]
) -> Iterable[tuple[Side, bytes]]:
    """Cut what is said at these places of the whole; each side keeps its turns."""
    start = 0
    for side, data in dialogue:
        end = start + len(data)
        inside = [cut for cut in sorted(set(cuts)) if start < cut < end]
        edges = [start, *inside, end]
        for first, last in itertools.pairwise(edges):
            yield side, data[first - start : last - start]
        start = end


DIALOGUES = st.sampled_from([FULL_HANDSHAKE, FULL_HANDSHAKE_1_3])


@given(DIALOGUES, st.lists(st.integers(0, 1500)))
@example(FULL_HANDSHAKE, list(range(1500)))
@example(FULL_HANDSHAKE_1_3, list(range(1500)))
@settings(max_examples=50, deadline=None)
def test_any_split_gives_the_same_events(
    dialogue: list[tuple[Side, bytes]], cuts: list[int]
) -> None:
    assert play(split(dialogue, cuts)).events == play(dialogue).events


@given(DIALOGUES, st.data())
@settings(max_examples=150, deadline=None)
def test_damaged_handshake_gives_one_report_and_known_anomalies(
    dialogue: list[tuple[Side, bytes]], data: st.DataObject
) -> None:
    connection = Connection(Limits(handshake=1000))
    for side, sent in dialogue:
        damaged = bytearray(sent)
        for _ in range(data.draw(st.integers(0, 3))):
            place = data.draw(st.integers(0, len(damaged) - 1))
            damaged[place] = data.draw(st.integers(0, 255))
        cut = data.draw(st.integers(0, len(damaged)))
        speak = connection.client if side is Side.CLIENT else connection.server
        speak(bytes(damaged[:cut]))
        if data.draw(st.booleans()):
            connection.gap(side, data.draw(st.integers(1, 100)))
        speak(bytes(damaged[cut:]))
    connection.eof()
    assert connection.is_opaque()
    assert isinstance(connection.seen, TlsHandshakeSeen)
    assert {each.code for each in connection.anomalies} <= ANOMALIES.keys()


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
    assert max(connection.seen.offered_versions) == offered
    assert connection.seen.sni == "mail.example.com"
    assert connection.anomalies == []


@pytest.mark.parametrize("dialogue", [FULL_HANDSHAKE, FULL_HANDSHAKE_1_3])
def test_records_of_one_byte_give_the_same_handshake(
    dialogue: list[tuple[Side, bytes]],
) -> None:
    """RFC 8446 §5.1: handshake messages may be spread over records."""
    cut = [(side, in_records_of_one_byte(sent)) for side, sent in dialogue]
    seen, known = play(cut).seen, play(dialogue).seen
    assert seen == known
    assert play(cut).anomalies == play(dialogue).anomalies == []


def in_records_of_one_byte(sent: bytes) -> bytes:
    """The same with each byte of a handshake in a record of its own."""
    made, has_changed_cipher = b"", False
    while sent:
        content_type, end = sent[0], 5 + int.from_bytes(sent[3:5], "big")
        body = sent[5:end]
        has_changed_cipher |= content_type == 20
        if content_type == 22 and not has_changed_cipher:
            made += b"".join(record(22, body[at : at + 1]) for at in range(len(body)))
        else:
            made += sent[:end]
        sent = sent[end:]
    return made
