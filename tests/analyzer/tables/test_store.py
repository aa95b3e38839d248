from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from analyzer.errors import ExportError
from analyzer.tables import parts, schema
from analyzer.tables import store as store_module
from analyzer.tables.collection import empty_tables
from analyzer.tables.folder import read_folder, write_folder
from analyzer.tables.load import read_table
from analyzer.tables.parts import PARTS, has_parts, read_parts
from analyzer.tables.results import Results
from analyzer.tables.store import Store, StoreFullError
from tests.support.analyses import judgement_of
from tests.support.stored import OFFICE, some

if TYPE_CHECKING:
    from pathlib import Path


ABOUT = Results({}, ["eth0"], packets=7, capture_bytes=700, dropped=1)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "tables", ABOUT)


def test_parts_together_are_all_in_order(store: Store) -> None:
    store.add(some(20, 29), empty_tables())
    store.add(some(0, 10), empty_tables())
    store.add(some(10, 20), empty_tables())

    assert store.read() == replace(ABOUT, tables=OFFICE.tables)


def test_recent_rows_count_in_the_last_part_only(store: Store) -> None:
    store.add(some(0, 10), some(10, 25))
    assert store.read().tables["sessions"] == some(0, 25)["sessions"]

    store.add(some(10, 20), some(20, 29))
    assert store.read().tables == OFFICE.tables
    assert len(list(store.folder.rglob("recent"))) == 1


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_parts_become_a_folder_of_tables(kind: str, store: Store) -> None:
    store.add(some(0, 15), some(15, 29))
    assert has_parts(store.folder)

    store.finish(kind)

    assert not has_parts(store.folder)
    assert read_folder(store.folder).tables["sessions"] == OFFICE.tables["sessions"]
    assert {path.suffix for path in store.folder.iterdir()} == {f".{kind}", ".json"}


def test_findings_are_written_beside_the_tables(store: Store) -> None:
    store.add(some(0, 29), some(0, 0))
    findings = judgement_of("office").findings

    store.finish("parquet", findings)

    path = store.folder / "findings.parquet"
    assert read_table(path, schema.FINDINGS) == findings


@pytest.mark.parametrize(("large", "parts_at_most"), [(8, 5), (4096, 3)])
def test_small_parts_are_put_together(
    large: int, parts_at_most: int, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "PARTS_TO_JOIN", 3)
    monkeypatch.setattr(store_module, "LARGE_PART_SESSIONS", large)
    most = 0
    for start in range(0, 29, 2):
        store.add(some(start, start + 2), some(start + 2, 29))
        assert store.read().tables == OFFICE.tables
        most = max(most, len([*(store.folder / PARTS).glob("*-*")]))

    assert most == parts_at_most


def test_parts_that_were_put_together_count_once(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A monitor that failed at the worst moment leaves both."""
    monkeypatch.setattr(store_module, "PARTS_TO_JOIN", 2)
    monkeypatch.setattr(store_module, "_remove", lambda _: None)
    for start in range(0, 30, 5):
        store.add(some(start, start + 5), empty_tables())

    assert len(list((store.folder / PARTS).iterdir())) > 6
    assert store.read().tables == OFFICE.tables


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_files_are_the_same_in_blocks_of_any_size(
    kind: str, store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(parts, "_BLOCK_SESSIONS", 4)
    # neither in order nor apart
    for start in (3, 1, 2, 0):
        store.add(some(start, 29, 4), empty_tables())
    expected = tmp_path / "expected"
    write_folder(store.read(), expected, kind)

    store.finish(kind)

    assert read_folder(store.folder) == read_folder(expected)
    if kind != "parquet":
        for path in expected.iterdir():
            assert (store.folder / path.name).read_bytes() == path.read_bytes()


def test_part_that_was_not_completed_is_not_read(store: Store) -> None:
    store.add(some(0, 10), empty_tables())
    hidden = store.folder / PARTS / ".00000002-00000002"
    hidden.mkdir()
    (hidden / "sessions.parquet").write_bytes(b"PAR1")

    assert read_parts(store.folder).tables == some(0, 10)


def test_folder_with_tables_is_not_written_over(store: Store) -> None:
    store.add(some(0, 10), empty_tables())
    with pytest.raises(ExportError, match="name another folder"):
        Store(store.folder)

    store.finish("csv")
    with pytest.raises(ExportError, match="name another folder"):
        Store(store.folder)


def test_rows_wait_for_a_disk_that_can_not_be_written(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = store.folder / PARTS
    moved = folder.rename(store.folder / "away")
    folder.write_bytes(b"")
    with pytest.raises(ExportError, match="can't be made"):
        store.add(some(0, 10), empty_tables())
    monkeypatch.setattr(store_module, "MAX_PENDING_SESSIONS", 15)
    with pytest.raises(StoreFullError):
        store.add(some(10, 20), empty_tables())

    folder.unlink()
    moved.rename(folder)
    store.add(some(20, 29), empty_tables())

    assert store.read().tables == OFFICE.tables


def test_folder_that_can_not_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(ExportError, match=r"file/tables: can't be made"):
        Store(tmp_path / "file" / "tables")


def test_folder_of_a_monitor_that_saw_nothing_yet_can_be_read(store: Store) -> None:
    assert read_parts(store.folder) == replace(ABOUT, tables=empty_tables())

    store.finish("csv")

    assert read_folder(store.folder) == replace(ABOUT, tables=empty_tables())


def test_what_is_known_beside_the_rows_is_written_without_rows(store: Store) -> None:
    later = replace(ABOUT, packets=99, dropped=2, undecoded=Counter(strange=3))
    store.note(later)

    assert read_parts(store.folder) == replace(later, tables=empty_tables())


@pytest.mark.parametrize("name", [".parts", "sessions.csv"])
def test_folder_can_be_read_whenever_a_finish_fails(
    name: str, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed while files are written, or while the parts are removed."""
    store.add(some(0, 29), empty_tables())
    calls = []

    def fail(path: Path, *_: object, **__: object) -> None:
        calls.append(path)
        raise KeyboardInterrupt

    if name == ".parts":
        monkeypatch.setattr(shutil, "rmtree", fail)
    else:
        monkeypatch.setattr(store_module, "write_manifest", fail)
    with pytest.raises(KeyboardInterrupt):
        store.finish("csv")

    assert calls
    read = read_parts if has_parts(store.folder) else read_folder
    assert read(store.folder).tables["sessions"] == OFFICE.tables["sessions"]
