"""What OpenSSL encrypts is read as if it had been in clear."""

from __future__ import annotations

import ssl
import warnings

import pytest

from dissectors import KeyLog, new_dissector
from dissectors.events import (
    Anomaly,
    AuthAttempted,
    ClientCertificate,
    Event,
    Exchange,
    Exposure,
    LoginOffered,
    MessageTransferred,
    Resumption,
    Side,
    StartTlsAdvanced,
    TlsHandshakeSeen,
)
from dissectors.services import Protocol
from tests.support import openssl
from tests.support.openssl import Settings, Stack, Wire

CLIENT, SERVER = Side
Dialogue = list[tuple[Side, bytes]]

BODY = b"Subject: x\r\n\r\n" + b"".join(b"line %d\r\n" % n for n in range(5000))
SMTP: Dialogue = [
    (SERVER, b"220 mail.example.com ESMTP\r\n"),
    (CLIENT, b"EHLO client\r\n"),
    (SERVER, b"250-mail.example.com\r\n250-PIPELINING\r\n250 AUTH PLAIN\r\n"),
    (CLIENT, b"AUTH PLAIN AHVzZXIAcGFzc3dvcmQ=\r\n"),
    (SERVER, b"235 2.7.0 ok\r\n"),
    (CLIENT, b"MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nDATA\r\n"),
    (SERVER, b"250 ok\r\n250 ok\r\n354 go\r\n"),
    (CLIENT, BODY + b".\r\n"),
    (SERVER, b"250 2.0.0 queued\r\n"),
    (CLIENT, b"QUIT\r\n"),
    (SERVER, b"221 bye\r\n"),
]
IMAP: Dialogue = [
    (SERVER, b"* OK ready\r\n"),
    (CLIENT, b"a LOGIN user password\r\n"),
    (SERVER, b"a OK done\r\n"),
    (CLIENT, b"b SELECT INBOX\r\n"),
    (SERVER, b"* 1 EXISTS\r\nb OK done\r\n"),
    (CLIENT, b"c FETCH 1 BODY[]\r\n"),
    (SERVER, b"* 1 FETCH (BODY[] {%d}\r\n%b)\r\nc OK done\r\n" % (len(BODY), BODY)),
    (CLIENT, b"d LOGOUT\r\n"),
    (SERVER, b"* BYE bye\r\nd OK done\r\n"),
]
POP3: Dialogue = [
    (SERVER, b"+OK ready\r\n"),
    (CLIENT, b"USER user\r\n"),
    (SERVER, b"+OK\r\n"),
    (CLIENT, b"PASS password\r\n"),
    (SERVER, b"+OK\r\n"),
    (CLIENT, b"RETR 1\r\n"),
    (SERVER, b"+OK\r\n" + BODY + b".\r\n"),
    (CLIENT, b"QUIT\r\n"),
    (SERVER, b"+OK\r\n"),
]
IN_CLEAR = {
    Protocol.SMTP: (SMTP, 25, SMTP[:3], b"STARTTLS\r\n", b"220 go\r\n"),
    Protocol.IMAP: (IMAP, 143, IMAP[:1], b"x STARTTLS\r\n", b"x OK go\r\n"),
    Protocol.POP3: (POP3, 110, POP3[:1], b"STLS\r\n", b"+OK go\r\n"),
}

VERSIONS = {
    "TLSv1.0": ssl.TLSVersion.TLSv1,
    "TLSv1.1": ssl.TLSVersion.TLSv1_1,
    "TLSv1.2": ssl.TLSVersion.TLSv1_2,
    "TLSv1.3": ssl.TLSVersion.TLSv1_3,
}
# needs secrets that Python gives to no server
_OTHER_KEYS = ("PSK", "SRP", "DSS")


def _suites() -> list[tuple[str, str]]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers(f"ALL:COMPLEMENTOFALL:{openssl.ANYTHING_GOES}")
    found = []
    for each in context.get_ciphers():
        name, version = each["name"], each["protocol"]
        if any(other in name for other in _OTHER_KEYS) or version == "TLSv1.3":
            continue
        if version == "TLSv1.2":
            found.append(("TLSv1.2", name))
        else:
            found += [(each, name) for each in ("TLSv1.0", "TLSv1.1", "TLSv1.2")]
    return found


def read(
    protocol: Protocol, steps: Dialogue, key_log: bytes = b"", port: int = 1
) -> list[Event]:
    """What a dissector says of a dialogue, each step of which is a packet."""
    log = KeyLog()
    log.add(key_log)
    return read_with(log, steps, protocol, port)


