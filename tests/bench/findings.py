"""How long all rules take over many sessions: `python -m tests.bench.findings COUNT`.

The sessions are those of the demo, again and again, an hour later each time and from
other clients, and at times those of all captures of the tests: every rule looks at
something, and servers have crowds of clients. Then each session has a client and a
server of its own, so that nothing can be told together. Times are of one processor; all
rules over a million sessions should take less than 20 s, and `mailtap findings` of a
folder of Parquet less than 1.5 GB in all.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from pyarrow import compute, feather
from rich.console import Console
from rich.table import Table

from analyzer.findings.engine import find
from analyzer.findings.registry import rules
from analyzer.findings.settings import RuleSettings, Settings
from analyzer.tables.folder import write_folder
from analyzer.tables.results import Results
from tests.bench.__main__ import apart
from tests.support.analyses import DEMO, analysis_of_all

if TYPE_CHECKING:
    import numpy.typing as npt

SESSIONS = 1_000_000
_HOUR_NS = 3_600_000_000_000
_CLIENTS = 100_000
# one copy in so many is of all captures
_ALL_CAPTURES = 20


def tables(sessions: int, *, different: bool = False) -> dict[str, pa.Table]:
    """Make the tables of about so many sessions, if asked of different hosts."""
    analysis = analysis_of_all()
    demo = len(_of_demo(analysis.tables["sessions"]))
    others = len(analysis.tables["sessions"]) - demo
    copies = int(sessions / (demo + others / _ALL_CAPTURES))
    made = {
        name: _again(table, copies) if "session_id" in table.column_names else table
        for name, table in analysis.tables.items()
    }
    if different:
        made["sessions"] = _all_different(made["sessions"])
    return made


def _write(folder: Path, sessions: int, different: bool) -> int:
    for name, table in tables(sessions, different=different).items():
        path = folder / name
        feather.write_feather(table, path, "uncompressed", chunksize=len(table) + 1)
    return 0


def _write_folder(folder: Path, sessions: int) -> int:
    write_folder(Results(tables(sessions), ["a.pcap"]), folder, "parquet")
    return 0


def _list_findings(folder: Path) -> int:
    """Run the command over a folder; return the most memory that it had, in MiB."""
    command = [sys.executable, "-m", "analyzer", "findings", str(folder)]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10


def _of_demo(table: pa.Table) -> npt.NDArray[np.int64]:
    """Return the places of the rows of the demo."""
    is_demo = compute.equal(table["capture"], str(DEMO)).fill_null(False)
    return np.flatnonzero(is_demo.to_numpy())


def _again(table: pa.Table, copies: int) -> pa.Table:
    """Repeat the rows of a table, as other sessions, in the order of time."""
    demo, every = _of_demo(table), np.arange(len(table))
    parts = [demo if copy % _ALL_CAPTURES else every for copy in range(copies)]
    rows = pa.array(np.concatenate(parts))
    copy = np.repeat(np.arange(copies), [len(part) for part in parts])
    columns = {
        name: table[name].combine_chunks().take(rows) for name in table.schema.names
    }
    columns["session_id"] = compute.binary_join_element_wise(
        columns["session_id"], pa.array(copy).cast(pa.string()), "-"
    )
    for name in {"start", "end", "time"} & columns.keys():
        later = pa.array(copy * _HOUR_NS, pa.duration("ns"))
        columns[name] = compute.add(columns[name], later)
    if "client_ip" in columns:
        columns["client_ip"] = _clients(columns["client_ip"], copy)
    return pa.table(columns, schema=table.schema)


def _all_different(sessions: pa.Table) -> pa.Table:
    """Give each session a client and a server that no other has; some are one's own."""
    numbers = np.arange(len(sessions))
    for column, networks in (("client_ip", ("10", "20")), ("server_ip", ("30", "10"))):
        first = pa.array(np.where(numbers % 2, *networks).astype(object), pa.string())
        octets = [
            pa.array(numbers >> shift & 255).cast(pa.string()) for shift in (16, 8, 0)
        ]
        addresses = compute.binary_join_element_wise(first, *octets, ".")
        place = sessions.schema.get_field_index(column)
        sessions = sessions.set_column(place, column, addresses)
    return sessions


def _clients(addresses: pa.Array, copy: npt.NDArray[np.int64]) -> pa.Array:
    """Give each copy clients of its own, of which many return; first ones remain."""
    numbers = copy % _CLIENTS
    octets = [
        pa.array(part).cast(pa.string())
        for part in (numbers >> 16 & 255, numbers >> 8 & 255, numbers & 255)
    ]
    renamed = compute.binary_join_element_wise("10", *octets, ".")
    return compute.if_else(pa.array(copy > 0), renamed, addresses)


def main(sessions: int = SESSIONS) -> None:
    """Time all rules together, and each alone."""
    console = Console(width=100)
    # what it takes to make tables is not what rules take
    with tempfile.TemporaryDirectory(prefix="mailtap-findings-") as name:
        apart(_write_folder, Path(name), sessions)
        peak = apart(_list_findings, Path(name))
        console.print(f"mailtap findings DIR: peak {peak} MiB")
    for kind in ("different", "repeated"):
        with tempfile.TemporaryDirectory(prefix="mailtap-findings-") as name:
            apart(_write, Path(name), sessions, kind == "different")
            _time(Path(name), console, kind)


def _time(folder: Path, console: Console, kind: str) -> None:
    known = list(rules().values())
    asked = {
        path.name: feather.read_table(path, memory_map=False)
        for path in folder.iterdir()
    }
    count, before = len(asked["sessions"]), _peak_mib()
    took_s, found = _timed(asked, {})
    console.print(
        f"{count:,} sessions, {kind} hosts: {found:,} findings in {took_s:.1f} s; "
        f"peak {_peak_mib()} MiB, of which {before} MiB were there before"
    )
    shown = Table("rule", "findings", "alone")
    for rule in known:
        others = {
            each.id: RuleSettings(enabled=False) for each in known if each != rule
        }
        took_s, found = _timed(asked, others)
        shown.add_row(rule.id, f"{found:,}", f"{took_s:.2f} s")
    console.print(shown)


def _timed(
    asked: dict[str, pa.Table], settings: dict[str, RuleSettings]
) -> tuple[float, int]:
    began = time.process_time()
    found = find(asked, rules().values(), Settings(rules=settings))
    return time.process_time() - began, len(found)


def _peak_mib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
