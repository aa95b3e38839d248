from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

import pytest

from analyzer.findings.review import review
from analyzer.terminal.findings import (
    findings_csv,
    findings_json,
    print_findings,
    print_groups,
)
from tests.support.analyses import analysis_of, judgement_of
from tests.support.finding_rows import evidence, table_of
from tests.support.hostile import ATTACKS
from tests.support.tables import TLS, sessions_of, with_sessions
from tests.support.terminal import plain, printed

if TYPE_CHECKING:
    import pyarrow as pa

    from analyzer import Analysis

ONE_SESSION = with_sessions(sessions_of({"session_id": "s0"}))


def listed(
    findings: pa.Table, width: int | None = None, analysis: Analysis = ONE_SESSION
) -> str:
    return printed(lambda console: print_findings(findings, analysis, console), width)


def grouped(
    findings: pa.Table, width: int | None = None, analysis: Analysis = ONE_SESSION
) -> str:
    return printed(lambda console: print_groups(findings, analysis, console), width)


@pytest.fixture
def office() -> pa.Table:
    return review(judgement_of("office").findings)


def test_finding_is_told_with_remedy_proof_and_id() -> None:
    told = listed(
        review(table_of({"account": "tom", "evidence": [evidence(seen="x")]}))
    )

    about = "tom, 192.0.2.7 > 198.51.100.25:143, 1 session, "
    about += "2023-11-14 22:13:20 to 22:14:20 UTC"
    assert told.splitlines() == [
        "1 finding: 1 high",
        "",
        "HIGH  Password in plaintext  plaintext-password",
        "  Use TLS.",
        "",
        f"  {about}",
        "    a.pcap, packet 12: x",
        "    proven, f0",
    ]


def test_only_the_severity_has_its_colour() -> None:
    told = listed(review(table_of({})), 80)

    assert "\x1b[31mHIGH\x1b[0m\x1b[1m  Password in plaintext\x1b[0m" in told


def test_place_in_the_stream_is_told_where_it_is_known() -> None:
    some = [evidence(side="server", offset=70, seen="x"), evidence()]

    told = listed(review(table_of({"evidence": some})))

    assert "a.pcap, packet 12, server's byte 70: x (and 1 more)" in told
    assert "no single packet shows it" in listed(review(table_of({"evidence": []})))


def test_those_of_a_severity_and_rule_have_one_heading() -> None:
    told = listed(review(table_of({}, {"finding_id": "f1"}, {"severity": "low"})))

    assert told.count("HIGH  Password in plaintext") == 1
    assert told.count("LOW  Password in plaintext") == 1
    assert told.startswith("3 findings: 2 high, 1 low\n")


def test_gone_and_accepted_findings_are_told_apart() -> None:
    now = table_of({"finding_id": "a"}, {"finding_id": "b"})
    before = table_of({"finding_id": "b"}, {"finding_id": "c"})

    told = listed(review(now, before, {"a": "an old printer"}))

    first, rest = told.split("\nAccepted\n")
    accepted, gone = rest.split("\nGone\n")
    assert first.startswith("1 finding: 1 high\n")
    assert "Compared with the baseline: 1 new, 1 unchanged, 1 gone" in first
    assert "proven, b" in first
    assert "accepted: an old printer\n    proven, a" in accepted
    assert "proven, c" in gone


@pytest.mark.parametrize("width", [80, 120])
def test_findings_fit_on_terminals(width: int, office: pa.Table) -> None:
    analysis = analysis_of("office")
    for text in (listed(office, width, analysis), grouped(office, width, analysis)):
        words = plain(text)
        assert max(map(len, words.splitlines())) <= width
        assert "…" not in words


def test_groups_are_one_line_each_in_a_pipe(office: pa.Table) -> None:
    lines = grouped(office, 200, analysis_of("office")).splitlines()

    assert plain(lines[2]).split() == [
        "high", "Password", "in", "plaintext", "7", "11", "scanner@example.com,",
        "192.0.2.150", ">", "192.0.2.10:587", "plaintext-password",
    ]  # fmt: skip


def test_traffic_can_not_control_the_terminal() -> None:
    rows: list[dict[str, Any]] = [
        {"account": attack, "evidence": [evidence(capture=attack, seen=attack)]}
        for attack in ATTACKS
    ]
    for told in (
        listed(review(table_of(*rows)), 80),
        listed(review(table_of(*rows), accepted={"f0": ATTACKS[-1]})),
        grouped(review(table_of(*rows)), 80),
    ):
        assert "\x1b]" not in told
        assert "\x1b[2J" not in told
        assert not set("\u202e\u2028\u2066\x07") & set(told)


def test_name_as_long_as_a_line_is_cut() -> None:
    reviewed = review(table_of({"account": "x" * 5000}))

    assert "x" * 59 + "…, 192.0.2.7" in listed(reviewed)
    assert grouped(reviewed, 80).count("x") < 100


def test_nothing_wrong_is_not_said_of_what_could_not_be_seen() -> None:
    told = grouped(review(table_of()))

    assert told == "No rule found anything wrong in what could be seen\n"


def test_certificates_that_nobody_saw_are_counted() -> None:
    sessions = sessions_of(
        {"session_id": "a", **TLS},
        {"session_id": "b", **TLS, "tls_version": "TLSv1.2"},
        {"session_id": "c", **TLS, "cert_sha256": "00"},
        {"session_id": "d"},
    )

    for told in (
        grouped(review(table_of()), 200, with_sessions(sessions)),
        listed(review(table_of()), None, with_sessions(sessions)),
    ):
        assert (
            "2 of 3 sessions with TLS showed no certificate (1 in TLS 1.3, which hides "
            "it): nothing is known of those certificates"
        ) in told


def test_json_has_all_of_each_finding() -> None:
    document = json.loads(findings_json(review(table_of({})), ONE_SESSION))

    assert document["severities"]["high"] == 1
    assert document["standings"] is None
    assert document["certificates_unseen"] == {"tls": 0, "sessions": 0, "hidden": 0}
    (finding,) = document["findings"]
    assert finding["first_seen"] == "2023-11-14T22:13:20.000000000Z"
    assert finding["evidence"] == [evidence()]
    assert finding["standing"] is None


def test_csv_is_no_formula() -> None:
    told = findings_csv(review(table_of({"account": "=cmd|' /C calc'!A0"})))

    (row,) = csv.DictReader(io.StringIO(told.decode()))
    assert row["account"] == "'=cmd|' /C calc'!A0"
    assert json.loads(row["evidence"]) == [evidence()]
