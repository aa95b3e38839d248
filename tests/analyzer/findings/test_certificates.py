"""Rules about certificates, with chains that are made and signed as they should be."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509

import analyzer
from analyzer.findings import certificates
from analyzer.findings.settings import RuleSettings, Settings
from dissectors.events import Side
from tests.support.analyses import analysis_of, decrypted
from tests.support.chains.certificates import NOW, YEAR, Plan, key
from tests.support.chains.openssl_verify import pem
from tests.support.findings import findings_of, named
from tests.support.tls.sessions import connection, handshake
from tests.support.tls.wire import (
    SERVER_HELLO,
    alert,
    client_hello_body,
    handshake_record,
    server_name,
)
from tests.support.traffic import PacketScript, write_pcap

if TYPE_CHECKING:
    from pathlib import Path

DAY = dt.timedelta(days=1)
ROOT = Plan("Root", key("rsa2048", 1), "Root", key("rsa2048", 1))
ROOT.put(x509.BasicConstraints(ca=True, path_length=None), critical=True)
EXPIRED, EXPIRING = "cert-expired", "cert-expiring"
SELF_SIGNED, UNTRUSTED = "cert-self-signed", "cert-untrusted"
OTHER_NAME = "cert-name-mismatch"
# what everybody on a port has
PORTS = (993, 587, 25)


class OnLoopback(PacketScript):
    """A client of its own host."""

    client_ip = server_ip = "127.0.0.1"


def server(**changes: Any) -> Plan:
    """A certificate without a fault, but for the changes."""
    made = {"subject": "mail.example.com", "key": key("rsa2048", 0)}
    plan = Plan(**made | {"issuer": "Root", "signer": ROOT.key} | changes)
    plan.put(x509.SubjectAlternativeName([x509.DNSName("mail.example.com")]))
    return plan


def found(
    folder: Path, *scripts: PacketScript, settings: Settings | None = None
) -> list[dict[str, Any]]:
    """What is wrong with certificates, if the root is trusted."""
    trusted = folder / "ca.pem"
    trusted.write_text(pem(ROOT.make()))
    analysis = analyzer.analyze(write_pcap(folder / "a.pcap", *scripts), ca=trusted)
    return findings_of(analysis, settings, certificates.RULES)


def severities(folder: Path, *scripts: PacketScript) -> dict[str, str]:
    return {each["rule"]: each["severity"] for each in found(folder, *scripts)}


def shown(*plans: Plan, port: int = 993, **told: Any) -> PacketScript:
    """A session in which a chain is shown."""
    return connection(handshake(*(plan.make() for plan in plans)), port, **told)


def test_certificate_without_a_fault_is_no_finding(tmp_path: Path) -> None:
    assert found(tmp_path, *(shown(server(), port=port) for port in PORTS)) == []


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"begins": NOW - YEAR, "ends": NOW - DAY}, "cert-expired"),
        ({"begins": NOW + DAY, "ends": NOW + YEAR}, "cert-not-yet-valid"),
        (
            {"issuer": "mail.example.com", "signer": key("rsa2048", 0)},
            "cert-self-signed",
        ),
        ({"bad_signature": True}, "cert-untrusted"),
    ],
)
def test_certificate_that_clients_refuse(
    tmp_path: Path, changes: dict[str, Any], rule: str
) -> None:
    plan = server(**changes)

    assert severities(tmp_path, shown(plan)) == {rule: "medium"}
    assert severities(tmp_path, shown(plan, port=25)) == {rule: "info"}
    assert severities(tmp_path, shown(plan, kind=OnLoopback)) == {rule: "low"}


def test_certificate_ends_when_it_ends(tmp_path: Path) -> None:
    last_day = server(ends=NOW + DAY / 24)

    (finding,) = found(tmp_path, shown(server(ends=NOW - DAY / 24)))
    assert finding["evidence"][0]["seen"] == (
        "CN=mail.example.com,O=Test, valid until 2026-05-31"
    )
    assert severities(tmp_path, shown(last_day)) == {EXPIRING: "low"}


def test_evidence_is_where_the_certificate_is_complete(tmp_path: Path) -> None:
    client, answer, *rest = handshake(server(ends=NOW - DAY).make())
    hello, chain = answer[1][: len(SERVER_HELLO)], answer[1][len(SERVER_HELLO) :]
    pieces = [(Side.SERVER, each) for each in (hello, chain[:300], chain[300:])]
    script = connection([client, *pieces, *rest])

    (finding,) = found(tmp_path, script)
    # the fourth is the first behind the handshake of TCP
    assert [each["frame"] for each in finding["evidence"]] == [7]
    (session,) = analyzer.analyze(tmp_path / "a.pcap").tables["sessions"].to_pylist()
    assert (session["tls_frame"], session["cert_frame"]) == (5, 7)
    assert session["tls_capture"] == session["capture"]


def test_certificate_above_the_server_has_expired(tmp_path: Path) -> None:
    middle = Plan("Middle", key("rsa2048", 2), "Root", ROOT.key, ends=NOW - DAY)
    middle.put(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    own = server(issuer="Middle", signer=middle.key)

    (finding,) = found(tmp_path, shown(own, middle))
    assert finding["rule"] == EXPIRED
    assert finding["evidence"][0]["seen"].endswith("one above it has expired")


@pytest.mark.parametrize(
    ("issuer", "title"),
    [
        ("Nobody", "Certificate whose issuer is not known"),
        ("Other", "Certificate of an authority that is not trusted"),
    ],
)
def test_authority_that_clients_may_know_is_info(
    tmp_path: Path, issuer: str, title: str
) -> None:
    other = Plan("Other", key("rsa2048", 3), "Other", key("rsa2048", 3))
    other.put(x509.BasicConstraints(ca=True, path_length=None), critical=True)

    (finding,) = found(tmp_path, shown(server(issuer=issuer, signer=other.key), other))

    assert (finding["rule"], finding["title"]) == (UNTRUSTED, title)
    assert (finding["severity"], finding["confidence"]) == ("info", "possible")


@pytest.mark.parametrize(
    ("life", "left", "expected"),
    [
        (365 * DAY, 31 * DAY, None),
        (365 * DAY, 29 * DAY, "info"),
        (365 * DAY, 6 * DAY, "low"),
        # those for a few days are always about to end
        (6 * DAY, 3 * DAY, None),
        (6 * DAY, 1.5 * DAY, "info"),
    ],
)
def test_certificate_expires_soon(
    tmp_path: Path, life: dt.timedelta, left: dt.timedelta, expected: str | None
) -> None:
    plan = server(begins=NOW + left - life, ends=NOW + left)

    assert severities(tmp_path, shown(plan)).get(EXPIRING) == expected


def test_days_before_the_end_can_be_set(tmp_path: Path) -> None:
    settings = Settings(rules={EXPIRING: RuleSettings(thresholds={"days": 10})})
    plan = server(ends=NOW + 20 * DAY)

    assert found(tmp_path, shown(plan), settings=settings) == []


def test_certificate_that_was_renewed_does_not_expire(tmp_path: Path) -> None:
    old = shown(server(ends=NOW + 10 * DAY))
    new = shown(server(serial=2), client_port=40_001)
    on_another_port = shown(server(serial=2), port=995, client_port=40_001)

    assert severities(tmp_path, old, new) == {}
    assert severities(tmp_path, old, on_another_port) == {EXPIRING: "info"}


def asked_for(name: bytes, *, went_on: bool = True, port: int = 993) -> PacketScript:
    hello = client_hello_body(extensions=[server_name(name)])
    steps = handshake(server().make(), client_hello=handshake_record(1, hello))
    if not went_on:
        steps[2:] = [(Side.CLIENT, alert(2, 42))]
    return connection(steps, port)


def test_certificate_is_for_another_name(tmp_path: Path) -> None:
    (finding,) = found(tmp_path, asked_for(b"imap.example.com"))

    assert (finding["rule"], finding["severity"]) == (OTHER_NAME, "medium")
    assert finding["evidence"][0]["seen"] == (
        "asked for imap.example.com, the certificate is for mail.example.com"
    )


def test_client_that_guesses_names_and_gives_up_is_low(tmp_path: Path) -> None:
    script = asked_for(b"imap.example.com", went_on=False)

    assert severities(tmp_path, script) == {OTHER_NAME: "low"}


def test_servers_need_no_name_of_each_other(tmp_path: Path) -> None:
    script = asked_for(b"imap.example.com", port=25)

    assert severities(tmp_path, script) == {OTHER_NAME: "info"}


def test_finding_is_about_one_certificate_of_a_server(tmp_path: Path) -> None:
    scripts = [
        shown(server(serial=serial, ends=NOW - DAY), client_port=40_000 + place)
        for place, serial in enumerate((1, 1, 2))
    ]

    counts = [each["session_count"] for each in found(tmp_path, *scripts)]
    assert sorted(counts) == [1, 2]


def test_what_tls_1_3_hides_is_not_judged() -> None:
    analysis = analysis_of("imap-implicit-tls")
    with_secrets = decrypted("imap-implicit-tls")

    assert findings_of(analysis, rules=certificates.RULES) == []
    (finding,) = findings_of(with_secrets, rules=certificates.RULES)
    assert finding["rule"] == UNTRUSTED


def test_certificate_of_a_real_server_is_judged() -> None:
    (finding,) = named(findings_of(analysis_of("imap-starttls")), UNTRUSTED)

    assert finding["severity"] == "info"
    assert "issued by CN=Example Lab Root CA" in finding["evidence"][0]["seen"]


def test_certificate_that_can_not_be_read_is_a_finding(tmp_path: Path) -> None:
    script = connection(handshake(b"garbage"))

    assert severities(tmp_path, script) == {UNTRUSTED: "medium"}
