from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from analyzer.findings.engine import find, search
from analyzer.findings.levels import Mender, Severity
from analyzer.findings.rule import CLIENT, Kind, Rule
from analyzer.findings.settings import RuleSettings, Settings
from tests.support.findings import RULE, START, sessions_of

if TYPE_CHECKING:
    import pyarrow as pa

    from analyzer.findings.facts import Facts


def found(
    sessions: dict[str, pa.Table], rule: Rule = RULE, settings: Settings | None = None
) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = find(
        sessions, [rule], settings or Settings()
    ).to_pylist()
    return rows


def test_sessions_of_a_client_are_one_finding() -> None:
    (finding,) = found(sessions_of("192.0.2.7", "192.0.2.7", "192.0.2.7"))

    assert finding["session_count"] == 3
    assert finding["session_ids"] == ["s0", "s1", "s2"]
    assert (finding["client_ip"], finding["server_port"]) == ("192.0.2.7", 143)
    assert (finding["severity"], finding["confidence"]) == ("low", "proven")
    assert finding["first_seen"].value == START
    assert finding["last_seen"].value == START + 2 * 10**9 + 5
    assert finding["evidence"][0] == {
        "session_id": "s0",
        "capture": "a.pcap",
        "frame": 1,
        "side": None,
        "offset": None,
        "seen": "a",
    }


def test_few_clients_are_told_one_by_one() -> None:
    findings = found(sessions_of("192.0.2.7", "192.0.2.8"))

    assert {each["client_ip"] for each in findings} == {"192.0.2.7", "192.0.2.8"}


def test_many_clients_of_a_server_are_told_as_one() -> None:
    (finding,) = found(sessions_of(*(f"10.0.0.{number}" for number in range(21))))

    assert (finding["client_ip"], finding["server_ip"]) == (None, "192.0.2.1")
    assert finding["session_count"] == 21


def test_crowd_shows_different_clients_first() -> None:
    busy = ["10.9.9.9"] * 500
    (finding,) = found(
        sessions_of(*busy, *(f"10.0.0.{number}" for number in range(30)))
    )

    assert {"s500", "s529"} <= set(finding["session_ids"])
    assert len(finding["session_ids"]) == 100


def test_all_sessions_of_a_finding_are_known() -> None:
    tables = sessions_of(*["192.0.2.7"] * 150, "192.0.2.8")

    findings, sessions = search(tables, [RULE], Settings())

    first, second = findings["finding_id"].to_pylist()
    assert sessions[first].tolist() == list(range(150))
    assert sessions[second].tolist() == [150]


def test_rule_about_clients_is_never_told_of_servers() -> None:
    clients = [f"10.0.0.{number}" for number in range(30)]

    findings = found(sessions_of(*clients), replace(RULE, per=CLIENT))

    assert {each["client_ip"] for each in findings} == set(clients)
    assert {each["server_ip"] for each in findings} == {None}


def test_finding_is_as_severe_as_its_worst_hit() -> None:
    def hits(facts: Facts) -> pd.DataFrame:
        severities = pd.Series([None, "high", "medium"], dtype="object")
        return facts.hits(facts.sessions.all(), severity=severities, seen=severities)

    (finding,) = found(sessions_of(*["192.0.2.7"] * 3), replace(RULE, find=hits))

    assert finding["severity"] == "high"
    assert [each["seen"] for each in finding["evidence"]] == ["high", "medium", None]


def test_worst_findings_come_first() -> None:
    rules = [
        replace(RULE, id=str(severity), severity=severity)
        for severity in (Severity.INFO, Severity.CRITICAL, Severity.MEDIUM)
    ]

    table = find(sessions_of("192.0.2.7"), rules, Settings())

    assert table["rule"].to_pylist() == ["critical", "medium", "info"]


def test_finding_has_the_same_id_whatever_else_was_captured() -> None:
    (alone,) = found(sessions_of("192.0.2.7"))
    beside = found(sessions_of("192.0.2.8", "192.0.2.7"))

    (same,) = [each for each in beside if each["client_ip"] == "192.0.2.7"]
    assert same["finding_id"] == alone["finding_id"]
    assert len({each["finding_id"] for each in beside}) == 2


