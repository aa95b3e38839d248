"""Checks that outputs can be written, before any work is done for them."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING

from analyzer.cli.outputs import IN_USE, STANDARD_OUTPUT, CommandError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from analyzer.cli.options import TableOutput


def check_output(
    output: TableOutput, table_format: str, read: Iterable[str | Path | None]
) -> None:
    """Check whether tables could be written.

    Args:
        output: where to; a folder may hold files of others.
        table_format: of the files in a folder.
        read: files and folders of tables that are read.

    Raises:
        CommandError: they could not, or in the place of what is read, or of files
            that are not mailtap's.
    """
    if output.is_folder:
        _check(output.path, _try_folder)
        check_owners(output.path, table_format)
    else:
        check_file(output.path, read)


def check_file(path: Path, read: Iterable[str | Path | None]) -> None:
    """Check whether a file could be written; one that exists stays as it is.

    Args:
        path: its name; that of standard output can always be written.
        read: files and folders of tables that are read.

    Raises:
        CommandError: it could not, or in the place of what is read, or of a file that
            is not mailtap's.
    """
    if path == STANDARD_OUTPUT:
        return
    _check(path, _try_file)
    if any(_is_taken(path, Path(source)) for source in read if source is not None):
        raise CommandError(f"{path}: this is what is to be read: name another file")
    _check_owner(path)


def check_owners(folder: Path, table_format: str) -> None:
    """Check that tables would overwrite no files of others in a folder.

    Raises:
        CommandError: they would.
    """
    from analyzer.tables.manifest import MANIFEST
    from analyzer.tables.schema import WRITTEN

    _check_owner(folder / MANIFEST)
    for table in WRITTEN:
        _check_owner(folder / f"{table.name}.{table_format}")


def _check_owner(path: Path) -> None:
    """Check that no file is overwritten that mailtap did not write."""
    from analyzer.cli.authorship import is_of_mailtap

    try:
        is_ours = not path.is_file() or is_of_mailtap(path)
    except OSError:
        # what can't be read can't be known
        is_ours = False
    if not is_ours:
        raise CommandError(
            f"{path}: there is a file that mailtap did not write, and it stays: name "
            "another one, or remove it"
        )


def check_folder(path: Path) -> None:
    """Check whether a folder of files could be written.

    Raises:
        CommandError: it could not.
    """
    _check(path, _try_folder)


def check_extras(*, spreadsheet: bool, pictures: bool) -> None:
    """Check whether what some outputs take is installed.

    Args:
        spreadsheet: one is wanted.
        pictures: some are wanted.

    Raises:
        ExportError: something is not.
    """
    if spreadsheet:
        from analyzer.tables.workbook import check_workbook

        check_workbook()
    if pictures:
        from analyzer.html.pictures import check_pictures

        check_pictures()


def check_page(page: Path, output: TableOutput) -> None:
    """Check that a page and tables don't overwrite each other.

    Raises:
        CommandError: they have the same place.
    """
    is_one = os.path.realpath(page) == os.path.realpath(output.path)
    is_device = page.exists() and not page.is_file()
    if (is_one or _is_table(page, output.path)) and not is_device:
        raise CommandError(f"{page}: the tables go there: name another file")


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
    from analyzer.tables.parts import has_parts

    if has_parts(path):
        raise CommandError(f"{path}: {IN_USE}")
    # what is missing of the way there will be made
    existing = path
    while not os.path.lexists(existing):
        existing = existing.parent
    _try_to_make_a_file(existing)


def _try_to_make_a_file(folder: Path) -> None:
    with TemporaryFile(dir=folder):
        # it has no name
        pass


def _is_taken(path: Path, read: Path) -> bool:
    try:
        is_same = path.samefile(read)
    except OSError:
        # one of both is not there
        is_same = False
    return path.is_file() and (is_same or _is_table(path, read))


def _is_table(path: Path, folder: Path) -> bool:
    """Return whether a name is that of a table, or of the manifest, in a folder."""
    from analyzer.tables import schema
    from analyzer.tables.manifest import MANIFEST

    target = Path(os.path.realpath(path))
    if target.parent != Path(os.path.realpath(folder)):
        return False
    return target.name == MANIFEST or target.stem in {
        table.name for table in schema.WRITTEN
    }
