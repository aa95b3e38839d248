from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

from analyzer.findings.registry import rules
from tests.support import commands

if TYPE_CHECKING:
    from pathlib import Path


run = partial(commands.run, "rules")


def test_all_rules_are_listed() -> None:
    listed = run()

    assert (listed.exit_code, listed.stderr) == (0, "")
    assert set(rules()) <= set(listed.stdout.split())
    assert [rule["id"] for rule in json.loads(run("--json").stdout)] == [*rules()]


def test_rule_is_explained() -> None:
    text, (as_json,) = (
        run("open-relay").stdout,
        json.loads(run("open-relay", "--json").stdout),
    )
    rule = rules()["open-relay"]

    for told in (rule.title, rule.proof, rule.remedy, *rule.references):
        assert told in text
    assert as_json["proof"] == rule.proof
    assert as_json["severity"] == "critical"
    assert as_json["units"] == {"domains": "count", "window_s": "seconds"}
    assert as_json["per"] == ["server_ip", "server_port"]


def test_rule_that_there_is_not_is_wrong_use() -> None:
    near, far = run("open-rely"), run("zzz")

    assert (near.exit_code, far.exit_code) == (2, 2)
    assert "There is no rule 'open-rely': did you mean open-relay" in near.stderr
    assert "There is no rule 'zzz': `mailtap rules` lists them" in far.stderr


def test_rules_are_told_as_they_are_set(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text(
        "[rules.open-relay]\nenabled = false\n"
        '[rules.password-guessing]\nseverity = "info"\nfailures = 3\n'
    )

    told = json.loads(run("--json", "--config", path).stdout)

    by_id = {rule["id"]: rule for rule in told}
    assert not by_id["open-relay"]["enabled"]
    assert by_id["password-guessing"]["severity"] == "info"
    assert by_id["password-guessing"]["thresholds"]["failures"] == 3
    assert "disabled" in run("open-relay", "--config", path).stdout
