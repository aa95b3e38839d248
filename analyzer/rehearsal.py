"""Loads all that a monitor may need, while it may still read files.

Who becomes nobody may not be able to read the library of the interpreter any more
(one below root's home, for example), and many modules are imported at their first
use only. So all that a monitor does is done once with a bundled capture.
"""

from __future__ import annotations

import encodings
import io
import pkgutil
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from rich.console import Console

from analyzer.export import ExportError
from analyzer.monitor import Monitor
from analyzer.plaintext import plaintext_csv, plaintext_json, print_plaintext
from analyzer.store import Store
from analyzer.summary import print_summary
from analyzer.watch import Watch
from captures import Engine, LiveCapture, open_capture

if TYPE_CHECKING:
    from captures import PacketBatch

_CAPTURE = Path(__file__).with_name("data") / "office.pcap"


def rehearse(table_format: str) -> None:
    """Do all that a monitor does, for nobody to see.

    Args:
        table_format: of the files that will be written.

    Raises:
        ExportError: there is no room for files.
    """
    for module in pkgutil.iter_modules(encodings.__path__):
        # some are for other systems
        with suppress(ImportError):
            import_module(f"encodings.{module.name}")
    # what a key log would take
    import_module("dissectors.tls.decryption")
    console = Console(file=io.StringIO(), force_terminal=True, width=80)
    with TemporaryDirectory() as folder:
        live = _Replay()
        store = Store(Path(folder, "tables"))
        monitor = Monitor(live, store)
        as_text = Watch(console, live, monitor)
        as_json = Watch(console, live, monitor, as_json=True)
        with live, as_text:
            for rows in monitor.run():
                as_text.show(rows)
                as_json.show(rows)
        if monitor.problems:
            raise ExportError(monitor.problems[0])
        analysis = monitor.result()
        store.finish(table_format)
    print_summary(analysis, console)
    print_plaintext(analysis, console)
    plaintext_json(analysis)
    plaintext_csv(analysis)


class _Replay(LiveCapture):
    """The bundled capture in place of an interface."""

    engine = Engine.SCAPY

    def __init__(self) -> None:
        super().__init__("rehearsal")
        self._batches = open_capture(_CAPTURE)

    def __next__(self) -> PacketBatch:
        return next(self._batches)

    def stop(self) -> None:
        """Go on: there is not much."""

    def drops(self) -> int:
        return 0

    def close(self) -> None:
        self._batches.close()
