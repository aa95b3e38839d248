"""A network of its own for a test: a namespace, in which nothing else sends.

Root may make one. Others may only in a user namespace of their own, which a process
can't leave again: the test then runs in another process (see `tests/conftest.py`).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
# linux/sched.h
_CLONE_NEWNET = 0x40000000
_UNSHARE = ("unshare", "--user", "--map-root-user", "--net")

_libc = ctypes.CDLL(None, use_errno=True)


@contextlib.contextmanager
def own_network() -> Iterator[None]:
    """Be in a network of one's own, which has nothing but `lo`."""
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        _must(_libc.unshare(_CLONE_NEWNET))
        try:
            ip("link", "set", "lo", "up")
            yield
        finally:
            _must(_libc.setns(before, _CLONE_NEWNET))
    finally:
        os.close(before)


def ip(*words: str) -> None:
    """Run an iproute2 command here."""
    subprocess.run(("ip", *words), check=True, timeout=10)


def add_pair(one: str, other: str) -> None:
    """Add two interfaces, each of which receives what the other one sends.

    They have no addresses, so that nobody sends anything by itself.
    """
    ip("link", "add", one, "type", "veth", "peer", "name", other)
    for name in (one, other):
        ip("link", "set", name, "addrgenmode", "none")
        ip("link", "set", name, "up")


def is_root() -> bool:
    """Whether this process may make networks."""
    return os.geteuid() == 0


def may_become_root() -> bool:
    """Whether this process may make networks in a user namespace."""
    return not subprocess.run((*_UNSHARE, "true"), check=False).returncode


def test_as_root(node: str) -> str | None:
    """Run a test in a user namespace; return what was printed if it failed."""
    command = (*_UNSHARE, sys.executable, "-m", "pytest", "-q", node)
    done = subprocess.run(command, check=False, capture_output=True, cwd=ROOT)
    return done.stdout.decode() if done.returncode else None


def _must(result: int) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
