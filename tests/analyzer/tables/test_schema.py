from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.tables import schema
from tests.support.analyses import CAPTURES, analysis_of

DOCUMENT = Path(__file__).parents[3] / "docs" / "tables.md"


@pytest.mark.parametrize("name", CAPTURES)
def test_tables_have_the_columns_of_the_schema(name: str) -> None:
    tables = analysis_of(name).tables

    assert list(tables) == [table.name for table in schema.TABLES]
    for table in schema.TABLES:
        assert tables[table.name].schema.equals(table.arrow, check_metadata=True)


@pytest.mark.parametrize("table", schema.TABLES, ids=lambda table: table.name)
def test_columns_are_named_once_and_explained(table: schema.Table) -> None:
    names = [column.name for column in table.columns]

    assert len(set(names)) == len(names)
    assert len({"session_id", "sessions"} & set(names)) == 1
    assert table.row.endswith(".")
    for column in table.columns:
        assert column.meaning
        assert "|" not in column.meaning


def test_document_is_current() -> None:
    # if not: make docs
    assert DOCUMENT.read_text(encoding="utf-8") == schema.as_markdown()


def test_document_names_every_column() -> None:
    text = schema.as_markdown()

    for table in schema.TABLES:
        assert f"## {table.name}\n" in text
        for column in table.columns:
            assert f"| `{column.name}` | " in text
