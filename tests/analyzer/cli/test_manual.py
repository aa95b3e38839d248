from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import click

from analyzer import __version__
from analyzer.cli import main
from analyzer.cli.manual import manual

if TYPE_CHECKING:
    import pytest


def formatted() -> str:
    """The page as `man` shows it, on a terminal of 80 columns."""
    done = subprocess.run(
        ["groff", "-man", "-Tutf8", "-P-cbou", "-ww"],
        input=manual(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout


def test_page_tells_of_every_command_and_option() -> None:
    words = " ".join(formatted().split())

    assert words.startswith("MAILTAP(1) User Commands MAILTAP(1) NAME mailtap - find ")
    assert f"mailtap {__version__}" in words
    context = click.Context(main)
    for name in main.list_commands(context):
        command = main.get_command(context, name)
        assert command is not None
        section = words.split(f" mailtap {name} mailtap {name} ")[1]
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert ", ".join(parameter.opts) in section
                assert str(parameter.help).split("  ")[0].split(".")[0][:20] in words


def test_what_is_typed_can_be_copied_from_the_page() -> None:
    text = formatted()

    assert "~/.config/mailtap/config.toml" in text
    assert "'mail*.pcap'" in text
    assert "`mailtap rules`" in text
    assert not re.search(
        "[\N{HYPHEN}\N{MINUS SIGN}\N{RIGHT SINGLE QUOTATION MARK}]", text
    )


def test_page_does_not_depend_on_what_a_user_always_types(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = manual()
    monkeypatch.setenv("MAILTAP_CONFIG", "/nowhere/config.toml")
    done = subprocess.run(
        [sys.executable, "-m", "analyzer.cli.manual"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert (done.stdout, done.stderr) == (before, "")
