from __future__ import annotations

import datetime as dt
import gc
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import pyarrow as pa
import pytest

from analyzer.errors import ExportError
from analyzer.tables import workbook
from analyzer.tables.workbook import check_workbook, write_workbook
from tests.support.hostile import ATTACKS
from tests.support.workbooks import Sheets

if TYPE_CHECKING:
    from collections.abc import Iterator


def cells(tmp_path: Path, *values: Any, kind: pa.DataType | None = None) -> list[str]:
    """A column of values, as it stands in a sheet, without its heading."""
    path = tmp_path / "a.xlsx"
    write_workbook([("sheet", pa.table({"n": pa.array(values, kind)}))], path)
    heading, *rows = Sheets(path).rows("sheet")
    assert heading == ["'n'"]
    return [cell for row in rows for cell in row]


def test_values_keep_their_kinds(tmp_path: Path) -> None:
    time = dt.datetime(2026, 1, 2, 12, tzinfo=dt.UTC)

    assert cells(tmp_path, 1, -5, None) == ["1", "-5"]
    assert cells(tmp_path, 2**60) == ["'1152921504606846976'"]
    assert cells(tmp_path, 1.5, float("nan"), float("inf")) == ["1.5"]
    assert cells(tmp_path, True, False) == ["1", "0"]
    assert cells(tmp_path, ["a", "b"], []) == ["'a, b'", "''"]
    assert cells(tmp_path, [{"name": "a"}]) == ['\'[{"name": "a"}]\'']
    kind = pa.timestamp("ns", tz="UTC")
    # days since 1899-12-30
    assert cells(tmp_path, time, kind=kind) == ["46024.5"]
    early = dt.datetime(1700, 1, 1, tzinfo=dt.UTC)
    assert cells(tmp_path, early, kind=kind) == ["'1700-01-01 00:00:00'"]


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(1)", "\t=1", "{=1}", "12", "https://a.example/"]
)
def test_text_is_text_whatever_it_begins_with(text: str, tmp_path: Path) -> None:
    (cell,) = cells(tmp_path, text)

    assert cell == f"'{text}'".replace("\t", "\\x09")
    assert Sheets(tmp_path / "a.xlsx").formulas == 0


def test_hostile_text_takes_over_nothing(tmp_path: Path) -> None:
    found = cells(tmp_path, *ATTACKS)

    assert len(found) == len(ATTACKS)
    assert not {"\x1b", "\x07", "\u202e", "\u2028"} & set("".join(found))
    assert Sheets(tmp_path / "a.xlsx").formulas == 0


def test_long_text_is_cut(tmp_path: Path) -> None:
    (cell,) = cells(tmp_path, "x" * 100_000)

    assert len(cell) == 32_002
    assert cell.endswith("\N{HORIZONTAL ELLIPSIS}'")


def test_rows_that_have_no_room_are_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbook, "MAX_ROWS", 3)

    assert cells(tmp_path, *range(9)) == ["0", "1", "2"]


def test_file_that_can_not_be_written_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)

    with pytest.raises(ExportError, match="can't be written"):
        write_workbook([("a", pa.table({"n": [1]}))], tmp_path / "none" / "a.xlsx")

    assert list(tmp_path.iterdir()) == []


@pytest.mark.filterwarnings("error")
def test_full_disk_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def full(path: Path) -> Iterator[BinaryIO]:
        # as a file that was opened, and finds no room
        with Path("/dev/full").open("wb", buffering=0) as file:
            try:
                yield file
            except OSError as error:
                raise ExportError(str(path)) from error

    monkeypatch.setattr(workbook, "atomic_write", full)

    with pytest.raises(ExportError):
        write_workbook([("a", pa.table({"n": [1]}))], tmp_path / "a.xlsx")
    # what is left half-done would raise where nobody can catch it
    gc.collect()


def test_missing_writer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    check_workbook()
    monkeypatch.setitem(sys.modules, "xlsxwriter", None)
    monkeypatch.setattr(workbook, "find_spec", lambda _: None)

    with pytest.raises(ExportError, match=r"pip install 'mailtap\[spreadsheet\]'"):
        check_workbook()
