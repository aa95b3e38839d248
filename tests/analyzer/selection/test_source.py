from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import pytest

from analyzer.errors import LoadError
from analyzer.selection.source import Loaded, Stored, open_folder
from analyzer.tables.folder import write_folder
from analyzer.tables.results import Results
from analyzer.tables.schema import LOGINS, SESSIONS
from analyzer.tables.store import Store
from tests.support.stored import OFFICE, some

if TYPE_CHECKING:
    from pathlib import Path

COLUMNS = ["session_id", "start", "anomalies"]


def opened(folder: Path) -> tuple[Results, Stored]:
    found = open_folder(folder)
    assert found is not None
    return found


@pytest.fixture(params=["file", "parts"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The office in a file, or as a monitor stores it."""
    if request.param == "file":
        write_folder(OFFICE, tmp_path, "parquet")
        return tmp_path
    store = Store(tmp_path / "tables", Results({}, [*OFFICE.captures]))
    store.add(some(0, 9), some(0, 0))
    store.add(some(9, 20), some(20, 29))
    return store.folder


def test_columns_are_read_as_they_are_in_memory(folder: Path) -> None:
    results, stored = opened(folder)

    assert results.captures == [*OFFICE.captures]
    loaded = Loaded(OFFICE.tables)
    assert stored.read(SESSIONS, COLUMNS) == loaded.read(SESSIONS, COLUMNS)
    users = ["session_id", "user"]
    assert stored.read(LOGINS, users) == loaded.read(LOGINS, users)


@pytest.mark.parametrize("places", [[], [28, 0, 12, 9, 13, 8], [5]])
def test_rows_are_taken_in_the_order_that_is_asked_for(
    folder: Path, places: list[int]
) -> None:
    _, stored = opened(folder)
    stored.read(SESSIONS, ["start"])
    wanted = np.array(places, np.int64)

    taken = stored.take(wanted, COLUMNS)

    assert taken == Loaded(OFFICE.tables).take(wanted, COLUMNS)


def test_damaged_file_is_named(folder: Path) -> None:
    for path in folder.rglob("sessions.parquet"):
        path.write_bytes(path.read_bytes()[:-9])
    _, stored = opened(folder)

    with pytest.raises(LoadError, match=r"sessions\.parquet: this is not mailtap's"):
        stored.read(SESSIONS, COLUMNS)


def test_missing_table_is_named(tmp_path: Path) -> None:
    write_folder(OFFICE, tmp_path, "parquet")
    (tmp_path / "sessions.parquet").unlink()
    _, stored = opened(tmp_path)

    with pytest.raises(LoadError, match="a table is missing"):
        stored.read(SESSIONS, COLUMNS)


def test_what_has_no_columns_apart_is_not_opened(tmp_path: Path) -> None:
    write_folder(OFFICE, tmp_path / "csv", "csv")

    assert open_folder(tmp_path / "csv") is None
    assert open_folder(tmp_path) is None


def test_choice_that_was_written_is_known(tmp_path: Path) -> None:
    write_folder(dataclasses.replace(OFFICE, sessions_in_all=99), tmp_path, "parquet")

    assert opened(tmp_path)[0].sessions_in_all == 99
