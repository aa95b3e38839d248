"""Reads what commands are given: captures, or a folder of tables."""

from __future__ import annotations

import gc
import os
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from analyzer.cli.locating import PASSED_OVER, holds_tables
from analyzer.cli.main import TABLES
from analyzer.cli.outputs import CommandError, warn

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

    from analyzer.runs.pipeline import OnProgress
    from analyzer.selection.source import Source
    from analyzer.sessions.trust import Trust
    from analyzer.tables.results import Results


def read_inputs(
    captures: tuple[str, ...],
    *,
    ports: Mapping[int, str],
    engine: str,
    key_log: Path | None,
    ca: Path | None,
    quiet: bool,
    on_demand: bool = False,
) -> Results:
    """Analyse captures, or read the tables of one folder.

    Args:
        captures: what was named.
        ports: the mail ports and their protocols.
        engine: what reads captures.
        key_log: with which TLS is decrypted.
        ca: whom to trust to sign certificates.
        quiet: show no progress.
        on_demand: columns of a folder may be read when they are needed.

    Raises:
        CommandError: nothing can be read.
    """
    from analyzer.tables.builder import prepare_arrow

    prepare_arrow()
    if not quiet:
        warn(click.get_current_context().meta.get(PASSED_OVER, ()))
    # what is imported by now stays: the collector need not look at it again
    gc.freeze()
    if is_folder(captures):
        _check_folder(captures[0], key_log, ca)
        return read_folder_of_tables(Path(captures[0]), on_demand=on_demand)
    return _analyze(captures, ports, engine, key_log, ca, quiet=quiet)


def open_inputs(
    captures: tuple[str, ...],
    *,
    ports: Mapping[int, str],
    engine: str,
    key_log: Path | None,
    ca: Path | None,
    whole: bool,
) -> tuple[Results, Source]:
    """Open what sessions are chosen from: of a folder, nothing is read beforehand.

    Args:
        captures: as for `read_inputs`, like what follows.
        ports: of protocols.
        engine: what reads captures.
        key_log: secrets.
        ca: certificates.
        whole: read a folder as a whole, since rules are to be asked.

    Raises:
        CommandError: nothing can be read.
    """
    from analyzer.errors import LoadError
    from analyzer.selection.source import Loaded, open_folder

    if is_folder(captures) and not whole:
        _check_folder(captures[0], key_log, ca)
        try:
            opened = open_folder(Path(captures[0]))
        except LoadError as error:
            raise CommandError(str(error)) from error
        if opened is not None:
            return opened
    analysis = read_inputs(
        captures, ports=ports, engine=engine, key_log=key_log, ca=ca, quiet=False
    )
    return analysis, Loaded(analysis.tables)


def is_folder(captures: tuple[str, ...]) -> bool:
    """Return whether what is to be read is a folder of tables."""
    return len(captures) == 1 and os.path.isdir(captures[0])  # noqa: PTH112, says no


def _check_folder(folder: str, key_log: Path | None, ca: Path | None) -> None:
    if not holds_tables(folder):
        raise CommandError(
            f"{folder}: there are neither captures nor tables in this folder"
        )
    if key_log is not None or ca is not None:
        raise CommandError(
            f"{folder}: tables hold nothing that could be decrypted or verified: give "
            "the captures for --keylog and --ca"
        )
    # whatever fails from here on, these tables are not what mailtap writes
    click.get_current_context().find_root().meta[TABLES] = folder


def read_trust(path: Path | None) -> Trust:
    """Trust the certificates of a file, or those that the system trusts.

    Raises:
        CommandError: the file can't be read.
    """
    from analyzer.errors import LoadError
    from analyzer.sessions.trust import Trust

    try:
        return Trust(path)
    except LoadError as error:
        raise CommandError(str(error)) from error


def read_folder_of_tables(folder: Path, *, on_demand: bool = False) -> Results:
    """Read the tables of a folder.

    Args:
        folder: which.
        on_demand: columns may be read when they are needed.

    Raises:
        CommandError: there are none that can be read.
    """
    from analyzer.errors import LoadError
    from analyzer.tables.folder import read_folder
    from analyzer.tables.parts import has_parts, read_parts
    from analyzer.tables.stored import read_on_demand

    try:
        if has_parts(folder):
            return read_parts(folder)
        stored = read_on_demand(folder) if on_demand else None
        return stored or read_folder(folder)
    except LoadError as error:
        raise CommandError(str(error)) from error


def _analyze(
    captures: tuple[str, ...],
    ports: Mapping[int, str],
    engine: str,
    key_log: Path | None,
    ca: Path | None,
    *,
    quiet: bool,
) -> Results:
    from analyzer.errors import LoadError
    from analyzer.runs.pipeline import find_sessions

    with progress(shown=not quiet and sys.stderr.isatty()) as on_progress:
        try:
            return find_sessions(
                captures,
                ports=ports,
                engine=engine,
                key_log=key_log,
                ca=ca,
                on_progress=on_progress,
            )
        except LoadError as error:
            raise CommandError(str(error)) from error


def progress(*, shown: bool) -> AbstractContextManager[OnProgress | None]:
    """Return a progress bar, or nothing."""
    if not shown:
        return nullcontext()
    from analyzer.terminal.progress import progress_bar

    return progress_bar()
