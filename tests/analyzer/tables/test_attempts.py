from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import analyzer
from analyzer import reports
from analyzer.runs.monitor import Monitor
from analyzer.tables import attempts
from analyzer.tables.attempts import AttemptCount
from analyzer.tables.folder import read_folder, write_folder
from analyzer.tables.store import Store
from analyzer.terminal.summary import summary_json
from tests.support.analyses import rows
from tests.support.replay import Replay
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

SERVER_IP, CLIENT_IP = PacketScript.server_ip, PacketScript.client_ip


def scan(count: int, *, refused: bool = True) -> list[PacketScript]:
    """Attempts to reach POP3, and one session among them."""
    found = [PacketScript(110, client_port=39_000).server(b"+OK hi\r\n").close()]
    for number in range(count):
        attempt = PacketScript(
            110, client_port=40_000 + number, start_ms=number, handshake=False
        ).send(CLIENT, flags=SYN)
        found.append(attempt.send(SERVER, flags=RST | ACK) if refused else attempt)
    # says nothing
    found.append(PacketScript(993, client_port=39_001, start_ms=2).close())
    return found


@pytest.fixture(autouse=True)
def _small_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "MAX_ROWS", 10)


@pytest.mark.parametrize("refused", [True, False])
def test_attempts_are_counted_and_the_first_ones_have_rows(
    tmp_path: Path, *, refused: bool
) -> None:
    path = write_pcap(tmp_path / "a.pcap", *scan(30, refused=refused))
    expected = analyzer.analyze(path)
    ended = "refused" if refused else "unanswered"

    assert expected.attempts == [
        AttemptCount(CLIENT_IP, SERVER_IP, 110, ended, 30),
        AttemptCount(CLIENT_IP, SERVER_IP, 993, "closed", 1),
    ]
    assert expected.attempts_without_row == 21
    ports = [row["client_port"] for row in rows(expected)]
    assert sorted(ports) == [39_000, 39_001, *range(40_000, 40_009)]
    for processes in (2, 3):
        found = analyzer.analyze(path, processes=processes)
        assert found.tables == expected.tables
        assert found.attempts == expected.attempts
        assert found.attempts_without_row == 21


def test_monitor_counts_the_same(tmp_path: Path) -> None:
    path = write_pcap(tmp_path / "a.pcap", *scan(30))
    expected = analyzer.analyze(path)
    monitor = Monitor(Replay(path), Store(tmp_path / "tables"))

    news = [row for told in monitor.run() for row in told]

    result = monitor.result()
    assert (result.attempts, result.attempts_without_row) == (expected.attempts, 21)
    assert monitor.started == monitor.ended == len(news) == len(result.sessions) == 11


def test_too_many_pairs_are_counted_by_server_and_by_client(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "_MAX_KEYS", 20)
    found = []
    for number in range(30):
        attempt = PacketScript(25, start_ms=number, handshake=False)
        attempt.client_ip = f"192.0.2.{number}"
        found.append(attempt.send(CLIENT, flags=SYN))
    path = write_pcap(tmp_path / "a.pcap", *found)

    for processes in (1, 2):
        analysis = analyzer.analyze(path, processes=processes)
        flood = AttemptCount(None, SERVER_IP, 25, "unanswered", 30)
        assert analysis.attempts == [flood]

    # the other way round: one client tries many servers
    for each in found:
        each.client_ip, each.server_ip = CLIENT_IP, each.client_ip
        each.packets.clear()
        each.send(CLIENT, flags=SYN)
    analysis = analyzer.analyze(write_pcap(path, *found))
    scanner = AttemptCount(CLIENT_IP, None, 25, "unanswered", 30)
    assert analysis.attempts == [scanner]


def test_counts_are_shown_and_kept(tmp_path: Path) -> None:
    analysis = analyzer.analyze(write_pcap(tmp_path / "a.pcap", *scan(30)))
    write_folder(analysis, tmp_path / "tables", "csv")

    again = read_folder(tmp_path / "tables")

    assert (again.attempts, again.attempts_without_row) == (analysis.attempts, 21)
    shown = reports.attempts(again)
    assert shown["attempts"].tolist() == [30, 1]
    assert '"ended": "refused"' in summary_json(again)
    assert reports.not_read(again)["count"].tolist() == [21]


def test_capture_without_attempts_has_no_counts(tmp_path: Path) -> None:
    analysis = analyzer.analyze(write_pcap(tmp_path / "a.pcap", scan(0)[0]))
    assert len(reports.attempts(analysis)) == 0
