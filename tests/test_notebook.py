"""The notebook of docs/: its cells are run, and print what it shows."""

from __future__ import annotations

import json

import pytest

from tests.support.notebook import NOTEBOOK, run_again


def notebook(*sources: str) -> str:
    cells = [
        {"cell_type": "code", "execution_count": None, "outputs": [], "source": [each]}
        for each in sources
    ]
    return json.dumps({"cells": cells})


def test_cells_print_what_is_shown() -> None:
    text = NOTEBOOK.read_text(encoding="utf-8")

    assert run_again(text).splitlines() == text.splitlines(), "try `make docs`"
    assert len([line for line in text.splitlines() if "execute_result" in line]) > 5


def test_cell_tells_what_it_prints_and_its_last_value() -> None:
    cells = json.loads(run_again(notebook("x = 2\nprint(x)\nx + 1", "x = 5", "x")))

    first, second, third = (cell["outputs"] for cell in cells["cells"])
    assert first[0]["text"] == ["2\n"]
    assert first[1]["data"] == {"text/plain": ["3"]}
    assert second == []
    assert third[0]["data"] == {"text/plain": ["5"]}


def test_cell_that_fails_fails_the_test() -> None:
    with pytest.raises(ZeroDivisionError):
        run_again(notebook("1 / 0"))
