"""Watches an interface for a command, without root's rights, and ends in order."""

from __future__ import annotations

import os
import signal
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

from analyzer.cli import outputs
from analyzer.cli.outputs import CommandError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from analyzer.analysis import Analysis
    from analyzer.secrets import FollowedKeyLog
    from analyzer.store import Store
    from analyzer.trust import Trust
    from captures import LiveCapture
    from dissectors.services import Protocol


class Watched(NamedTuple):
    """What a watch gave.

    Attributes:
        analysis: what was found, without exchanges and anomalies.
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
    trust: Trust | None = None,
    key_log: Path | None = None,
) -> Watched:
    """Watch an interface until the time is over or the user ends it.

    Raises:
        CommandError: the interface can't be watched, or the output folder
            not written.
    """
    from analyzer.export import ExportError
    from analyzer.load import LoadError
    from analyzer.monitor import Monitor
    from analyzer.tables import defer_pandas
    from analyzer.watch import Watch
    from captures import CaptureError, Engine, PrivilegeError, open_live

    defer_pandas()
    if os.geteuid() == 0:
        _rehearse(table_format)
    with ExitStack() as stack:
        # before root's rights are given up
        secrets = _open_key_log(key_log, stack)
        try:
            live = stack.enter_context(
                open_live(
                    interface,
                    ports=None if any_port else ports,
                    engine=Engine(engine),
                    user=user,
                )
            )
            stack.enter_context(_stopped_by_signals(live))
            store = _open_store(output, user, stack)
        except (CaptureError, PrivilegeError, ExportError) as error:
            raise CommandError(str(error)) from error
        monitor = Monitor(live, store, ports=ports, trust=trust, secrets=secrets)
        problems: list[str] = []
        if not quiet:
            outputs.say(live.notes)
        view = Watch(outputs.console(), live, monitor, as_json=as_json, quiet=quiet)
        with view:
            for rows in monitor.run(duration_s=duration_s, count=count):
                view.show(rows)
                outputs.say(monitor.problems)
                problems += monitor.problems
                monitor.problems.clear()
        try:
            # the others may be large, and no report here needs them
            analysis = monitor.result("sessions", "messages")
        except LoadError as error:
            raise CommandError(str(error)) from error
        try:
            if output is not None:
                store.finish(table_format)
        except (ExportError, LoadError) as error:
            problems.append(f"{error}; all that was stored stays in {output}/parts")
        return Watched(analysis, problems)


def _open_key_log(path: Path | None, stack: ExitStack) -> FollowedKeyLog | None:
    from analyzer.load import LoadError
    from analyzer.secrets import FollowedKeyLog

    if path is None:
        return None
    try:
        return stack.enter_context(closing(FollowedKeyLog(path)))
    except LoadError as error:
        raise CommandError(str(error)) from error


def _rehearse(table_format: str) -> None:
    """Import all that is needed: whom we become may not be able to read it."""
    from analyzer.export import ExportError
    from analyzer.load import LoadError
    from analyzer.rehearsal import rehearse

    try:
        rehearse(table_format)
    except (ExportError, LoadError, OSError) as error:
        raise CommandError(
            "there is no room for temporary files: have TMPDIR name a folder that "
            f"has some ({error})"
        ) from error


def _open_store(output: Path | None, user: str | None, stack: ExitStack) -> Store:
    """Give up root's rights, and open where rows go to: for a while, if nowhere.

    Raises:
        ExportError: rows can't be written there.
        PrivilegeError: this process would keep root's rights.
    """
    from analyzer.export import ExportError
    from analyzer.store import Store
    from captures import drop_privileges

    if output is not None:
        _make_folder(output, user)
    became = drop_privileges(user)
    try:
        if output is None:
            output = Path(stack.enter_context(TemporaryDirectory(prefix="mailtap-")))
        return Store(output)
    except OSError as error:
        raise ExportError(
            f"there is no place for rows that wait ({error.strerror}): have TMPDIR "
            "name a folder that anybody may write"
        ) from error
    except ExportError as error:
        if became is None or output is None or os.access(output, os.W_OK):
            raise
        raise ExportError(
            f"{error}: mailtap became {became}, who may not write there; let {became} "
            "(chown), or name somebody else (--user)"
        ) from error


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
