"""Docstrings of functions say what to do; ruff sees to most of that by D401."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
PACKAGES = ("analyzer", "captures", "mailtap")
PROPERTIES = {"cached_property", "property"}
# what a clause begins with that only names what is returned; ruff lets these pass
NOUN_CLAUSES = {
    "How",
    "What",
    "When",
    "Where",
    "Whether",
    "Which",
    "Who",
    "Whose",
    "Why",
}


def first_words(path: Path) -> Iterator[tuple[str, str]]:
    """Yield name and first word of each function's docstring, but for properties."""
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.FunctionDef):
            continue
        is_property = not PROPERTIES.isdisjoint(map(ast.unparse, node.decorator_list))
        docstring = ast.get_docstring(node)
        if docstring and not is_property:
            yield node.name, docstring.split()[0]


def test_function_says_what_it_does_and_not_what_it_is() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}: {name}"
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
        for name, word in first_words(path)
        if word in NOUN_CLAUSES or not word[0].isalpha()
    ]

    assert not wrong
