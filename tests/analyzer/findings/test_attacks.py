from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from analyzer.findings import registry
from analyzer.findings.attacks import attacks
from analyzer.findings.levels import Confidence, Mender, Severity
from analyzer.findings.rule import Rule
from analyzer.findings.settings import RuleSettings, Settings
from analyzer.reports import plaintext_clients
from tests.support.plaintext import Sessions
from tests.support.tables import sessions_of, with_sessions

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from analyzer.findings.facts import Facts

FAILED = {"auth_user": "tom", "auth_result": "failure", "auth_failures": 1}
GOT_IN = {"auth_user": "tom", "auth_result": "success"}


def rule(rule_id: str, *places: int, confidence: str | None = None) -> Rule:
    """A rule that is hit by the sessions at some places."""

    def find(facts: Facts) -> pd.DataFrame:
        rows = facts.sessions.all().iloc[list(places)]
        return facts.hits(rows, confidence=confidence)

    severity, mender = Severity.HIGH, Mender.NETWORK
    texts = ("title", severity, Confidence.LIKELY, mender, "remedy", "proof")
    return Rule(rule_id, "abuse", *texts, find)


def flags(
    monkeypatch: pytest.MonkeyPatch,
    rules: list[Rule],
    *rows: dict[str, Any],
    settings: Settings | None = None,
) -> list[bool]:
    monkeypatch.setattr(registry, "rules", lambda: {each.id: each for each in rules})
    sessions = sessions_of(
        *({"session_id": str(n)} | row for n, row in enumerate(rows))
    )
    return list(attacks(with_sessions(sessions).tables, settings))


@pytest.mark.parametrize("rule_id", ["password-guessing", "password-spraying"])
def test_all_failures_of_one_who_guesses_are_attacks(
    rule_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = {"client_ip": "192.0.2.9"}

    told = flags(
        monkeypatch,
        [rule(rule_id, 0)],
        FAILED,
        FAILED | {"server_port": 110},
        FAILED | other,
        {},
    )

    assert told == [True, True, False, False]


def test_user_at_the_address_of_one_who_guesses_is_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rules = [rule("password-guessing", 0), rule("login-after-guessing")]

    assert flags(monkeypatch, rules, FAILED, GOT_IN) == [True, False]


def test_what_guesses_led_to_is_an_attack(monkeypatch: pytest.MonkeyPatch) -> None:
    rules = [rule("password-guessing", 0), rule("login-after-guessing", 1)]
    zoe = GOT_IN | {"auth_user": "zoe"}
    elsewhere = GOT_IN | {"client_ip": "192.0.2.9"}

    told = flags(monkeypatch, rules, FAILED, GOT_IN, GOT_IN, zoe, elsewhere)

    assert told == [True, True, True, False, False]


def test_login_that_may_be_that_of_a_user_is_no_attack(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    after = rule("login-after-guessing", 1, confidence="possible")

    told = flags(monkeypatch, [rule("password-spraying", 0), after], FAILED, GOT_IN)

    assert told == [True, False]


def test_guesses_in_a_capture_are_attacks(tmp_path: Path) -> None:
    sessions = Sessions()
    for _ in range(12):
        sessions.pop3("192.0.2.66", accepted=False)
    sessions.pop3("192.0.2.66")
    sessions.pop3("192.0.2.1", accepted=False)
    sessions.pop3("192.0.2.2")
    analysis = sessions.analyse(tmp_path)

    told = attacks(analysis.tables)

    assert list(told) == [True] * 13 + [False] * 2
    clients = plaintext_clients(analysis.sessions, told)
    assert list(zip(clients["client_ip"], clients["use"], strict=True)) == [
        ("192.0.2.2", "plaintext only"),
        ("192.0.2.66", "attack"),
        ("192.0.2.1", "failed login"),
    ]


def test_rule_that_is_disabled_tells_of_no_attack(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    off = Settings(rules={"password-guessing": RuleSettings(enabled=False)})

    told = flags(monkeypatch, [rule("password-guessing", 0)], FAILED, settings=off)

    assert told == [False]


def test_without_sessions_there_is_no_attack() -> None:
    assert attacks(with_sessions(sessions_of()).tables).tolist() == []
