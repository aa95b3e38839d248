"""A monitor under load that is ended the hard way, and what it must have kept."""

from __future__ import annotations

import subprocess
import threading
import time
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING

from analyzer.tables.folder import is_folder_of_tables, read_folder
from analyzer.tables.parts import has_parts, read_parts
from tests.support import commands
from tests.support.namespaces import send
from tests.support.traffic import PacketScript

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# of README: never older than a few seconds
KEPT_S = 5.0
# packets that pass right after the folder is there may not be captured yet
_SETTLED_S = 0.5
_PAUSE_S = 0.01
_FIRST_PORT = 10_000


class Load:
    """Sessions one after the other, from a port of their own each; a context manager.

    Attributes:
        sent_s: when the last packet of each session was sent, by the client's port.
    """

    def __init__(self, interface: str) -> None:
        self.sent_s: dict[int, float] = {}
        self._interface = interface
        self._is_over = threading.Event()
        # in the network of this thread
        self._thread = threading.Thread(target=self._send)

    def __enter__(self) -> Load:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _send(self) -> None:
        # until the interface is gone, at the latest
        with suppress(OSError):
            for port, frames in _sessions():
                if self._is_over.wait(_PAUSE_S):
                    return
                send(self._interface, frames)
                self.sent_s[port] = time.monotonic()


def _sessions() -> Iterator[tuple[int, list[bytes]]]:
    for port in range(_FIRST_PORT, 65_000):
        dialogue = PacketScript(110, client_port=port).server(b"+OK ready\r\n")
        dialogue.client(b"QUIT\r\n").server(b"+OK bye\r\n").close()
        yield port, [packet.data for packet in dialogue.packets]


def kill_monitor(
    folder: Path, after_s: float, *options: str, once_there: bool = False
) -> list[str]:
    """Kill a monitor of `vb` that writes into a folder, under load from `va`.

    Args:
        folder: must not exist.
        after_s: how long after its start.
        options: of the monitor.
        once_there: whether it has started when its folder can be read.

    Returns:
        What is wrong with what it left.
    """
    command: list[str | Path] = ["monitor", "-i", "vb", "-q", "-o", folder, *options]
    with Load("va") as load:
        monitor = commands.start(*command, stdout=subprocess.DEVNULL)
        kill_s = time.monotonic() + after_s
        while (once_there or time.monotonic() < kill_s) and not has_parts(folder):
            if monitor.poll() is not None:
                return [f"the monitor has ended (exit status {monitor.returncode})"]
            time.sleep(0.01)
        begun_s = time.monotonic() + _SETTLED_S
        if once_there:
            kill_s = time.monotonic() + after_s
        time.sleep(max(0.0, kill_s - time.monotonic()))
        monitor.kill()
        killed_s = time.monotonic()
        monitor.communicate()
    return _problems(folder, load.sent_s, begun_s, killed_s - KEPT_S)


def _problems(
    folder: Path, sent_s: dict[int, float], begin_s: float, end_s: float
) -> list[str]:
    if has_parts(folder):
        analysis = read_parts(folder)
    elif folder.exists() and is_folder_of_tables(folder):
        analysis = read_folder(folder)
    else:
        # it was not there yet
        return [] if end_s < begin_s else ["there is no folder of tables"]
    found = Counter(analysis.tables["sessions"]["client_port"].to_pylist())
    twice = [port for port, count in found.items() if count > 1]
    lost = [
        port
        for port, at in sent_s.items()
        if begin_s < at < end_s and port not in found
    ]
    problems = [f"{len(twice)} sessions are there twice"] if twice else []
    return [*problems, f"{len(lost)} sessions are lost"] if lost else problems
