from __future__ import annotations

import doctest
import re
from typing import TYPE_CHECKING

from tests.support.readme import README, ROOT, python_examples, rerun

if TYPE_CHECKING:
    import pytest


def test_commands_print_what_the_readme_shows() -> None:
    text = README.read_text()

    assert rerun(text).splitlines() == text.splitlines(), "try `make docs`"


def test_python_examples_give_what_the_readme_shows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(ROOT)
    examples = python_examples(README.read_text())
    assert examples

    for number, example in enumerate(examples):
        test = doctest.DocTestParser().get_doctest(
            example, {}, f"example {number}", str(README), 0
        )
        report: list[str] = []
        doctest.DocTestRunner(verbose=False).run(test, out=report.append)
        assert not report, "".join(report)


def test_files_that_the_readme_links_to_exist() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", README.read_text())
    assert links

    assert [link for link in links if not (ROOT / link).exists()] == []


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
