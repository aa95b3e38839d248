from __future__ import annotations

from analyzer.findings.abuse import RULES
from analyzer.findings.rule import SERVER


def test_rules_are_of_one_theme() -> None:
    assert {rule.theme for rule in RULES} == {"abuse"}


def test_no_crowd_takes_the_place_of_a_client() -> None:
    beside_servers = {rule.id for rule in RULES if set(SERVER) < set(rule.per)}

    assert beside_servers == set()
