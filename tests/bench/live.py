"""Measures how fast live capture alone is: `python -m tests.bench.live`, as root.

tcpreplay plays mail into one of two connected interfaces, in a network of its own,
and both engines watch the other one in turns. `tests.bench.monitor` measures all
that is behind them.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from captures import Engine, open_live
from dissectors import registry
from tests.bench import traffic
from tests.support.namespaces import add_pair, own_network

RATES = (20_000, 50_000, 100_000, 200_000)
ENGINES = (Engine.SOCKET, Engine.DUMPCAP)
_SESSIONS = 1_000


class Round(NamedTuple):
    """What became of the packets of one round.

    Attributes:
        sent: packets that were played.
        rate: how many of them in a second.
        captured: packets that the engine handed on.
        drops: packets that it says it lost.
        cpu_share: processor time that reading took, as a share of the time played.
    """

    sent: int
    rate: float
    captured: int
    drops: int | None
    cpu_share: float


def measure(capture: Path, packets: int, engine: Engine, rate: int) -> Round:
    """Play packets at a rate, and count what an engine hands on."""
    captured, played_s = 0, 0.0
    with open_live("vb", ports=registry.ports(), engine=engine) as live:
        cpu_start, start = time.process_time(), time.monotonic()
        player = _play(capture, packets, rate)
        for batch in live:
            captured += len(batch)
            if not played_s and player.poll() is not None:
                played_s = time.monotonic() - start
                live.stop()
        cpu_s = time.process_time() - cpu_start
    drops = live.drops()
    return Round(packets, packets / played_s, captured, drops, cpu_s / played_s)


def _play(capture: Path, packets: int, rate: int) -> subprocess.Popen[bytes]:
    options = ["-q", "-K", f"--pps={rate}", f"--limit={packets}", "--loop=0"]
    command = ["tcpreplay", *options, "-i", "va", str(capture)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL)


def main() -> None:
    """Measure all engines at all rates."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each round")
    arguments = parser.parse_args()
    table = Table("engine", "sent", "packets/s", "captured", "drops", "CPU")
    with tempfile.TemporaryDirectory() as folder, own_network():
        capture = Path(folder, "mail.pcap")
        traffic.write_pcap(capture, [traffic.mail(_SESSIONS)])
        add_pair("va", "vb")
        for engine in ENGINES:
            for rate in RATES:
                packets = round(rate * arguments.seconds)
                done = measure(capture, packets, engine, rate)
                table.add_row(
                    engine,
                    f"{done.sent:,}",
                    f"{done.rate:,.0f}",
                    f"{done.captured:,}",
                    f"{done.drops:,}",
                    f"{done.cpu_share:.0%}",
                )
    Console().print(table)


if __name__ == "__main__":
    main()
