from __future__ import annotations

from analyzer.findings.subset import of_rules, of_severities
from tests.support.finding_rows import table_of


def test_findings_of_rules_and_severities_are_chosen() -> None:
    some = table_of({"rule": "one"}, {"rule": "two", "severity": "low"})

    assert of_rules(some, ["two"])["rule"].to_pylist() == ["two"]
    assert of_severities(some, ["low", "info"])["rule"].to_pylist() == ["two"]
