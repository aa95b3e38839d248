from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

import analyzer
from analyzer import reports
from analyzer.runs.monitor import Monitor
from analyzer.tables.store import Store
from dissectors import Pop3Dialogue
from dissectors.events import AuthAttempted, Exchange, ExchangeKind, Exposure, Outcome
from tests.support.plugins import ECHO, echo, plugins
from tests.support.replay import Replay
from tests.support.traffic import PacketScript, write_pcap

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dissectors.events import Event, Side


class Broken(Pop3Dialogue):
    """Fails where the server says the wrong word, or at the end."""

    def __init__(self, word: bytes | None) -> None:
        super().__init__()
        self.word = word

    def pass_lines(self, side: Side, data: bytes) -> bytes:
        if self.word is not None and self.word in data:
            raise ZeroDivisionError("hunter2")
        return super().pass_lines(side, data)

    def finish(self) -> None:
        if self.word is None:
            raise ZeroDivisionError("hunter2")
        super().finish()


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    """A session of the plug-in's protocol on its port, and one of POP3."""
    echoes = PacketScript(7).server(b"ECHO ready\r\n").client(b"SAY hi\r\n")
    pop3 = PacketScript(110, client_port=5000, start_ms=99).server(b"+OK hi\r\n")
    pop3.client(b"QUIT\r\n").server(b"+OK\r\n").close()
    echoes.server(b"+OK 3 100\r\n").client(b"QUIT\r\n").server(b"+OK\r\n").close()
    return write_pcap(tmp_path / "talk.pcap", echoes, pop3)


def test_protocol_of_a_plugin_has_rows_like_any_other(talk: Path) -> None:
    with plugins() as install:
        install(ECHO)

        analysis = analyzer.analyze(talk)
        use = reports.protocol_use(analysis.sessions).set_index("protocol")

    assert list(analysis.sessions["protocol"]) == ["echo", "pop3"]
    assert list(analysis.sessions["service"]) == ["echo", "pop3"]
    assert set(analysis.sessions["role"]) == {"access"}
    # what POP3 alone is asked is not known of it
    assert analysis.sessions["messages_left"].isna().all()
    assert list(use["sessions"]) == [0, 0, 1, 1]
    assert not analysis.notes


def test_plugin_is_not_missed_where_it_is_not_installed(talk: Path) -> None:
    with plugins() as install:
        install(ECHO)
        sessions = analyzer.analyze(talk).sessions

    assert list(reports.protocol_use(sessions)["protocol"])[3:] == ["echo"]


def test_plugin_that_is_left_out_is_named_once(talk: Path) -> None:
    with plugins() as install:
        install(ImportError("no telepathy"))

        analysis = analyzer.analyze(talk)

    assert set(analysis.sessions["protocol"]) == {"pop3"}
    assert analysis.notes == [
        "the protocol plugin0 is left out (ImportError: no telepathy)"
    ]


@pytest.mark.parametrize("word", [b"ECHO", b"+OK 3", None])
def test_dissector_that_fails_takes_nothing_else_with_it(
    talk: Path, tmp_path: Path, word: bytes | None
) -> None:
    spec = echo(make=lambda _service: Broken(word))
    with plugins() as install:
        install(spec)

        analysis = analyzer.analyze([talk, talk])
        monitor = Monitor(Replay(talk), Store(tmp_path / "tables"))
        for _ in monitor.run():
            pass

    oddities = analysis.sessions.set_index("protocol")["anomalies"]
    assert "dissector_bug" in oddities["echo"]
    assert "dissector_bug" not in oddities["pop3"]
    (note,) = analysis.notes
    assert note.startswith("the dissector of echo, a plug-in, failed: ")
    assert monitor.notes == [note]
    assert "hunter2" not in note


class Saying(Pop3Dialogue):
    """Says the same of whatever it reads."""

    def __init__(self, event: Event) -> None:
        super().__init__()
        self.event = event

    def pass_lines(self, side: Side, data: bytes) -> bytes:
        self.reporter.events.append(self.event)
        return b""


class Quitting(Pop3Dialogue):
    """Ends the process, or tries to."""

    def pass_lines(self, side: Side, data: bytes) -> bytes:
        sys.exit(3)


class Unfinished(Pop3Dialogue):
    """Lacks all that it derives."""

    def __init__(self) -> None:
        pass


def fail() -> Pop3Dialogue:
    raise OSError("no such file")


@pytest.mark.parametrize("made", [Quitting, Unfinished, fail, lambda: None, object])
def test_what_is_wrong_with_a_dissector_ends_its_session_alone(
    talk: Path, tmp_path: Path, made: Callable[[], Any]
) -> None:
    # when the plug-in is loaded, all is well
    first = iter((Pop3Dialogue(), Pop3Dialogue()))
    with plugins() as install:
        install(echo(make=lambda _service: next(first, None) or made()))

        analysis = analyzer.analyze(talk)
        monitor = Monitor(Replay(talk), Store(tmp_path / "tables"))
        for _ in monitor.run():
            pass

    oddities = analysis.sessions.set_index("protocol")["anomalies"]
    assert list(oddities["echo"]) == ["dissector_bug"]
    assert list(oddities["pop3"]) == []
    assert len(analysis.notes) == len(monitor.notes) == 1


@pytest.mark.parametrize("user", ["al\udcffce", b"alice"])
def test_event_that_no_table_holds_is_a_bug_of_its_dissector(
    talk: Path, user: Any
) -> None:
    said = AuthAttempted("USER", user, Outcome.SUCCESS, Exposure.PASSWORD)
    with plugins() as install:
        install(echo(make=lambda _service: Saying(said)))

        analysis = analyzer.analyze(talk)

    oddities = analysis.sessions.set_index("protocol")["anomalies"]
    assert list(oddities["echo"]) == ["dissector_bug"]
    assert list(oddities["pop3"]) == []


def test_time_in_the_place_of_a_frame_ends_no_run(talk: Path) -> None:
    said = Exchange(1, ExchangeKind.COMMAND, "SAY", "hi", 1, 1_700_000_000_000_000_000)
    with plugins() as install:
        install(echo(make=lambda _service: Saying(said)))

        analysis = analyzer.analyze(talk)

    assert analysis.exchanges["request_frame"].isna()[0]


def test_make_that_fails_leaves_the_plugin_out(talk: Path) -> None:
    def fail(_service: object) -> Pop3Dialogue:
        raise RuntimeError("not today")

    with plugins() as install:
        install(echo(make=fail), echo(name="other", port=9, make=lambda _: 3))  # type: ignore[arg-type, return-value]

        analysis = analyzer.analyze(talk)

    assert set(analysis.sessions["protocol"]) == {"pop3"}
    assert [note.partition("(")[2] for note in analysis.notes] == [
        "RuntimeError: not today)",
        "TypeError: 3 is no Dialogue)",
    ]
