"""Captures of what a machine sends and receives, by tcpdump or dumpcap."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import time
from typing import TYPE_CHECKING

from tests.support.lab.network import Network, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.lab.network import Machine

# time for the last packets to reach the capturing process
SETTLE_S = 0.4

# the lab's background noise: neighbour discovery and multicast
DEFAULT_FILTER = "tcp"


@contextlib.contextmanager
def capture(
    machine: Machine,
    path: Path,
    *,
    interface: str = Network.BRIDGE,
    packets: str = DEFAULT_FILTER,
    snap_length: int = 0,
) -> Iterator[None]:
    """Capture packets for as long as the context lasts.

    A file with the suffix `.pcapng` is written by dumpcap, others by tcpdump.
    """
    path.unlink(missing_ok=True)
    if path.suffix == ".pcapng":
        # no -q: it says "File:" once it captures
        command = ["dumpcap", "-i", interface, "-f", packets, "-w", str(path)]
        command += ["-s", str(snap_length)] if snap_length else []
        ready = "File:"
    else:
        command = ["tcpdump", "-i", interface, "-n", "-U", "-Z", "root", "-w"]
        command += [str(path), "-s", str(snap_length), "--immediate-mode", packets]
        ready = "listening on"
    service = machine.start(*command, log=f"capture-{path.stem}.log")
    try:
        wait_for(lambda: service.printed(ready), f"capture into {path}")
        time.sleep(SETTLE_S)
        yield
        time.sleep(SETTLE_S)
    finally:
        service.stop(signal.SIGINT)


def packet_count(path: Path) -> int:
    """Return the number of packets in a capture."""
    listed = subprocess.run(
        ["tshark", "-n", "-r", str(path), "-T", "fields", "-e", "frame.number"],
        check=True,
        capture_output=True,
    )
    return listed.stdout.count(b"\n")
