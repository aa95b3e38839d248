from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

import analyzer
from analyzer.runs import monitor as monitor_module
from analyzer.runs.monitor import Monitor
from analyzer.tables.parts import read_parts
from analyzer.tables.results import Results
from analyzer.tables.store import Store
from tests.support.analyses import CAPTURES, analysis_of, rows
from tests.support.captures import packet, pcap
from tests.support.replay import Replay
from tests.support.traffic import PacketScript, write_pcap

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

    from analyzer.sessions.columns import Row


def watch(path: Path, folder: Path, **limits: float) -> tuple[Monitor, list[Row]]:
    monitor = Monitor(Replay(path), Store(folder))
    news = [row for rows in monitor.run(**limits) for row in rows]  # type: ignore[arg-type]
    return monitor, news


@pytest.fixture(autouse=True)
def _writes_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monitor_module, "WRITE_S", 0.02)


@pytest.mark.parametrize("name", CAPTURES)
def test_stored_tables_are_those_of_an_analysis(name: str, tmp_path: Path) -> None:
    expected = analysis_of(name)

    monitor, news = watch(CAPTURES[name], tmp_path / "tables")

    result = monitor.result()
    assert result.tables == expected.tables
    assert (result.packets, result.undecoded) == (expected.packets, expected.undecoded)
    assert result.dropped == 3
    assert monitor.started == monitor.ended == len(news) == len(expected.sessions)


def test_session_is_told_once_when_its_streams_end(tmp_path: Path) -> None:
    path = write_pcap(
        tmp_path / "a.pcap",
        PacketScript(110).server(b"+OK hi\r\n").close(),
        PacketScript(110, client_port=40_001, start_ms=5000).server(b"+OK hi\r\n"),
    )
    monitor = Monitor(Replay(path, packets=1), Store(tmp_path / "tables"))

    told = [len(rows) for rows in monitor.run()]

    first_ends = next(at for at, count in enumerate(told) if count)
    assert first_ends < 8
    # what is still open is told at the end
    assert (sum(told), told[-1]) == (2, 1)
    assert [row["ended"] for row in rows(monitor.result())] == ["closed", "open"]


def test_packets_that_come_behind_the_end_are_counted(tmp_path: Path) -> None:
    dialogue = PacketScript(110).server(b"+OK hi\r\n").close()
    again = dialogue.packets[3]
    dialogue.wait(500)
    dialogue.packets.append(again._replace(time_ns=dialogue.packets[-1].time_ns + 1))
    path = write_pcap(tmp_path / "a.pcap", dialogue)

    monitor, news = watch(path, tmp_path / "tables")

    (row,) = rows(monitor.result())
    assert len(news) == 1
    assert row["retransmitted_bytes"] == 8
    assert monitor.result().tables == analyzer.analyze(path).tables


def test_count_ends_the_watch(tmp_path: Path) -> None:
    monitor, _ = watch(CAPTURES["office"], tmp_path / "tables", count=3)

    assert 3 <= monitor.ended < 29
    assert len(monitor.result().sessions) == monitor.started


def test_time_ends_the_watch(tmp_path: Path) -> None:
    monitor, _ = watch(CAPTURES["office"], tmp_path / "tables", duration_s=0.0)

    assert monitor.packets < analysis_of("office").packets


def test_interface_that_goes_down_ends_the_watch_in_order(tmp_path: Path) -> None:
    live = Replay(CAPTURES["pop3-apop"], failure="the interface went down")
    monitor = Monitor(live, Store(tmp_path / "tables"))

    told = sum(len(rows) for rows in monitor.run())

    assert told == len(monitor.result().sessions) == 1
    assert [each.reason for each in monitor.result().problems] == [
        "the interface went down"
    ]


def test_interface_that_goes_before_any_mail_came_is_a_problem(tmp_path: Path) -> None:
    path = write_pcap(
        tmp_path / "a.pcap", PacketScript(80).client(b"GET / HTTP/1.1\r\n")
    )
    live = Replay(path, failure="the interface was removed")
    monitor = Monitor(live, Store(tmp_path / "tables"))

    told = [row for rows in monitor.run() for row in rows]

    assert told == []
    assert [each.reason for each in monitor.result().problems] == [live.failure]


def test_what_is_counted_is_stored_while_no_session_ends(tmp_path: Path) -> None:
    strange = packet(1, b"no packet of that link layer", link_type=147)
    (tmp_path / "a.pcap").write_bytes(pcap([strange] * 50, network=147))
    folder = tmp_path / "tables"
    live = Replay(tmp_path / "a.pcap", packets=1)

    stored = [Results({}, [])]
    for _ in Monitor(live, Store(folder)).run():
        stored.append(read_parts(folder))
        time.sleep(0.002)

    seen = sorted({(each.packets, each.undecoded.total()) for each in stored[:-1]})
    assert len(seen) > 3
    assert all(packets == undecoded for packets, undecoded in seen)
    assert stored[-2].dropped == 3


def test_disk_that_is_full_for_a_while_loses_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "tables"
    monitor = Monitor(Replay(CAPTURES["office"]), Store(folder))
    parts, away = folder / "parts", folder / "away"
    parts.rename(away)
    parts.write_bytes(b"")

    for at, _ in enumerate(monitor.run()):
        if at == 50:
            parts.unlink()
            away.rename(parts)

    assert len(monitor.problems) == 1
    assert monitor.problems[0].endswith("mailtap will try again")
    assert monitor.result().tables == analysis_of("office").tables


def test_disk_that_stays_full_is_said_before_the_end(tmp_path: Path) -> None:
    folder = tmp_path / "tables"
    monitor = Monitor(Replay(CAPTURES["pop3-apop"], packets=5000), Store(folder))
    (folder / "parts").rename(folder / "away")
    (folder / "parts").write_bytes(b"")

    said = []
    for _ in monitor.run():
        said += monitor.problems
        monitor.problems.clear()

    assert len(said) == 2
    assert "can't be made" in said[0]
    assert said[1] == "the last rows could not be written, and are lost"


def test_rows_are_handed_on_before_they_are_stored(tmp_path: Path) -> None:
    taken: list[tuple[int, int, bool]] = []

    def take(
        closed: dict[str, pa.Table], recent: dict[str, pa.Table], is_last: bool
    ) -> list[str]:
        taken.append((len(closed["sessions"]), len(recent["sessions"]), is_last))
        return ["a rule failed"] * is_last

    monitor = Monitor(
        Replay(CAPTURES["office"]), Store(tmp_path / "tables"), on_rows=take
    )
    for _ in monitor.run():
        pass

    assert sum(stay for stay, _, _ in taken) == 29
    _, may_change, is_last = taken[-1]
    assert (may_change, is_last) == (0, True)
    assert monitor.problems == ["a rule failed"]
