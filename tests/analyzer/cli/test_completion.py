"""What a shell is offered, asked as zsh asks."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest
from click.shell_completion import ShellComplete

from analyzer.cli import main
from analyzer.findings import registry
from tests.support.analyses import DEMO, analysis_of, rows_of
from tests.support.installed import COMMAND

if TYPE_CHECKING:
    from pathlib import Path

SESSIONS = [row["session_id"] for row in rows_of("office")]


def offered(*words: str) -> list[str]:
    """What the last word may become."""
    complete = ShellComplete(main, {}, "mailtap", "_MAILTAP_COMPLETE")
    return [each.value for each in complete.get_completions([*words[:-1]], words[-1])]


def kinds(*words: str) -> set[str]:
    complete = ShellComplete(main, {}, "mailtap", "_MAILTAP_COMPLETE")
    return {each.type for each in complete.get_completions([*words[:-1]], words[-1])}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["ana"], ["analyze"]),
        (["analyze", "--fail-on-"], []),
        (["analyze", "--keyl"], ["--keylog"]),
        (["analyze", "--format", "p"], ["parquet"]),
        (["analyze", "--port", "2525=s"], ["2525=smtp"]),
        (["analyze", "--port", "2525"], []),
        (["monitor", "-i", "lo"], ["lo"]),
        (["plaintext", "-i", "lo"], ["lo"]),
        (["sessions", "--service", "imap"], ["imap", "imaps"]),
        (["sessions", "--where", "tls_ver"], ["tls_version"]),
    ],
    ids=" ".join,
)
def test_words_of_mailtap_are_completed(words: list[str], expected: list[str]) -> None:
    assert offered(*words) == expected


@pytest.mark.parametrize(
    "words", [["rules"], ["findings", "--rule"], ["analyze", "--finding"]]
)
def test_rules_are_completed_with_their_titles(words: list[str]) -> None:
    expected = [name for name in registry.rules() if name.startswith("cert-")]

    assert offered(*words, "cert-") == expected
    assert len(expected) > 2


@pytest.mark.parametrize(
    "command", [("show",), ("cut", "-w", "x.pcapng"), ("cut", SESSIONS[1])]
)
@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_sessions_of_a_folder_that_is_named_are_completed(
    command: tuple[str, ...], kind: str, tmp_path: Path
) -> None:
    analysis_of("office").save(tmp_path / "out", file_format=kind)

    assert offered(*command, str(tmp_path / "out"), "") == SESSIONS
    assert offered(*command, str(tmp_path / "out"), SESSIONS[3][:7]) == [SESSIONS[3]]
    assert kinds(*command, str(tmp_path / "out"), "tests/da") == {"file"}


def test_folder_of_others_can_not_control_the_terminal(tmp_path: Path) -> None:
    analysis_of("office").save(tmp_path / "out", file_format="csv")
    path = tmp_path / "out" / "sessions.csv"
    text = path.read_text().replace(SESSIONS[0], "$(reboot)", 1)
    path.write_text(text.replace('"submission"', '"\x1b[31m"'))
    complete = ShellComplete(main, {}, "mailtap", "_MAILTAP_COMPLETE")

    items = complete.get_completions(["show", str(tmp_path / "out")], "")

    assert [each.value for each in items] == SESSIONS[1:]
    told = " ".join(str(each.help) for each in items)
    assert "\x1b" not in told
    assert "\\x1b" in told


def test_sessions_of_what_stands_behind_the_cursor_are_completed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("COMP_WORDS", f"mailtap show  '{DEMO}'")
    assert offered("show", SESSIONS[3][:7]) == [SESSIONS[3]]
    # it would take too long to read
    monkeypatch.setattr("analyzer.cli.naming._MAX_BYTES", 1000)
    assert kinds("show", SESSIONS[3][:7]) == {"file"}
    # none of these is said to be wrong while somebody types
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    (damaged / "analysis.json").write_text("{")
    monkeypatch.setenv("COMP_WORDS", f"mailtap show {damaged} /dev/null '")
    assert kinds("show", "") == {"file"}


@pytest.mark.parametrize("words", [["analyze"], ["report"], ["analyze", "--keylog"]])
def test_files_are_left_to_the_shell(words: list[str]) -> None:
    assert kinds(*words, "tests/da") == {"file"}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_command_prints_what_a_shell_loads(shell: str, tmp_path: Path) -> None:
    def ask(instruction: str, **more: str) -> str:
        done = subprocess.run(
            [COMMAND],
            env=os.environ | {"_MAILTAP_COMPLETE": f"{shell}_{instruction}"} | more,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stderr == ""
        return done.stdout

    assert f"{shell}_complete" in ask("source")
    words = {"COMP_WORDS": "mailtap protoc", "COMP_CWORD": "protoc"}
    if shell != "fish":
        words["COMP_CWORD"] = "1"
    assert "protocols" in ask("complete", **words)
