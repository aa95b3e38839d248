"""Runs the parts of one job in several processes.

The processes are forked, so that each begins at once with everything that is imported
already.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import warnings
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from multiprocessing.connection import Connection

Result = TypeVar("Result")

# More processes gain little: each of them reads and decodes all packets.
MAX_PROCESSES = 8
# Less input than this is done before a second process has begun.
_WORTHWHILE_BYTES = 16 << 20


def process_count(paths: Sequence[str]) -> int:
    """Return how many processes are worthwhile for captures.

    Each process reads the captures by itself, which pipes don't allow.
    """
    if not all(os.path.isfile(path) for path in paths):  # noqa: PTH113
        return 1
    if sum(os.path.getsize(path) for path in paths) < _WORTHWHILE_BYTES:  # noqa: PTH202
        return 1
    return min(len(os.sched_getaffinity(0)), MAX_PROCESSES)


def run_partitions(job: Callable[[int], Result], count: int) -> list[Result | None]:
    """Run `job(0)` here and `job(1)` to `job(count - 1)` in other processes.

    Args:
        job: must return what can be pickled.
        count: how many parts there are, at least 1.

    Returns:
        The results, by index; `None` if a process ended without one: it was killed,
        or ran out of memory.
    """
    fork = multiprocessing.get_context("fork")
    processes, receivers = [], []
    try:
        for index in range(1, count):
            receiver, sender = fork.Pipe(duplex=False)
            process = fork.Process(target=_run_partition, args=(job, index, sender))
            with warnings.catch_warnings():
                # numpy's idle threads are safe to fork beside
                warnings.simplefilter("ignore", DeprecationWarning)
                process.start()
            sender.close()
            processes.append(process)
            receivers.append(receiver)
        results: list[Result | None] = [job(0)]
        for receiver in receivers:
            try:
                results.append(receiver.recv())
            except (EOFError, MemoryError):
                results.append(None)
        return results
    finally:
        for process in processes:
            process.terminate()
            process.join()


def _run_partition(
    job: Callable[[int], Result], index: int, sender: Connection
) -> None:
    # Ctrl-C ends the first process, and that one the others
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with suppress(MemoryError):
        sender.send(job(index))
    sender.close()
