from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import analyzer
from analyzer.reports import channel_of
from tests.support.analyses import analysis_of
from tests.support.tls import wire
from tests.support.traffic import ACK, CLIENT, FIN, SYN, PacketScript, write_pcap

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("capture", "expected"),
    [
        ("pop3-user-pass", "plaintext"),
        ("smtp-starttls-refused", "plaintext"),
        ("smtp-relay-starttls", "starttls"),
        ("smtp-implicit-tls", "implicit"),
        ("imap-implicit-tls", "implicit"),
        ("smtp-starttls-failed", "failed"),
        ("imap-untrusted-certificate", "failed"),
    ],
)
def test_channel_is_what_was_seen(capture: str, expected: str) -> None:
    sessions = analysis_of(capture).sessions

    assert set(channel_of(sessions)) == {expected}


def test_session_in_which_nothing_was_said_is_unknown() -> None:
    sessions = analysis_of("pop3-user-pass").sessions.assign(
        client_bytes=0, server_bytes=0
    )

    assert set(channel_of(sessions)) == {"unknown"}


def test_handshake_of_which_one_direction_was_captured_is_unknown(
    tmp_path: Path,
) -> None:
    hello = PacketScript(993, handshake=False).send(CLIENT, flags=SYN)
    hello.client(wire.CLIENT_HELLO).send(CLIENT, flags=FIN | ACK)
    sessions = analyzer.analyze(write_pcap(tmp_path / "a.pcap", hello)).sessions

    assert set(channel_of(sessions)) == {"unknown"}
    assert sessions["failure"].isna().all()
