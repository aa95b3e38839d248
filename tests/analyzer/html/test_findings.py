from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from analyzer.findings.review import review
from analyzer.html.findings import (
    Group,
    group_findings,
    leave_out_accepted,
    severity_counts,
)
from analyzer.html.provenance import capture_names
from analyzer.tables.schema import FINDINGS
from tests.support.analyses import judgement_of

USUAL: dict[str, Any] = {
    "finding_id": "0",
    "rule": "plaintext-password",
    "severity": "high",
    "confidence": "proven",
    "title": "Password in plaintext",
    "client_ip": "192.0.2.1",
    "server_ip": "198.51.100.25",
    "server_port": 143,
    "account": "tom",
    "first_seen": 0,
    "last_seen": 5_000_000_000,
    "session_count": 2,
    "session_ids": ["a", "b"],
    "evidence": [],
    "mender": "client",
    "remedy": "Use TLS.",
}


def grouped(findings: pa.Table) -> list[Group]:
    return group_findings(findings, capture_names(["/tmp/a.pcap"]))


def findings_of(*rows: dict[str, Any]) -> pa.Table:
    return pa.Table.from_pylist([USUAL | row for row in rows], FINDINGS.arrow)


def test_findings_of_a_rule_are_one_group() -> None:
    other = {"rule": "open-relay", "title": "Open relay", "severity": "critical"}

    first, second = grouped(findings_of(other, {}, {"severity": "medium"}))

    assert (first.severity, first.title, first.amount) == (
        "critical",
        "Open relay",
        "1 finding",
    )
    assert (second.severity, second.amount) == ("high", "2 findings")
    assert [each.severity for each in second.findings] == ["high", "medium"]
    assert second.remedy == "Use TLS."
    assert second.mender == "(client)"
    assert second.sources.startswith("plaintext-password; RFC 8314")


def test_kinds_of_a_rule_are_groups_of_their_own() -> None:
    rows = [{"title": "One"}, {"title": "Two"}, {"title": "One"}]

    groups = grouped(findings_of(*rows))

    assert [(group.title, group.amount) for group in groups] == [
        ("One", "2 findings"),
        ("Two", "1 finding"),
    ]


def test_group_shows_the_first_findings_and_has_the_rest() -> None:
    (group,) = grouped(findings_of(*[{}] * 33))

    assert (len(group.findings), len(group.more), group.amount) == (
        20,
        13,
        "33 findings",
    )


@pytest.mark.parametrize(
    ("row", "subject"),
    [
        ({}, "tom, 192.0.2.1 \N{RIGHTWARDS ARROW} 198.51.100.25:143"),
        (
            {"account": None, "client_ip": None, "server_ip": "2001:db8::1"},
            "[2001:db8::1]:143",
        ),
        ({"account": None, "server_ip": None, "server_port": None}, "192.0.2.1"),
        (
            dict.fromkeys(("account", "client_ip", "server_ip", "server_port")),
            "all that was captured",
        ),
    ],
)
def test_finding_says_whom_it_concerns(row: dict[str, Any], subject: str) -> None:
    ((finding,),) = (group.findings for group in grouped(findings_of(row)))

    assert finding.subject == subject
    assert finding.extent == ("proven, 2 sessions, 1970-01-01 00:00:00 to 00:00:05 UTC")


def test_evidence_says_where_it_is() -> None:
    proof = {"session_id": "a", "capture": "/tmp/a.pcap", "frame": 7, "seen": "PLAIN"}
    proofs = [
        proof | {"side": "client", "offset": 9},
        proof | {"side": "server", "offset": None},
        dict.fromkeys(proof, None) | {"side": None, "offset": None},
    ]

    (group,) = grouped(findings_of({"evidence": proofs}))

    assert group.findings[0].proofs == [
        ("a", "a.pcap, packet 7, byte 9 of the client", "PLAIN"),
        ("a", "a.pcap, packet 7, from the server", "PLAIN"),
        ("", "capture", ""),
    ]


def test_severities_are_counted_the_worst_first() -> None:
    rows = [{"severity": name} for name in ("low", "high", "low", "critical")]

    assert severity_counts(findings_of(*rows)) == [
        ("critical", 1),
        ("high", 1),
        ("low", 2),
    ]


def test_accepted_findings_are_counted_and_not_shown() -> None:
    reviewed = review(findings_of({}, {"finding_id": "1"}), None, {"1": "known"})

    standing, note = leave_out_accepted(reviewed)

    assert standing["finding_id"].to_pylist() == ["0"]
    assert note == "without 1 accepted finding"
    assert leave_out_accepted(findings_of({})) == (findings_of({}), "")


def test_finding_says_whether_it_is_new() -> None:
    reviewed = review(findings_of({}), findings_of({"finding_id": "1"}))

    (group,) = grouped(leave_out_accepted(reviewed)[0])

    assert [each.extent.split(", ")[-1] for each in group.findings] == ["new"]


def test_no_finding_is_no_group() -> None:
    nothing = judgement_of("negative-redis").findings

    assert (grouped(nothing), severity_counts(nothing)) == ([], [])
