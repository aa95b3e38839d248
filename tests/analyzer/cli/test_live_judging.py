from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from analyzer.cli import live_judging
from analyzer.cli.judging import NOT_JUDGED, Standards
from analyzer.cli.live_judging import judge_stored, raise_findings
from analyzer.findings import registry
from analyzer.findings.acceptances import Acceptance
from analyzer.findings.settings import RuleSettings, Settings
from analyzer.tables.collection import empty_tables
from analyzer.tables.results import Results
from analyzer.tables.store import Store
from tests.support.analyses import analysis_of
from tests.support.findings import RULE

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from analyzer.findings.facts import Facts

STANDARDS = Standards(Settings(), None, {})
TABLES = analysis_of("pop3-user-pass").tables


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    store = Store(tmp_path / "tables", Results({}, ["eth0"]))
    store.add(TABLES, empty_tables())
    return store.folder


def raised_by(standards: Standards | None) -> list[dict[str, Any]]:
    raised: list[dict[str, Any]] = []
    take = raise_findings(standards, raised)
    if take is not None:
        assert take(TABLES, empty_tables(), True) == []
    return raised


def test_nothing_is_judged_without_standards(folder: Path) -> None:
    assert raised_by(None) == []
    assert judge_stored(folder, None, []) == NOT_JUDGED


def test_accepted_findings_are_not_raised_until_their_day() -> None:
    (first, *others) = raised_by(STANDARDS)
    from_then_on = replace_acceptances(first["finding_id"], None)
    over = replace_acceptances(first["finding_id"], dt.date(2020, 1, 1))

    assert [each["finding_id"] for each in raised_by(from_then_on)] == [
        each["finding_id"] for each in others
    ]
    assert len(raised_by(over)) == len(others) + 1


def replace_acceptances(finding_id: str, until: dt.date | None) -> Standards:
    return STANDARDS._replace(acceptances={finding_id: Acceptance("old", until)})


def test_settings_are_those_of_the_user(folder: Path) -> None:
    off = {"plaintext-password": RuleSettings(enabled=False)}
    standards = STANDARDS._replace(settings=Settings(rules=off))

    raised = {each["rule"] for each in raised_by(standards)}
    judged = judge_stored(folder, standards, []).findings

    assert judged is not None
    assert raised == set(judged["rule"].to_pylist())
    assert "plaintext-password" not in raised


def test_more_rows_than_fit_into_memory_are_not_judged_together(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(live_judging, "_MOST_DETAILS", 1)

    assert judge_stored(folder, STANDARDS, []) == NOT_JUDGED
    assert "there are more than 1 messages, too many" in capsys.readouterr().err


def test_rule_that_failed_before_is_not_said_to_fail_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_facts: Facts) -> pd.DataFrame:
        raise KeyError("no such column")

    broken = replace(RULE, id="broken-rule", find=fail)
    monkeypatch.setattr(registry, "BUILTIN", (broken,))
    problems: list[str] = []

    judge_stored(folder, STANDARDS, problems)
    judge_stored(folder, STANDARDS, problems)

    (problem,) = problems
    assert "the rule broken-rule failed" in problem