def read_with(
    log: KeyLog, steps: Dialogue, protocol: Protocol = Protocol.SMTP, port: int = 1
) -> list[Event]:
    """The same, with secrets that are kept for further connections."""
    dissector = new_dissector(protocol, port, log)
    events: list[Event] = []
    for side, data in steps:
        events += dissector.receive_data(side, data, 1, 1)
    for side in Side:
        events += dissector.receive_eof(side, 1, 1)
    return events


def comparable(events: list[Event]) -> list[Event]:
    """What a session says whether it is encrypted or not."""
    kept: list[Event] = []
    for event in events:
        if isinstance(event, TlsHandshakeSeen | LoginOffered | StartTlsAdvanced):
            continue
        if isinstance(event, AuthAttempted):
            event.exposure, event.secured = Exposure.NOTHING, False
        if isinstance(event, MessageTransferred):
            event.secured = False
        kept.append(event)
    return kept


def handshake(events: list[Event]) -> TlsHandshakeSeen:
    (seen,) = [event for event in events if isinstance(event, TlsHandshakeSeen)]
    return seen


def play(settings: Settings, dialogue: Dialogue = SMTP) -> Wire:
    with warnings.catch_warnings():
        # old versions are what is tested
        warnings.simplefilter("ignore", DeprecationWarning)
        return Stack(settings).play(dialogue)


@pytest.mark.parametrize(("version", "suite"), _suites())
def test_suite_is_opened(version: str, suite: str) -> None:
    wire = play(Settings(VERSIONS[version], suite))
    assert wire.cipher == suite
    events = read(Protocol.SMTP, wire.steps, wire.key_log)
    seen = handshake(events)
    assert seen.version == version
    assert seen.established
    # cryptography has no ARIA
    assert seen.decrypted is ("ARIA" not in suite)
    if seen.decrypted:
        assert comparable(events) == comparable(read(Protocol.SMTP, SMTP))


@pytest.mark.parametrize("suite", ["AES128-SHA", "AES256-SHA256", "CAMELLIA128-SHA"])
@pytest.mark.parametrize("version", ["TLSv1.0", "TLSv1.1", "TLSv1.2"])
def test_suite_is_opened_without_newer_extensions(version: str, suite: str) -> None:
    """MAC before encryption, and the master secret of RFC 5246."""
    if suite.endswith("256") and version != "TLSv1.2":
        suite = "AES256-SHA"
    options = openssl.NO_ENCRYPT_THEN_MAC | openssl.NO_EXTENDED_MASTER_SECRET
    wire = play(Settings(VERSIONS[version], suite, options))
    events = read(Protocol.SMTP, wire.steps, wire.key_log)
    assert handshake(events).decrypted
    assert comparable(events) == comparable(read(Protocol.SMTP, SMTP))


@pytest.mark.parametrize("protocol", Protocol)
@pytest.mark.parametrize("version", VERSIONS)
def test_every_protocol_is_read_through_tls(protocol: Protocol, version: str) -> None:
    dialogue = IN_CLEAR[protocol][0]
    wire = play(Settings(VERSIONS[version]), dialogue)
    events = read(protocol, wire.steps, wire.key_log)
    assert comparable(events) == comparable(read(protocol, dialogue))
    exposures = [e.exposure for e in events if isinstance(e, AuthAttempted)]
    assert exposures == [Exposure.NOTHING]


@pytest.mark.parametrize("protocol", Protocol)
@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
def test_every_protocol_is_read_after_an_upgrade(
    protocol: Protocol, version: str
) -> None:
    dialogue, port, start, question, answer = IN_CLEAR[protocol]
    rest = dialogue[1:]
    before = [*start, (CLIENT, question), (SERVER, answer)]
    wire = play(Settings(VERSIONS[version]), rest)
    events = read(protocol, before + wire.steps, wire.key_log, port)
    assert handshake(events).decrypted
    verbs = [e.verb for e in events if isinstance(e, Exchange)]
    inside = [e.verb for e in read(protocol, dialogue) if isinstance(e, Exchange)]
    assert verbs[-len(inside) + 1 :] == inside[1:]
    assert not any(isinstance(e, LoginOffered) for e in events[-len(inside) :])


