"""Tables as the sheets of a workbook (Office Open XML), in which nothing is a formula.

Every text is written as a text, whatever it begins with, and characters that control a
terminal are escaped. XlsxWriter does it; it is an extra, for not everybody needs it.
"""

from __future__ import annotations

import datetime as dt
import json
import math
from importlib.util import find_spec
from shutil import copyfileobj
from tempfile import TemporaryDirectory, TemporaryFile
from typing import TYPE_CHECKING, Any

from analyzer.errors import ExportError
from analyzer.tables.export import atomic_write
from analyzer.text import escape_controls, shorten

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import pyarrow as pa

# what spreadsheets hold: rows of a sheet, below the heading; characters of a cell
MAX_ROWS = 1_048_575
_MAX_TEXT = 32_000
# numbers are floating-point numbers there
_LARGEST_INTEGER = 2**53
# they know no time before, and no time zone
_FIRST_YEAR = 1901
_BLOCK_ROWS = 4096
_WIDTH = 18


def check_workbook() -> None:
    """Check whether workbooks can be written, before any work is done for one.

    Raises:
        ExportError: XlsxWriter is not installed.
    """
    if find_spec("xlsxwriter") is None:
        raise ExportError(
            "a spreadsheet takes XlsxWriter: pip install 'mailtap[spreadsheet]'"
        )


def write_workbook(sheets: Iterable[tuple[str, pa.Table]], path: Path) -> None:
    """Write tables as the sheets of a workbook.

    Args:
        sheets: name and rows of each; what is beyond `MAX_ROWS` is left out.
        path: where to.

    Raises:
        ExportError: it can't be written, or XlsxWriter is not installed.
    """
    check_workbook()
    import xlsxwriter

    with (
        TemporaryDirectory(prefix="mailtap-") as folder,
        # a zip file that was left half-done on a full disk would complain for itself
        TemporaryFile(dir=folder) as packed,
        atomic_write(path) as file,
    ):
        # rows leave memory as they are written; whatever fails, the folder goes
        workbook = xlsxwriter.Workbook(
            packed, {"constant_memory": True, "tmpdir": folder}
        )
        workbook.set_properties({"author": "mailtap"})
        heading = workbook.add_format({"bold": True})
        time = workbook.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        for name, table in sheets:
            sheet = workbook.add_worksheet(name)
            for at, column in enumerate(table.column_names):
                sheet.write_string(0, at, column, heading)
            sheet.freeze_panes(1, 0)
            sheet.set_column(0, max(table.num_columns - 1, 0), _WIDTH)
            _write_rows(sheet, table.slice(0, MAX_ROWS), time)
        workbook.close()
        packed.seek(0)
        copyfileobj(packed, file)


def _write_rows(sheet: Any, table: pa.Table, time: Any) -> None:
    row = 0
    for batch in table.to_batches(max_chunksize=_BLOCK_ROWS):
        columns = [_as_python(column) for column in batch.columns]
        for cells in zip(*columns, strict=True):
            row += 1
            for at, value in enumerate(cells):
                _write_cell(sheet, row, at, value, time)


def _write_cell(sheet: Any, row: int, column: int, value: Any, time: Any) -> None:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return
    if isinstance(value, bool):
        sheet.write_boolean(row, column, value)
    elif isinstance(value, float) or (
        isinstance(value, int) and abs(value) < _LARGEST_INTEGER
    ):
        sheet.write_number(row, column, value)
    elif isinstance(value, dt.datetime) and value.year >= _FIRST_YEAR:
        sheet.write_datetime(row, column, value, time)
    else:
        sheet.write_string(row, column, _as_text(value))


def _as_python(column: pa.Array) -> list[Any]:
    """Return values as Python has them; times without a zone, which is UTC."""
    import pyarrow as pa

    if pa.types.is_timestamp(column.type):
        # a spreadsheet holds milliseconds
        column = column.cast(pa.timestamp("ms", tz="UTC"), safe=False)
        return [value and value.replace(tzinfo=None) for value in column.to_pylist()]
    values: list[Any] = column.to_pylist()
    return values


def _as_text(value: Any) -> str:
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        value = ", ".join(value)
    elif isinstance(value, dt.datetime):
        value = value.isoformat(sep=" ")
    if not isinstance(value, str):
        value = json.dumps(value, default=str)
    return shorten(escape_controls(value), _MAX_TEXT)
