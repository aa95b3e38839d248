"""Reads the file in which users say once which options they always want.

A key is an option without its dashes. At the top it is for every command that has this
option, in a table of a command's name for that one. What is typed wins.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from analyzer.text import near_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from analyzer.findings.toml_file import Key, TomlFile

# in the environment: the file in place of the usual one, or empty for none
NAMED = "MAILTAP_CONFIG"
# in the context: where the options that come from the file are set
PLACES = "mailtap.places"

Options = dict[str, click.Option]


def defaults_file() -> Path | None:
    """Return the file of defaults, if there should be one.

    Without a name in the environment it is where the XDG Base Directory Specification
    says, if it exists.
    """
    named = os.environ.get(NAMED)
    if named is not None:
        return Path(named) if named else None
    base = os.environ.get("XDG_CONFIG_HOME", "")
    # a relative path is to be ignored
    folder = Path(base) if os.path.isabs(base) else Path("~/.config").expanduser()  # noqa: PTH117
    path = folder / "mailtap" / "config.toml"
    return path if path.is_file() else None


def read_defaults(
    path: Path, commands: Mapping[str, click.Command]
) -> tuple[dict[str, dict[str, Any]], dict[tuple[str, str], str]]:
    """Read the file of defaults.

    Args:
        path: its name.
        commands: all of them, by name.

    Returns:
        Click's `default_map`, and the file and line by command and parameter.

    Raises:
        LoadError: it can't be read, or says what can't be.
    """
    from analyzer.findings.toml_file import TomlFile

    file = TomlFile(path)
    found = _take_all(file, {name: _options(each) for name, each in commands.items()})
    file.finish()
    defaults: dict[str, dict[str, Any]] = {name: {} for name in commands}
    places: dict[tuple[str, str], str] = {}
    for command, option, value, key in found:
        name = str(option.name)
        if value is None:
            if defaults[command].get(name) == option.flag_value:
                del defaults[command][name]
            continue
        defaults[command][name] = value
        places[command, name] = file.place(key)
    return defaults, places


def _options(command: click.Command) -> Options:
    return {
        name.removeprefix("--"): parameter
        for parameter in command.params
        if isinstance(parameter, click.Option)
        for name in parameter.opts
        if name.startswith("--")
    }


def _take_all(
    file: TomlFile, commands: dict[str, Options]
) -> list[tuple[str, click.Option, Any, Key]]:
    """Return what is set, that of a command behind that of all."""
    for_all: list[tuple[str, click.Option, Any, Key]] = []
    for_one: list[tuple[str, click.Option, Any, Key]] = []
    known = sorted({name for options in commands.values() for name in options})
    for name, value in file.content.items():
        if isinstance(value, dict):
            for_one += _take_table(file, name, value, commands)
            continue
        having = {each: own[name] for each, own in commands.items() if name in own}
        if not having:
            hint = near_names(name, known)
            file.mistake((name,), f"no command has an option --{name}{hint}")
        for command, option in _fitting(having, value).items():
            for_all += [
                (command, option, taken, (name,))
                for taken in _take(file, (name,), option, value)
            ]
    return for_all + for_one


def _fitting(having: Options, value: Any) -> Options:
    """Leave out commands that don't know a choice, unless none of them does."""
    fitting = {
        command: option
        for command, option in having.items()
        if not isinstance(option.type, click.Choice) or value in option.type.choices
    }
    return fitting or having


def _take_table(
    file: TomlFile, command: str, content: dict[str, Any], commands: dict[str, Options]
) -> Iterator[tuple[str, click.Option, Any, Key]]:
    if command not in commands:
        hint = near_names(command, commands)
        file.mistake((command,), f"there is no command {command!r}{hint}")
        return
    options = commands[command]
    for name, value in content.items():
        if name not in options:
            hint = near_names(name, options)
            file.mistake((command, name), f"{command} has no option --{name}{hint}")
            continue
        for taken in _take(file, (command, name), options[name], value):
            yield command, options[name], taken, (command, name)


def _take(file: TomlFile, key: Key, option: click.Option, value: Any) -> Iterator[Any]:
    """Yield what click takes for a value, if it is one.

    It is `None` for one of several options that exclude each other, if that one is not
    wanted.
    """
    if option.is_flag:
        if not isinstance(value, bool):
            file.mistake(key, "this is true or false")
        elif option.is_bool_flag:
            yield value
        else:
            yield option.flag_value if value else None
        return
    values = value if isinstance(value, list) else [value]
    if isinstance(value, list) and not option.multiple:
        file.mistake(key, "this is one value, not a list")
    elif not all(type(each) in (str, int, float) for each in values):
        file.mistake(key, "this is a text or a number")
    else:
        # click converts what it would be given as words
        texts = [_as_path(option, str(each)) for each in values]
        yield texts if option.multiple else texts[0]


def _as_path(option: click.Option, text: str) -> str:
    """Let ~ be the home folder, as shells do."""
    return os.path.expanduser(text) if isinstance(option.type, click.Path) else text  # noqa: PTH111
