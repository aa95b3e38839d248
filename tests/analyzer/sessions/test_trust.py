"""Chains of a certificate authority made for the test."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analyzer.errors import LoadError
from analyzer.sessions.certificate_status import CertificateStatus
from analyzer.sessions.trust import Trust, covers, weaknesses
from dissectors.events import Certificate
from dissectors.tls.handshake.certificate import certificate_facts
from tests.support.chains.certificates import Plan, key
from tests.support.chains.faults import PLAN_FAULTS
from tests.support.chains.openssl_verify import pem

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

NOW = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)
YEAR = dt.timedelta(days=365)
Key = ec.EllipticCurvePrivateKey


def ns(time: dt.datetime) -> int:
    return int(time.timestamp()) * 1_000_000_000


def issue(
    name: str,
    key: Key,
    issuer: str,
    issuer_key: Key,
    *,
    is_ca: bool,
    names: Sequence[str] = (),
    purpose: x509.ObjectIdentifier | None = None,
    bare: bool = False,
) -> x509.Certificate:
    def called(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(
        issuer_key.public_key()
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(called(name))
        .issuer_name(called(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - YEAR)
        .not_valid_after(NOW + YEAR)
    )
    if not bare:
        constraints = x509.BasicConstraints(is_ca, None)
        builder = builder.add_extension(constraints, critical=True)
        builder = builder.add_extension(authority, critical=False)
    if purpose is not None:
        builder = builder.add_extension(
            x509.ExtendedKeyUsage([purpose]), critical=False
        )
    if is_ca:
        own = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        usage = x509.KeyUsage(
            digital_signature=False,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=True,
            crl_sign=True,
            encipher_only=False,
            decipher_only=False,
        )
        builder = builder.add_extension(own, critical=False)
        builder = builder.add_extension(usage, critical=True)
    else:
        hosts = [x509.DNSName(each) for each in names or [name]]
        builder = builder.add_extension(
            x509.SubjectAlternativeName(hosts), critical=False
        )
    return builder.sign(issuer_key, hashes.SHA256())


KEYS = [ec.generate_private_key(ec.SECP256R1()) for _ in range(3)]
ROOT = issue("root", KEYS[0], "root", KEYS[0], is_ca=True)
MIDDLE = issue("middle", KEYS[1], "root", KEYS[0], is_ca=True)
OWN = issue("mail.example.com", KEYS[2], "middle", KEYS[1], is_ca=False)
ALONE = issue("mail.example.com", KEYS[2], "mail.example.com", KEYS[2], is_ca=False)
FORGED = issue("mail.example.com", KEYS[2], "root", KEYS[1], is_ca=False)


STATUSES = {
    CertificateStatus.VALID,
    CertificateStatus.EXPIRED,
    CertificateStatus.NOT_YET_VALID,
    CertificateStatus.SELF_SIGNED,
    CertificateStatus.ISSUER_MISSING,
    CertificateStatus.UNTRUSTED_ROOT,
    CertificateStatus.INVALID,
    CertificateStatus.UNREADABLE,
}


def shown(*certificates: x509.Certificate) -> list[Certificate]:
    ders = [each.public_bytes(Encoding.DER) for each in certificates]
    return [certificate_facts(der, 10).certificate for der in ders]


@pytest.fixture
def trusted(tmp_path: Path) -> Trust:
    path = tmp_path / "ca.pem"
    path.write_bytes(ROOT.public_bytes(Encoding.PEM))
    return Trust(path)


@pytest.mark.parametrize(
    ("chain", "time", "status"),
    [
        ((OWN, MIDDLE), NOW, CertificateStatus.VALID),
        ((OWN, MIDDLE, ROOT), NOW, CertificateStatus.VALID),
        ((OWN, MIDDLE), NOW + 2 * YEAR, CertificateStatus.EXPIRED),
        ((OWN, MIDDLE), NOW - 2 * YEAR, CertificateStatus.NOT_YET_VALID),
        ((OWN,), NOW, CertificateStatus.ISSUER_MISSING),
        ((ALONE,), NOW, CertificateStatus.SELF_SIGNED),
        ((FORGED,), NOW, CertificateStatus.INVALID),
        ((), NOW, None),
    ],
)
def test_chain_is_judged_at_the_time_it_was_shown(
    trusted: Trust,
    chain: tuple[x509.Certificate, ...],
    time: dt.datetime,
    status: str | None,
) -> None:
    for _ in range(2):
        assert trusted.status(shown(*chain), ns(time)) == status


def test_system_does_not_trust_anybody() -> None:
    assert (
        Trust().status(shown(OWN, MIDDLE, ROOT), ns(NOW))
        == CertificateStatus.UNTRUSTED_ROOT
    )


def test_what_is_no_certificate_is_not_readable(trusted: Trust) -> None:
    nonsense = certificate_facts(b"nonsense", 10).certificate
    assert trusted.status([nonsense], ns(NOW)) == CertificateStatus.UNREADABLE


def test_unusable_authorities_are_said(tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    with pytest.raises(LoadError, match="can't be read"):
        Trust(path)
    path.write_bytes(b"nonsense")
    with pytest.raises(LoadError, match="contains no PEM certificates"):
        Trust(path)


@pytest.mark.parametrize(
    ("host", "names", "expected"),
    [
        ("mail.example.com", ["mail.example.com"], True),
        ("MAIL.example.com.", ["mail.Example.com"], True),
        ("mail.example.com", ["*.example.com"], True),
        ("a.mail.example.com", ["*.example.com"], False),
        ("example.com", ["*.example.com"], False),
        ("mail.example.com", ["ma*.example.com", "*"], False),
        ("mail.example.com", ["mail.example.com\\x00.example.net"], False),
        ("mail.example.com", [], False),
        (".example.com", ["*.example.com"], False),
        ("", ["", "*."], False),
    ],
)
def test_names_cover_hosts(host: str, names: list[str], *, expected: bool) -> None:
    certificate = Certificate(b"", "", "CN=mail.example.com", hosts=names)
    assert covers(certificate, host) is expected


def test_only_names_of_one_kind_are_compared() -> None:
    """RFC 9525 §6.1: a host is no mail address, and no part of an IP address."""
    certificate = Certificate(
        b"",
        "",
        names=["postmaster@example.com", "192.0.2.1", "*.0.2.2"],
        hosts=["*.0.2.2"],
        addresses=["192.0.2.1"],
    )
    assert covers(certificate, "192.0.2.1")
    assert not covers(certificate, "postmaster@example.com")
    assert not covers(certificate, "192.0.2.2.")


@pytest.mark.parametrize(
    "names",
    [
        ["mail.example.com"],
        ["foo_bar.example.com", "mail.example.com"],
        ["m*.example.com", "*.example.com"],
    ],
)
def test_any_usable_name_is_enough(trusted: Trust, names: list[str]) -> None:
    own = issue("x", KEYS[2], "middle", KEYS[1], is_ca=False, names=names)
    assert trusted.status(shown(own, MIDDLE), ns(NOW)) == CertificateStatus.VALID


def test_private_authorities_may_leave_extensions_out(trusted: Trust) -> None:
    own = issue("mail.example.com", KEYS[2], "root", KEYS[0], is_ca=False, bare=True)
    assert trusted.status(shown(own), ns(NOW)) == CertificateStatus.VALID


def test_only_authorities_sign(trusted: Trust) -> None:
    middle = issue("middle", KEYS[1], "root", KEYS[0], is_ca=False)
    assert trusted.status(shown(OWN, middle), ns(NOW)) == CertificateStatus.INVALID


def test_certificate_for_something_else_is_invalid(trusted: Trust) -> None:
    own = issue(
        "mail.example.com",
        KEYS[2],
        "middle",
        KEYS[1],
        is_ca=False,
        purpose=ExtendedKeyUsageOID.CLIENT_AUTH,
    )
    assert trusted.status(shown(own, MIDDLE), ns(NOW)) == CertificateStatus.INVALID


def test_self_signed_certificate_may_be_trusted_itself(tmp_path: Path) -> None:
    path = tmp_path / "own.pem"
    path.write_bytes(ALONE.public_bytes(Encoding.PEM))
    assert Trust(path).status(shown(ALONE), ns(NOW)) == CertificateStatus.VALID


def test_names_of_issuers_are_not_believed(trusted: Trust) -> None:
    # its own issuer by name, and signed by somebody else
    name = "mail.example.com"
    own = issue(name, KEYS[2], name, KEYS[1], is_ca=False)
    (facts,) = shown(own)
    assert not facts.self_signed
    assert trusted.status([facts], ns(NOW)) == CertificateStatus.INVALID
    # signed by nobody in the chain
    other = issue(name, KEYS[2], "middle", KEYS[2], is_ca=False)
    assert trusted.status(shown(other, MIDDLE), ns(NOW)) == CertificateStatus.INVALID


@pytest.mark.parametrize(
    ("name", "is_weak"),
    [
        ("sha1WithRSAEncryption", True),
        ("ecdsa-with-SHA1", True),
        ("dsa-with-sha1", True),
        ("md5WithRSAEncryption", True),
        ("sha256WithRSAEncryption", False),
        ("ecdsa-with-SHA512", False),
        ("RSASSA-PSS", False),
    ],
)
def test_weak_signatures_are_told_by_their_hash(name: str, *, is_weak: bool) -> None:
    certificate = Certificate(b"", "", signature_algorithm=name)
    assert bool(weaknesses([certificate])) is is_weak


def test_weak_keys_and_signatures_are_named() -> None:
    small = Certificate(b"", "", key_type="EC secp192r1", key_bits=192)
    assert weaknesses([small]) == ["short-key=EC 192"]
    weak = Certificate(b"", "", key_type="RSA", key_bits=1024)
    signed = Certificate(b"", "", signature_algorithm="sha1WithRSAEncryption")
    root = Certificate(
        b"", "", signature_algorithm="sha1WithRSAEncryption", self_signed=True
    )
    assert weaknesses([weak, signed, root]) == [
        "short-key=RSA 1024",
        "weak-cert-signature=sha1WithRSAEncryption",
    ]
    assert weaknesses(shown(OWN, MIDDLE)) == []


@given(st.data())
@settings(
    max_examples=300,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_damaged_chain_is_judged(trusted: Trust, data: st.DataObject) -> None:
    damaged = []
    for certificate in (OWN, MIDDLE):
        der = bytearray(certificate.public_bytes(Encoding.DER))
        for _ in range(data.draw(st.integers(0, 3))):
            der[data.draw(st.integers(0, len(der) - 1))] = data.draw(
                st.integers(0, 255)
            )
        damaged.append(certificate_facts(bytes(der), 10).certificate)
    assert trusted.status(damaged, ns(NOW)) in STATUSES


KEY = key("rsa2048", 0)
AUTHORITY: dict[str, tuple[Callable[[Plan], object], str]] = {
    "no fault": (lambda plan: None, CertificateStatus.VALID),
    "SHA-1": (PLAN_FAULTS["SHA-1"], CertificateStatus.VALID),
    "MD5": (PLAN_FAULTS["MD5"], CertificateStatus.VALID),
    "not to sign": (PLAN_FAULTS["key usage not to sign"], CertificateStatus.INVALID),
    "for mail": (PLAN_FAULTS["usage for mail"], CertificateStatus.INVALID),
    "not yet valid": (PLAN_FAULTS["not yet valid"], CertificateStatus.NOT_YET_VALID),
    "expired": (PLAN_FAULTS["expired"], CertificateStatus.EXPIRED),
}


@pytest.mark.parametrize("fault", AUTHORITY)
def test_server_shows_an_authority_with_a_fault(tmp_path: Path, fault: str) -> None:
    root = Plan("Root", KEY, "Root", KEY)
    middle = Plan("Middle", KEY, "Root", KEY)
    for plan in (root, middle):
        plan.put(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    damage, status = AUTHORITY[fault]
    damage(middle)
    path = tmp_path / "ca.pem"
    path.write_text(pem(root.make()))
    own = Plan("mail.example.com", KEY, "Middle", KEY)
    chain = [certificate_facts(each.make(), 10).certificate for each in (own, middle)]
    assert Trust(path).status(chain, ns(NOW)) == status
    weak = [f"weak-cert-signature={fault.lower().replace('-', '')}WithRSAEncryption"]
    expected = weak if fault in ("SHA-1", "MD5") else []
    assert weaknesses(chain) == expected


def test_authority_that_can_not_be_read_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    old = Plan("Old", KEY, "Old", KEY, version=7, damage=lambda made: made[:50])
    path.write_text(pem(old.make()) + pem(ROOT.public_bytes(Encoding.DER)))
    assert Trust(path).status(shown(OWN, MIDDLE), ns(NOW)) == CertificateStatus.VALID


def test_certificate_is_valid_in_its_last_second(trusted: Trust) -> None:
    """RFC 5280 §4.1.2.5: its end belongs to it."""
    end = ns(NOW + YEAR)
    assert (
        trusted.status(shown(OWN, MIDDLE), end + 999_999_999) == CertificateStatus.VALID
    )
    assert (
        trusted.status(shown(OWN, MIDDLE), end + 1_000_000_000)
        == CertificateStatus.EXPIRED
    )


def test_issuer_that_can_not_be_read_is_no_failure(trusted: Trust) -> None:
    der = OWN.public_bytes(Encoding.DER)
    # a name that is no text
    damaged = der.replace(b"\x0c\x06middle", b"\x0c\x06mi\xff\xfele")
    chain = [certificate_facts(damaged, 10).certificate]
    assert trusted.status(chain, ns(NOW)) == CertificateStatus.UNREADABLE
