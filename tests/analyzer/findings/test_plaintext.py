"""Rules about plaintext, with traffic of real servers and clients."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import analyzer
from tests.support.analyses import analysis_of
from tests.support.findings import findings_of, named
from tests.support.starttls import begin_tls, hello, upgrade
from tests.support.traffic import PacketScript, write_pcap

if TYPE_CHECKING:
    from pathlib import Path


def severities(name: str, rule: str) -> list[str]:
    return [each["severity"] for each in named(findings_of(analysis_of(name)), rule)]


def test_password_that_was_accepted_is_high() -> None:
    (finding,) = named(findings_of(analysis_of("pop3-user-pass")), "plaintext-password")

    assert (finding["severity"], finding["confidence"]) == ("high", "proven")
    assert finding["account"] is not None
    (evidence,) = finding["evidence"]
    assert (evidence["side"], evidence["seen"]) == ("client", "USER, success")


def test_password_that_was_refused_is_medium() -> None:
    assert severities("smtp-auth-plain-failed", "plaintext-password") == ["medium"]


def test_challenge_is_no_password() -> None:
    assert severities("smtp-auth-cram-md5", "plaintext-challenge") == ["medium"]
    assert severities("smtp-auth-cram-md5", "plaintext-password") == []


@pytest.mark.parametrize(
    ("names", "severity"),
    [
        (b"PLAIN", "low"),
        (b"CRAM-MD5 LOGIN", "low"),
        (b"CRAM-MD5 X-UNKNOWN", "low"),
        (b"CRAM-MD5", "info"),
        (b"DIGEST-MD5 SCRAM-SHA-256-PLUS GSSAPI", "info"),
    ],
)
def test_offer_with_which_no_password_crosses_is_info(
    names: bytes, severity: str, tmp_path: Path
) -> None:
    offer = hello(b"250-mx\r\n250 AUTH " + names + b"\r\n")
    analysis = analyzer.analyze(write_pcap(tmp_path / "a.pcap", offer))

    (finding,) = named(findings_of(analysis), "plaintext-login-offered")

    assert finding["severity"] == severity


def test_login_inside_tls_is_no_finding() -> None:
    assert severities("smtp-submission-starttls-tls13", "plaintext-password") == []
    assert severities("smtp-submission-starttls-tls13", "starttls-unused") == []


def test_loopback_stays_below_medium(tmp_path: Path) -> None:
    assert severity_of_login(OnLoopback(110), tmp_path) == "low"
    assert severity_of_login(PacketScript(110), tmp_path) == "high"


class OnLoopback(PacketScript):
    """A client of its own host."""

    client_ip = server_ip = "127.0.0.1"


def severity_of_login(dialogue: PacketScript, folder: Path) -> str:
    dialogue.server(b"+OK hi\r\n").client(b"USER ann\r\n").server(b"+OK\r\n")
    dialogue.client(b"PASS secret\r\n").server(b"+OK in\r\n")
    analysis = analyzer.analyze(write_pcap(folder / "a.pcap", dialogue))
    (finding,) = named(findings_of(analysis), "plaintext-password")
    severity: str = finding["severity"]
    return severity


def test_mail_that_crossed_before_starttls_is_in_plaintext(tmp_path: Path) -> None:
    def of(dialogue: PacketScript) -> list[str | None]:
        analysis = analyzer.analyze(write_pcap(tmp_path / "a.pcap", dialogue))
        found = named(findings_of(analysis), "plaintext-submission")
        return [row["evidence"][0]["seen"] for row in found]

    sent = hello().client(b"MAIL FROM:<a@example.com>\r\n").server(b"250 ok\r\n")
    sent.client(b"RCPT TO:<b@example.org>\r\n").server(b"250 ok\r\n")
    sent.client(b"DATA\r\n").server(b"354 go\r\n")
    sent.client(b"Subject: x\r\n\r\nx\r\n.\r\n").server(b"250 queued\r\n")
    sent.client(b"STARTTLS\r\n").server(b"220 go\r\n")

    assert of(begin_tls(sent).close()) == ["mail before STARTTLS"]
    assert of(upgrade()) == []
