"""Rules about TLS, with handshakes of OpenSSL and, for what it won't do, by hand."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import pytest

import analyzer
from analyzer.findings import certificates, tls
from tests.support.analyses import analysis_of
from tests.support.captures import START_NS
from tests.support.chains.certificates import Plan, key
from tests.support.findings import findings_of, named
from tests.support.tls.mail import CLIENT, SERVER, Turns, play
from tests.support.tls.openssl import Settings, folder
from tests.support.tls.sessions import connection, handshake
from tests.support.tls.wire import (
    CLIENT_HELLO,
    alert,
    client_hello_body,
    handshake_record,
    server_hello_body,
    server_name,
    supported_versions,
    uint16s,
    vector,
)
from tests.support.traffic import PacketScript, write_pcap

if TYPE_CHECKING:
    from pathlib import Path

    from dissectors.events import Side

DIALOGUE: Turns = [
    (SERVER, b"* OK ready\r\n"),
    (CLIENT, b"a LOGOUT\r\n"),
    (SERVER, b"* BYE\r\na OK\r\n"),
]
TLS_1_2 = ssl.TLSVersion.TLSv1_2
OLD = "tls-obsolete-version"
CIPHER = "tls-weak-cipher"
STATIC = "tls-no-forward-secrecy"
KEY = "tls-weak-key"
SIGNATURE = "tls-weak-signature"
FAILED = "tls-handshake-failed"
NOT_POST_QUANTUM = "tls-not-post-quantum"
X25519, X25519MLKEM768 = 29, 4588


def found(folder: Path, *scripts: PacketScript) -> list[tuple[str, str, str]]:
    """Rule, severity and what was seen, of all about TLS but quantum computers."""
    analysis = analyzer.analyze(write_pcap(folder / "a.pcap", *scripts))
    return [
        (each["rule"], each["severity"], each["evidence"][0]["seen"])
        for each in findings_of(analysis, rules=tls.RULES)
        if each["rule"] != NOT_POST_QUANTUM
    ]


def by_openssl(
    version: ssl.TLSVersion = TLS_1_2, ciphers: str = "ALL", port: int = 993
) -> PacketScript:
    """A session between two ends of OpenSSL that accept nothing else."""
    settings = Settings(version=version, ciphers=ciphers)
    return connection(play(settings, DIALOGUE).steps, port)


def choice(version: int = 0x0303, suite: int = 0xC02F, group: int = 0) -> bytes:
    """A ServerHello; with a group it is one of TLS 1.3."""
    share = uint16s(group) + vector(2, b"key")
    extensions = [(43, b"\3\4"), (51, share)] if group else None
    return handshake_record(2, server_hello_body(version, suite, extensions))


def dhe(bits: int) -> bytes:
    """The key exchange of DHE with a group that has no name."""
    prime = ((1 << bits) - 1).to_bytes(bits // 8)
    body = vector(2, prime) + vector(2, b"\2") * 2
    return handshake_record(12, body + uint16s(0x0401) + vector(2, b"signature"))


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        (
            ssl.TLSVersion.TLSv1,
            [(OLD, "medium", "TLSv1.0; the client offered TLSv1.0")],
        ),
        (
            ssl.TLSVersion.TLSv1_1,
            [(OLD, "medium", "TLSv1.1; the client offered TLSv1.1")],
        ),
        (TLS_1_2, []),
        (ssl.TLSVersion.TLSv1_3, []),
    ],
    ids=str,
)
def test_old_version_is_obsolete(
    tmp_path: Path, version: ssl.TLSVersion, expected: list[tuple[str, str, str]]
) -> None:
    assert found(tmp_path, by_openssl(version)) == expected


def test_old_version_is_less_bad_between_servers(tmp_path: Path) -> None:
    script = by_openssl(ssl.TLSVersion.TLSv1, port=25)

    assert found(tmp_path, script) == [
        (OLD, "low", "TLSv1.0; the client offered TLSv1.0")
    ]


def test_old_version_of_a_real_server_is_obsolete() -> None:
    (finding,) = named(findings_of(analysis_of("tls10")), OLD)

    assert (finding["severity"], finding["confidence"]) == ("medium", "proven")
    assert (finding["client_ip"], finding["mender"]) == (None, "server")
    (evidence,) = finding["evidence"]
    # where Wireshark shows the ServerHello
    assert (evidence["side"], evidence["frame"]) == ("server", 12)


def test_ssl_is_high(tmp_path: Path) -> None:
    script = connection(handshake(server_hello=choice(0x0300)))

    assert [each[:2] for each in found(tmp_path, script)] == [(OLD, "high")]


def test_what_a_client_offers_is_nothing_against_the_server(tmp_path: Path) -> None:
    offer = handshake_record(
        1,
        client_hello_body(
            suites=(0x0005, 0x000A, 0x0034, 0x002F, 0xC02F),
            extensions=[
                server_name(b"mail.example.com"),
                supported_versions(0x0303, 0x0302, 0x0301, 0x0300),
                (13, vector(2, uint16s(0x0201, 0x0101))),
            ],
        ),
    )

    assert found(tmp_path, connection(handshake(client_hello=offer))) == []


@pytest.mark.parametrize(
    ("ciphers", "port", "expected"),
    [
        ("eNULL", 993, {CIPHER: "high"}),
        ("eNULL", 25, {CIPHER: "medium"}),
        ("ADH", 993, {CIPHER: "high"}),
        ("ADH", 25, {CIPHER: "info"}),
        ("kRSA", 993, {STATIC: "low"}),
        ("kRSA", 25, {STATIC: "info"}),
        ("ECDHE", 993, {}),
        ("DHE", 993, {}),
    ],
)
def test_suite_is_weak(
    tmp_path: Path, ciphers: str, port: int, expected: dict[str, str]
) -> None:
    severities = {
        each[0]: each[1]
        for each in found(tmp_path, by_openssl(ciphers=ciphers, port=port))
    }

    assert severities == expected


@pytest.mark.parametrize(
    ("suite", "severity"), [(0xC011, "high"), (0xC012, "medium")], ids=["RC4", "3DES"]
)
def test_suite_that_openssl_has_no_more_is_weak(
    tmp_path: Path, suite: int, severity: str
) -> None:
    script = connection(handshake(server_hello=choice(suite=suite)))

    assert [each[:2] for each in found(tmp_path, script)] == [(CIPHER, severity)]


@pytest.mark.parametrize(
    ("bits", "port", "expected"),
    [
        (512, 993, [(KEY, "high", "DH 512")]),
        (1024, 993, [(KEY, "medium", "DH 1024")]),
        (1024, 25, [(KEY, "low", "DH 1024")]),
        (2048, 993, []),
    ],
)
def test_group_is_small(
    tmp_path: Path, bits: int, port: int, expected: list[tuple[str, str, str]]
) -> None:
    steps = handshake(server_hello=choice(suite=0x009E), server_key_exchange=dhe(bits))

    assert found(tmp_path, connection(steps, port)) == expected


@pytest.mark.parametrize(
    ("kind", "digest", "expected"),
    [
        ("rsa1024", "sha256", [(KEY, "medium", "RSA 1024")]),
        (
            "rsa2048",
            "sha1",
            [(SIGNATURE, "medium", "sha1WithRSAEncryption")],
        ),
        (
            "rsa2048",
            "md5",
            [(SIGNATURE, "medium", "md5WithRSAEncryption")],
        ),
        ("rsa2048", "sha256", []),
        ("ec-secp256r1", "sha256", []),
    ],
)
def test_certificate_is_weak(
    tmp_path: Path, kind: str, digest: str, expected: list[tuple[str, str, str]]
) -> None:
    signer = key("rsa2048", 1)
    made = Plan("mail.example.com", key(kind, 0), "CA", signer, digest=digest).make()

    assert found(tmp_path, connection(handshake(made))) == expected
    relayed = found(tmp_path, connection(handshake(made), 25))
    assert [each[1] for each in relayed] == ["info" for _ in expected]


def test_signature_of_a_root_does_not_count(tmp_path: Path) -> None:
    own = key("rsa2048", 1)
    root = Plan("CA", own, "CA", own, digest="sha1").make()
    server = Plan("mail.example.com", key("rsa2048", 0), "CA", own).make()

    assert found(tmp_path, connection(handshake(server, root))) == []


def test_client_refuses_the_certificate() -> None:
    (finding,) = named(findings_of(analysis_of("imap-untrusted-certificate")), FAILED)

    assert (finding["severity"], finding["client_ip"] is not None) == ("medium", True)
    (evidence,) = finding["evidence"]
    assert "client fatal unknown_ca" in evidence["seen"]
    # where Wireshark shows the alert
    assert (evidence["side"], evidence["frame"]) == ("client", 15)


def test_handshake_fails_between_servers() -> None:
    (finding,) = named(findings_of(analysis_of("smtp-starttls-failed")), FAILED)

    assert finding["severity"] == "info"


def test_handshake_fails_once(tmp_path: Path) -> None:
    refusal = [(CLIENT, CLIENT_HELLO), (SERVER, alert(2, 40))]
    failed = connection(refusal)
    later = connection(handshake(), client_port=40_001)

    ((rule, severity, seen),) = found(tmp_path, failed)
    assert (rule, severity) == (FAILED, "low")
    assert "client_hello: server fatal handshake_failure" in seen
    assert [each[:2] for each in found(tmp_path, failed, later)] == [(FAILED, "info")]


def test_handshake_that_was_not_captured_in_full_has_not_failed(tmp_path: Path) -> None:
    script = PacketScript(993).client(CLIENT_HELLO).lose(SERVER, 500)
    script.server(choice()).close()

    assert found(tmp_path, script) == []


@pytest.mark.parametrize(
    ("offered", "chosen", "expected"),
    [
        ((X25519MLKEM768, X25519), X25519MLKEM768, []),
        ((X25519MLKEM768, X25519), X25519, ["x25519, and the client offered better"]),
        ((X25519,), X25519, ["x25519, and the client offered nothing better"]),
    ],
)
def test_group_does_not_withstand_quantum_computers(
    tmp_path: Path, offered: tuple[int, ...], chosen: int, expected: list[str]
) -> None:
    extensions = [
        supported_versions(0x0304),
        (10, vector(2, uint16s(*offered))),
        server_name(b"mail.example.com"),
    ]
    offer = client_hello_body(suites=(0x1301,), extensions=extensions)
    steps: list[tuple[Side, bytes]] = [
        (CLIENT, handshake_record(1, offer)),
        (SERVER, choice(suite=0x1301, group=chosen) + SEALED),
        (CLIENT, SEALED),
        (SERVER, SEALED),
    ]
    analysis = analyzer.analyze(write_pcap(tmp_path / "a.pcap", connection(steps)))

    shown = named(findings_of(analysis), NOT_POST_QUANTUM)
    assert [each["evidence"][0]["seen"] for each in shown] == expected
    assert {each["severity"] for each in shown} <= {"info"}


SEALED = bytes((23,)) + uint16s(0x0303) + vector(2, b"\xa5" * 60)


def test_key_exchange_of_rsa_does_not_withstand_quantum_computers() -> None:
    assert named(findings_of(analysis_of("tls10")), NOT_POST_QUANTUM)


def test_ordinary_traffic_shows_nothing_above_info(tmp_path: Path) -> None:
    now_ms = (int((folder() / "rsa.pem").stat().st_mtime) * 10**9 - START_NS) // 10**6
    recorded = [
        (play(Settings(version=version), DIALOGUE).steps, port)
        for version, port in (
            (ssl.TLSVersion.TLSv1_3, 993),
            (TLS_1_2, 993),
            (TLS_1_2, 587),
            (TLS_1_2, 25),
        )
    ]
    scripts = [
        connection(
            steps,
            port,
            client_port=40_000 + 10 * number + place,
            start_ms=now_ms + 20 * number,
        )
        for number in range(55)
        for place, (steps, port) in enumerate(recorded)
    ]
    capture = write_pcap(tmp_path / "a.pcap", *scripts)
    trusted = tmp_path / "ca.pem"
    trusted.write_bytes(
        b"".join((folder() / f"{name}.pem").read_bytes() for name in ("rsa", "ecdsa"))
    )
    analysis = analyzer.analyze(capture, ca=trusted)

    assert len(analysis.sessions) == 220
    assert {each["severity"] for each in findings_of(analysis)} == {"info"}
    assert set(analysis.sessions["cert_status"].dropna()) == {"valid"}


@pytest.mark.parametrize("name", ["negative-http", "pop3-user-pass"])
def test_traffic_without_tls_has_no_finding_about_it(name: str) -> None:
    about_tls = (*tls.RULES, *certificates.RULES)

    assert findings_of(analysis_of(name), rules=about_tls) == []
