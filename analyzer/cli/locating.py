"""Finds the captures that users mean when they name folders and patterns."""

from __future__ import annotations

import glob
import os
from pathlib import Path
from typing import TYPE_CHECKING

from analyzer.text import pluralize

if TYPE_CHECKING:
    from collections.abc import Iterable

    import click

# in the context: what to say of files that are no captures
PASSED_OVER = "mailtap.passed_over"

_WILDCARDS = frozenset("*?[")


def holds_tables(folder: str) -> bool:
    """Return whether a folder is of tables, or of what a monitor has stored so far."""
    from analyzer.tables.manifest import MANIFEST
    from analyzer.tables.parts import has_parts

    path = Path(folder)
    return os.path.lexists(path / MANIFEST) or has_parts(path)


def locate_captures(context: click.Context, names: Iterable[str]) -> tuple[str, ...]:
    """Put what is in folders, and what matches patterns, in their place.

    A folder of tables stays what it is, and so does a name of which nothing is found:
    whoever reads it says why.
    """
    notes: list[str] = []
    found = tuple(
        path
        for name in names
        for match in _matches(name)
        for path in _inside(match, notes)
    )
    context.meta[PASSED_OVER] = notes
    # several names may lead to the same file
    return tuple(dict.fromkeys(found))


def _matches(name: str) -> list[str]:
    """Return the files that a pattern stands for, if it is one."""
    if not _WILDCARDS & set(name) or os.path.lexists(name):
        return [name]
    # as shells give them, so that "./" stays
    return sorted(glob.glob(name, recursive=True)) or [name]  # noqa: PTH207


def _inside(name: str, notes: list[str]) -> list[str]:
    """Return the captures in a folder, or the name itself if it is none."""
    if not os.path.isdir(name) or holds_tables(name):  # noqa: PTH112, says no
        return [name]
    from captures import find_captures

    found = find_captures(name, leave_out=lambda folder: holds_tables(str(folder)))
    if found.captures and found.others:
        are_none = "that is no capture" if found.others == 1 else "that are no captures"
        notes.append(
            f"{name}: passed over {pluralize(found.others, 'file')} {are_none}"
        )
    return found.captures or [name]
