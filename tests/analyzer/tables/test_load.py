from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from analyzer.errors import LoadError
from analyzer.tables import schema
from analyzer.tables.export import write_table
from analyzer.tables.load import as_stored, read_column, read_table

if TYPE_CHECKING:
    from pathlib import Path

NOTES = schema.Table(
    "notes",
    "A note.",
    (
        schema.Column("session_id", pa.string(), "its session"),
        schema.Column("text", pa.string(), "its text"),
        schema.Column("words", pa.list_(pa.string()), "its words"),
        schema.Column("count", pa.uint16(), "how many"),
    ),
)
ROWS = [
    {"session_id": "a", "text": "=1+1", "words": ["=1", "a,b", '"'], "count": 7},
    {"session_id": "a", "text": "'quoted'", "words": [], "count": 0},
    {"session_id": "a", "text": "", "words": None, "count": None},
    {"session_id": "a", "text": None, "words": ["\N{EURO SIGN}"], "count": 65_535},
    {"session_id": "a", "text": "-", "words": [""], "count": 1},
]


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize("count", [0, len(ROWS)])
def test_table_is_read_as_it_was_written(kind: str, count: int, tmp_path: Path) -> None:
    table = pa.Table.from_pylist(ROWS[:count], NOTES.arrow)
    path = tmp_path / f"notes.{kind}"

    write_table(table, path)

    assert read_table(path, NOTES) == table


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_table_without_a_column_is_refused(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"notes.{kind}"
    write_table(pa.table({"session_id": ["a"], "text": ["a"], "nonsense": [1]}), path)

    with pytest.raises(LoadError, match=r"not mailtap's table 'notes'"):
        read_table(path, NOTES)


def test_folder_in_place_of_a_table_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.jsonl"
    path.mkdir()

    with pytest.raises(LoadError, match=r"notes\.jsonl: "):
        read_table(path, NOTES)


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_row_without_a_session_is_refused(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"notes.{kind}"
    write_table(pa.Table.from_pylist([{"text": "a"}], NOTES.arrow), path)

    with pytest.raises(LoadError, match=r"not mailtap's table 'notes'"):
        read_table(path, NOTES)


@pytest.mark.parametrize("count", [0, len(ROWS)])
@pytest.mark.parametrize("name", NOTES.arrow.names)
def test_column_is_read_alone(name: str, count: int, tmp_path: Path) -> None:
    table = pa.Table.from_pylist(ROWS[:count], NOTES.arrow)
    path = tmp_path / "notes.parquet"
    write_table(table, path)

    column = read_column(path, NOTES, name)

    assert column.type == as_stored(name, NOTES.arrow.field(name).type)
    assert column.to_pylist() == table[name].to_pylist()


@pytest.mark.parametrize(
    "column",
    [
        pa.array([["a"], ["b"]]),
        pa.array([b"\xff", b"a"]).view(pa.string()),
        pa.array([{"a": 1}, None]),
    ],
)
def test_column_of_another_kind_is_refused(column: pa.Array, tmp_path: Path) -> None:
    path = tmp_path / "notes.parquet"
    write_table(pa.table({"session_id": ["a", None], "count": column}), path)

    for name in ("session_id", "count", "text"):
        with pytest.raises(LoadError, match=r"not mailtap's table 'notes'"):
            read_column(path, NOTES, name)
