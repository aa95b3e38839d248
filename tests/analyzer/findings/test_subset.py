from __future__ import annotations

import numpy as np

from analyzer.findings.judgement import Judgement
from analyzer.findings.subset import of_rules, of_session, of_severities
from tests.support.finding_rows import table_of


def test_findings_of_rules_and_severities_are_chosen() -> None:
    some = table_of({"rule": "one"}, {"rule": "two", "severity": "low"})

    assert of_rules(some, ["two"])["rule"].to_pylist() == ["two"]
    assert of_severities(some, ["low", "info"])["rule"].to_pylist() == ["two"]


def test_findings_of_a_session_are_chosen_whatever_their_rows_name() -> None:
    some = table_of({"finding_id": "a"}, {"finding_id": "b"}, {"finding_id": "c"})
    sessions = {"a": np.array([0, 200]), "b": np.array([1]), "c": np.array([200])}

    found = of_session(Judgement(some, [], sessions), 200)

    assert found["finding_id"].to_pylist() == ["a", "c"]
