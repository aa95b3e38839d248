from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from pyarrow import parquet

from analyzer.extraction.folder import Folder
from analyzer.extraction.index import COLUMNS, write_index

if TYPE_CHECKING:
    from pathlib import Path


def test_index_is_written_as_parquet_and_as_csv(tmp_path: Path) -> None:
    rows = [{"file": "a", "name": "=1+1\x1b", "partial": True, "rcpt_to": ["b"]}]

    write_index(rows, Folder.make(tmp_path / "out"))

    table = parquet.read_table(tmp_path / "out" / "index.parquet")
    assert table.schema.equals(COLUMNS)
    assert table["name"].to_pylist() == ["=1+1\x1b"]
    with (tmp_path / "out" / "index.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["name"], row["partial"]) == ("'=1+1\\x1b", "true")
