"""Finds what other packages add: entry points, which an installer writes down.

One that can't be loaded, or doesn't fit, is left out, and all else goes on.
"""

from __future__ import annotations

from importlib.metadata import distributions, entry_points
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable
    from importlib.metadata import Distribution, EntryPoint


class Plugin(NamedTuple):
    """What a package adds.

    Attributes:
        package: its name, if that can be read.
        where: the module and the name in it, as in `mailtap_own:RULES`.
        value: what is there.
    """

    package: str | None
    where: str
    value: Any


def load_plugins(
    group: str, what: str, add: Callable[[Plugin], None]
) -> tuple[str, ...]:
    """Load all plug-ins of a group, in the order of their names.

    Args:
        group: the group of entry points.
        what: what each is, in a word.
        add: takes one, or raises if it doesn't fit.

    Returns:
        Which were left out, and why.
    """
    entries, left_out = _entries(group, what)
    for entry in sorted(entries, key=lambda entry: entry.name):
        try:
            add(Plugin(_package(entry), entry.value, entry.load()))
        except (Exception, SystemExit) as error:  # noqa: BLE001, whoever wrote it
            left_out.append(_describe(what, entry, error))
    return tuple(left_out)


def _entries(group: str, what: str) -> tuple[list[EntryPoint], list[str]]:
    """Find what plug-ins name, and say what can't be read."""
    try:
        return list(entry_points(group=group)), []
    except Exception:  # noqa: BLE001, one broken package hides all others
        return _readable_entries(group, what)


def _readable_entries(group: str, what: str) -> tuple[list[EntryPoint], list[str]]:
    """Look through the packages one by one, which takes longer."""
    entries: dict[str, list[EntryPoint]] = {}
    left_out = []
    for package in distributions():
        name = _name(package) or f"a package in {package.locate_file('')}"
        # a package hides others of its name behind it on the path
        if name not in entries:
            entries[name] = []
            try:
                entries[name] += package.entry_points.select(group=group)
            except Exception as error:  # noqa: BLE001, whatever is wrong with it
                reason = describe_error(error)
                left_out.append(f"any {what}s of {name} are left out ({reason})")
    return list(chain(*entries.values())), left_out


def _describe(what: str, entry: EntryPoint, error: BaseException) -> str:
    package = _package(entry)
    of_package = f" of {package}" if package else ""
    return f"the {what} {entry.name}{of_package} is left out ({describe_error(error)})"


def _package(entry: EntryPoint) -> str | None:
    return _name(entry.dist) if entry.dist is not None else None


def _name(package: Distribution) -> str | None:
    try:
        return package.name
    except Exception:  # noqa: BLE001, its metadata is broken
        return None


def describe_error(error: BaseException) -> str:
    """Say what went wrong, whatever the error does when it is shown."""
    name = type(error).__name__
    try:
        return f"{name}: {error}"
    except Exception:  # noqa: BLE001, whoever wrote it
        return name
