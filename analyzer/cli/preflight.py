"""Whether outputs can be written, before any work is done for them."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING

from analyzer.cli.outputs import IN_USE, CommandError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from analyzer.cli.options import Output


def check_output(output: Output, captures: Iterable[str]) -> None:
    """See whether tables could be written.

    Raises:
        CommandError: they could not, or in the place of a capture.
    """
    if output.is_folder:
        _check(output.path, _try_folder)
    else:
        check_file(output.path, captures)


def check_file(path: Path, captures: Iterable[str]) -> None:
    """See whether a file could be written; one that exists stays as it is.

    Raises:
        CommandError: it could not, or in the place of a capture.
    """
    _check(path, _try_file)
    if any(_is_same(path, capture) for capture in captures):
        raise CommandError(f"{path}: this is what is to be read: name another file")


def _check(path: Path, attempt: Callable[[Path], None]) -> None:
    try:
        attempt(path)
    except OSError as error:
        raise CommandError(f"{path}: can't be written ({error.strerror})") from error


def _try_file(path: Path) -> None:
    target = Path(os.path.realpath(path))
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:
        mode = stat.S_IFREG
    if stat.S_ISDIR(mode):
        raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
    if stat.S_ISREG(mode):
        _try_to_make_a_file(target.parent)
    elif not os.access(target, os.W_OK):
        raise OSError(errno.EACCES, os.strerror(errno.EACCES))


def _try_folder(path: Path) -> None:
    from analyzer.parts import has_parts

    if has_parts(path):
        raise CommandError(f"{path}: {IN_USE}")
    # what is missing of the way there will be made
    there = path
    while not os.path.lexists(there):
        there = there.parent
    _try_to_make_a_file(there)


def _try_to_make_a_file(folder: Path) -> None:
    with TemporaryFile(dir=folder):
        # it has no name
        pass


def _is_same(path: Path, capture: str) -> bool:
    try:
        return path.samefile(capture) and path.is_file()
    except OSError:
        return False
