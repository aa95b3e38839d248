from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from analyzer.runs.monitor import Monitor
from analyzer.tables.export import write_table
from analyzer.tables.store import Store
from analyzer.terminal.live_view import LiveView
from tests.support.analyses import CAPTURES, DATA, analysis_of
from tests.support.findings import findings_of
from tests.support.replay import Replay

if TYPE_CHECKING:
    from pathlib import Path

SECRETS = (DATA / "secrets.txt").read_text(encoding="utf-8").splitlines()


def watch(
    name: str,
    folder: Path,
    *,
    terminal: bool = False,
    as_json: bool = False,
    quiet: bool = False,
) -> str:
    """What is printed while a capture is played back."""
    printed = io.StringIO()
    console = Console(file=printed, force_terminal=terminal, width=120, height=30)
    live = Replay(CAPTURES[name], packets=50)
    monitor = Monitor(live, Store(folder / "tables"))
    with LiveView(console, live, monitor, as_json=as_json, quiet=quiet) as view:
        for rows in monitor.run():
            view.show(rows)
    return printed.getvalue()


def test_each_session_has_a_line(tmp_path: Path) -> None:
    lines = watch("office", tmp_path).splitlines()

    assert len(lines) == 29
    assert sum("! password in plaintext" in line for line in lines) == 11


def test_json_lines_are_the_rows_of_the_table(tmp_path: Path) -> None:
    printed = watch("office", tmp_path, as_json=True)

    table = tmp_path / "sessions.jsonl"
    write_table(analysis_of("office").tables["sessions"], table)
    rows = [json.loads(line) for line in printed.splitlines()]
    # in the order in which they ended
    assert sorted(rows, key=lambda row: (row["start"], row["session_id"])) == [
        json.loads(line) for line in table.read_text().splitlines()
    ]


@pytest.mark.parametrize("terminal", [True, False])
def test_finding_has_a_line(terminal: bool, tmp_path: Path) -> None:
    printed = show_findings(tmp_path, terminal=terminal)

    assert "HIGH" in printed
    assert "Password in plaintext" in printed
    assert "[plaintext-password]" in printed


def test_json_of_a_finding_has_its_id(tmp_path: Path) -> None:
    lines = show_findings(tmp_path, as_json=True).splitlines()

    assert all(json.loads(line)["finding_id"] for line in lines)
    assert len(lines) > 1


def show_findings(
    folder: Path, *, terminal: bool = False, as_json: bool = False
) -> str:
    """What is printed of the findings of a capture."""
    printed = io.StringIO()
    console = Console(file=printed, force_terminal=terminal, width=120, height=30)
    live = Replay(CAPTURES["office"], packets=50)
    monitor = Monitor(live, Store(folder / "tables"))
    LiveView(console, live, monitor, as_json=as_json).show(
        [], findings_of(analysis_of("office"))
    )
    return printed.getvalue()


def test_terminal_shows_lines_and_a_status(tmp_path: Path) -> None:
    printed = watch("office", tmp_path, terminal=True)

    assert printed.count("password in plaintext") == 11
    for words in ("open", "done", "48%", "encrypted", "1,162", "packets", "dropped"):
        assert words in printed


@pytest.mark.parametrize("terminal", [True, False])
def test_quiet_prints_nothing(terminal: bool, tmp_path: Path) -> None:
    assert watch("office", tmp_path, terminal=terminal, quiet=True) == ""


@pytest.mark.parametrize("as_json", [True, False])
@pytest.mark.parametrize("name", CAPTURES)
def test_no_secret_is_printed(name: str, as_json: bool, tmp_path: Path) -> None:
    printed = watch(name, tmp_path, as_json=as_json)

    assert [each for each in SECRETS if each in printed] == []
