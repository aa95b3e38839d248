from __future__ import annotations

import json
import re
from typing import Any

import jsonschema
import pytest

from analyzer.findings.review import review
from analyzer.terminal.sarif import as_sarif
from tests.support.analyses import judgement_of_all
from tests.support.documents import ROOT
from tests.support.finding_rows import evidence, table_of

SCHEMA = json.loads((ROOT / "tests" / "support" / "sarif_schema.json").read_text())


def run_of(*arguments: Any) -> dict[str, Any]:
    log = json.loads(as_sarif(review(*arguments)))
    jsonschema.validate(log, SCHEMA)
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    return dict(run)


def test_rule_and_result_say_what_the_standard_requires() -> None:
    run = run_of(table_of({"account": "tom"}))

    driver = run["tool"]["driver"]
    (rule,), (result,) = driver["rules"], run["results"]
    assert driver["name"] == "mailtap"
    assert rule["id"] == result["ruleId"] == "plaintext-password"
    assert rule["defaultConfiguration"]["level"] == "error"
    assert result["ruleIndex"] == 0
    assert result["level"] == "error"
    assert result["message"]["text"] == (
        "Password in plaintext: client 192.0.2.7, server 198.51.100.25, port 143, "
        "account tom, sessions 1. Use TLS."
    )
    assert result["partialFingerprints"] == {"finding_id/v1": "f0"}
    assert "baselineState" not in result
    assert result["suppressions"] == []


def test_severities_are_levels_of_the_standard() -> None:
    names = ("info", "low", "medium", "high", "critical")

    run = run_of(table_of(*({"severity": name} for name in names)))

    levels = [result["level"] for result in run["results"]]
    assert levels == ["note", "note", "warning", "error", "error"]


def test_packet_is_named_and_its_capture_is_a_uri() -> None:
    place = evidence(capture="a b:%[1].pcap", side="client", offset=3, seen="x")

    (result,) = run_of(table_of({"evidence": [place]}))["results"]

    (location,) = result["locations"]
    uri = location["physicalLocation"]["artifactLocation"]["uri"]
    assert re.fullmatch("[A-Za-z0-9._~%/-]+", uri)
    assert location["message"]["text"] == "packet 12, client, offset 3, x"


def test_baseline_and_acceptances_are_told() -> None:
    now = table_of({"finding_id": "a"}, {"finding_id": "b"})
    before = table_of({"finding_id": "b"}, {"finding_id": "c"})

    results = run_of(now, before, {"a": "an old printer"})["results"]

    states = [result["baselineState"] for result in results]
    assert states == ["new", "unchanged", "absent"]
    assert [result["suppressions"] for result in results] == [
        [{"kind": "external", "justification": "an old printer"}], [], [],
    ]  # fmt: skip


def test_findings_of_all_captures_keep_to_the_published_schema() -> None:
    findings = judgement_of_all().findings
    known = findings["finding_id"][5].as_py()

    log = json.loads(as_sarif(review(findings, findings.slice(3), {known: "known"})))

    jsonschema.validate(log, SCHEMA)
    (run,) = log["runs"]
    assert len(run["results"]) == len(findings)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("level", "high"),
        ("ruleIndex", "0"),
        ("message", {}),
        ("severity", "high"),
        ("suppressions", [{"justification": "x"}]),
        ("baselineState", "gone"),
    ],
)
def test_schema_refuses_what_the_standard_does(path: str, value: object) -> None:
    log = json.loads(as_sarif(review(table_of({}))))
    log["runs"][0]["results"][0][path] = value

    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(log, SCHEMA)
