"""Measures mailtap against tshark: `python -m tests.bench`, or `make bench`.

Whole processes, one after the other in turns, so that a slow machine slows both.
Quote the ratios: seconds differ from machine to machine and from day to day.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from tests.bench import traffic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

MIXED_SESSIONS = 3_000
MAIL_SESSIONS = 10_000
# gives a mixed capture of 500 MB or more
_OTHER_PAYLOAD_BYTES = 1_390
_FOREIGN_PER_MAIL = 4

# those that tell what the columns of our tables tell
_TSHARK_FIELDS = (
    "frame.number",
    "frame.time_epoch",
    "tcp.stream",
    "ip.src",
    "ipv6.src",
    "tcp.srcport",
    "ip.dst",
    "ipv6.dst",
    "tcp.dstport",
    "smtp.req.command",
    "smtp.req.parameter",
    "smtp.response.code",
    "smtp.rsp.parameter",
    "smtp.auth.username",
    "imap.request.command",
    "imap.request",
    "imap.response.status",
    "imap.response",
    "pop.request.command",
    "pop.request.parameter",
    "pop.response.indicator",
    "pop.response.description",
    "imf.message_id",
    "imf.subject",
    "imf.from",
    "imf.to",
    "tls.handshake.type",
    "tls.handshake.version",
    "tls.handshake.ciphersuite",
    "tls.handshake.extensions_server_name",
    "tls.handshake.extensions_alpn_str",
    "tls.handshake.ja3",
    "tls.handshake.ja3s",
    "tls.alert_message.desc",
)


@dataclass(frozen=True, slots=True)
class Run:
    """One finished process: seconds, and peak resident kibibytes.

    The peak is that of the largest process of those that the run consisted of.
    """

    wall_s: float
    cpu_s: float
    peak_kib: int


def run(command: Sequence[str]) -> Run:
    """Run a command; its output is thrown away."""
    # an installed package has its byte code: the warm-up writes it
    keys = os.environ.keys() - {"PYTHONDONTWRITEBYTECODE"}
    environment = {key: os.environ[key] for key in keys}
    began = time.perf_counter()
    quiet = subprocess.DEVNULL
    with subprocess.Popen(
        command, stdout=quiet, stderr=quiet, env=environment
    ) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    wall_s = time.perf_counter() - began
    if process.returncode:
        sys.exit(f"{' '.join(command)}: exit status {process.returncode}")
    return Run(wall_s, usage.ru_utime + usage.ru_stime, usage.ru_maxrss)


def peak_together(command: Sequence[str]) -> int:
    """Run a command; return the most memory of it and its children, in KiB.

    What they share counts once (the proportional set size, every 50 ms).
    """
    quiet = subprocess.DEVNULL
    peak = 0
    with subprocess.Popen(command, stdout=quiet, stderr=quiet) as process:
        while process.poll() is None:
            peak = max(peak, sum(map(_proportional_kib, _family(process.pid))))
            time.sleep(0.05)
    if process.returncode:
        sys.exit(f"{' '.join(command)}: exit status {process.returncode}")
    return peak


def _family(process: int) -> Iterator[int]:
    yield process
    with suppress(OSError):
        for children in Path(f"/proc/{process}/task").glob("*/children"):
            for child in children.read_text().split():
                yield from _family(int(child))


def _proportional_kib(process: int) -> int:
    with suppress(OSError):
        text = Path(f"/proc/{process}/smaps_rollup").read_text()
        return int(text.split("\nPss:")[1].split()[0])
    return 0


def mailtap(*captures: Path) -> list[str]:
    """The main job, with all tables made and none written."""
    return [sys.executable, "-m", "analyzer", "analyze", "-q", *map(str, captures)]


def tshark(capture: Path) -> list[str]:
    """The peer: the fields of the same protocols."""
    program = shutil.which("tshark") or sys.exit("tshark is missing: install it")
    fields = [part for name in _TSHARK_FIELDS for part in ("-e", name)]
    return [program, "-n", "-r", str(capture), "-T", "fields", *fields]


def in_turns(runs: int, *commands: Sequence[str]) -> list[list[Run]]:
    """Run commands one after the other, again and again, after one warm-up each."""
    for command in commands:
        run(command)
    rounds = [[run(command) for command in commands] for _ in range(runs)]
    return [list(column) for column in zip(*rounds, strict=True)]


def apart(work: Callable[..., int], *arguments: object) -> int:
    """Call a function in a process of its own.

    What it needs of memory would otherwise count as that of the commands: a process
    begins with the peak of the one that starts it.
    """
    with ProcessPoolExecutor(max_workers=1) as pool:
        return pool.submit(work, *arguments).result()


def write_mail(path: Path, sessions: int, names: tuple[str, ...]) -> int:
    """A capture of mail only; return the packets."""
    return traffic.write_pcap(path, [traffic.mail(sessions, names=names)])


def write_mixed(path: Path, sessions: int) -> int:
    """A capture of which one packet in five is mail; return the packets."""
    mail = traffic.mail(sessions)
    span_us = int(mail.time_us.max())
    foreign = len(mail.offset) * _FOREIGN_PER_MAIL
    other = traffic.other(foreign, _OTHER_PAYLOAD_BYTES, span_us)
    return traffic.write_pcap(path, [mail, other])


def against_tshark(folder: Path, runs: int, console: Console) -> None:
    """Time and memory beside tshark, on mixed traffic and on mail only."""
    mixed, mail_only = folder / "mixed.pcap", folder / "mail.pcap"
    encrypted = folder / "encrypted.pcap"
    packets = {
        mixed: apart(write_mixed, mixed, MIXED_SESSIONS),
        mail_only: apart(write_mail, mail_only, MAIL_SESSIONS, traffic.TEMPLATES),
        encrypted: apart(
            write_mail, encrypted, MAIL_SESSIONS, traffic.ENCRYPTED_TEMPLATES
        ),
    }
    table = _table("Beside tshark", "capture", "packets", "MB", "mailtap", "tshark")
    for name in ("times faster", "mailtap peak", "tshark peak"):
        table.add_column(name, justify="right")
    for path, count in packets.items():
        ours, theirs = in_turns(runs, mailtap(path), tshark(path))
        ratios = [b.wall_s / a.wall_s for a, b in zip(ours, theirs, strict=True)]
        table.add_row(
            path.stem,
            f"{count:,}",
            f"{path.stat().st_size / 1e6:,.0f}",
            f"{_median(ours, 'wall_s'):.2f} s",
            f"{_median(theirs, 'wall_s'):.2f} s",
            f"{statistics.median(ratios):.1f} ({min(ratios):.1f} to {max(ratios):.1f})",
            _peak(ours),
            _peak(theirs),
        )
    console.print(table)


def scaling(folder: Path, runs: int, console: Console) -> None:
    """Time per packet and peak memory from half a million to four million packets."""
    table = _table("Scaling", "packets", "mailtap", "per packet", "peak")
    for factor in (1, 2, 4, 8):
        path = folder / "scaling.pcap"
        packets = apart(write_mixed, path, MIXED_SESSIONS * factor)
        (ours,) = in_turns(runs, mailtap(path))
        wall_s = _median(ours, "wall_s")
        each_us = wall_s / packets * 1e6
        table.add_row(
            f"{packets:,}", f"{wall_s:.2f} s", f"{each_us:.2f} µs", _peak(ours)
        )
        path.unlink()
    console.print(table)


def start_up(folder: Path, runs: int, console: Console) -> None:
    """A capture of ten sessions beside `import pandas`."""
    path = folder / "ten.pcap"
    apart(write_mail, path, 10, traffic.TEMPLATES)
    ours, theirs = in_turns(
        runs * 3,
        mailtap(path),
        [sys.executable, "-c", "import pandas"],
    )
    ratios = [a.wall_s / b.wall_s for a, b in zip(ours, theirs, strict=True)]
    console.print(
        f"Ten sessions: {_median(ours, 'wall_s'):.2f} s, "
        f"{statistics.median(ratios):.2f} times `import pandas`"
    )


def _table(title: str, first: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column(first)
    for name in columns:
        table.add_column(name, justify="right")
    return table


def _median(runs: Sequence[Run], what: str) -> float:
    return float(statistics.median(getattr(each, what) for each in runs))


def _peak(runs: Sequence[Run]) -> str:
    return f"{max(each.peak_kib for each in runs) / 1024:.0f} MiB"


MEASUREMENTS: dict[str, Callable[[Path, int, Console], None]] = {
    "tshark": against_tshark,
    "scaling": scaling,
    "start-up": start_up,
}


def main() -> None:
    """Run the measurements that are named, or all."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=", ".join(MEASUREMENTS)
    )
    parser.add_argument("--runs", type=int, default=5, help="counted runs (5)")
    options = parser.parse_args()
    unknown = set(options.names) - MEASUREMENTS.keys()
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    console = Console(width=100)
    with tempfile.TemporaryDirectory(prefix="mailtap-bench-") as folder:
        for name in options.names or MEASUREMENTS:
            MEASUREMENTS[name](Path(folder), options.runs, console)


if __name__ == "__main__":
    main()
