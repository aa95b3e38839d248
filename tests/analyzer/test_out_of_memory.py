"""When memory runs out nevertheless: what was found is told, and what to do."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import analyzer
from analyzer.cli.main import main
from analyzer.runs import pipeline
from captures import Partition
from dissectors import ImapDialogue
from tests.support.analyses import DEMO, analysis_of
from tests.support.traffic import PacketScript, write_pcap

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

MB = 1 << 20
# more than a budget of 160 MiB can be with it, less than all takes without one
_RUN = """
import resource, sys
import pandas, pyarrow, analyzer.terminal.summary
from captures.tcp import budget
from analyzer.cli.main import main
budget.MAX_HELD_BYTES = 1 << 40
with open("/proc/self/statm") as file:
    now = int(file.read().split()[0]) * resource.getpagesize()
limit = now + (%d << 20)
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
main(sys.argv[1:])
"""


def pending(path: Path, connections: int) -> Path:
    """Connections with many commands that nobody answers."""
    commands = [
        b"".join(b"a%d NOOP\r\n" % (at + each) for each in range(100))
        for at in range(0, 1000, 100)
    ]

    def talk(number: int) -> PacketScript:
        dialogue = PacketScript(143, client_port=1_024 + number, handshake=False)
        dialogue.server(b"* OK ready\r\n")
        for each in commands:
            dialogue.client(each)
        return dialogue

    return write_pcap(path / "a.pcap", *map(talk, range(connections)))


def test_what_was_found_until_memory_ran_out_is_told(tmp_path: Path) -> None:
    path = pending(tmp_path, 1500)

    run = subprocess.run(
        [sys.executable, "-c", _RUN % 700, "analyze", "--json", path],
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 1, run.stderr
    assert "Traceback" not in run.stderr
    assert run.stderr.startswith("mailtap: memory: it ran out; what was found until")
    assert "ulimit" in run.stderr
    summary = json.loads(run.stdout)
    assert summary["sessions"] > 100
    assert summary["problems"][0]["capture"] == "memory"


def test_no_memory_for_anything_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(pipeline, "find_sessions", fail)
    status = None
    try:
        main(["analyze", str(DEMO)])
    except SystemExit as error:
        status = error.code

    assert status == 1
    assert capsys.readouterr().err.startswith("mailtap: memory ran out. Allow more")


def test_out_of_memory_is_no_bug_of_a_dissector(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(ImapDialogue, "line_reader", fail)
    dialogue = PacketScript(143).server(b"* OK ready\r\n").client(b"a NOOP\r\n")
    analysis = analyzer.analyze(write_pcap(tmp_path / "a.pcap", dialogue))

    assert list(map(list, analysis.sessions["anomalies"])) == [["cut_short"]]
    assert list(analysis.sessions["protection"]) == ["unknown"]
    assert len(analysis.sessions) == 1
    assert [each.capture for each in analysis.problems] == ["memory"]


def test_sessions_of_the_process_that_was_not_killed_are_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read_partition = pipeline._read_partition
    whole = analysis_of("office")

    def read(*arguments: object) -> object:
        if arguments[2] != Partition(0, 2):
            os.kill(os.getpid(), signal.SIGKILL)
        return read_partition(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(pipeline, "_read_partition", read)
    analysis = analyzer.analyze(DEMO, processes=2)

    assert 0 < len(analysis.sessions) < len(whole.sessions)
    (problem,) = analysis.problems
    assert "1 of 2 processes were killed" in str(problem)


def test_little_address_space_is_enough_for_a_small_capture() -> None:
    run = subprocess.run(
        [sys.executable, "-c", _RUN % 300, "analyze", "--json", DEMO],
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout)["sessions"] == 29
