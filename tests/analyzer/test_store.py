from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from pyarrow import compute

from analyzer import store as store_module
from analyzer.analysis import Analysis
from analyzer.export import ExportError
from analyzer.folder import read_folder
from analyzer.load import LoadError
from analyzer.store import PARTS, Store, StoreFullError, has_parts, read_parts
from analyzer.tables import empty_tables
from tests.support.analyses import analysis_of

if TYPE_CHECKING:
    from pathlib import Path

    from analyzer.store import Tables

OFFICE = analysis_of("office")
ABOUT = Analysis({}, ["eth0"], packets=7, capture_bytes=700, dropped=1)


def some(start: int, stop: int) -> Tables:
    """What belongs to some sessions of the office."""
    wanted = OFFICE.tables["sessions"]["session_id"].to_pylist()[start:stop]
    return {
        name: table.filter(
            compute.is_in(table["session_id"], pa.array(wanted, pa.string()))
        )
        for name, table in OFFICE.tables.items()
    }


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "tables")


def test_parts_together_are_all_in_order(store: Store) -> None:
    store.add(some(20, 29), empty_tables(), ABOUT)
    store.add(some(0, 10), empty_tables(), ABOUT)
    store.add(some(10, 20), empty_tables(), ABOUT)

    assert store.read() == replace(ABOUT, tables=OFFICE.tables)


def test_recent_rows_count_in_the_last_part_only(store: Store) -> None:
    store.add(some(0, 10), some(10, 25), ABOUT)
    assert store.read().tables["sessions"] == some(0, 25)["sessions"]

    store.add(some(10, 20), some(20, 29), ABOUT)
    assert store.read().tables == OFFICE.tables
    assert len(list(store.folder.rglob("recent"))) == 1


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_parts_become_a_folder_of_tables(kind: str, store: Store) -> None:
    store.add(some(0, 15), some(15, 29), ABOUT)
    assert has_parts(store.folder)

    store.finish(store.read(), kind)

    assert not has_parts(store.folder)
    assert read_folder(store.folder).tables["sessions"] == OFFICE.tables["sessions"]
    assert {path.suffix for path in store.folder.iterdir()} == {f".{kind}", ".json"}


def test_part_that_was_not_completed_is_not_read(store: Store) -> None:
    store.add(some(0, 10), empty_tables(), ABOUT)
    unnamed = store.folder / PARTS / ".000002"
    unnamed.mkdir()
    (unnamed / "sessions.parquet").write_bytes(b"PAR1")

    assert read_parts(store.folder).tables == some(0, 10)


def test_folder_with_tables_is_not_written_over(store: Store) -> None:
    store.add(some(0, 10), empty_tables(), ABOUT)
    with pytest.raises(ExportError, match="name another folder"):
        Store(store.folder)

    store.finish(store.read(), "csv")
    with pytest.raises(ExportError, match="name another folder"):
        Store(store.folder)


def test_rows_wait_for_a_disk_that_can_not_be_written(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = store.folder / PARTS
    moved = parts.rename(store.folder / "away")
    parts.write_bytes(b"")
    with pytest.raises(ExportError, match="can't be made"):
        store.add(some(0, 10), empty_tables(), ABOUT)
    monkeypatch.setattr(store_module, "MAX_PENDING_SESSIONS", 15)
    with pytest.raises(StoreFullError):
        store.add(some(10, 20), empty_tables(), ABOUT)

    parts.unlink()
    moved.rename(parts)
    store.add(some(20, 29), empty_tables(), ABOUT)

    assert store.read().tables == OFFICE.tables


def test_folder_that_can_not_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(ExportError, match=r"file/tables: can't be made"):
        Store(tmp_path / "file" / "tables")


def test_monitor_that_wrote_nothing_yet_is_said(store: Store) -> None:
    with pytest.raises(LoadError, match="no tables in this folder yet"):
        read_parts(store.folder)
