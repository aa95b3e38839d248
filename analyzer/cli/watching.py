"""Watches an interface for a command, without root's rights, and ends in order."""

from __future__ import annotations

import os
import signal
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

from analyzer.cli import outputs
from analyzer.cli.outputs import CommandError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from analyzer.analysis import Analysis
    from captures import LiveCapture
    from dissectors.services import Protocol


class Watched(NamedTuple):
    """What a watch gave.

    Attributes:
        analysis: what was found.
        problems: what went wrong besides, in words.
    """

    analysis: Analysis
    problems: list[str]


def watch(
    interface: str,
    *,
    engine: str,
    ports: Mapping[int, Protocol],
    any_port: bool,
    duration_s: float | None,
    count: int | None = None,
    output: Path | None = None,
    table_format: str = "jsonl",
    as_json: bool = False,
    quiet: bool = False,
    user: str | None = None,
) -> Watched:
    """Watch an interface until the time is over or the user ends it.

    Raises:
        CommandError: the interface can't be watched, or the output folder
            not written.
    """
    from analyzer.export import ExportError
    from analyzer.load import LoadError
    from analyzer.monitor import Monitor
    from analyzer.rehearsal import rehearse
    from analyzer.store import Store
    from analyzer.tables import defer_pandas
    from analyzer.watch import Watch
    from captures import (
        CaptureError,
        Engine,
        PrivilegeError,
        drop_privileges,
        open_live,
    )

    defer_pandas()
    if os.geteuid() == 0:
        # whom we become may not read what is not imported yet
        rehearse(table_format)
    with ExitStack() as stack:
        try:
            live = stack.enter_context(
                open_live(
                    interface,
                    ports=None if any_port else ports,
                    engine=Engine(engine),
                    user=user,
                )
            )
            if output is not None:
                _make_folder(output, user)
            drop_privileges(user)
            store = Store(output or Path(stack.enter_context(TemporaryDirectory())))
        except (CaptureError, PrivilegeError, ExportError) as error:
            raise CommandError(str(error)) from error
        monitor = Monitor(live, store, ports=ports)
        if not quiet:
            outputs.say(live.notes)
        problems: list[str] = []
        stack.enter_context(_stopped_by_signals(live))
        with Watch(
            outputs.console(), live, monitor, as_json=as_json, quiet=quiet
        ) as view:
            for rows in monitor.run(duration_s=duration_s, count=count):
                view.show(rows)
                outputs.say(monitor.problems)
                problems += monitor.problems
                monitor.problems.clear()
        try:
            analysis = monitor.result()
            if output is not None:
                store.finish(analysis, table_format)
        except (ExportError, LoadError) as error:
            raise CommandError(str(error)) from error
        return Watched(analysis, problems)


def _make_folder(folder: Path, user: str | None) -> None:
    """Make the folder while we may, and give it to whom we become."""
    from analyzer.export import make_folder
    from captures.privileges import find_user

    is_new = not folder.exists()
    make_folder(folder)
    become = find_user(user)
    if is_new and become is not None:
        os.chown(folder, become.uid, become.gid)


@contextmanager
def _stopped_by_signals(live: LiveCapture) -> Iterator[None]:
    """Have Ctrl-C and SIGTERM end the watch in order; a second Ctrl-C at once."""

    def stop(*_: object) -> None:
        live.stop()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = {
        number: signal.signal(number, stop)
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
