from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from analyzer.findings import registry
from analyzer.findings.judgement import judge
from analyzer.findings.settings import RuleSettings, Settings
from tests.support.analyses import analysis_of

if TYPE_CHECKING:
    import pandas as pd
    import pytest

    from analyzer.findings.facts import Facts


def test_all_rules_are_asked() -> None:
    findings, problems = judge(analysis_of("office").tables)

    assert "plaintext-password" in findings["rule"].to_pylist()
    assert problems == []


def test_settings_count() -> None:
    settings = Settings(rules={"plaintext-password": RuleSettings(enabled=False)})

    findings, _ = judge(analysis_of("office").tables, settings)

    assert "plaintext-password" not in findings["rule"].to_pylist()


def test_rule_that_fails_is_named_and_all_others_are_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(_facts: Facts) -> pd.DataFrame:
        raise RuntimeError("not today")

    password, *others = registry.BUILTIN
    broken = (replace(password, find=fail), *others)
    before, _ = judge(analysis_of("office").tables)
    monkeypatch.setattr(registry, "BUILTIN", broken)

    after, problems = judge(analysis_of("office").tables)

    (problem,) = problems
    assert problem == (
        "the rule plaintext-password failed, and tells nothing "
        "(RuntimeError: not today)"
    )
    assert after["rule"].to_pylist() == [
        rule for rule in before["rule"].to_pylist() if rule != password.id
    ]
