from __future__ import annotations

import pytest

from analyzer import reports
from tests.support.analyses import analysis_of, judgement_of
from tests.support.pages import page_of


def test_sessions_of_the_page_are_all_sessions() -> None:
    sessions = analysis_of("office").sessions

    rows = page_of("office").sessions

    assert [row["session_id"] for row in rows] == sessions["session_id"].tolist()
    assert sum(row["bytes"] for row in rows) == (
        reports.by_service(sessions)["bytes"].sum()
    )
    assert [row["channel"] for row in rows] == reports.channel_of(sessions).tolist()
    assert {row["tls_version"] for row in rows} == {None, "TLSv1.2", "TLSv1.3"}
    # milliseconds since 1970: 2026-11-23 15:26:37.969
    assert rows[0]["start"] == pytest.approx(1_795_447_597_969, abs=1)
    assert [row["duration_s"] for row in rows] == pytest.approx(
        sessions["duration_s"].tolist()
    )


def test_each_session_knows_its_findings_and_the_worst_of_them() -> None:
    findings = judgement_of("office").findings.to_pylist()
    severities = {each["finding_id"]: each["severity"] for each in findings}
    order = [None, "info", "low", "medium", "high", "critical"]

    for row in page_of("office").sessions:
        of_session = {
            each["finding_id"]
            for each in findings
            if row["session_id"] in each["session_ids"]
        }
        assert set(row["finding"]) == of_session
        ranks = [order.index(severities[each]) for each in of_session]
        assert row["severity"] == order[max(ranks, default=0)]


def test_worse_findings_are_more_worrying() -> None:
    worries: dict[str | None, list[int]] = {}
    for row in page_of("office").sessions:
        worries.setdefault(row["severity"], []).append(row["worry"])

    assert min(worries["high"]) > max(worries["medium"])
    assert min(worries["medium"]) > max(worries["low"])


def test_answers_are_those_of_the_report() -> None:
    analysis, data = analysis_of("office"), page_of("office").data
    report = reports.latency_by_step(
        analysis.exchanges, analysis.sessions, ["protocol"]
    )

    steps = [step for row in page_of("office").sessions for step in row["step"]]

    assert len(steps) == len(data.tables["answers"]["seconds"])
    for row in report.to_dict("records"):
        name = f"{row['protocol'].upper()} {row['step']}"
        seconds = [
            second
            for step, second in zip(
                steps, data.tables["answers"]["seconds"], strict=True
            )
            if step == name
        ]
        assert len(seconds) == row["count"]
        assert max(seconds) == pytest.approx(row["max"])


def test_messages_name_their_session() -> None:
    messages = analysis_of("smtp-attachments").messages
    page = page_of("smtp-attachments")

    rows = page.data.rows("messages")

    assert len(rows) == len(messages) > 0
    for row, message in zip(rows, messages.itertuples(), strict=True):
        session = page.sessions[row["session"]]
        assert session["session_id"] == message.session_id
        assert row["subject"] == message.subject
        assert row["size_bytes"] == message.size_bytes


def test_reasons_of_weak_tls_are_those_of_the_report() -> None:
    name = "tls10"
    report = reports.weak_tls(analysis_of(name).sessions)
    told = [reason for row in page_of(name).sessions for reason in row["weaknesses"]]

    assert len(report) > 0
    for row in report.to_dict("records"):
        assert told.count(row["weakness"]) >= row["sessions"]
    assert set(page_of(name).data.model["labels"]["weaknesses"]) == set(told)
