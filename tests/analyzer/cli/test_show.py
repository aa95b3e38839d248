from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import analyzer
from tests.support import commands
from tests.support.analyses import CAPTURES, DEMO, rows_of
from tests.support.traffic import PacketScript, write_pcap

if TYPE_CHECKING:
    from click.testing import Result

# somebody who submits in plaintext
NAME = "smtp-submission-plain-auth-login"
CAPTURE = CAPTURES[NAME]
SESSION = rows_of(NAME)[0]["session_id"]


def run(*arguments: str | Path, command: str = "show") -> Result:
    return commands.run(command, *arguments)


def test_dialogue_is_shown_for_people_and_programs() -> None:
    text, document = run(SESSION[:6], CAPTURE), run(SESSION[:6], CAPTURE, "--json")

    assert text.exit_code == document.exit_code == 0
    assert text.stdout.startswith(f"{SESSION}  submission  ")
    told = json.loads(document.stdout)
    assert told["session"]["session_id"] == SESSION
    assert all(step["text"] in text.stdout for step in told["steps"])
    assert told["display_filter"] in text.stdout
    assert {each["rule"] for each in told["findings"]} >= {"plaintext-password"}
    assert "[plaintext-password]" in text.stdout


def test_folder_of_tables_has_every_line_while_its_captures_are_there(
    tmp_path: Path,
) -> None:
    capture = Path(shutil.copy(CAPTURE, tmp_path))
    run(capture, "-q", "-o", f"{tmp_path}/tables/", command="analyze")

    whole = json.loads(run(SESSION, tmp_path / "tables", "--json").stdout)
    capture.unlink()
    without = json.loads(run(SESSION, tmp_path / "tables", "--json").stdout)

    assert whole["has_lines"]
    assert not without["has_lines"]
    commands = [
        [step["text"] for step in shown["steps"] if step["kind"] == "command"]
        for shown in (whole, without)
    ]
    assert commands[0] == commands[1]
    assert len(whole["steps"]) == len(without["steps"]) + 4
    assert "Commands and answers only" in run(SESSION, tmp_path / "tables").stdout


def test_limit_says_what_it_leaves_out() -> None:
    result = run(SESSION, CAPTURE, "--limit", "3")

    assert "more steps: --limit" in result.stdout


def test_session_that_there_is_not_is_refused() -> None:
    none, several = run("zz", DEMO), run("a", DEMO)

    assert none.exit_code == several.exit_code == 1
    assert "there is no session 'zz'" in none.stderr
    assert "3 sessions begin with a" in several.stderr
    assert none.stdout == several.stdout == ""


def test_show_without_captures_is_wrong_use() -> None:
    result = run(SESSION)

    assert result.exit_code == 2
    assert "CAPTURE" in result.stderr


def test_session_without_findings_is_shown_as_well(tmp_path: Path) -> None:
    talk = PacketScript(25).server(b"220 x\r\n").client(b"NOOP\r\n")
    path = write_pcap(tmp_path / "a.pcap", talk.server(b"250 ok\r\n").close())
    [row] = analyzer.analyze(path).tables["sessions"].to_pylist()

    text, document = (run(row["session_id"], path, *how) for how in ([], ["--json"]))

    assert text.exit_code == document.exit_code == 0
    assert "250 ok" in text.stdout
    assert "Findings" not in text.stdout
    assert json.loads(document.stdout)["findings"] == []
