"""Runs a notebook as Jupyter would, without Jupyter: its cells, one after the other.

`python -m tests.support.notebook` writes what cells print into docs/notebook.ipynb; a
test compares. Outputs are kept as text: what a program needs to show more is up to it.
"""

from __future__ import annotations

import ast
import contextlib
import io
import json
from typing import Any

from tests.support.documents import DOCS, ROOT

NOTEBOOK = DOCS / "notebook.ipynb"

Cell = dict[str, Any]


def run_again(text: str) -> str:
    """The notebook with the outputs of all cells as they are now."""
    notebook = json.loads(text)
    namespace: dict[str, Any] = {}
    count = 0
    with contextlib.chdir(ROOT):
        for cell in notebook["cells"]:
            if cell["cell_type"] == "code":
                count += 1
                cell["execution_count"] = count
                cell["outputs"] = _outputs("".join(cell["source"]), namespace, count)
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def _outputs(source: str, namespace: dict[str, Any], count: int) -> list[Cell]:
    """What a cell prints, and the value of its last expression."""
    module = ast.parse(source)
    last = module.body.pop() if isinstance(module.body[-1], ast.Expr) else None
    printed = io.StringIO()
    value = None
    with contextlib.redirect_stdout(printed):
        exec(compile(module, f"cell {count}", "exec"), namespace)
        if isinstance(last, ast.Expr):
            expression = ast.Expression(last.value)
            value = eval(compile(expression, f"cell {count}", "eval"), namespace)
    outputs: list[Cell] = []
    if told := printed.getvalue():
        outputs.append(
            {"name": "stdout", "output_type": "stream", "text": _lines(told)}
        )
    if value is not None:
        outputs.append(
            {
                "data": {"text/plain": _lines(repr(value))},
                "execution_count": count,
                "metadata": {},
                "output_type": "execute_result",
            }
        )
    return outputs


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


if __name__ == "__main__":
    NOTEBOOK.write_text(run_again(NOTEBOOK.read_text(encoding="utf-8")), "utf-8")