@pytest.mark.parametrize(
    ("version", "tickets", "resumption"),
    [
        ("TLSv1.0", False, Resumption.SESSION_ID),
        ("TLSv1.2", False, Resumption.SESSION_ID),
        ("TLSv1.2", True, Resumption.TICKET),
        ("TLSv1.3", True, Resumption.PSK),
    ],
)
def test_resumed_session_is_opened(
    version: str, resumption: Resumption, *, tickets: bool
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        stack = Stack(Settings(VERSIONS[version], tickets=tickets))
        first = stack.play(SMTP)
        wire = stack.play(SMTP, first.session)
    assert handshake(read(Protocol.SMTP, first.steps)).resumption is Resumption.NONE
    events = read(Protocol.SMTP, wire.steps, wire.key_log)
    assert handshake(events).resumption is resumption
    assert comparable(events) == comparable(read(Protocol.SMTP, SMTP))


@pytest.mark.parametrize("tickets", [False, True])
def test_secret_of_a_session_opens_those_that_resume_it(*, tickets: bool) -> None:
    """RFC 5246 §F.1.4; GnuTLS logs it only once."""
    stack = Stack(Settings(VERSIONS["TLSv1.2"], tickets=tickets))
    first = stack.play(SMTP)
    second = stack.play(SMTP, first.session)
    third = stack.play(SMTP, second.session)
    log = KeyLog()
    log.add(first.key_log)
    # of a session that nobody has the secret of
    assert not handshake(read_with(log, third.steps)).decrypted
    for wire in (first, second, third):
        events = read_with(log, wire.steps)
        assert comparable(events) == comparable(read(Protocol.SMTP, SMTP))


def test_handshake_after_a_retry_is_opened() -> None:
    wire = play(Settings(server_group="secp384r1"))
    events = read(Protocol.SMTP, wire.steps, wire.key_log)
    seen = handshake(events)
    assert seen.retried
    assert seen.group == "secp384r1"
    assert seen.decrypted
    assert comparable(events) == comparable(read(Protocol.SMTP, SMTP))


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
@pytest.mark.parametrize(
    ("has_one", "expected"),
    [
        (None, ClientCertificate.NOT_REQUESTED),
        (False, ClientCertificate.REFUSED),
        (True, ClientCertificate.GIVEN),
    ],
)
def test_certificates_are_seen(
    version: str, *, has_one: bool | None, expected: ClientCertificate
) -> None:
    wire = play(Settings(VERSIONS[version], "ECDHE", client_certificate=has_one))
    seen = handshake(read(Protocol.SMTP, wire.steps, wire.key_log))
    assert seen.client_certificate is expected
    assert [each.names for each in seen.chain] == [[openssl.HOST]]
    assert [each.key_type for each in seen.client_chain] == ["RSA"] * bool(has_one)
    assert seen.signature is not None


def test_certificates_of_tls_1_3_are_hidden_without_keys() -> None:
    seen = handshake(read(Protocol.SMTP, play(Settings()).steps))
    assert seen.established
    assert not seen.decrypted
    assert seen.chain == []
    assert seen.client_certificate is None


@pytest.mark.parametrize("version", VERSIONS)
def test_split_into_single_bytes_changes_nothing(version: str) -> None:
    wire = play(Settings(VERSIONS[version]), SMTP[:5])
    whole = read(Protocol.SMTP, wire.steps, wire.key_log)
    single = [(s, data[n : n + 1]) for s, data in wire.steps for n in range(len(data))]
    assert read(Protocol.SMTP, single, wire.key_log) == whole


@pytest.mark.parametrize("version", VERSIONS)
def test_damaged_record_is_no_data(version: str) -> None:
    wire = play(Settings(VERSIONS[version]))
    (at,) = [n for n, (_, data) in enumerate(wire.steps) if len(data) > len(BODY)]
    side, data = wire.steps[at]
    damaged = bytearray(data)
    damaged[len(data) // 2] ^= 1
    steps = [*wire.steps[:at], (side, bytes(damaged)), *wire.steps[at + 1 :]]
    events = read(Protocol.SMTP, steps, wire.key_log)
    codes = {event.code for event in events if isinstance(event, Anomaly)}
    assert "tls_record_not_authentic" in codes
    # what comes after it is read all the same
    assert "QUIT" in [e.verb for e in events if isinstance(e, Exchange)]


@pytest.mark.parametrize("version", VERSIONS)
def test_wrong_secret_opens_nothing(version: str) -> None:
    wire = play(Settings(VERSIONS[version]))
    lines = wire.key_log.split(b"\n")
    wrong = b"\n".join(line[:-8] + b"00000000" for line in lines if b"#" not in line)
    events = read(Protocol.SMTP, wire.steps, wrong)
    seen = handshake(events)
    assert seen.established
    assert not seen.decrypted
    assert not any(isinstance(event, Exchange) for event in events)
    codes = {event.code for event in events if isinstance(event, Anomaly)}
    assert "tls_secret_wrong" in codes
