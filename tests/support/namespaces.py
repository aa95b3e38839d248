"""A network of its own for a test: a namespace, in which nothing else sends.

Root may make one. Others may only in a user namespace of their own, which a process
can't leave again: the test then runs in another process (see `tests/conftest.py`).
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.captures import unpack

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from captures import LiveCapture
    from tests.support.captures import Packet

ROOT = Path(__file__).parents[2]
# linux/sched.h
_CLONE_NEWNET = 0x40000000
NOBODY = 65_534
_UNSHARE = ("unshare", "--user", "--map-root-user", "--net")

# a user namespace may have no other users
as_real_root = pytest.mark.skipif(
    os.geteuid() != 0 or Path("/proc/self/uid_map").read_text().split()[2:] == ["1"],
    reason="takes a root who may become another user",
)

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
        ip("link", "set", name, "up", "addrgenmode", "none")


def promiscuity(name: str) -> int:
    """How many want to see all that an interface receives."""
    told = subprocess.run(
        ("ip", "-json", "-details", "link", "show", name),
        check=True,
        capture_output=True,
    )
    return int(json.loads(told.stdout)[0]["promiscuity"])


def may_become_root() -> bool:
    """Whether this process may make networks in a user namespace."""
    done = subprocess.run((*_UNSHARE, "true"), check=False, capture_output=True)
    return not done.returncode


def run_as_root(node: str) -> str | None:
    """Run a test as root of a user namespace; return what was printed if it failed."""
    pytest_ = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider")
    done = subprocess.run(
        (*_UNSHARE, *pytest_, node),
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=ROOT,
    )
    return done.stdout.decode() if done.returncode else None


def _must(result: int) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def become_nobody() -> None:
    """Be a user without root's rights, to whom programs may still give some."""
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)


@contextlib.contextmanager
def open_folder() -> Iterator[Path]:
    """Have a folder that all users get to.

    They don't get to those of pytest: each pytest that starts closes them to others,
    and one of the tests starts one.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


def send(interface: str, frames: Iterable[bytes]) -> None:
    """Send frames through an interface, as they are."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as sender:
        sender.bind((interface, 0))
        for frame in frames:
            sender.send(frame)


def drain(live: LiveCapture) -> list[Packet]:
    """Stop a capture, and return the packets that it still hands on."""
    live.stop()
    return [packet for batch in live for packet in unpack(batch)]


def collect(live: LiveCapture, found: list[Packet]) -> None:
    """Add the packets of a capture until it ends, be it by an error."""
    for batch in live:
        found += unpack(batch)


def wait_for_packets(live: LiveCapture) -> list[Packet]:
    """The packets of the next batch that has some."""
    return unpack(next(batch for batch in live if len(batch)))
