from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from analyzer.findings import registry
from analyzer.findings.judgement import inferred_own, judge
from analyzer.findings.settings import Own, RuleSettings, Settings
from tests.support.analyses import analysis_of

if TYPE_CHECKING:
    import pandas as pd
    import pytest

    from analyzer.findings.facts import Facts


def test_all_rules_are_asked() -> None:
    findings, problems, _ = judge(analysis_of("office").tables)

    assert "plaintext-password" in findings["rule"].to_pylist()
    assert problems == []


def test_settings_count() -> None:
    settings = Settings(rules={"plaintext-password": RuleSettings(enabled=False)})

    findings, *_ = judge(analysis_of("office").tables, settings)

    assert "plaintext-password" not in findings["rule"].to_pylist()


def test_rule_that_fails_is_named_and_all_others_are_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(_facts: Facts) -> pd.DataFrame:
        raise RuntimeError("not today")

    password, *others = registry.BUILTIN
    broken = (replace(password, find=fail), *others)
    before, *_ = judge(analysis_of("office").tables)
    monkeypatch.setattr(registry, "BUILTIN", broken)

    after, problems, _ = judge(analysis_of("office").tables)

    (problem,) = problems
    assert problem == (
        "the rule plaintext-password failed, and tells nothing "
        "(RuntimeError: not today)"
    )
    assert after["rule"].to_pylist() == [
        rule for rule in before["rule"].to_pylist() if rule != password.id
    ]


def test_what_is_inferred_to_be_one_s_own_is_said() -> None:
    tables = analysis_of("office").tables

    assert inferred_own(tables) == (
        "One's own is not named (--config), and taken to be private addresses, "
        "2 servers (192.0.2.10, 2001:db8:2::10), 1 domain (example.com)"
    )


def test_what_is_said_to_be_one_s_own_is_not_inferred() -> None:
    said = Settings(own=Own(domains=frozenset({"example.com"})))

    assert inferred_own(analysis_of("office").tables, said) is None
