from __future__ import annotations

from analyzer.findings.abuse import RULES


def test_rules_are_of_one_theme() -> None:
    assert {rule.theme for rule in RULES} == {"abuse"}


def test_no_crowd_takes_the_place_of_a_client() -> None:
    # who is told of servers and ports may be told of them alone
    assert not {rule.id for rule in RULES if "server_ip" in rule.per}
