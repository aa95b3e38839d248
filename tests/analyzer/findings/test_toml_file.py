from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from analyzer.errors import LoadError
from analyzer.findings.toml_file import MistakesError, TomlFile

if TYPE_CHECKING:
    from pathlib import Path

    from analyzer.findings.toml_file import Key

TEXT = """\
# a comment
title = "x"

[rules.some-rule]
enabled = true
"quoted key" = 1
[rules]
other.enabled = false  # dotted

[[accept]]
id = "a"
[[accept]]
id = "b"
names = [
  "one",
  "two",
]
"""


def line_of(path: Path, key: Key, value: object = None) -> int:
    path.write_text(TEXT)
    file = TomlFile(path)
    file.mistake(key, "wrong", value=value)
    with pytest.raises(MistakesError) as caught:
        file.finish()
    name, line, reason = str(caught.value).rsplit(":", 2)
    assert (name, reason) == (str(path), " wrong")
    return int(line)


@pytest.mark.parametrize(
    ("key", "line"),
    [
        (("title",), 2),
        (("rules", "some-rule"), 4),
        (("rules", "some-rule", "enabled"), 5),
        (("rules", "some-rule", "quoted key"), 6),
        (("rules", "other", "enabled"), 8),
        (("accept", 0, "id"), 11),
        (("accept", 1), 12),
        (("accept", 1, "id"), 13),
        (("accept", 1, "reason"), 12),
        (("nowhere",), 1),
    ],
)
def test_mistake_is_told_with_the_line_of_its_key(
    tmp_path: Path, key: Key, line: int
) -> None:
    assert line_of(tmp_path / "a.toml", key) == line


def test_mistake_in_a_list_is_told_with_the_line_of_its_item(tmp_path: Path) -> None:
    assert line_of(tmp_path / "a.toml", ("accept", 1, "names"), "two") == 16
    assert line_of(tmp_path / "a.toml", ("accept", 1, "names"), 7) == 14


def test_mistakes_are_told_in_the_order_of_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text("one = 1\ntwo = 2\n")
    file = TomlFile(path)
    file.mistake(("two",), "b")
    file.mistake(("one",), "a")

    with pytest.raises(MistakesError) as caught:
        file.finish()

    assert caught.value.mistakes == (f"{path}:1: a", f"{path}:2: b")


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"a = 1\nb = \n", 2),
        (b"a = 1\na = 2\n", 2),
        (b"a = [\n1,\n", 2),
        (b"\n\nx = '\xff'", 3),
        (b"a = " + b"[" * 100_000, 1),
    ],
)
def test_what_is_no_toml_is_told_with_its_line(
    tmp_path: Path, content: bytes, line: int
) -> None:
    path = tmp_path / "a.toml"
    path.write_bytes(content)

    with pytest.raises(MistakesError) as caught:
        TomlFile(path)

    (mistake,) = caught.value.mistakes
    assert mistake.startswith(f"{path}:{line}: ")
    assert "at line" not in mistake


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("missing.toml", "there is no such file"),
        (".", "it can't be read (it is no file)"),
    ],
)
def test_file_that_can_not_be_read_is_named(
    tmp_path: Path, name: str, reason: str
) -> None:
    with pytest.raises(LoadError, match=re.escape(reason)):
        TomlFile(tmp_path / name)
