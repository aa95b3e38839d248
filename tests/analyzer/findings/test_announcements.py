from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import analyzer
from tests.support.analyses import analysis_of
from tests.support.findings import findings_of, named
from tests.support.traffic import PacketScript, write_pcap

if TYPE_CHECKING:
    from pathlib import Path

    from analyzer import Analysis


def frames(analysis: Analysis, rule: str) -> list[tuple[str, int]]:
    (finding,) = named(findings_of(analysis), rule)
    return [(each["side"], each["frame"]) for each in finding["evidence"]]


@pytest.mark.parametrize(
    ("name", "rule", "frame"),
    [
        # the answer to EHLO, the greeting of IMAP, the answer to CAPA
        ("smtp-auth-cram-md5", "plaintext-login-offered", 8),
        ("imap-login-plain", "plaintext-login-offered", 4),
        ("pop3-user-pass", "plaintext-login-offered", 8),
        ("smtp-relay-plain", "starttls-unused", 8),
        # its greeting
        ("smtp-starttls-failed", "unusual-port", 4),
    ],
)
def test_proof_is_the_packet_that_says_so(name: str, rule: str, frame: int) -> None:
    assert frames(analysis_of(name), rule) == [("server", frame)]


def test_offer_behind_a_refused_one_is_meant(tmp_path: Path) -> None:
    script = (
        PacketScript(25)
        .server(b"220 mx\r\n")
        .client(b"EHLO x\r\n")
        .server(b"501 5.5.4 no such name\r\n")
        .client(b"EHLO x.example.com\r\n")
        .server(b"250-mx\r\n250 AUTH PLAIN\r\n")
        .close()
    )

    analysis = analyzer.analyze(write_pcap(tmp_path / "a.pcap", script))

    assert frames(analysis, "plaintext-login-offered") == [("server", 8)]


def test_session_without_a_known_offer_is_shown_by_its_first_packet(
    tmp_path: Path,
) -> None:
    script = (
        PacketScript(2526)
        .client(b"EHLO mx.example.com\r\n")
        .server(b"250-mx.example.org\r\n250 PIPELINING\r\n")
        .close()
    )

    analysis = analyzer.analyze(write_pcap(tmp_path / "a.pcap", script))

    assert frames(analysis, "unusual-port") == [("server", 1)]
