from __future__ import annotations

from dataclasses import fields

from analyzer import Analysis, reports
from analyzer.tables.attempts import AttemptCount


def test_what_is_not_told_apart_is_null() -> None:
    flood = AttemptCount(None, "192.0.2.1", 25, "unanswered", 70_000)
    shown = reports.attempts(Analysis({}, [], attempts=[flood]))
    assert shown["client_ip"].isna().tolist() == [True]
    assert shown["server_ip"].tolist() == ["192.0.2.1"]
    assert shown["attempts"].tolist() == [70_000]


def test_without_attempts_there_are_no_rows() -> None:
    shown = reports.attempts(Analysis({}, []))
    assert len(shown) == 0
    assert shown.columns.tolist() == [field.name for field in fields(AttemptCount)]
