"""Machines that are network namespaces, and the cables between them.

A `Network` is a star: every machine has one interface, `eth0`, whose other end
is a port of a bridge inside the hub. What the hub sends and receives, and what
others exchange through it, can be captured on the bridge. Addresses are those of
RFC 5737 and RFC 3849; names are resolved by a hosts file that only the lab's
machines see. Everything is gone when the network is closed.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Self

from tests.support.laboratory.machine import Machine, run

if TYPE_CHECKING:
    from collections.abc import Sequence

# What a captured packet would not look like on a real wire without these:
# segments of 64 KiB, and checksums that are left to hardware.
OFFLOADS = ("tx", "off", "tso", "off", "gso", "off", "gro", "off")


class Network:
    """Machines around a hub; a context manager that leaves nothing behind.

    Attributes:
        folder: temporary folder for configurations, queues and mailboxes.
        hosts: the hosts file that all machines share.
    """

    BRIDGE = "br0"

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="mailtap-lab-"))
        # servers drop their privileges and must still find their files
        self.folder.chmod(0o755)
        self.hosts = self.folder / "hosts"
        self.hosts.write_text("127.0.0.1 localhost\n::1 localhost\n")
        self.machines: list[Machine] = []
        self.closing = contextlib.ExitStack()
        self.closing.callback(shutil.rmtree, self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop all services, remove all namespaces and the temporary folder."""
        self.closing.close()

    def add_machine(self, name: str, hostname: str) -> Machine:
        """Add a machine without any interface."""
        machine = Machine(self, name, hostname)
        self.closing.callback(run, "ip", "netns", "delete", machine.namespace)
        self.machines.append(machine)
        return machine

    def add_hub(self, name: str, hostname: str, *addresses: str) -> Machine:
        """Add the machine that all others are plugged into."""
        hub = self.add_machine(name, hostname)
        hub.ip("link", "add", self.BRIDGE, "type", "bridge")
        hub.ip("link", "set", self.BRIDGE, "address", "02:00:00:00:00:01", "up")
        hub.run("ethtool", "-K", self.BRIDGE, *OFFLOADS)
        self.name(hub, self.BRIDGE, *addresses)
        return hub

    def add_client(
        self, hub: Machine, name: str, hostname: str, *addresses: str
    ) -> Machine:
        """Add a machine and plug it into the hub."""
        machine = self.add_machine(name, hostname)
        self.plug(hub, machine, "eth0")
        self.name(machine, "eth0", *addresses)
        return machine

    def plug(self, hub: Machine, machine: Machine, interface: str) -> None:
        """Connect a machine to the hub's bridge."""
        port = f"port{len(self.machines)}"
        self.join(machine, interface, hub, port)
        hub.ip("link", "set", port, "master", self.BRIDGE)

    def join(self, one: Machine, interface: str, other: Machine, port: str) -> None:
        """Connect two machines by a cable (a veth pair)."""
        run("ip", "-n", one.namespace, "link", "add", interface, "type", "veth",
            "peer", "name", port, "netns", other.namespace)  # fmt: skip
        station = f"02:00:00:00:01:{len(self.machines):02x}"
        one.ip("link", "set", interface, "address", station)
        for machine, end in ((one, interface), (other, port)):
            machine.run("ethtool", "-K", end, *OFFLOADS)
            machine.ip("link", "set", end, "up")

    def name(self, machine: Machine, interface: str, *addresses: str) -> None:
        """Give a machine its addresses, and its name to everyone."""
        machine.add_addresses(interface, *addresses)
        with self.hosts.open("a") as hosts:
            hosts.writelines(f"{each} {machine.hostname}\n" for each in addresses)


def missing_commands(names: Sequence[str]) -> list[str]:
    """Return those of some commands that are not installed."""
    return [name for name in names if shutil.which(name) is None]
