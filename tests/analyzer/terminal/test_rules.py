from __future__ import annotations

from dataclasses import replace

import pytest

from analyzer.findings.levels import Mender
from analyzer.findings.registry import rules
from analyzer.findings.rule import Kind
from analyzer.findings.settings import Settings
from analyzer.terminal.rules import print_rule, print_rules
from tests.support.findings import RULE
from tests.support.terminal import plain, printed


@pytest.mark.parametrize("width", [80, 120])
def test_rules_fit_on_terminals(width: int) -> None:
    text = printed(
        lambda console: print_rules(rules().values(), Settings(), console), width
    )

    words = plain(text)
    assert max(map(len, words.splitlines())) <= width
    assert set(rules()) <= set(words.split())


def test_all_that_a_rule_says_is_told() -> None:
    kind = Kind("Kind of it", Mender.NOBODY, "Wait.")
    rule = replace(
        RULE, thresholds={"most": 3}, references=("RFC 1", "RFC 2"), kinds={"k": kind}
    )

    text = printed(lambda console: print_rule(rule, Settings(), console))

    assert [line.strip() for line in text.splitlines() if line] == [
        "some-rule  low", "Something is wrong",
        "Proof", "It is seen.",
        "Remedy", "Mend it. Mended by the client.",
        "Kind of it", "Wait. Mended by nobody.",
        "Confidence", "proven",
        "References", "RFC 1; RFC 2",
        "Thresholds", "most = 3",
    ]  # fmt: skip


def test_what_gaps_weaken_is_told() -> None:
    rule = replace(RULE, rests_on_absence=True)

    text = printed(lambda console: print_rule(rule, Settings(), console))

    assert "proven; possible at most in sessions with gaps" in text


def test_rule_of_a_package_can_not_control_the_terminal() -> None:
    rule = replace(RULE, proof="\x1b[2J", title="\u202ex")

    for text in (
        printed(lambda console: print_rule(rule, Settings(), console), 80),
        printed(lambda console: print_rules([rule], Settings(), console), 80),
    ):
        assert "\x1b[2J" not in text
        assert "\u202e" not in text
