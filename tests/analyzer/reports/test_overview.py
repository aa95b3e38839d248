from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pytest

import analyzer
from analyzer import reports
from tests.support.analyses import CAPTURES, analysis_of, rows_of
from tests.support.traffic import (
    ACK,
    CLIENT,
    RST,
    SERVER,
    SYN,
    PacketScript,
    write_pcap,
)

if TYPE_CHECKING:
    from pathlib import Path

    from analyzer import Analysis


def pop3(
    number: int, login: bytes | None = None, *, accepted: bool = False
) -> PacketScript:
    dialogue = PacketScript(110, client_port=40_000 + number, start_ms=number)
    dialogue.server(b"+OK hi\r\n")
    if login:
        dialogue.client(b"USER " + login + b"\r\n").server(b"+OK\r\n")
        dialogue.client(b"PASS hush\r\n")
        dialogue.server(b"+OK in\r\n" if accepted else b"-ERR no\r\n")
    return dialogue


@pytest.fixture
def small(tmp_path: Path) -> Analysis:
    dialogues = [
        pop3(1, b"tom", accepted=True).close(),
        pop3(2, b"tom", accepted=True).close(),
        pop3(3, b"zoe").close(),
        pop3(4).send(CLIENT, flags=RST | ACK),
        PacketScript(25, client_port=50_000, handshake=False).send(CLIENT, flags=SYN),
    ]
    return analyzer.analyze(write_pcap(tmp_path / "a.pcap", *dialogues))


def test_services_are_counted(small: Analysis) -> None:
    services = reports.by_service(small.sessions).to_dict("records")

    pop3_row, smtp_row = services
    assert (pop3_row["service"], smtp_row["service"]) == ("pop3", "smtp")
    assert (pop3_row["sessions"], smtp_row["sessions"]) == (4, 1)
    assert (pop3_row["encrypted"], pop3_row["encrypted_share"]) == (0, 0)
    assert (pop3_row["plaintext_logins"], pop3_row["failed_logins"]) == (3, 1)


def test_services_of_the_office_add_up() -> None:
    services = reports.by_service(analysis_of("office").sessions)

    sessions = rows_of("office")
    assert services["sessions"].sum() == len(sessions)
    assert services["encrypted"].sum() == sum(bool(r["tls_version"]) for r in sessions)
    assert services["bytes"].sum() == sum(
        row["client_bytes"] + row["server_bytes"] for row in sessions
    )
    assert list(services["sessions"]) == sorted(services["sessions"], reverse=True)


def test_plaintext_logins_are_grouped(small: Analysis) -> None:
    logins = reports.plaintext_logins(small.sessions)

    told = logins[["auth_user", "auth_result", "sessions"]]
    assert list(told.itertuples(index=False, name=None)) == [
        ("tom", "success", 2),
        ("zoe", "failure", 1),
    ]


def test_each_session_has_one_failure(small: Analysis) -> None:
    failures = reports.failed(small.sessions)

    told = {row["failure"]: row["sessions"] for row in failures.to_dict("records")}
    assert told == {"login-failed": 1, "connection-reset": 1, "no-answer": 1}


def test_addresses_are_ranked() -> None:
    sessions = analysis_of("office").sessions

    clients = reports.busiest(sessions, "client", limit=3)
    servers = reports.busiest(sessions, "server")

    assert list(clients.columns) == ["client_ip", "sessions", "peers", "bytes"]
    assert list(clients["sessions"]) == sorted(clients["sessions"], reverse=True)
    assert len(clients) == 3
    assert servers["sessions"].sum() == len(sessions)
    assert servers["server_ip"].is_unique


def test_slowest_answers_are_ranked() -> None:
    sessions = analysis_of("office").sessions

    slowest = reports.slowest(sessions)

    assert len(slowest) == 10
    assert slowest["slowest_s"].is_monotonic_decreasing
    assert slowest["slowest_s"].iloc[0] == sessions["slowest_s"].max()


