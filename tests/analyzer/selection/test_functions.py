from __future__ import annotations

import pyarrow as pa
import pytest

from analyzer.selection.condition import Condition
from analyzer.selection.functions import FUNCTIONS
from analyzer.selection.terms import Kind
from analyzer.tables.schema import SESSIONS
from tests.support.analyses import analysis_of
from tests.support.documents import DOCS


@pytest.mark.parametrize("name", FUNCTIONS)
def test_example_of_a_function_can_be_written(name: str) -> None:
    function = FUNCTIONS[name]
    condition = function.example
    if function.kind is not Kind.FLAG:
        condition += " is not null"

    flags = Condition(condition, SESSIONS).of(analysis_of("office").tables["sessions"])

    assert flags.null_count == 0
    assert function.example.startswith(f"{name}(")


def test_every_function_is_documented() -> None:
    text = (DOCS / "choosing.md").read_text(encoding="utf-8")

    assert all(f"`{function.example}`" in text for function in FUNCTIONS.values())


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("lower(banner) = 'exim ä'", [True, False, False]),
        ("upper(banner) = 'EXIM Ä'", [True, False, False]),
        ("length(banner) = 6", [True, False, False]),
        ("contains(banner, 'im')", [True, False, False]),
        ("not contains(banner, '.*')", [True, True, False]),
        ("starts_with(banner, 'Ex')", [True, False, False]),
        ("ends_with(banner, 'fix')", [False, True, False]),
        ("lower(upper(banner)) = 'postfix'", [False, True, False]),
    ],
)
def test_functions_look_at_texts(condition: str, expected: list[bool]) -> None:
    rows = pa.table({"banner": ["Exim Ä", "Postfix", None]})

    assert Condition(condition, SESSIONS).of(rows).to_pylist() == expected
