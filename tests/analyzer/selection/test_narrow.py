from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

import analyzer
from analyzer import reports
from analyzer.findings.attacks import attacks, attacks_among
from analyzer.selection.mistake import ConditionError
from analyzer.tables.attempts import AttemptCount
from tests.support.analyses import analysis_of, rows
from tests.support.tables import sessions_of, with_sessions

if TYPE_CHECKING:
    from pathlib import Path

CHOICE = "service = 'submission' and credentials_exposed"


def test_everything_is_of_chosen_sessions() -> None:
    whole = analysis_of("office")

    some = whole.where(CHOICE)

    ids = set(some.sessions["session_id"])
    assert 0 < len(ids) < len(whole.sessions)
    assert some.tables.keys() == whole.tables.keys()
    for name in ("messages", "exchanges", "logins", "anomalies"):
        expected = [row for row in rows(whole, name) if row["session_id"] in ids]
        assert rows(some, name) == expected
    for certificate in rows(some, "certificates"):
        assert ids.issuperset(certificate["sessions"])
    assert some.sessions_in_all == len(whole.sessions)
    assert repr(some).endswith(f": {len(ids)} of 29 sessions, 0 problems>")


def test_all_that_is_chosen_is_as_before() -> None:
    whole = analysis_of("office")

    same = whole.where("1 = 1")

    assert {name: rows(same, name) for name in same.tables} == {
        name: rows(whole, name) for name in whole.tables
    }
    assert same.findings.equals(whole.findings)


def test_certificates_are_counted_in_chosen_sessions() -> None:
    whole = analysis_of("office")
    (start, *_) = sorted(
        row["start"] for row in rows(whole) if row["cert_sha256"] is not None
    )

    some = whole.where("cert_sha256 is not null and tls_version = 'TLSv1.2'")

    (certificate,) = (
        row for row in rows(some, "certificates") if "server" in row["shown_as"]
    )
    assert certificate["session_count"] == len(some.sessions)
    assert certificate["first_seen"] == min(row["start"] for row in rows(some)) >= start
    assert certificate["last_seen"] == max(row["start"] for row in rows(some))


def test_sessions_that_a_certificate_does_not_name_are_counted() -> None:
    whole = analysis_of("office")
    certificates = whole.tables["certificates"]
    place = certificates.column_names.index("sessions")
    nobody = pa.array([[]] * len(certificates), certificates["sessions"].type)
    unnamed = replace(
        whole,
        tables={
            **whole.tables,
            "certificates": certificates.set_column(place, "sessions", nobody),
        },
    )
    choice = "cert_sha256 is not null"

    assert [row["session_count"] for row in rows(unnamed.where(choice), "certificates")]


def test_findings_are_those_of_all_sessions_as_far_as_chosen_ones_show_them() -> None:
    whole = analysis_of("office")

    some = whole.where(CHOICE)

    ids = set(some.sessions["session_id"])
    told = {row["finding_id"]: row for row in some.findings.to_dict("records")}
    known = {row["finding_id"]: row for row in whole.findings.to_dict("records")}
    assert told.keys() == {
        name for name, row in known.items() if ids.intersection(row["session_ids"])
    }
    for name, row in told.items():
        assert set(row["session_ids"]) == ids.intersection(known[name]["session_ids"])
        assert row["session_count"] == len(row["session_ids"])


def test_attackers_are_known_by_what_they_did_in_all_sessions() -> None:
    whole = analysis_of("office")
    flags = attacks(whole.tables)
    attacked = whole.sessions["session_id"][flags].tolist()
    assert len(attacked) > 1

    some = whole.where(f"session_id in ('{attacked[0]}')")

    assert attacks_among(some).tolist() == [True]
    assert attacks_among(whole).tolist() == flags.tolist()


def test_connections_without_data_are_counted_among_the_chosen() -> None:
    silent = {"client_bytes": 0, "server_bytes": 0, "ended": "refused"}
    analysis = with_sessions(
        sessions_of(
            {"session_id": "a", **silent},
            {"session_id": "b", **silent},
            {"session_id": "c", "client_bytes": 5},
            {"session_id": "d", **silent, "client_ip": "192.0.2.2"},
        )
    )
    analysis.attempts_without_row = 7

    some = analysis.where("client_ip = '192.0.2.1'")

    known = AttemptCount("192.0.2.1", "198.51.100.25", 143, "refused", 2)
    assert some.attempts == [known]
    assert some.attempts_without_row == 0


def test_choice_of_a_choice_is_one_of_all() -> None:
    twice = analysis_of("office").where("service = 'pop3'").where("duration_s > 0.1")

    assert twice.sessions_in_all == 29
    assert len(twice.whole or {}) == len(twice.tables)
    assert set(twice.sessions["service"]) == {"pop3"}


def test_reports_of_nothing_are_empty() -> None:
    nothing = analysis_of("office").where("1 = 2")

    assert len(nothing.findings) == 0
    assert len(reports.by_service(nothing.sessions)) == 0
    assert "0 of 29 mail sessions" in nothing._repr_html_()
    assert "0 of 29 mail sessions" in nothing.to_html()


def test_choice_is_remembered_in_a_folder(tmp_path: Path) -> None:
    some = analysis_of("office").where("service = 'pop3'")

    some.save(tmp_path)

    read = analyzer.load(tmp_path)
    assert repr(read) == repr(some)
    assert read.whole is None


def test_wrong_condition_is_an_error_with_a_pointer() -> None:
    with pytest.raises(
        ConditionError, match=r"mean service or server_ip\?\n.*\n\^{6}$"
    ):
        analysis_of("office").where("servic = 'pop3'")
