"""Captures of what a machine sends and receives, by tcpdump or dumpcap."""

from __future__ import annotations

import contextlib
import platform
import signal
import struct
import time
from typing import TYPE_CHECKING

from tests.support.laboratory.machine import wait_for
from tests.support.laboratory.network import Network

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.laboratory.machine import Machine

# pcapng: type, length, byte-order magic, version, section length
SECTION_FIELDS_BYTES = 24
SHB_HARDWARE = 2

# time for the last packets to reach the capturing process
SETTLE_S = 0.4

# without neighbour discovery and multicast
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


def forget_machine(path: Path) -> None:
    """Blank what dumpcap says of this machine's processor and kernel in a pcapng."""
    content = path.read_bytes()
    kernel = f"Linux {platform.release()}".encode()
    content = content.replace(kernel, b"Linux".ljust(len(kernel)))
    # the options of the section header block begin after its fixed fields
    code, length = struct.unpack_from("<HH", content, SECTION_FIELDS_BYTES)
    if code == SHB_HARDWARE:
        start = SECTION_FIELDS_BYTES + 4
        content = content[:start] + b" " * length + content[start + length :]
    path.write_bytes(content)
