"""CONTRIBUTING's map of the tree, and its ways to add something."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
KINDS = (
    "A column of a table",
    "An event",
    "A protocol",
    "A capture format",
    "A report",
    "A rule",
    "A chart of the page",
    "A command",
    "A name of a TLS registry",
)
# a name in capitals stands for any
PATH = re.compile(
    r"(?:analyzer|captures|dissectors|docs|examples|mailtap|tests)/[\w./-]*|[A-Z]+\.md"
)
NAME = re.compile(r"[A-Za-z_]\w+")


def quoted(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


def paths(text: str) -> list[str]:
    return [each for each in quoted(text) if PATH.fullmatch(each)]


def section(title: str) -> str:
    return re.split(r"\n###? ", TEXT.split(f"\n### {title}\n")[1])[0]


def items(title: str) -> list[str]:
    """The steps and paragraphs of a section."""
    return re.split(r"\n\n|\n(?=\d\. )", section(title).strip())


@cache
def words(pattern: str) -> frozenset[str]:
    """All words of the files that a path stands for."""
    found: set[str] = set()
    for path in ROOT.glob(pattern):
        for file in path.rglob("*.py") if path.is_dir() else (path,):
            found.update(NAME.findall(file.read_text(encoding="utf-8")))
    return frozenset(found)


def test_every_file_that_is_named_exists() -> None:
    named = paths(TEXT)
    assert named

    assert [each for each in named if not [*ROOT.glob(each.replace("NAME", "*"))]] == []


@pytest.mark.parametrize("title", KINDS)
def test_every_name_is_in_a_file_of_its_step(title: str) -> None:
    assert len(items(title)) > 1
    for item in items(title):
        named = [each for each in quoted(item) if NAME.fullmatch(each)]
        known = frozenset().union(*map(words, paths(item)))
        assert [each for each in named if each not in known] == [], item


def test_every_way_to_add_something_is_tried() -> None:
    ways = TEXT.split("\n## How to add ...\n")[1].split("\n## ")[0]

    assert tuple(re.findall(r"^### (.+)$", ways, re.MULTILINE)) == KINDS


@pytest.mark.parametrize("title", KINDS)
def test_steps_are_numbered_and_say_where(title: str) -> None:
    steps = re.findall(r"^(\d)\. (.*)$", section(title), re.MULTILINE)

    assert [int(number) for number, _ in steps] == [*range(1, len(steps) + 1)]
    assert len(steps) > 1


def test_every_room_is_on_the_map() -> None:
    chart = TEXT.split("\n## Where things are\n")[1].split("\n## ")[0]
    named = {each.rstrip("/") for each in paths(chart)}

    rooms = {
        f"{package}/{folder.name}"
        for package in ("analyzer", "captures", "dissectors")
        for folder in (ROOT / package).iterdir()
        if (folder / "__init__.py").exists()
    }
    assert rooms <= named


def test_links_inside_lead_to_headings() -> None:
    headings = re.findall(r"^##+ (.+)$", TEXT, re.MULTILINE)
    anchors = {
        re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings
    }

    assert set(re.findall(r"\]\(#([^)]+)\)", TEXT)) <= anchors
