from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from analyzer.findings import live
from analyzer.findings.live import LiveFindings
from analyzer.findings.settings import Settings
from analyzer.tables.collection import empty_tables
from tests.support.findings import RULE, sessions_of

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from analyzer.findings.facts import Facts


@pytest.fixture
def raised(monkeypatch: pytest.MonkeyPatch) -> LiveFindings:
    monkeypatch.setattr(live, "_SHARE_OF_TIME", 1e9)
    return LiveFindings([RULE], Settings())


def take(
    findings: LiveFindings, closed: dict[str, pa.Table], *, is_last: bool = False
) -> list[dict[str, Any]]:
    return findings.take(closed, empty_tables(), is_last=is_last)


def test_finding_is_raised_once(raised: LiveFindings) -> None:
    assert [row["client_ip"] for row in take(raised, sessions_of("192.0.2.7"))] == [
        "192.0.2.7"
    ]
    assert take(raised, sessions_of("192.0.2.7")) == []
    assert len(take(raised, sessions_of("192.0.2.8"))) == 1


def test_finding_that_becomes_worse_is_raised_again() -> None:
    def hits(facts: Facts) -> pd.DataFrame:
        severity = "high" if len(facts.sessions) > 1 else "low"
        return facts.hits(facts.sessions.all(), severity=severity)

    findings = LiveFindings([replace(RULE, find=hits)], Settings())

    (first,) = take(findings, sessions_of("192.0.2.7"), is_last=True)
    (worse,) = take(findings, sessions_of("192.0.2.7"), is_last=True)

    assert (first["severity"], worse["severity"]) == ("low", "high")
    assert first["finding_id"] == worse["finding_id"]
    assert take(findings, sessions_of("192.0.2.7"), is_last=True) == []


def test_rule_that_fails_is_told_once_and_hides_no_other() -> None:
    def fail(_facts: Facts) -> pd.DataFrame:
        raise KeyError("no such column")

    broken = replace(RULE, id="broken-rule", find=fail)
    findings = LiveFindings([broken, RULE], Settings())

    assert len(take(findings, sessions_of("192.0.2.7"), is_last=True)) == 1
    assert len(take(findings, sessions_of("192.0.2.8"), is_last=True)) == 1
    (failure,) = findings.failures
    assert "the rule broken-rule failed" in failure


def test_sessions_that_may_change_count_but_do_not_stay(raised: LiveFindings) -> None:
    open_still = sessions_of("192.0.2.7")

    assert len(raised.take(empty_tables(), open_still)) == 1
    assert raised._window["sessions"].num_rows == 0


def test_rules_that_took_long_wait_unless_nothing_more_comes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(live, "_SHARE_OF_TIME", 1e-9)
    findings = LiveFindings([RULE], Settings())
    take(findings, sessions_of("192.0.2.7"))

    assert take(findings, sessions_of("192.0.2.8")) == []
    assert len(take(findings, sessions_of("192.0.2.9"), is_last=True)) == 2


def test_no_more_is_kept_than_a_limit(
    raised: LiveFindings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "_MAX_SESSIONS", 10)
    monkeypatch.setattr(live, "_MAX_RAISED", 5)
    for number in range(40):
        take(raised, sessions_of(f"192.0.2.{number}"))

    assert raised._window["sessions"].num_rows <= 13
    assert len(raised._raised) <= 5


def test_sessions_of_long_ago_are_forgotten(
    raised: LiveFindings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "_WINDOW_NS", 5 * 10**9)

    take(raised, sessions_of(*["192.0.2.7"] * 20))

    assert raised._window["sessions"]["session_id"].to_pylist() == [
        f"s{number}" for number in range(14, 20)
    ]
