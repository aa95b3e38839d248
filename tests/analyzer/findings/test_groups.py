from __future__ import annotations

from analyzer.findings.groups import by_rule
from tests.support.finding_rows import table_of


def test_findings_of_a_rule_are_counted_and_led_by_the_worst() -> None:
    groups = by_rule(
        table_of(
            {"client_ip": "192.0.2.1", "session_ids": ["s0", "s1"]},
            {"client_ip": "192.0.2.2", "severity": "low", "session_ids": ["s1"]},
            {"rule": "other", "severity": "info", "title": "Else"},
        )
    )

    assert list(groups["rule"]) == ["plaintext-password", "other"]
    assert list(groups["severity"]) == ["high", "info"]
    assert list(groups["findings"]) == [2, 1]
    assert list(groups["client_ip"]) == ["192.0.2.1", "192.0.2.7"]


def test_session_with_two_findings_of_a_rule_is_counted_once() -> None:
    groups = by_rule(
        table_of(
            {"session_count": 2, "session_ids": ["s0", "s1"]},
            {"session_count": 1, "session_ids": ["s1"]},
        )
    )

    assert list(groups["sessions"]) == [2]


def test_sessions_that_are_not_named_count_too() -> None:
    groups = by_rule(table_of({"session_count": 500, "session_ids": ["s0", "s1"]}))

    assert list(groups["sessions"]) == [500]


def test_kinds_of_a_rule_are_told_apart() -> None:
    groups = by_rule(table_of({"kind": "http"}, {"kind": "ftp"}, {"kind": "http"}))

    assert list(groups["kind"]) == ["http", "ftp"]
    assert list(groups["findings"]) == [2, 1]


def test_nothing_has_no_groups() -> None:
    assert by_rule(table_of()).empty
