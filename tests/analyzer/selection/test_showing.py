from __future__ import annotations

from dataclasses import replace
from typing import NoReturn

import pytest

from analyzer.findings import registry
from analyzer.findings.settings import Settings
from analyzer.selection.mistake import FindingChoiceError
from analyzer.selection.showing import sessions_of_findings
from tests.support.analyses import analysis_of

OFFICE = analysis_of("office")
FIRST, *_, LAST = OFFICE.findings.to_dict("records")


def ids_of(*names: str) -> set[str]:
    ids: list[str] = sessions_of_findings(names, OFFICE.tables, Settings()).to_pylist()
    return set(ids)


def test_finding_is_shown_by_its_sessions() -> None:
    assert ids_of(FIRST["finding_id"][:8]) == set(FIRST["session_ids"])


def test_rules_and_findings_can_be_asked_for_together() -> None:
    both = ids_of(LAST["finding_id"], FIRST["rule"])

    assert both == ids_of(FIRST["rule"]) | set(LAST["session_ids"])
    assert ids_of() == set()


def test_finding_that_is_not_there_is_named() -> None:
    with pytest.raises(FindingChoiceError, match=r"^there is no finding ffff$"):
        ids_of("ffff")
    with pytest.raises(FindingChoiceError, match=r"^\d\d findings begin with : "):
        ids_of("")


def test_rule_that_fails_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> NoReturn:
        raise ValueError("bad")

    name = "plaintext-password"
    failing = replace(registry.rules()[name], find=fail)
    monkeypatch.setattr(registry, "rules", lambda: {name: failing})

    with pytest.raises(FindingChoiceError, match="the rule plaintext-password failed"):
        ids_of(name)
