from __future__ import annotations

from statistics import median

import pytest

from analyzer.reports import latency_by_verb
from tests.support.analyses import analysis_of, rows_of


def test_latencies_of_a_verb_are_told_apart_by_protocol() -> None:
    office = analysis_of("office")
    protocols = {row["session_id"]: row["protocol"] for row in rows_of("office")}

    rows = latency_by_verb(office.exchanges, office.sessions)

    found: dict[tuple[str, str], list[float]] = {}
    for row in rows_of("office", "exchanges"):
        if row["answered"] and row["latency_s"] is not None:
            key = protocols[row["session_id"]], row["answered"]
            found.setdefault(key, []).append(row["latency_s"])
    told = rows.set_index(["protocol", "verb"])
    assert told["count"].to_dict() == {key: len(each) for key, each in found.items()}
    assert told["max"].to_dict() == {key: max(each) for key, each in found.items()}
    assert told["median"].to_dict() == pytest.approx(
        {key: median(each) for key, each in found.items()}
    )
    assert {("smtp", "STARTTLS"), ("imap", "STARTTLS")} <= set(found)


def test_slowest_verb_comes_first() -> None:
    office = analysis_of("office")

    rows = latency_by_verb(office.exchanges, office.sessions)

    assert rows["p95"].is_monotonic_decreasing
    assert (rows["median"] <= rows["p95"]).all()
    assert (rows["p95"] <= rows["max"]).all()
    assert rows.loc[0, "verb"] == "PASS"


def test_idle_is_not_slow() -> None:
    office = analysis_of("office")
    renamed = office.exchanges.replace({"answered": {"LOGIN": "IDLE"}})

    rows = latency_by_verb(renamed, office.sessions)

    assert not {"IDLE", "LOGIN"} & set(rows["verb"])
    assert rows["count"].sum() < (renamed["latency_s"].notna()).sum()
