"""Measures a monitor under load: `python -m tests.bench.monitor`, as root.

tcpreplay plays mail over a cable between two network namespaces, at a steady rate,
and `mailtap monitor` watches the far end. Told are packets that were dropped, how
many seconds after its end the line of a session appears, and the memory.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, NamedTuple

from rich.console import Console
from rich.table import Table

from tests.bench import traffic
from tests.bench.__main__ import MAIL_SESSIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

RATES = {"socket": 20_000, "dumpcap": 50_000}
_SENDER, _WATCHER = "mailtap-bench-sender", "mailtap-bench-watcher"
_SETTLE_S = 3.0
_HEADINGS = (
    "engine",
    "packets/s",
    "sent",
    "captured",
    "dropped",
    "sessions",
    "line after, median",
    "worst",
    "MiB after 5 s",
    "most in 2nd half",
)
_SAMPLE_S = 1.0


class Load(NamedTuple):
    """What a monitor did under load.

    Attributes:
        sent: packets that were sent.
        rate: how many of them in a second.
        captured: packets that the monitor took.
        dropped: packets that it lost.
        sessions: sessions that it wrote.
        delays_s: from the end of each session to its line, in order.
        resident_mib: memory of the monitor, every second.
    """

    sent: int
    rate: float
    captured: int
    dropped: int
    sessions: int
    delays_s: list[float]
    resident_mib: list[float]


@contextmanager
def cable() -> Iterator[None]:
    """Two namespaces, and a cable between them."""
    with ExitStack() as stack:
        for name in (_SENDER, _WATCHER):
            _ip("netns", "add", name)
            stack.callback(_ip, "netns", "delete", name)
        _ip("link", "add", "cable0", "netns", _SENDER,
            "type", "veth", "peer", "name", "cable0", "netns", _WATCHER)  # fmt: skip
        for name in (_SENDER, _WATCHER):
            # nobody speaks of its own accord
            command = "sysctl -qw net.ipv6.conf.all.disable_ipv6=1"
            subprocess.run(["ip", "netns", "exec", name, *command.split()], check=True)
            _ip("-n", name, "link", "set", "cable0", "up")
        yield


def measure(capture: Path, engine: str, rate: int, loops: int) -> Load:
    """Play a capture, and watch."""
    with tempfile.TemporaryDirectory() as folder:
        # mailtap becomes nobody
        Path(folder).chmod(0o755)
        output = Path(folder, "tables")
        monitor = subprocess.Popen(
            ["ip", "netns", "exec", _WATCHER, sys.executable, "-m", "analyzer",
             "monitor", "-i", "cable0", "--engine", engine, "--json",
             "-o", str(output), "--format", "parquet"],
            stdout=subprocess.PIPE,
        )  # fmt: skip
        delays: list[float] = []
        reader = Thread(target=_read_lines, args=(monitor, delays))
        reader.start()
        while not (output / "parts").exists():
            if monitor.poll() is not None:
                sys.exit("mailtap monitor could not start")
            time.sleep(0.1)
        time.sleep(1)
        resident: list[float] = []
        sampler = Thread(target=_sample, args=(monitor, resident))
        sampler.start()
        sent, seconds = _play(capture, rate, loops)
        time.sleep(_SETTLE_S)
        monitor.send_signal(signal.SIGINT)
        reader.join()
        if status := monitor.wait():
            sys.exit(f"mailtap monitor: exit status {status}")
        sampler.join()
        about = json.loads((output / "analysis.json").read_bytes())
    return Load(
        sent,
        sent / seconds,
        about["packets"],
        about["dropped"],
        len(delays),
        sorted(delays),
        resident,
    )


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


def _read_lines(monitor: subprocess.Popen[bytes], delays: list[float]) -> None:
    assert monitor.stdout is not None
    for line in monitor.stdout:
        now = time.time_ns()
        whole, fraction = json.loads(line)["end"].rstrip("Z").split(".")
        seconds = time.mktime(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) - time.timezone
        delays.append(now / 1e9 - seconds - float(f"0.{fraction}"))


def _sample(monitor: subprocess.Popen[bytes], resident: list[float]) -> None:
    status = Path(f"/proc/{monitor.pid}/status")
    while monitor.poll() is None:
        if found := re.search(r"VmRSS:\s+(\d+)", status.read_text()):
            resident.append(int(found[1]) / 1024)
        time.sleep(_SAMPLE_S)


def _play(capture: Path, rate: int, loops: int) -> tuple[int, float]:
    """Send all packets; return how many, and in how many seconds."""
    began = time.monotonic()
    done = subprocess.run(
        ["ip", "netns", "exec", _SENDER, "tcpreplay", "-q", "-K", "-i", "cable0",
         f"--pps={rate}", f"--loop={loops}", str(capture)],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    seconds = time.monotonic() - began
    actual = re.search(
        r"Actual: (\d+) packets .* sent in ([\d.]+) seconds", done.stdout
    )
    return (int(actual[1]), float(actual[2])) if actual else (0, seconds)


def main() -> None:
    """Measure both engines, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.monitor")
    parser.add_argument("--engine", choices=list(RATES), action="append")
    parser.add_argument("--rate", type=int, help="packets per second")
    parser.add_argument("--loops", type=int, default=1)
    arguments = parser.parse_args()
    table = Table(box=None)
    for heading in _HEADINGS:
        table.add_column(heading, justify="right")
    with tempfile.TemporaryDirectory() as folder, cable():
        capture = Path(folder, "mail.pcap")
        traffic.write_pcap(capture, [traffic.mail(MAIL_SESSIONS)])
        for engine in arguments.engine or RATES:
            rate = arguments.rate or RATES[engine]
            load = measure(capture, engine, rate, arguments.loops)
            delays = load.delays_s or [0.0]
            table.add_row(
                engine,
                f"{load.rate:,.0f}",
                f"{load.sent:,}",
                f"{load.captured:,}",
                f"{load.dropped:,}",
                f"{load.sessions:,}",
                f"{delays[len(delays) // 2]:.2f} s",
                f"{delays[-1]:.2f} s",
                f"{load.resident_mib[min(5, len(load.resident_mib) - 1)]:.0f}",
                f"{max(load.resident_mib[len(load.resident_mib) // 2 :]):.0f}",
            )
    Console(width=160).print(table)


if __name__ == "__main__":
    if os.geteuid():
        sys.exit("tests.bench.monitor makes network namespaces: run it as root")
    main()
