from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from analyzer import reports
from analyzer.findings.attacks import attacks
from analyzer.html.session_columns import COLUMNS
from analyzer.html.tables import TABLES, FilledTable, TableSpec, fill
from tests.support.analyses import analysis_of
from tests.support.tables import sessions_of, with_sessions

if TYPE_CHECKING:
    from analyzer import Analysis


def filled(table: TableSpec, analysis: Analysis) -> FilledTable:
    return fill(table, analysis, attacks(analysis.tables))


def test_tables_show_the_rows_of_reports() -> None:
    analysis = analysis_of("office")
    tables = {each.name: filled(each, analysis) for each in TABLES}

    logins = reports.plaintext_logins(analysis.sessions)
    assert len(tables["plaintext-logins"].rows) == len(logins)
    assert [row[-1] for row in tables["plaintext-logins"].rows] == [
        str(count) for count in logins["sessions"]
    ]
    ports = reports.plaintext_ports(analysis.sessions, attacks(analysis.tables))
    assert [row[-1] for row in tables["plaintext-ports"].rows] == list(ports["verdict"])
    assert tables["not-read"].rows == []
    accounts = reports.accounts(analysis.sessions)
    assert [row[0] for row in tables["accounts"].rows] == list(accounts["auth_user"])
    assert tables["accounts"].rows[0][-3:] == ["yes", "no", "2026-11-23 15:27:27"]
    assert tables["accounts"].kinds[-3:] == ["text", "text", "text"]
    assert [row[:2] for row in tables["use"].rows] == [
        ["smtp", "17"],
        ["imap", "6"],
        ["pop3", "6"],
    ]


def test_protocols_that_nobody_used_are_left_out() -> None:
    [use] = [each for each in TABLES if each.name == "use"]

    assert [row[0] for row in filled(use, analysis_of("pop3-apop")).rows] == ["pop3"]


def test_columns_of_which_nothing_is_known_are_left_out() -> None:
    accounts = next(each for each in TABLES if each.name == "accounts")
    known = sessions_of({"auth_user": "tom", "client_software": "Mutt"})

    assert "software" not in filled(accounts, analysis_of("office")).headings
    assert "software" in filled(accounts, with_sessions(known)).headings


def test_rows_beyond_the_first_are_kept_for_the_script(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("analyzer.html.tables.filling._MAX_ROWS", 2)
    analysis = analysis_of("office")
    ports = next(each for each in TABLES if each.name == "plaintext-ports")
    report = reports.plaintext_ports(analysis.sessions, attacks(analysis.tables))

    table = filled(ports, analysis)

    assert len(table.rows) == 2
    assert len(table.more) == table.left_out == len(report) - 2 > 0
    cells, link = table.more[-1]
    last = report.iloc[-1]
    assert cells[-1] == last["verdict"]
    assert link == f"server_ip={last['server_ip']}&server_port={last['server_port']}"


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_rows_filter_by_columns_that_sessions_have(table: TableSpec) -> None:
    known = {column.name for column in COLUMNS} | {"session"}

    assert set(table.by.values()) <= known
    if table.live is not None:
        assert {*table.live.by, *table.live.only} <= known
        assert table.live.sort.removeprefix("-") in table.headings
        for name in table.headings:
            assert name in table.live.cells or name in table.live.by