def test_rule_that_is_disabled_finds_nothing() -> None:
    settings = Settings(rules={RULE.id: RuleSettings(enabled=False)})

    assert found(sessions_of("192.0.2.7"), settings=settings) == []


def test_thresholds_are_those_of_the_rule_unless_set() -> None:
    def hits(facts: Facts) -> pd.DataFrame:
        most = facts.threshold(RULE.id, "most")
        return facts.hits(facts.sessions.where(facts.sessions["session"] < most))

    rule = replace(RULE, find=hits, thresholds={"most": 2})
    some = sessions_of(*["192.0.2.7"] * 3)

    (usual,) = found(some, rule)
    settings = Settings(rules={RULE.id: RuleSettings(thresholds={"most": 1})})
    (fewer,) = found(some, rule, settings)

    assert (usual["session_count"], fewer["session_count"]) == (2, 1)


def test_severity_that_users_set_is_that_of_all_findings() -> None:
    settings = Settings(rules={RULE.id: RuleSettings(severity=Severity.HIGH)})

    (finding,) = found(sessions_of("192.0.2.7"), settings=settings)

    assert finding["severity"] == "high"


def test_evidence_is_short_and_controls_no_terminal() -> None:
    rule = replace(
        RULE,
        find=lambda facts: facts.hits(facts.sessions.all(), seen="\x1b[2J" + "x" * 300),
    )

    (finding,) = found(sessions_of("192.0.2.7"), rule)

    seen = finding["evidence"][0]["seen"]
    assert seen.startswith("\\x1b[2J")
    assert len(seen) == 200


def test_rule_that_tells_something_unknown_is_a_mistake() -> None:
    rule = replace(
        RULE, find=lambda facts: facts.hits(facts.sessions.all(), colour="red")
    )

    with pytest.raises(ValueError, match="hits don't tell colour"):
        found(sessions_of("192.0.2.7"), rule)


def test_nothing_is_found_in_nothing() -> None:
    assert found(sessions_of()) == []


def test_kinds_that_a_rule_tells_apart_are_findings_of_their_own() -> None:
    def hits(facts: Facts) -> pd.DataFrame:
        kinds = pd.Series(["slow", "lost", "slow"])
        return facts.hits(facts.sessions.all(), kind=kinds)

    kinds = {
        "slow": Kind("It is slow", Mender.SERVER, "Be quick."),
        "lost": Kind("It is lost", Mender.NETWORK, "Find it."),
    }
    rule = replace(RULE, find=hits, kinds=kinds)

    slow, lost = found(sessions_of(*["192.0.2.7"] * 3), rule)

    assert (slow["kind"], slow["title"], slow["session_count"]) == (
        *("slow", "It is slow", 2),
    )
    assert (lost["mender"], lost["remedy"]) == ("network", "Find it.")
    assert slow["finding_id"] != lost["finding_id"]


def test_crowds_are_told_by_kind() -> None:
    def hits(facts: Facts) -> pd.DataFrame:
        every = facts.sessions.all()
        return facts.hits(every, kind=np.where(every["session"] % 2, "odd", "even"))

    kinds = {name: Kind(name, Mender.SERVER, "Mend it.") for name in ("odd", "even")}
    clients = [f"10.0.0.{number}" for number in range(60)]

    findings = found(sessions_of(*clients), replace(RULE, find=hits, kinds=kinds))

    assert {(each["kind"], each["session_count"]) for each in findings} == {
        *(("odd", 30), ("even", 30))
    }


def test_absence_in_a_session_with_gaps_is_but_possible() -> None:
    rule = replace(RULE, rests_on_absence=True)

    (proven,) = found(sessions_of("192.0.2.7", whole=True), rule)
    (possible,) = found(sessions_of("192.0.2.7", whole=False), rule)
    (seen,) = found(sessions_of("192.0.2.7", whole=False))

    assert proven["confidence"] == seen["confidence"] == "proven"
    assert possible["confidence"] == "possible"
