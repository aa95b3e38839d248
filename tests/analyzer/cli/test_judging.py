from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from analyzer.cli import main
from analyzer.findings import judgement
from tests.support.analyses import CAPTURES, DEMO
from tests.support.commands import run

if TYPE_CHECKING:
    from pathlib import Path

    from analyzer.findings.judgement import Judgement

APOP, USER = CAPTURES["pop3-apop"], CAPTURES["pop3-user-pass"]
each_command = pytest.mark.parametrize("command", ["analyze", "findings"])


def found(*arguments: str | Path) -> list[dict[str, str]]:
    shown = run("findings", *arguments, "--json").stdout
    rows: list[dict[str, str]] = json.loads(shown)["findings"]
    return rows


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


@each_command
def test_rule_that_is_disabled_fails_no_check(command: str, tmp_path: Path) -> None:
    rules = {row["rule"] for row in found(APOP)}
    text = "".join(f"[rules.{rule}]\nenabled = false\n" for rule in rules)
    config = write(tmp_path / "a.toml", text)

    assert run(command, APOP, "--fail-on", "info").exit_code == 3
    result = run(command, APOP, "--fail-on", "info", "--config", config)
    assert (result.exit_code, result.stderr) == (0, "")


@each_command
def test_mistakes_are_told_with_file_and_line_and_status_2(
    command: str, tmp_path: Path
) -> None:
    config = write(tmp_path / "a.toml", "[own]\nx = 1\ny = 2\n")

    result = run(command, "/nowhere.pcap", "--config", config)

    assert result.exit_code == 2
    keys = "it is one of networks, domains, servers"
    assert result.stderr.splitlines() == [
        f"mailtap: {config}:2: there is no key 'x': {keys}",
        f"mailtap: {config}:3: there is no key 'y': {keys}",
    ]


@each_command
@pytest.mark.parametrize("option", ["--config", "--accept", "--baseline"])
def test_file_that_is_missing_is_told_before_captures_are_read(
    command: str, option: str
) -> None:
    result = run(command, "/nowhere.pcap", option, "/missing")

    assert result.exit_code == 1
    assert result.stderr.startswith("mailtap: /missing: there ")
    assert result.stderr.count("\n") == 1


def test_findings_of_a_baseline_are_not_new(tmp_path: Path) -> None:
    run("analyze", "-q", APOP, "-o", f"{tmp_path}/before/")
    baseline = ["--baseline", str(tmp_path / "before")]

    same = run("findings", APOP, *baseline, "--fail-on", "info")
    other = run("findings", USER, *baseline, "--fail-on", "high")

    assert (same.exit_code, other.exit_code) == (0, 3)
    assert {row["standing"] for row in found(APOP, *baseline)} == {"unchanged"}
    assert {"new", "gone"} <= {row["standing"] for row in found(USER, *baseline)}


@each_command
def test_accepted_findings_fail_no_check_until_their_day(
    command: str, tmp_path: Path
) -> None:
    entries = [
        f'[[accept]]\nid = "{row["finding_id"]}"\nreason = "old"\n'
        for row in found(APOP)
    ]
    accept = write(tmp_path / "a.toml", "".join(entries))
    before = write(tmp_path / "b.toml", "until = 2020-01-01\n".join([*entries, ""]))

    accepted = run(command, APOP, "--accept", accept, "--fail-on", "info")
    expired = run(command, APOP, "--accept", before, "--fail-on", "info")

    assert (accepted.exit_code, accepted.stderr) == (0, "")
    assert "accepted finding" in accepted.stdout
    assert expired.exit_code == 3
    lines = expired.stderr.splitlines()
    assert len(lines) == len(entries)
    assert all("was accepted until 2020-01-01: it counts again" in e for e in lines)


def test_folder_of_findings_has_those_of_this_run_alone(tmp_path: Path) -> None:
    run("analyze", "-q", USER, "-o", f"{tmp_path}/before/")
    baseline = ["--baseline", str(tmp_path / "before")]

    run("analyze", "-q", APOP, "-o", f"{tmp_path}/now/", *baseline)

    lines = (tmp_path / "now" / "findings.jsonl").read_text().splitlines()
    ids = [json.loads(line)["finding_id"] for line in lines]
    assert ids == [row["finding_id"] for row in found(APOP)]


def test_output_does_not_replace_the_settings(tmp_path: Path) -> None:
    config = write(tmp_path / "a.csv", "")

    result = run("analyze", DEMO, "--config", config, "-o", config)

    assert result.exit_code == 1
    assert "this is what is to be read: name another file" in result.stderr


def test_rules_are_not_asked_for_a_table_of_sessions_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def judge(*_arguments: object) -> Judgement:
        raise AssertionError

    monkeypatch.setattr(judgement, "judge", judge)
    table = tmp_path / "a.csv"

    assert run("analyze", "-q", APOP, "-o", table).exit_code == 0
    with pytest.raises(AssertionError):
        CliRunner().invoke(
            main, ["analyze", "-q", str(APOP), "-o", f"{tmp_path}/"],
            catch_exceptions=False, env={"MAILTAP_TRACEBACK": "1"},
        )  # fmt: skip
