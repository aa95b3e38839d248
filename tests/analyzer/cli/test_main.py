from __future__ import annotations

import re
from typing import TYPE_CHECKING, NoReturn

import click
import pytest

from analyzer.cli import main
from analyzer.cli.inputs import Inputs
from tests.support import commands
from tests.support.analyses import DEMO

if TYPE_CHECKING:
    from click.testing import Result


def fail_with(error: Exception, monkeypatch: pytest.MonkeyPatch) -> Result:
    def fail(*_: object, **__: object) -> NoReturn:
        raise error

    monkeypatch.setattr(Inputs, "read", fail)
    return commands.run("analyze", str(DEMO))


def test_bug_is_one_line_that_says_where(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MAILTAP_TRACEBACK")
    result = fail_with(KeyError("\x1b[31m"), monkeypatch)
    assert result.exit_code == 1
    assert result.stderr.startswith("mailtap: this is a bug of mailtap, please report ")
    assert "KeyError" in result.stderr
    assert "(test_main.py:" in result.stderr
    assert "MAILTAP_TRACEBACK=1" in result.stderr
    assert result.stderr.count("\n") == 1
    assert "\x1b" not in result.stderr


def test_bug_is_not_hidden_from_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(fail_with(KeyError("x"), monkeypatch).exception, KeyError)


def test_memory_that_ends_is_no_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MAILTAP_TRACEBACK")
    result = fail_with(MemoryError(), monkeypatch)
    assert result.exit_code == 1
    assert result.stderr.startswith("mailtap: memory ran out")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["\x1b[31m"],
        ["analyze", "--\x1b[31m"],
        ["analyze", "--engine", "\x1b[31m", "x"],
        ["analyze", "--port", "\x1b[31m\x9b", "x"],
        ["analyze", "-o", "\x1b[31m\udce9", "x"],
    ],
)
def test_wrong_use_can_not_control_the_terminal(arguments: list[str]) -> None:
    result = commands.run(*arguments)
    assert result.exit_code == 2
    assert result.stderr.startswith("Usage: ")
    assert result.output.isprintable() or "\x1b" not in result.output
    assert "\x9b" not in result.output


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        (["analyse"], "No such command 'analyse': did you mean analyze?"),
        (["finding", "x"], "No such command 'finding': did you mean findings?"),
        (["xyz"], "No such command 'xyz': `mailtap --help` lists all"),
        (["analyze", "--ouput", "x"], "--output"),
    ],
)
def test_what_is_mistyped_is_told_with_what_may_be_meant(
    typed: list[str], hint: str
) -> None:
    result = commands.run(*typed)

    assert result.exit_code == 2
    assert hint in result.stderr.splitlines()[-1]


def test_help_names_no_engine_that_can_not_be_chosen() -> None:
    context = click.Context(main)
    seen = set()
    for name in main.list_commands(context):
        command = main.get_command(context, name)
        assert command is not None
        for option in command.params:
            if isinstance(option, click.Option) and option.name == "engine":
                assert isinstance(option.type, click.Choice)
                named = re.findall(r"\(([^)]*)\)", option.help or "")
                assert set(", ".join(named).split(", ")) <= {*option.type.choices}
                seen.add(name)
    assert {"analyze", "monitor", "plaintext"} <= seen
