"""Reads what commands are given: captures, or a folder of tables."""

from __future__ import annotations

import functools
import gc
import os
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from analyzer.cli import options
from analyzer.cli.locating import PASSED_OVER, holds_tables
from analyzer.cli.main import TABLES
from analyzer.cli.outputs import CommandError, warn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from contextlib import AbstractContextManager

    from analyzer.runs.pipeline import OnProgress
    from analyzer.selection.source import Source
    from analyzer.sessions.trust import Trust
    from analyzer.tables.results import Results


class Inputs(NamedTuple):
    """What a command reads: captures, or a folder of tables.

    Attributes:
        captures: what was named.
        ports: the mail ports and their protocols.
        engine: what reads captures.
        key_log: with which TLS is decrypted.
        ca: whom to trust to sign certificates; `None` for those of the system.
    """

    captures: tuple[str, ...]
    ports: Mapping[int, str]
    engine: str = "auto"
    key_log: Path | None = None
    ca: Path | None = None

    @property
    def paths(self) -> tuple[str | Path | None, ...]:
        """All that is read, in whose place nothing may be written."""
        return (*self.captures, self.key_log, self.ca)

    def read(self, *, quiet: bool = False, on_demand: bool = False) -> Results:
        """Analyse captures, or read the tables of one folder.

        Args:
            quiet: show no progress.
            on_demand: columns of a folder may be read when they are needed.

        Raises:
            CommandError: there are no tables, or options are not for them.
            LoadError: they can't be read, or a key log or certificates can't.
        """
        from analyzer.tables.builder import prepare_arrow

        prepare_arrow()
        if not quiet:
            warn(click.get_current_context().meta.get(PASSED_OVER, ()))
        # what is imported by now stays: the collector need not look at it again
        gc.freeze()
        if is_folder(self.captures):
            self._check_folder()
            return read_folder_of_tables(Path(self.captures[0]), on_demand=on_demand)
        return self._analyze(quiet=quiet)

    def open(self, *, whole: bool) -> tuple[Results, Source]:
        """Open what sessions are chosen from: of a folder, nothing is read beforehand.

        Args:
            whole: read a folder as a whole, since rules are to be asked.

        Raises:
            CommandError: there are no tables, or options are not for them.
            LoadError: they can't be read.
        """
        from analyzer.selection.source import Loaded, open_folder
        from analyzer.tables.builder import prepare_arrow

        prepare_arrow()
        if is_folder(self.captures) and not whole:
            self._check_folder()
            opened = open_folder(Path(self.captures[0]))
            if opened is not None:
                return opened
        analysis = self.read()
        return analysis, Loaded(analysis.tables)

    def _check_folder(self) -> None:
        folder = self.captures[0]
        if not holds_tables(folder):
            raise CommandError(
                f"{folder}: there are neither captures nor tables in this folder"
            )
        if self.key_log is not None or self.ca is not None:
            raise CommandError(
                f"{folder}: tables hold nothing that could be decrypted or verified: "
                "give the captures for --keylog and --ca"
            )
        # whatever fails from here on, these tables are not what mailtap writes
        click.get_current_context().find_root().meta[TABLES] = folder

    def _analyze(self, *, quiet: bool) -> Results:
        from analyzer.runs.pipeline import find_sessions

        with progress(shown=not quiet and sys.stderr.isatty()) as on_progress:
            return find_sessions(
                self.captures,
                ports=self.ports,
                engine=self.engine,
                key_log=self.key_log,
                ca=self.ca,
                on_progress=on_progress,
            )


def reading(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the captures and how they are read, which the command is given as `inputs`.

    Raises:
        UsageError: no capture was named.
    """
    return with_inputs(command, options.captures, options.require_captures)


def reading_if_any(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add what `reading` adds, for a command that needs no captures."""
    return with_inputs(command, options.captures_if_any)


def with_inputs(
    command: Callable[..., Any],
    captures_argument: Callable[[Callable[..., Any]], Callable[..., Any]],
    check: Callable[[tuple[str, ...]], None] = lambda _: None,
) -> Callable[..., Any]:
    """Add how captures are read.

    Args:
        command: is given all of it as `inputs`.
        captures_argument: adds the argument `captures`.
        check: is given what was named.
    """

    @functools.wraps(command)
    def read(
        *arguments: Any,
        captures: tuple[str, ...],
        ports: Mapping[int, str],
        engine: str,
        key_log: Path | None,
        ca: Path | None,
        **others: Any,
    ) -> Any:
        check(captures)
        inputs = Inputs(captures, ports, engine, key_log, ca)
        return command(*arguments, inputs=inputs, **others)

    for option in (options.ca, options.key_log, options.reader, options.ports):
        read = option(read)
    return captures_argument(read)


def is_folder(captures: tuple[str, ...]) -> bool:
    """Return whether what is to be read is a folder of tables."""
    return len(captures) == 1 and os.path.isdir(captures[0])  # noqa: PTH112, says no


def check_read_again(captures: Iterable[str]) -> None:
    """Check that captures can be read once more.

    Raises:
        CommandError: one can't.
    """
    from analyzer.dialogue.recording import can_be_read_again

    for capture in captures:
        if capture != "-" and not os.path.exists(capture):  # noqa: PTH110
            raise CommandError(f"{capture}: there is no such file")
        if not can_be_read_again([capture]):
            raise CommandError(
                f"{capture}: this is no file that can be read again: name one, or save "
                "what comes from elsewhere"
            )


def read_trust(path: Path | None) -> Trust:
    """Trust the certificates of a file, or those that the system trusts.

    Raises:
        LoadError: the file can't be read.
    """
    from analyzer.sessions.trust import Trust

    return Trust(path)


def read_folder_of_tables(folder: Path, *, on_demand: bool = False) -> Results:
    """Read the tables of a folder.

    Args:
        folder: which.
        on_demand: columns may be read when they are needed.

    Raises:
        LoadError: there are none that can be read.
    """
    from analyzer.tables.folder import read_folder
    from analyzer.tables.parts import has_parts, read_parts
    from analyzer.tables.stored import read_on_demand

    if has_parts(folder):
        return read_parts(folder)
    stored = read_on_demand(folder) if on_demand else None
    return stored or read_folder(folder)


def progress(*, shown: bool) -> AbstractContextManager[OnProgress | None]:
    """Return a progress bar, or nothing."""
    if not shown:
        return nullcontext()
    from analyzer.terminal.progress import progress_bar

    return progress_bar()
