"""A machine of the lab: a network namespace, and what runs in it."""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.laboratory.network import Network

Result = TypeVar("Result")

IPV4_NETWORKS = ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")
IPV6_NETWORK = "2001:db8::/32"

# linux/sched.h
CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWNET = 0x40000000

START_TIMEOUT_S = 15.0
STOP_TIMEOUT_S = 5.0

libc = ctypes.CDLL(None, use_errno=True)


class LabError(Exception):
    """The lab could not do what a scenario asked for."""


def run(*command: str | Path, check: bool = True) -> str:
    """Run a command on this machine and return what it printed."""
    return checked(
        subprocess.run(
            [str(word) for word in command], check=False, capture_output=True, text=True
        ),
        check=check,
    )


def checked(done: subprocess.CompletedProcess[str], *, check: bool) -> str:
    """Return what a finished command printed; complain if it failed."""
    output = done.stdout + done.stderr
    if check and done.returncode:
        raise LabError(f"{done.args}: exit status {done.returncode}\n{output}")
    return output


def wait_for(condition: Callable[[], bool], what: str) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while not condition():
        if time.monotonic() > deadline:
            raise LabError(f"timed out: {what}")
        time.sleep(0.02)


def _must(result: int, what: str) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


class Machine:
    """A network namespace with a host name and addresses of its own.

    Attributes:
        name: short name, unique in its network.
        hostname: fully qualified name, which also resolves to its addresses.
        addresses: IPv4 and IPv6 addresses; the first of a family is the one it
            sends from.
    """

    def __init__(self, network: Network, name: str, hostname: str) -> None:
        self.name = name
        self.hostname = hostname
        self.addresses: list[str] = []
        self.namespace = f"lab{os.getpid()}-{name}"
        self._network = network
        run("ip", "netns", "add", self.namespace)
        self.ip("link", "set", "lo", "up")

    @property
    def ipv4(self) -> str:
        """The first IPv4 address."""
        return next(address for address in self.addresses if ":" not in address)

    @property
    def ipv6(self) -> str:
        """The first IPv6 address."""
        return next(address for address in self.addresses if ":" in address)

    def ip(self, *words: str) -> None:
        """Run an iproute2 command on this machine."""
        run("ip", "-n", self.namespace, *words)

    def add_addresses(self, interface: str, *addresses: str) -> None:
        """Give an interface addresses, and routes to all of the lab's networks."""
        for address in addresses:
            suffix = ["/128", "nodad"] if ":" in address else ["/32"]
            self.ip("addr", "add", address + suffix[0], "dev", interface, *suffix[1:])
        if any(":" in address for address in addresses):
            self.ip("-6", "route", "replace", IPV6_NETWORK, "dev", interface)
        for destination in IPV4_NETWORKS:
            self.ip("route", "replace", destination, "dev", interface)
        self.addresses += addresses

    def enter(self) -> None:
        """Move the calling process onto this machine, for good."""
        with Path("/run/netns", self.namespace).open() as handle:
            _must(libc.setns(handle.fileno(), CLONE_NEWNET), "setns")
        _must(libc.unshare(CLONE_NEWNS | CLONE_NEWUTS), "unshare")
        run("mount", "--make-rslave", "/")
        run("mount", "--bind", self._network.hosts, "/etc/hosts")
        run("mount", "--bind", "/dev/null", "/etc/resolv.conf")
        socket.sethostname(self.hostname)

    def run(
        self,
        *command: str | Path,
        check: bool = True,
        environment: dict[str, str] | None = None,
        text: str | None = None,
    ) -> str:
        """Run a command on this machine and return what it printed."""
        done = subprocess.run(
            [str(word) for word in command],
            preexec_fn=self.enter,
            check=False,
            capture_output=True,
            text=True,
            errors="replace",
            input=text,
            env=os.environ | (environment or {}),
            cwd=self._network.folder,
            timeout=60,
        )
        return checked(done, check=check)

    def begin(self, function: Callable[..., Result], *args: Any) -> Pending[Result]:
        """Begin to call a Python function on this machine, in a process of its own."""
        return Pending(self, function, args)

    def call(self, function: Callable[..., Result], *args: Any) -> Result:
        """Call a Python function on this machine, in a process of its own."""
        return self.begin(function, *args).result()

    @contextlib.contextmanager
    def running(self, function: Callable[..., object], *args: Any) -> Iterator[None]:
        """Have a Python function run here for as long as the context lasts."""
        pending = self.begin(function, *args)
        try:
            yield
        finally:
            pending.stop()

    def at_close(self, callback: Callable[[], object]) -> None:
        """Have something done when the network is closed, the latest first."""
        self._network.closing.callback(callback)

    def start(self, *command: str | Path, log: str) -> Service:
        """Start a command that runs until the network is closed."""
        service = Service(self, [str(word) for word in command], log)
        self.at_close(service.stop)
        return service


class Pending(Generic[Result]):
    """A Python function that runs on a machine, in a process of its own."""

    def __init__(
        self, machine: Machine, function: Callable[..., Result], args: tuple[Any, ...]
    ) -> None:
        # forked, so that functions made on the spot need no pickling
        context = multiprocessing.get_context("fork")
        self._what = f"{function.__name__} on {machine.name}"
        self._receiver, sender = context.Pipe(duplex=False)

        def child() -> None:
            machine.enter()
            sender.send(function(*args))

        self._process = context.Process(target=child)
        self._process.start()
        sender.close()

    def result(self) -> Result:
        """Wait for what the function returns."""
        try:
            result: Result = self._receiver.recv()
        except EOFError:
            raise LabError(f"{self._what} failed") from None
        finally:
            self._process.join()
        return result

    def stop(self) -> None:
        """End the function, whatever it is doing."""
        self._process.terminate()
        self._process.join()


class Service:
    """A process that runs on a machine until it is stopped.

    Attributes:
        log: file that holds what it printed.
    """

    def __init__(self, machine: Machine, command: list[str], log: str) -> None:
        self.log = machine._network.folder / log
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                command,
                preexec_fn=machine.enter,  # noqa: PLW1509
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                cwd=machine._network.folder,
            )

    def printed(self, words: str) -> bool:
        """Whether the process has said something yet."""
        if self.process.poll() is not None:
            raise LabError(f"{self.process.args!r} ended:\n{self.log.read_text()}")
        return words in self.log.read_text(errors="replace")

    def stop(self, signal_number: int = signal.SIGTERM) -> None:
        """End the process, and what it started, which shares its session."""
        if self.process.poll() is None:
            self.process.send_signal(signal_number)
            try:
                self.process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
