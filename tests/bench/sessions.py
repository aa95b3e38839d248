"""How long it takes to choose sessions in a folder: `python -m tests.bench.sessions`.

Those of `tests.bench.findings`, in one file and as a monitor stores them. Times are of
whole processes: how long they took, and of one processor; the least of some. Choosing
among a million sessions should take less than 2 s.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from analyzer.tables.collection import empty_tables
from analyzer.tables.folder import write_folder
from analyzer.tables.results import Results
from analyzer.tables.store import Store
from tests.bench.__main__ import apart
from tests.bench.findings import SESSIONS, tables

_PART_SESSIONS = 4096
_TRIES = 3
_CHOICES = (
    ("--where", "service = 'imap' and client_ip <<= '10.0.0.0/16' and duration_s > 1"),
    ("--where", "duration_s > 5", "--sort", "-client_bytes"),
    ("--where", "'STARTTLS' in capabilities and banner like '%Postfix%'"),
    ("--user", "ines@example.com"),
    ("--since", "2030-01-01", "--limit", "10"),
    (),
)


def _write(folder: Path, sessions: int) -> int:
    made = tables(sessions)
    # what is not looked at is not there
    few = {**empty_tables(), "sessions": made["sessions"], "logins": made["logins"]}
    write_folder(Results(few, ["bench"]), folder / "file", "parquet")
    store = Store(folder / "parts")
    for start in range(0, len(made["sessions"]), _PART_SESSIONS):
        part = made["sessions"].slice(start, _PART_SESSIONS).combine_chunks()
        store.add({**empty_tables(), "sessions": part}, empty_tables())
    return 0


def main(sessions: int = SESSIONS) -> None:
    """Time some choices, each from one file and from parts."""
    shown = Table("choice", "one file", "parts", "chosen")
    with tempfile.TemporaryDirectory(prefix="mailtap-sessions-") as name:
        folder = Path(name)
        apart(_write, folder, sessions)
        for choice in _CHOICES:
            file_s, told = _time(folder / "file", choice)
            parts_s, _ = _time(folder / "parts", choice)
            shown.add_row(" ".join(choice), file_s, parts_s, told)
    Console(width=130).print(shown)


def _time(folder: Path, choice: tuple[str, ...]) -> tuple[str, str]:
    command = [sys.executable, "-m", "mailtap", "sessions", str(folder), *choice]
    took, used = [], []
    told = ""
    for _ in range(_TRIES):
        began, before = time.perf_counter(), _processor_s()
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        took.append(time.perf_counter() - began)
        used.append(_processor_s() - before)
        told = done.stdout.splitlines()[0].strip()
    return f"{min(took):.2f} s, {min(used):.2f} s", told


def _processor_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
