"""The server's certificate, ordinary and hostile."""

from __future__ import annotations

import datetime as dt
import hashlib

import pytest
from cryptography import x509
from hypothesis import given, settings
from hypothesis import strategies as st

from dissectors.events import Certificate
from dissectors.tls.handshake import certificate
from dissectors.tls.handshake.certificate import (
    certificate_facts,
    read_certificate_message,
)
from dissectors.tls.handshake.structs import MalformedStructError
from tests.support.chains.certificates import Plan, key
from tests.support.tls.certificates import make_certificate
from tests.support.tls.wire import vector

YEAR_2024_NS = 1_704_067_200_000_000_000
YEAR_2030_NS = 1_893_456_000_000_000_000


def test_chain_is_read() -> None:
    chain = vector(3, b"leaf") + vector(3, b"issuer")
    body = vector(3, chain)
    assert read_certificate_message(body, tls_1_3=False) == [b"leaf", b"issuer"]


def test_chain_of_tls_1_3_has_extensions() -> None:
    entry = vector(3, b"leaf") + vector(2, b"status")
    body = vector(1, b"context") + vector(3, entry)
    assert read_certificate_message(body, tls_1_3=True) == [b"leaf"]


def test_server_has_no_certificate() -> None:
    assert read_certificate_message(vector(3, b""), tls_1_3=False) == []


@pytest.mark.parametrize("kind", ["rsa2048", "ec-secp256r1", "dsa", "ed25519"])
@pytest.mark.parametrize("digest", ["md5", "sha1", "sha256"])
def test_own_signature_is_verified_be_it_weak(kind: str, digest: str) -> None:
    own, other = key(kind, 1), key(kind, 2)
    signed = certificate_facts(Plan("x", own, "x", own, digest=digest).make(), 10)
    assert (signed.certificate.self_signed, signed.malformed) == (True, None)
    forged = certificate_facts(Plan("x", own, "x", other, digest=digest).make(), 10)
    assert (forged.certificate.self_signed, forged.malformed) == (False, None)


def test_signature_of_another_kind_of_key_is_not_its_own() -> None:
    plan = Plan("x", key("rsa2048", 1), "x", key("ec-secp256r1", 1), digest="sha1")
    facts = certificate_facts(plan.make(), 10)
    assert (facts.certificate.self_signed, facts.malformed) == (False, None)


@pytest.mark.parametrize("body", [b"", b"\0\0\5abc", vector(3, b"\0\0\5abc")])
def test_malformed_certificate_message(body: bytes) -> None:
    with pytest.raises(MalformedStructError):
        read_certificate_message(body, tls_1_3=False)


def test_facts_of_a_certificate() -> None:
    der = make_certificate()
    facts = certificate_facts(der, 10)
    assert facts.malformed is None
    assert facts.certificate == Certificate(
        der,
        hashlib.sha256(der).hexdigest(),
        subject="CN=mail.example.com,O=Example\\, Inc.,C=DE",
        issuer="CN=mail.example.com,O=Example\\, Inc.,C=DE",
        names=[
            "mail.example.com",
            "imap.example.com",
            "postmaster@example.com",
            "192.0.2.1",
        ],
        hosts=["mail.example.com", "imap.example.com"],
        addresses=["192.0.2.1"],
        not_before_ns=YEAR_2024_NS,
        not_after_ns=YEAR_2030_NS,
        serial="1",
        key_type="Ed25519",
        signature_algorithm="ed25519",
        self_signed=True,
        is_ca=False,
    )


def test_certificate_without_alternative_names() -> None:
    facts = certificate_facts(make_certificate(names=()), 10)
    assert facts.certificate.names == []
    assert facts.malformed is None


def test_names_are_limited() -> None:
    facts = certificate_facts(make_certificate(), 1)
    assert facts.certificate.names == ["mail.example.com"]


def test_control_characters_in_a_name_are_escaped() -> None:
    der = make_certificate(common_name="a\0b\x1b[1m\u202eü")
    facts = certificate_facts(der, 10)
    assert facts.certificate.subject is not None
    assert facts.certificate.subject.startswith("CN=a\\00b\\1B[1m\\E2\\80\\AEü,")


def test_control_characters_in_an_alternative_name_are_escaped() -> None:
    der = make_certificate(names=(x509.DNSName("mail.example.com\0.example.net"),))
    facts = certificate_facts(der, 10)
    assert facts.certificate.names == [r"mail.example.com\x00.example.net"]


def test_certificate_without_end_of_validity() -> None:
    """RFC 5280 §4.1.2.5: 99991231235959Z, which 64 bits of nanoseconds can't hold."""
    never = dt.datetime(9999, 12, 31, 23, 59, 59, tzinfo=dt.UTC)
    facts = certificate_facts(make_certificate(not_after=never), 10)
    assert facts.certificate.not_after_ns == 2**63 - 1


@pytest.mark.parametrize(
    "der",
    [
        b"",
        b"\x30\x03abc",
        make_certificate()[:-1],
        # version 20 (RFC 5280 §4.1.2.1 knows three)
        make_certificate().replace(b"\xa0\3\2\1\2", b"\xa0\3\2\1\x13"),
    ],
)
def test_what_is_no_certificate_is_an_oddity(der: bytes) -> None:
    facts = certificate_facts(der, 10)
    assert facts.certificate.subject is None
    assert facts.malformed


def test_unreadable_alternative_names_spoil_nothing_else() -> None:
    der = make_certificate().replace(
        b"mail.example.com\x82", b"mail.ex\xffmple.com\x82"
    )
    facts = certificate_facts(der, 10)
    assert facts.certificate.subject is not None
    assert facts.certificate.subject.startswith("CN=mail.example.com")
    assert facts.certificate.names == []
    assert facts.malformed


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_damaged_certificate_is_read_or_is_an_oddity(data: st.DataObject) -> None:
    der = bytearray(make_certificate())
    for _ in range(data.draw(st.integers(1, 3))):
        der[data.draw(st.integers(0, len(der) - 1))] = data.draw(st.integers(0, 255))
    facts = certificate_facts(bytes(der), 10)
    assert facts.certificate.subject is not None or facts.malformed


def test_certificate_is_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    der = make_certificate(common_name="once.example.com")
    first = certificate_facts(der, 10)
    monkeypatch.setattr(certificate, "_parse_certificate", None)
    assert certificate_facts(der, 10) is first


def test_only_some_certificates_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certificate, "_CACHE_SIZE", 2)
    remembered: dict[object, object] = {}
    monkeypatch.setattr(certificate, "_facts", remembered)
    for number in range(4):
        certificate_facts(b"not a certificate %d" % number, 10)
    assert len(remembered) == 2


def test_huge_certificate_is_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    remembered: dict[object, object] = {}
    monkeypatch.setattr(certificate, "_facts", remembered)
    certificate_facts(bytes(10_000), 10)
    assert not remembered
