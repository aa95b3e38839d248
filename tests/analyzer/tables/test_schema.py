from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pyarrow import compute

from analyzer.sessions.protection import VERDICTS
from analyzer.tables import schema
from analyzer.tables.schema.document import as_markdown
from analyzer.tables.table import COUNT, TEXTS
from tests.support.analyses import CAPTURES, analysis_of

DOCUMENT = Path(__file__).parents[3] / "docs" / "tables.md"


@pytest.mark.parametrize("name", CAPTURES)
def test_tables_have_the_columns_of_the_schema(name: str) -> None:
    tables = analysis_of(name).tables

    assert list(tables) == [table.name for table in schema.TABLES]
    for table in schema.TABLES:
        assert tables[table.name].schema.equals(table.arrow, check_metadata=True)


@pytest.mark.parametrize("table", schema.WRITTEN, ids=lambda table: table.name)
def test_columns_are_named_once_and_explained(table: schema.Table) -> None:
    names = [column.name for column in table.columns]

    assert len(set(names)) == len(names)
    assert len({"session_id", "session_ids", "sessions"} & set(names)) == 1
    assert table.row.endswith(".")
    for column in table.columns:
        assert column.meaning
        assert "|" not in column.meaning


@pytest.mark.parametrize("table", schema.WRITTEN, ids=lambda table: table.name)
def test_version_changes_with_names_types_and_values_alone(table: schema.Table) -> None:
    first, *others = table.columns

    def with_first(**changes: Any) -> schema.Table:
        return replace(table, columns=(replace(first, **changes), *others))

    assert with_first(meaning="other words").version == table.version
    assert with_first(name="other").version != table.version
    assert with_first(type=COUNT).version != table.version
    one, other = with_first(values=("a", "b")), with_first(values=("a", "c"))
    assert len({table.version, one.version, other.version}) == 3
    assert with_first(values=("b", "a")).version == one.version


def test_version_changes_with_the_verdicts_on_protection() -> None:
    (column,) = [each for each in schema.SESSIONS.columns if each.name == "protection"]

    assert set(VERDICTS) == set(column.values)
    assert all(verdict in column.terms for verdict in VERDICTS)


@pytest.mark.parametrize("table", schema.WRITTEN, ids=lambda table: table.name)
def test_values_of_a_fixed_list_are_explained(table: schema.Table) -> None:
    for column in table.columns:
        words = set(re.findall(r"[a-z-]+(?: authenticated)?", column.meaning))
        assert set(column.values) <= words, column.name


@pytest.mark.parametrize("name", CAPTURES)
def test_tables_hold_no_other_values_than_those_of_a_fixed_list(name: str) -> None:
    for table in schema.TABLES:
        for column in filter(lambda each: each.values, table.columns):
            found = analysis_of(name).tables[table.name][column.name]
            if column.type == TEXTS:
                found = compute.list_flatten(found)
            assert set(found.to_pylist()) <= {None, *column.values}, column.name


def test_document_is_current() -> None:
    # if not: make docs
    assert DOCUMENT.read_text(encoding="utf-8") == as_markdown()


def test_document_names_every_column() -> None:
    text = as_markdown()

    for table in schema.WRITTEN:
        assert f"## {table.name}\n" in text
        for column in table.columns:
            assert f"| `{column.name}` | " in text
