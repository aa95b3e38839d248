from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.findings.review import review
from analyzer.terminal import spreadsheet
from analyzer.terminal.spreadsheet import write_spreadsheet
from tests.support.analyses import CAPTURES, analysis_of, judgement_of, rows_of
from tests.support.hostile import with_attacks
from tests.support.workbooks import Sheets

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

OFFICE = analysis_of("office")


def test_tables_of_the_report_are_sheets(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    findings = review(judgement_of("office").findings)

    write_spreadsheet(OFFICE, path, findings)

    sheets = Sheets(path)
    names = sheets.names
    assert names[:3] == ["about", "findings", "services"]
    assert names[-2:] == ["messages", "sessions"]
    assert {"attachments", "transfers"} <= set(names)
    # nothing was left out of this capture
    assert "not_read" not in names
    assert sheets.rows("about")[1] == ["'capture'", f"'{CAPTURES['office']}'"]
    assert len(sheets.rows("findings")) == len(findings) + 1
    assert len(sheets.rows("sessions")) == len(rows_of("office")) + 1
    heading, first, *_ = sheets.rows("steps")
    assert heading[:4] == ["'server_ip'", "'server_port'", "'service'", "'step'"]
    assert first[:3] == ["'192.0.2.10'", "110", "'pop3'"]


def test_rows_without_room_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spreadsheet, "MAX_ROWS", 20)

    write_spreadsheet(OFFICE, tmp_path / "a.xlsx")

    about = Sheets(tmp_path / "a.xlsx").rows("about")
    assert ["'sessions'", "'9 more rows had no room'"] in about


def test_hostile_text_is_no_formula(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    hostile = with_attacks(OFFICE)

    write_spreadsheet(hostile, path)

    sheets = Sheets(path)
    assert sheets.formulas == 0
    text = "".join(
        cell for name in sheets.names for row in sheets.rows(name) for cell in row
    )
    assert not {"\x1b", "\x07", "\u202e"} & set(text)


def test_nothing_was_found(tmp_path: Path) -> None:
    write_spreadsheet(analysis_of("negative-http"), tmp_path / "a.xlsx")

    assert Sheets(tmp_path / "a.xlsx").names == ["about"]


def test_choice_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"

    write_spreadsheet(OFFICE.where("service = 'pop3'"), path, None)

    assert ["'sessions'", "'5 of 29 sessions'"] in Sheets(path).rows("about")
