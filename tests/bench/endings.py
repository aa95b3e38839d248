"""Ends monitors the hard way, again and again: `python -m tests.bench.endings`.

Takes root. A monitor under load is killed at 100 random moments, its start included:
its folder can be read, nothing older than 5 s is lost, nothing is there twice. Then
its interface goes 20 times in each way, with and without mail: it says why, in time.
"""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path

from rich.console import Console

from tests.support.endings import Load, kill_monitor
from tests.support.namespaces import ROOT, add_pair, ip, own_network

KILLS = 100
_LONGEST_S = 12.0
OUTAGES = 20
_IN_TIME_S = 10.0
_WAYS = {
    "link set vb down": "went down",
    "link delete vb": "was removed",
    "link set vb name vx": "is called vx now",
}
ENGINES = ("socket", "dumpcap")


def kill(folder: Path, runs: int, rng: random.Random, console: Console) -> int:
    """Kill monitors; return how many left something wrong."""
    failures = 0
    for number in range(runs):
        after_s, engine = rng.uniform(0, _LONGEST_S), ENGINES[number % 2]
        with own_network():
            add_pair("va", "vb")
            target = folder / f"kill-{number}"
            problems = kill_monitor(target, after_s, "--engine", engine)
        failures += bool(problems)
        for problem in problems:
            console.print(f"{engine}, killed after {after_s:.2f} s: {problem}")
    return failures


def take_away(folder: Path, engine: str, way: str, *, is_busy: bool) -> str | None:
    """Take the interface of a monitor away; return what is wrong with how it ends."""
    with own_network():
        add_pair("va", "vb")
        command = [sys.executable, "-m", "analyzer", "monitor", "-q", "-i", "vb"]
        command += ["-o", str(folder), "--engine", engine]
        with (
            Load("va") if is_busy else nullcontext(),
            subprocess.Popen(
                command, stderr=subprocess.PIPE, text=True, cwd=ROOT
            ) as monitor,
        ):
            while not (folder / "parts").exists() and monitor.poll() is None:
                time.sleep(0.01)
            ip(*way.split())
            began_s = time.monotonic()
            _, said = monitor.communicate()
    if monitor.returncode != 1 or _WAYS[way] not in said:
        return f"exit status {monitor.returncode}: {said}"
    took_s = time.monotonic() - began_s
    return f"it took {took_s:.1f} s" if took_s > _IN_TIME_S else None


def main(kills: int, outages: int) -> None:
    """Do all of it, and print what failed."""
    console = Console()
    with tempfile.TemporaryDirectory(prefix="mailtap-endings-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        failures = kill(folder, kills, random.Random(time.time_ns()), console)
        console.print(f"killed {kills} times, {failures} failures")
        for engine in ENGINES:
            for way in _WAYS:
                for is_busy in (False, True):
                    ends = [
                        take_away(
                            folder
                            / f"{engine}-{way}-{is_busy}-{number}".replace(" ", "-"),
                            engine,
                            way,
                            is_busy=is_busy,
                        )
                        for number in range(outages)
                    ]
                    wrong = [each for each in ends if each]
                    busy = "with mail" if is_busy else "without mail"
                    console.print(
                        engine, way, busy, f"{outages - len(wrong)} of {outages}"
                    )
                    console.print(*wrong, sep="\n", end="\n" if wrong else "")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:] or (KILLS, OUTAGES)))
