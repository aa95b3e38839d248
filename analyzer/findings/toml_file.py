"""TOML files of users, whose mistakes are told with their lines."""

from __future__ import annotations

import re
import tomllib
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from analyzer.errors import LoadError
from analyzer.files import read_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

Key = tuple[str | int, ...]

# how tomllib says where; Python 3.14 has attributes in its place
_PLACE = re.compile(r" \(at (?:line (?P<line>\d+), column \d+|end of document)\)$")
_HEADER = re.compile(r"\s*(?P<header>\[\[?[^\]]+\]\]?)\s*(?:#.*)?$")
_ASSIGNMENT = re.compile(r"""\s*(?P<key>(?:[\w.\s-]|"[^"]*"|'[^']*')+?)\s*=""")


class MistakesError(LoadError):
    """A file says what can't be.

    Attributes:
        mistakes: each with the name of the file and the line.
    """

    def __init__(self, mistakes: Sequence[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = tuple(mistakes)


class TomlFile:
    """What a file says, and what is wrong with it.

    Args:
        path: its name.

    Raises:
        LoadError: it can't be read.
        MistakesError: it is no TOML.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._mistakes: list[tuple[int, str]] = []
        try:
            self._text = read_bytes(path).decode("utf-8")
        except FileNotFoundError as error:
            raise LoadError(f"{path}: there is no such file") from error
        except OSError as error:
            raise LoadError(f"{path}: it can't be read ({error.strerror})") from error
        except UnicodeDecodeError as error:
            line = error.object[: error.start].count(b"\n") + 1
            raise MistakesError([f"{path}:{line}: it is not in UTF-8"]) from error
        self._lines = self._text.splitlines()
        try:
            self.content: dict[str, Any] = tomllib.loads(self._text)
        except tomllib.TOMLDecodeError as error:
            raise self._no_toml(str(error)) from error
        except RecursionError as error:
            raise MistakesError([f"{path}:1: it nests too deeply"]) from error
        self._places = self._find_keys()

    def mistake(self, key: Key, reason: str, *, value: object = None) -> None:
        """Remember a mistake.

        Args:
            key: what is wrong: the names of tables, places in arrays of tables, and
                of the key.
            reason: why, and what would be right.
            value: which of several texts, if the key has an array of them.
        """
        self._mistakes.append((self._line(key, value), reason))

    def place(self, key: Key) -> str:
        """Return the file and the line where a key is."""
        return f"{self._path}:{self._line(key, None)}"

    def finish(self) -> None:
        """Tell of all mistakes.

        Raises:
            MistakesError: there are some.
        """
        if self._mistakes:
            raise MistakesError(
                [
                    f"{self._path}:{line}: {why}"
                    for line, why in sorted({*self._mistakes})
                ]
            )

    def _no_toml(self, reason: str) -> MistakesError:
        place = _PLACE.search(reason)
        line = place["line"] if place and place["line"] else len(self._lines)
        return MistakesError([f"{self._path}:{line}: {_PLACE.sub('', reason)}"])

    def _line(self, key: Key, value: object) -> int:
        while key and key not in self._places:
            key = key[:-1]
        line = self._places.get(key, 1)
        if isinstance(value, str):
            for at, text in enumerate(self._lines[line - 1 :], line):
                if value in text:
                    return at
        return line

    def _find_keys(self) -> dict[Key, int]:
        """Find the line of each table and key: a scan that knows no other syntax."""
        places: dict[Key, int] = {}
        counts: dict[Key, int] = {}
        table: Key = ()
        for at, line in enumerate(self._lines, 1):
            if header := _HEADER.match(line):
                named = _names(header["header"].strip("[]"))
                table = named
                if header["header"].startswith("[["):
                    counts[named] = counts.get(named, -1) + 1
                    table = (*named, counts[named])
                _add(places, table, at)
            elif assignment := _ASSIGNMENT.match(line):
                _add(places, (*table, *_names(assignment["key"])), at)
        return places


def _names(key: str) -> Key:
    """Return the names of which a key consists; none if it is no key."""
    names: list[str | int] = []
    with suppress(tomllib.TOMLDecodeError):
        table: Any = tomllib.loads(f"{key} = 0")
        while isinstance(table, dict):
            ((name, table),) = table.items()
            names.append(name)
    return tuple(names)


def _add(places: dict[Key, int], key: Key, line: int) -> None:
    for length in range(1, len(key) + 1):
        places.setdefault(key[:length], line)