def test_versions_of_tls_are_counted() -> None:
    versions = reports.tls_versions(analysis_of("office").sessions)

    assert versions["sessions"].sum() == sum(
        bool(r["tls_version"]) for r in rows_of("office")
    )


@pytest.mark.parametrize("name", CAPTURES)
def test_encryption_needs_a_version(name: str) -> None:
    sessions = analysis_of(name).sessions

    encrypted = reports.is_encrypted(sessions)

    assert not encrypted.isna().any()
    assert sessions["tls_version"].notna()[encrypted].all()


@pytest.mark.parametrize(
    "name",
    ["imap-untrusted-certificate", "smtp-starttls-failed", "smtp-starttls-refused"],
)
def test_upgrade_that_failed_encrypts_nothing(name: str) -> None:
    assert list(reports.is_encrypted(analysis_of(name).sessions)) == [False]


def test_hello_without_an_answer_encrypts_nothing(tmp_path: Path) -> None:
    hello = bytes.fromhex("16030100310100002d0303") + bytes(32)
    dialogue = PacketScript(993).client(hello + bytes.fromhex("0000021301010000020000"))
    analysis = analyzer.analyze(write_pcap(tmp_path / "a.pcap", dialogue.close()))

    assert list(analysis.sessions["tls_mode"]) == ["implicit"]
    assert not reports.is_encrypted(analysis.sessions).any()


def test_what_was_not_read_is_told(tmp_path: Path) -> None:
    path = write_pcap(
        tmp_path / "a.pcap", PacketScript(110).lose(SERVER, 9).server(b"x").close()
    )
    analysis = analyzer.analyze(path)
    analysis.undecoded["something odd"] = 3
    analysis.connections_evicted = 2

    told = reports.not_read(analysis).to_dict("records")

    assert told == [
        {"what": "something odd", "count": 3, "unit": "packets"},
        {"what": "payload that was not captured", "count": 9, "unit": "bytes"},
        {
            "what": "given up to stay within memory",
            "count": 2,
            "unit": "connections",
        },
    ]


@pytest.mark.parametrize("name", CAPTURES)
def test_every_report_works_on_every_capture(name: str) -> None:
    analysis = analysis_of(name)
    sessions = analysis.sessions

    made = [
        reports.by_service(sessions),
        reports.plaintext_logins(sessions),
        reports.tls_versions(sessions),
        reports.busiest(sessions, "client"),
        reports.busiest(sessions, "server"),
        reports.slowest(sessions),
        reports.failed(sessions),
        reports.not_read(analysis),
    ]

    assert all(isinstance(report, pd.DataFrame) for report in made)
    if sessions.empty:
        assert all(report.empty for report in made)


def test_refused_connection_is_nowhere_plaintext_or_reset(tmp_path: Path) -> None:
    dialogue = PacketScript(993, handshake=False).send(CLIENT, flags=SYN)
    dialogue.send(SERVER, flags=RST | ACK)
    sessions = analyzer.analyze(write_pcap(tmp_path / "a.pcap", dialogue)).sessions

    (service,) = reports.by_service(sessions).to_dict("records")
    assert (service["sessions"], service["plaintext_logins"]) == (1, 0)
    assert pd.isna(service["encrypted_share"])
    assert reports.encrypted_share(sessions) is None
    assert list(reports.channel_of(sessions)) == ["unknown"]
    assert reports.by_verdict(sessions)["verdict"].tolist() == ["unknown"]
    (port,) = reports.plaintext_ports(sessions).to_dict("records")
    assert (port["plaintext"], port["unknown"]) == (0, 1)
    assert port["verdict"] == "nobody got in: no connection was accepted"
    assert reports.failed(sessions)["failure"].tolist() == ["connection-refused"]


def test_versions_are_those_of_handshakes_that_succeeded() -> None:
    sessions = analysis_of("imap-untrusted-certificate").sessions

    assert sessions["tls_version"].notna().any()
    assert reports.tls_versions(sessions).empty
    assert reports.by_tls_version(sessions).empty
