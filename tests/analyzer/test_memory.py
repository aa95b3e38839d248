"""All connections together stay within one budget, and what it costs is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import analyzer
from analyzer import reports
from analyzer.sessions import reader as session_reader
from captures.tcp import budget
from tests.support.traffic import PacketScript, write_pcap

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from analyzer import Analysis

CONNECTIONS = 60
LOGIN = b"a1 LOGIN tom secret\r\n"


def commands(count: int) -> bytes:
    return b"".join(b"a%d NOOP\r\n" % number for number in range(count))


def imap(number: int, *, handshake: bool = True) -> PacketScript:
    dialogue = PacketScript(143, client_port=40_000 + number, handshake=handshake)
    return dialogue.server(b"* OK ready\r\n")


@pytest.fixture
def little(monkeypatch: pytest.MonkeyPatch) -> None:
    """A budget of 1 MB."""
    monkeypatch.setattr(budget, "MAX_HELD_BYTES", 1_000_000)


def cut_short(analysis: Analysis) -> list[bool]:
    """Of each session, whether it was cut short."""
    return ["cut_short" in each for each in analysis.sessions["anomalies"]]


def analyze(path: Path, *dialogues: PacketScript, processes: int = 1) -> Analysis:
    write_pcap(path / "a.pcap", *dialogues)
    return analyzer.analyze(path / "a.pcap", processes=processes)


@pytest.mark.usefixtures("little")
def test_unanswered_commands_of_many_connections_are_cut_short(tmp_path: Path) -> None:
    analysis = analyze(
        tmp_path, *(imap(n).client(commands(100)) for n in range(CONNECTIONS))
    )

    sessions = analysis.sessions
    assert len(sessions) == CONNECTIONS
    assert 0 < sum(cut_short(analysis)) < CONNECTIONS
    assert list(sessions["complete"]) == [not each for each in cut_short(analysis)]
    assert set(sessions["protection"][cut_short(analysis)]) == {"unknown"}
    # each packet counts, read or not
    assert set(sessions["client_bytes"]) == {len(commands(100))}
    told = reports.not_read(analysis).set_index("what")["count"]
    assert told["cut short to stay within memory"] == sum(cut_short(analysis))


@pytest.mark.usefixtures("little")
def test_password_before_a_session_was_cut_short_is_still_exposed(
    tmp_path: Path,
) -> None:
    analysis = analyze(
        tmp_path,
        *(
            imap(n).client(LOGIN).server(b"a1 OK\r\n").client(commands(100))
            for n in range(CONNECTIONS)
        ),
    )

    assert any(cut_short(analysis))
    assert set(analysis.sessions["protection"]) == {"plaintext-login"}
    assert set(analysis.sessions["auth_user"]) == {"tom"}


@pytest.mark.usefixtures("little")
def test_answered_commands_cost_no_session_its_end(tmp_path: Path) -> None:
    def talk(number: int) -> PacketScript:
        dialogue = imap(number)
        for tag in range(100):
            dialogue.client(b"a%d NOOP\r\n" % tag).server(b"a%d OK\r\n" % tag)
        return dialogue.client(b"b LOGOUT\r\n").server(b"* BYE\r\nb OK\r\n").close()

    analysis = analyze(tmp_path, *map(talk, range(CONNECTIONS // 2)))

    assert not any(cut_short(analysis))
    assert set(analysis.sessions["state"]) == {"logout"}
    counts = analysis.exchanges.groupby("session_id").size()
    # with greeting and LOGOUT
    assert set(counts) == {102}
    verbs = analysis.exchanges.groupby("session_id")["verb"].agg(list)
    assert all("LOGOUT" in each[-2:] for each in verbs)


@pytest.mark.usefixtures("little")
def test_packets_without_a_verdict_are_cut_short(tmp_path: Path) -> None:
    def drip(number: int) -> Iterator[PacketScript]:
        dialogue = PacketScript(143, client_port=40_000 + number)
        for _ in range(200):
            dialogue.client(b"x")
        yield dialogue

    analysis = analyze(tmp_path, *(each for n in range(80) for each in drip(n)))

    assert all(cut_short(analysis)) or not len(analysis.sessions)


@pytest.mark.usefixtures("little")
def test_compression_of_many_connections_is_cut_short(tmp_path: Path) -> None:
    def compress(number: int) -> PacketScript:
        return (
            PacketScript(143, client_port=40_000 + number)
            .server(b"* PREAUTH ready\r\n")
            .client(b"a COMPRESS DEFLATE\r\n")
            .server(b"a OK\r\n")
        )

    analysis = analyze(tmp_path, *map(compress, range(CONNECTIONS)))

    assert 0 < sum(cut_short(analysis)) < CONNECTIONS


@pytest.mark.usefixtures("little")
def test_recipients_of_many_connections_stay_within_memory(tmp_path: Path) -> None:
    def deliver(number: int) -> PacketScript:
        dialogue = PacketScript(25, client_port=40_000 + number).server(b"220 x\r\n")
        dialogue.client(b"EHLO x\r\n").server(b"250 x\r\n")
        dialogue.client(b"MAIL FROM:<a@b>\r\n").server(b"250 x\r\n")
        for each in range(10):
            dialogue.client(
                b"".join(b"RCPT TO:<%d-%d@b>\r\n" % (each, at) for at in range(50))
            ).server(b"250 x\r\n" * 50)
        return dialogue

    analysis = analyze(tmp_path, *map(deliver, range(CONNECTIONS)))

    assert analysis.connections_evicted + sum(cut_short(analysis)) > 0
    told = reports.not_read(analysis)["what"].tolist()
    assert "given up to stay within memory" in told


@pytest.mark.usefixtures("little")
def test_processes_share_one_budget(tmp_path: Path) -> None:
    dialogues = [imap(n).client(commands(100)) for n in range(CONNECTIONS)]

    alone = analyze(tmp_path, *dialogues)
    together = analyze(tmp_path, *dialogues, processes=2)

    assert len(together.sessions) == CONNECTIONS
    assert abs(sum(cut_short(alone)) - sum(cut_short(together))) < CONNECTIONS / 4


def test_rows_of_a_long_session_are_made_before_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def talk() -> PacketScript:
        dialogue = imap(1).client(b"z IDLE\r\n").server(b"+ idling\r\n")
        for tag in range(300):
            dialogue.client(b"a%d NOOP\r\n" % tag).server(b"a%d OK\r\n" % tag)
        dialogue.client(b"b SELECT x\r\n").server(b"b NO there is none\r\n")
        for tag in range(300):
            dialogue.client(b"c%d NOOP\r\n" % tag).server(b"c%d OK\r\n" % tag)
        return dialogue.close()

    whole = analyze(tmp_path, talk())
    monkeypatch.setattr(session_reader, "_MANY_DETAILS", 20)
    monkeypatch.setattr(session_reader, "_LAST_EXCHANGES", 5)
    early = analyze(tmp_path, talk())

    assert whole.sessions.equals(early.sessions)
    assert whole.sessions["failure"].tolist() == ["mailbox-refused"]

    def ordered(analysis: Analysis) -> list[object]:
        return sorted(analysis.exchanges["argument"].fillna("").tolist())

    assert len(whole.exchanges) == len(early.exchanges)
    assert ordered(whole) == ordered(early)
