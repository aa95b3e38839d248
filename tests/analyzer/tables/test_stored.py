from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from analyzer.errors import LoadError
from analyzer.findings.judgement import judge
from analyzer.tables import schema
from analyzer.tables.folder import write_folder
from analyzer.tables.results import Results
from analyzer.tables.store import Store
from analyzer.tables.stored import read_on_demand, stored_tables
from tests.support.analyses import judgement_of
from tests.support.stored import OFFICE, some

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What a monitor stored of the office, in any order and in several parts."""
    store = Store(tmp_path / "tables", Results({}, ["eth0"]))
    store.add(some(1, 29, 2), some(0, 0))
    store.add(some(0, 15, 2), some(16, 29, 2))
    return store.folder


@pytest.fixture(params=[0, 10_000], ids=["columns", "whole"])
def _reads(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read columns when they are asked for, or short tables whole."""
    monkeypatch.setattr("analyzer.tables.stored.FEW_ROWS", request.param)


@pytest.mark.usefixtures("_reads")
def test_columns_are_those_of_an_analysis(folder: Path) -> None:
    for name, table in stored_tables(folder).items():
        expected = OFFICE.tables[name]
        assert len(table) == len(expected)
        assert table.column_names == expected.column_names
        for column in expected.column_names:
            assert table[column].to_pylist() == expected[column].to_pylist()


@pytest.mark.usefixtures("_reads")
def test_rules_find_in_stored_columns_what_they_find_in_tables(folder: Path) -> None:
    expected = judgement_of("office").findings

    assert judge(stored_tables(folder)).findings == expected
    assert len(expected)


def test_monitor_that_saw_nothing_stored_empty_tables(tmp_path: Path) -> None:
    folder = Store(tmp_path / "tables", Results({}, ["eth0"])).folder

    tables = stored_tables(folder)

    assert [len(tables[table.name]) for table in schema.TABLES] == [0] * len(tables)
    assert len(judge(tables).findings) == 0


def test_columns_that_can_not_be_read_any_more_are_no_rules_fault(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("analyzer.tables.stored.FEW_ROWS", 0)
    tables = stored_tables(folder)
    for path in folder.rglob("exchanges.parquet"):
        path.write_bytes(b"no table")

    with pytest.raises(LoadError, match=r"not mailtap's table 'exchanges'"):
        judge(tables)


@pytest.mark.usefixtures("_reads")
def test_folder_of_parquet_is_read_when_it_is_needed(tmp_path: Path) -> None:
    write_folder(OFFICE, tmp_path, "parquet")

    read = read_on_demand(tmp_path)

    assert read is not None
    assert read.packets == OFFICE.packets
    for name, table in read.tables.items():
        names = OFFICE.tables[name].column_names
        assert table.select(names) == OFFICE.tables[name]


def test_folder_of_other_files_is_not_read_in_columns(tmp_path: Path) -> None:
    write_folder(OFFICE, tmp_path, "jsonl")

    assert read_on_demand(tmp_path) is None


def test_table_that_is_missing_is_said_at_once(tmp_path: Path) -> None:
    write_folder(OFFICE, tmp_path, "parquet")
    (tmp_path / "logins.parquet").unlink()

    with pytest.raises(LoadError, match="a table is missing"):
        read_on_demand(tmp_path)
