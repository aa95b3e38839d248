from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, NoReturn

import pyarrow as pa
import pytest

from analyzer.runs import workers
from analyzer.runs.workers import process_count, run_partitions
from tests.support.analyses import DEMO

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from pathlib import Path


def test_shares_come_back_in_their_order() -> None:
    assert run_partitions(lambda index: index * 10, 3) == [0, 10, 20]


def test_one_share_runs_here() -> None:
    assert run_partitions(lambda _: os.getpid(), 1) == [os.getpid()]


def test_other_shares_run_elsewhere() -> None:
    assert len(set(run_partitions(lambda _: os.getpid(), 3))) == 3


def test_large_results_come_back() -> None:
    assert run_partitions(lambda _: bytes(10_000_000), 2) == [bytes(10_000_000)] * 2


def test_tables_come_back() -> None:
    table = pa.table({"number": range(10_000), "text": ["x", None] * 5_000})

    assert run_partitions(table.slice, 2)[1] == table.slice(1)


def test_shares_import_nothing_for_themselves() -> None:
    script = f"""
import sys
from analyzer.runs import pipeline

run_partitions = pipeline.run_partitions

def watch(job, count):
    def watched(index):
        before = set(sys.modules)
        result = job(index)
        if index:
            print(*(set(sys.modules) - before))
        return result
    return run_partitions(watched, count)

pipeline.run_partitions = watch
pipeline.find_sessions([{str(DEMO)!r}], processes=2)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    imported = {name.split(".")[0] for name in done.stdout.split()}
    assert imported - sys.stdlib_module_names <= {"analyzer", "captures", "dissectors"}


def test_process_that_is_killed_has_no_result() -> None:
    def job(index: int) -> int:
        if index:
            os.kill(os.getpid(), signal.SIGKILL)
        return index

    assert run_partitions(job, 2) == [0, None]


def test_process_that_is_killed_while_it_sends_has_no_result(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def send_half(sender: Connection, _result: object) -> None:
        sender.send(0)
        os.write(sender.fileno(), (1000).to_bytes(4, "big") + bytes(500))
        os.kill(os.getpid(), signal.SIGKILL)

    monkeypatch.setattr(workers, "_send", send_half)

    assert run_partitions(lambda index: index, 2) == [0, None]


def test_process_that_runs_out_of_memory_has_no_result(
    capfd: pytest.CaptureFixture[str],
) -> None:
    def job(index: int) -> int:
        if index:
            raise MemoryError
        return index

    assert run_partitions(job, 2) == [0, None]
    assert capfd.readouterr().err == ""


def test_error_here_ends_the_others() -> None:
    def job(index: int) -> NoReturn:
        if index:
            signal.pause()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_partitions(job, 3)

    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_small_captures_are_read_by_one_process() -> None:
    assert process_count([str(DEMO)]) == 1


def test_large_captures_are_read_by_all_processors(tmp_path: Path) -> None:
    path = tmp_path / "large.pcap"
    with path.open("wb") as file:
        file.truncate(100 << 20)

    assert process_count([str(path)]) == min(len(os.sched_getaffinity(0)), 8)


@pytest.mark.parametrize("path", ["-", "/dev/stdin", "/nowhere"])
def test_pipes_are_read_by_one_process(path: str) -> None:
    assert process_count([str(DEMO)] * 100 + [path]) == 1
