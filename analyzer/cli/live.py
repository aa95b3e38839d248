"""Watches an interface for a command, without root privileges, and ends cleanly."""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import ExitStack, closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import click

from analyzer.cli import outputs
from analyzer.cli.judging import NOT_JUDGED
from analyzer.cli.live_judging import judge_stored, raise_findings
from analyzer.cli.outputs import CommandError
from analyzer.cli.streams import discard_output

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    import pyarrow as pa

    from analyzer.cli.judging import Judged, Standards
    from analyzer.cli.warm_up import Report
    from analyzer.runs.secrets import FollowedKeyLog
    from analyzer.sessions.columns import Row
    from analyzer.sessions.trust import Trust
    from analyzer.tables.results import Results
    from analyzer.tables.store import Store
    from analyzer.terminal.live_view import LiveView
    from captures import LiveCapture


# signals that come so soon after each other are one
_ONE_SIGNAL_S = 0.5


class WatchResult(NamedTuple):
    """What a watch gave.

    Attributes:
        analysis: what was found, without exchanges and anomalies.
        problems: what went wrong besides, in words.
        judged: what is wrong in all that was seen.
    """

    analysis: Results
    problems: list[str]
    judged: Judged


def watch(
    interface: str,
    report: Report,
    *,
    engine: str,
    ports: Mapping[int, str],
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
    standards: Standards | None = None,
) -> WatchResult:
    """Watch an interface until the time is over or the user ends it.

    With standards to judge by, what is wrong is told as it comes up, and at the end.
    The report that the command will print at the end is rehearsed.

    Raises:
        CommandError: the interface can't be watched, or the output folder
            not written.
    """
    from analyzer.runs.monitor import Monitor
    from analyzer.tables.builder import prepare_arrow
    from analyzer.terminal.live_view import LiveView
    from captures import CaptureError, Engine, PrivilegeError, open_live

    prepare_arrow()
    # until the command has ended, and not only this
    signals = click.get_current_context().with_resource(_Signals())
    if os.geteuid() == 0:
        _prepare(output, user, table_format, report)
    with ExitStack() as stack:
        # before root privileges are dropped
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
            signals.live = live
            store = _open_store(interface, output, user, stack)
        except (CaptureError, PrivilegeError) as error:
            raise CommandError(str(error)) from error
        raised: list[dict[str, Any]] = []
        monitor = Monitor(
            live,
            store,
            ports=ports,
            trust=trust,
            secrets=secrets,
            on_rows=None if quiet else raise_findings(standards, raised),
        )
        problems: list[str] = []
        if not quiet:
            outputs.warn(live.notes)
        view = LiveView(outputs.console(), live, monitor, as_json=as_json, quiet=quiet)
        with view:
            for rows in monitor.run(duration_s=duration_s, count=count):
                problems += _show(view, rows, raised, live)
                outputs.warn(monitor.notes + monitor.problems)
                monitor.notes.clear()
                problems += monitor.problems
                monitor.problems.clear()
        outputs.warn(monitor.notes)
        judged = NOT_JUDGED
        # the others may be large, and no report here needs them
        analysis = monitor.result("sessions", "messages")
        if output is not None or not (quiet or as_json):
            judged = judge_stored(store.folder, standards, problems)
        if output is not None:
            problems += _finish(store, table_format, judged.findings)
        return WatchResult(analysis, problems, judged)


def _finish(store: Store, table_format: str, findings: pa.Table | None) -> list[str]:
    from analyzer.errors import ExportError, LoadError

    try:
        store.finish(table_format, findings)
    except (ExportError, LoadError) as error:
        return [f"{error}; all that was stored stays in {store.folder}/parts"]
    return []


def _show(
    view: LiveView, rows: list[Row], raised: list[dict[str, Any]], live: LiveCapture
) -> list[str]:
    """Print what is new, which is then forgotten; return what went wrong."""
    findings = raised.copy()
    raised.clear()
    try:
        return outputs.print_safely(lambda: view.show(rows, findings))
    except BrokenPipeError:
        live.stop()
        discard_output()
        return ["standard output: nobody reads it any more, so the watch has ended"]


def _open_key_log(path: Path | None, stack: ExitStack) -> FollowedKeyLog | None:
    from analyzer.runs.secrets import FollowedKeyLog

    if path is None:
        return None
    return stack.enter_context(closing(FollowedKeyLog(path)))


def _prepare(
    output: Path | None, user: str | None, table_format: str, report: Report
) -> None:
    """Look at what was typed before the rehearsal, which takes a while."""
    from analyzer.tables.store import check_free
    from captures import PrivilegeError
    from captures.live.privileges import find_user

    try:
        find_user(user)
    except PrivilegeError as error:
        raise CommandError(str(error)) from error
    if output is not None:
        check_free(output)
    _preload(table_format, report)


def _preload(table_format: str, report: Report) -> None:
    """Import all that is needed: the user we switch to may not be able to read it."""
    from analyzer.cli.warm_up import preload
    from analyzer.errors import ExportError, LoadError

    try:
        preload(table_format, report)
    except (ExportError, LoadError, OSError) as error:
        raise CommandError(
            "there is no room for temporary files: have TMPDIR name a folder that "
            f"has some ({error})"
        ) from error


def _open_store(
    interface: str, output: Path | None, user: str | None, stack: ExitStack
) -> Store:
    """Drop root privileges, and open where rows go: a temporary folder by default.

    Raises:
        ExportError: rows can't be written there.
        PrivilegeError: this process would keep root privileges.
    """
    from analyzer.errors import ExportError
    from analyzer.tables.results import Results
    from analyzer.tables.store import Store
    from captures import drop_privileges, readable_name

    if output is not None:
        _make_folder(output, user)
    became = drop_privileges(user)
    try:
        if output is None:
            output = Path(stack.enter_context(TemporaryDirectory(prefix="mailtap-")))
        return Store(output, Results({}, [readable_name(interface)]))
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
            "(chown), or name somebody else (--run-as)"
        ) from error


def _make_folder(folder: Path, name: str | None) -> None:
    """Make the folder if only root may, and give it to the user we switch to."""
    from analyzer.cli.handover import make_folder_for
    from analyzer.errors import ExportError
    from captures.live.privileges import find_user

    user = find_user(name)
    if user is None:
        return
    try:
        make_folder_for(user, folder)
    except OSError as error:
        raise ExportError(f"{folder}: can't be made ({error.strerror})") from error


class _Signals:
    """Signals that end the watch in order; a second Ctrl-C ends it at once.

    Before there is anything to end in order, the first one ends it at once. Others than
    Ctrl-C may come twice by themselves: by a shell and by the kernel when a terminal is
    closed, or by timeout(1).

    Attributes:
        live: what to stop.
    """

    def __init__(self) -> None:
        self.live: LiveCapture | None = None
        self._first_s = 0.0

    def __enter__(self) -> Self:
        numbers = [signal.SIGINT, signal.SIGTERM]
        # nohup(1) has it ignored
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            numbers.append(signal.SIGHUP)
        self._before = {
            number: signal.signal(number, self._handle) for number in numbers
        }
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, _: object) -> None:
        now = time.monotonic()
        is_meant = number == signal.SIGINT and now - self._first_s > _ONE_SIGNAL_S
        if self.live is None or (self._first_s and is_meant):
            sys.exit(128 + number)
        if not self._first_s:
            self._first_s = now
            self.live.stop()
