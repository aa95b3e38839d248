"""What OpenSSL encrypts is read as if it had been in plaintext."""

from __future__ import annotations

import ssl

import pytest

from dissectors.events import (
    Anomaly,
    AuthAttempted,
    ClientCertificate,
    Exchange,
    Exposure,
    LoginOffered,
)
from dissectors.services import Protocol
from tests.support.tls import openssl
from tests.support.tls.mail import (
    BODY,
    CLIENT,
    IN_CLEAR,
    SERVER,
    SMTP,
    comparable,
    handshake,
    is_decrypted,
    play,
    read,
)
from tests.support.tls.openssl import Settings

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


@pytest.mark.parametrize(("version", "suite"), _suites())
def test_suite_is_opened(version: str, suite: str) -> None:
    wire = play(Settings(VERSIONS[version], suite))
    assert wire.cipher == suite
    events = read(Protocol.SMTP, wire.steps, wire.key_log)
    seen = handshake(events)
    assert seen.choice.version == version
    assert seen.established
    # cryptography has no ARIA
    assert is_decrypted(events) is ("ARIA" not in suite)
    if is_decrypted(events):
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
    assert is_decrypted(events)
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
    assert is_decrypted(events)
    verbs = [e.verb for e in events if isinstance(e, Exchange)]
    inside = [e.verb for e in read(protocol, dialogue) if isinstance(e, Exchange)]
    assert verbs[-len(inside) + 1 :] == inside[1:]
    assert not any(isinstance(e, LoginOffered) for e in events[-len(inside) :])


def test_handshake_after_a_retry_is_opened() -> None:
    wire = play(Settings(server_group="secp384r1"))
    events = read(Protocol.SMTP, wire.steps, wire.key_log)
    seen = handshake(events)
    assert seen.retried
    assert seen.key_exchange.group == "secp384r1"
    assert is_decrypted(events)
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
    assert seen.key_exchange.signature is not None


def test_certificates_of_tls_1_3_are_hidden_without_keys() -> None:
    events = read(Protocol.SMTP, play(Settings()).steps)
    seen = handshake(events)
    assert seen.established
    assert not is_decrypted(events)
    assert not seen.chain
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
    assert not is_decrypted(events)
    assert not any(isinstance(event, Exchange) for event in events)
    codes = {event.code for event in events if isinstance(event, Anomaly)}
    assert "tls_secret_wrong" in codes
