from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from analyzer.findings.facts import Facts
from analyzer.findings.settings import Own
from analyzer.tables.folder import write_folder
from analyzer.tables.stored import read_on_demand
from tests.support.analyses import analysis_of

if TYPE_CHECKING:
    from pathlib import Path

    from analyzer.findings.rows import Rows


def facts() -> Facts:
    return Facts(analysis_of("office").tables, Own())


@pytest.fixture
def stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Facts:
    monkeypatch.setattr("analyzer.tables.stored.FEW_ROWS", 0)
    write_folder(analysis_of("office"), tmp_path / "tables", "parquet")
    read = read_on_demand(tmp_path / "tables")
    assert read is not None
    return Facts(read.tables, Own())


def test_null_chooses_no_row() -> None:
    known = facts()

    chosen = known.sessions.where(known.sessions["auth_result"] == "success")

    assert len(chosen) == (known.sessions["auth_result"] == "success").sum()


def test_items_of_lists_are_searched_row_by_row() -> None:
    tables = dict(analysis_of("office").tables)
    tables["sessions"] = tables["sessions"].slice(2)
    sessions = Facts(tables, Own()).sessions

    found = sessions.has_item("capabilities", "(?i)^STARTTLS$")

    lists = tables["sessions"]["capabilities"].to_pylist()
    assert list(found) == ["STARTTLS" in (names or []) for names in lists]
    assert 0 < found.sum() < len(found)


def test_items_that_are_found_are_rows() -> None:
    tables = dict(analysis_of("office").tables)
    sessions = Facts(tables, Own()).sessions

    found = sessions.items("capabilities", "(?i)^(STARTTLS|STLS)$", "service")

    assert set(found["item"]) == {"STARTTLS", "STLS"}
    lists = tables["sessions"]["capabilities"].to_pylist()
    of_rows = [
        each in lists[place] for place, each in found[["session", "item"]].to_numpy()
    ]
    assert all(of_rows)
    services = tables["sessions"]["service"].take(found["session"].tolist())
    assert list(found["service"]) == services.to_pylist()


def test_items_of_details_without_a_session_are_left_out() -> None:
    tables = dict(analysis_of("smtp-attachments").tables)
    tables["sessions"] = tables["sessions"].slice(0, 0)

    assert Facts(tables, Own()).messages.items("to", ".").empty


def test_details_without_a_session_are_left_out() -> None:
    tables = dict(analysis_of("office").tables)
    tables["sessions"] = tables["sessions"].slice(0, 3)

    assert len(Facts(tables, Own()).logins) < len(facts().logins)


def test_stored_columns_are_as_those_in_memory(stored: Facts) -> None:
    known = facts()

    def shown(rows: Rows) -> list[list[object]]:
        chosen = rows.where(rows["tls_mode"] == "starttls", "service", "capabilities")
        return [list(chosen[name]) for name in ("session", "service", "capture")]

    assert shown(stored.sessions) == shown(known.sessions)
    for name in ("service", "capabilities", "start", "session_id"):
        assert stored.sessions[name].equals(known.sessions[name])
    pattern = "(?i)^(STARTTLS|STLS)$"
    found = stored.sessions.items("capabilities", pattern, "auth_user")
    assert found.equals(known.sessions.items("capabilities", pattern, "auth_user"))


def test_stored_columns_are_let_go_of_and_read_again(stored: Facts) -> None:
    before = stored.sessions["service"]

    stored.forget_columns()

    assert "service" not in stored.sessions._columns
    assert stored.sessions["service"].equals(before)
    in_memory = facts()
    kept = in_memory.sessions["service"]
    in_memory.forget_columns()
    assert in_memory.sessions["service"] is kept
