"""Loads all that a monitor may need, while it may still read files.

The user `nobody` may not be able to read the interpreter's library (if it is in root's
home, for example), and many modules are imported only when they are first used. So
everything that a monitor does is done once, with a bundled capture.
"""

from __future__ import annotations

import encodings
import errno
import io
import os
import pkgutil
import shutil
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING

from rich.console import Console

from analyzer.cli.judging import Standards
from analyzer.errors import ExportError
from analyzer.findings.live import LiveFindings
from analyzer.findings.settings import Settings
from analyzer.runs.monitor import Monitor
from analyzer.tables.collection import empty_tables
from analyzer.tables.store import Store
from analyzer.tables.stored import stored_tables
from analyzer.terminal.live_view import LiveView
from captures import Engine, LiveCapture, open_capture

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pyarrow as pa

    from analyzer.tables.results import Results
    from captures import PacketBatch

    # what is printed at the end, of all that was seen and what is wrong in it
    Report = Callable[[Results, Console, pa.Table | None], object]

_CAPTURE = Path(__file__).parents[1] / "data" / "office.pcap"


def preload(table_format: str, report: Report) -> None:
    """Do everything that a monitor does, unseen.

    Args:
        table_format: of the files that will be written.
        report: what the command will print at the end.

    Raises:
        ExportError: there is no room for files.
    """
    for module in pkgutil.iter_modules(encodings.__path__):
        # some are for other systems
        with suppress(ImportError):
            import_module(f"encodings.{module.name}")
    # what a key log would take
    import_module("dissectors.tls.decryption.connection_keys")
    console = Console(file=io.StringIO(), force_terminal=True, width=80)
    with _own_folder() as folder:
        live = _Replay()
        store = Store(folder / "tables")
        monitor = Monitor(live, store)
        as_text = LiveView(console, live, monitor)
        as_json = LiveView(console, live, monitor, as_json=True)
        with live, as_text:
            for rows in monitor.run():
                as_text.show(rows)
                as_json.show(rows)
        if monitor.problems:
            raise ExportError(monitor.problems[0])
        analysis = monitor.result()
        judged = Standards(Settings(), None, {}).judge(stored_tables(store.folder), [])
        store.finish(table_format, judged.findings)
    # all rules have been asked above
    LiveFindings((), Settings()).take(analysis.tables, empty_tables(), is_last=True)
    assert judged.findings is not None
    findings = judged.findings.to_pylist()
    as_text.show([], findings)
    as_json.show([], findings)
    report(analysis, console, judged.reviewed)


@contextmanager
def _own_folder() -> Iterator[Path]:
    """Make a temporary folder, known by its descriptor, as its name may be replaced.

    We may be root, and the folder for temporary files anybody's.
    """
    name = mkdtemp(prefix="mailtap-")
    descriptor = os.open(name, os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    folder = Path(f"/proc/self/fd/{descriptor}")
    try:
        if os.fstat(descriptor).st_uid != os.geteuid():
            raise PermissionError(errno.EPERM, "somebody else has put his own there")
        yield folder
    finally:
        for entry in folder.iterdir():
            shutil.rmtree(entry, ignore_errors=True)
        os.close(descriptor)
        with suppress(OSError):
            # only if it is empty
            Path(name).rmdir()


class _Replay(LiveCapture):
    """The bundled capture in place of an interface."""

    engine = Engine.SOCKET

    def __init__(self) -> None:
        super().__init__("warm-up")
        self._batches = open_capture(_CAPTURE)

    def __next__(self) -> PacketBatch:
        return next(self._batches)

    def stop(self) -> None:
        """Go on: there is not much."""

    def drops(self) -> int:
        return 0

    def close(self) -> None:
        self._batches.close()
