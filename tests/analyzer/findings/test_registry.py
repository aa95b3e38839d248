from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from analyzer.findings.registry import BUILTIN, rules
from analyzer.tables.schema import SESSIONS

if TYPE_CHECKING:
    from analyzer.findings.rule import Rule

_ID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


def test_ids_are_used_once() -> None:
    assert list(rules()) == [rule.id for rule in BUILTIN]


@pytest.mark.parametrize("rule", BUILTIN, ids=lambda rule: rule.id)
def test_rule_says_all_that_people_need(rule: Rule) -> None:
    assert _ID.fullmatch(rule.id)
    assert rule.title
    assert not rule.title.endswith(".")
    assert rule.remedy.endswith(".")
    assert rule.proof.endswith(".")
    assert set(rule.per) <= {"account", *SESSIONS.arrow.names}
