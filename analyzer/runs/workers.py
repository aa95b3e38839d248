"""Runs the parts of one job in several processes.

The processes are forked, so that each begins at once with everything that is imported
already, and has it in the same memory as all others.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import pickle
import signal
import warnings
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

from analyzer.tables.builder import prepare_arrow

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from multiprocessing.connection import Connection

Result = TypeVar("Result")

# More processes gain little: each of them reads and decodes all packets.
MAX_PROCESSES = 8
# What each would import later, in memory of its own.
_IMPORTED_LATE = (
    "analyzer.sessions.certification_path",
    "cryptography.hazmat.backends.openssl.backend",
    "dissectors.tls.handshake.certificate",
    "numpy.ma",
    "ssl",
)
# Less is quicker copied than sent by itself.
_SMALL_BUFFER_BYTES = 1 << 10
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
    if count > 1:
        for module in _IMPORTED_LATE:
            import_module(module)
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
                results.append(_receive(receiver))
            except (OSError, EOFError, MemoryError):
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
    # a collection would write to all that there is, and so make a copy of it
    gc.freeze()
    prepare_arrow()
    with suppress(MemoryError):
        _send(sender, job(index))
    sender.close()


def _send(sender: Connection, result: object) -> None:
    """Send a result, whose larger buffers are not copied (PEP 574)."""
    buffers: list[pickle.PickleBuffer] = []

    def is_small(buffer: pickle.PickleBuffer) -> bool:
        if buffer.raw().nbytes < _SMALL_BUFFER_BYTES:
            return True
        buffers.append(buffer)
        return False

    rest = pickle.dumps(result, protocol=5, buffer_callback=is_small)
    sender.send(len(buffers))
    for buffer in buffers:
        sender.send_bytes(buffer.raw())
    sender.send_bytes(rest)


def _receive(receiver: Connection) -> Any:
    """Take a result.

    Raises:
        EOFError: the other process ended without it.
        OSError: the other process ended in the middle of it.
    """
    buffers = [receiver.recv_bytes() for _ in range(receiver.recv())]
    return pickle.loads(receiver.recv_bytes(), buffers=buffers)  # noqa: S301, our own
