"""README.md and docs/: their examples are run, and what they name exists."""

from __future__ import annotations

import doctest
import re
import tomllib
from typing import TYPE_CHECKING

import click
import pytest

from analyzer.cli import main
from tests.support.documents import (
    DOCS,
    DOCUMENTS,
    MADE,
    README,
    ROOT,
    python_examples,
    rerun,
)

if TYPE_CHECKING:
    from pathlib import Path

each_document = pytest.mark.parametrize(
    "document", DOCUMENTS, ids=lambda path: path.name
)
LINKED = (*DOCUMENTS, *MADE, ROOT / "CONTRIBUTING.md")
# options of other programs
FOREIGN = {"--inject-secrets", "--ssl-reqd"}


def anchors(text: str) -> set[str]:
    """Where links into a page can lead: its headings."""
    headings = re.findall(r"^##+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings}


@each_document
def test_commands_print_what_is_shown(document: Path) -> None:
    text = document.read_text(encoding="utf-8")

    assert rerun(text).splitlines() == text.splitlines(), "try `make docs`"


@each_document
def test_python_examples_give_what_is_shown(
    document: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)

    for number, example in enumerate(python_examples(document.read_text())):
        test = doctest.DocTestParser().get_doctest(
            example, {}, f"example {number}", str(document), 0
        )
        report: list[str] = []
        doctest.DocTestRunner(verbose=False).run(test, out=report.append)
        assert not report, "".join(report)


def test_readme_and_cookbook_have_examples_of_both_kinds() -> None:
    for document in (README, DOCS / "cookbook.md"):
        text = document.read_text(encoding="utf-8")
        assert python_examples(text)
        assert "```console\n$ mailtap " in text


@pytest.mark.parametrize("document", LINKED, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    text = document.read_text(encoding="utf-8")

    for name, anchor in re.findall(r"\]\(([^)#:]*)#?([^)]*)\)", text):
        target = document.parent / name if name else document
        assert target.exists(), name
        assert not anchor or anchor in anchors(target.read_text()), anchor


def test_every_page_is_linked_from_readme_and_the_site() -> None:
    pages = {path.name for path in DOCS.glob("*.md")} - {"index.md"}
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    site = tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))
    menu = [page for entry in site["project"]["nav"] for page in entry.values()]

    assert menu[0] == "index.md"
    assert {*menu[1:]} == pages
    assert set(re.findall(r"\]\((\w[\w-]*\.md)\)", index)) == pages
    assert set(re.findall(r"\]\(docs/([\w-]+\.md)\)", README.read_text())) == pages


def test_every_command_answers_a_question_of_the_readme() -> None:
    context = click.Context(main)
    table = README.read_text().split("## Which command")[1].split("\n## ")[0]

    named = re.findall(r"`mailtap (\w+)`", table)
    assert sorted(named) == main.list_commands(context)


@each_document
def test_options_that_are_named_exist(document: Path) -> None:
    context = click.Context(main)
    known = {"--help"}
    for name in main.list_commands(context):
        command = main.get_command(context, name)
        assert command is not None
        known.update(*(each.opts for each in command.params))
    named = re.findall(r"(?<![\w-])--[a-z][a-z-]+", document.read_text())

    assert {*named} - FOREIGN <= known


def test_output_of_a_command_replaces_what_stood_there() -> None:
    text = "before\n```console\n$ echo one; echo two\nold\n$ true\n```\nafter\n"

    assert rerun(text) == (
        "before\n```console\n$ echo one; echo two\none\ntwo\n$ true\n```\nafter\n"
    )


def test_changelog_says_nothing_twice() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    unreleased = text.split("\n## ")[1]
    entries = [each.split() for each in unreleased.split("\n- ")[1:]]

    beginnings = [" ".join(each[:4]) for each in entries]
    assert sorted(beginnings) == sorted(set(beginnings))
