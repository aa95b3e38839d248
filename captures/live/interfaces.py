"""What the kernel says of an interface, and what to say of one that gives nothing."""

from __future__ import annotations

import fcntl
import os
import socket
import struct
import time
from enum import Enum, auto

from captures.errors import CaptureError
from captures.link_types import LinkType

# net/if.h, linux/sockios.h
_IFF_UP = 1
_SIOCGIFFLAGS = 0x8913
_SIOCGIFHWADDR = 0x8927
_IFREQ = struct.Struct("16sH22x")

_CHECK_S = 1.0
# how long it takes at most until an interface that is being removed is gone
_REMOVAL_S = 0.2
_READ_BEFORE = "what came before was read"
INTERFACE_WENT_DOWN = f"the interface went down; {_READ_BEFORE}"

_ARPHRD_LOOPBACK = 772
# What packet sockets give for the hardware types of net/if_arp.h. On point-to-point
# links frames begin with the IP header.
_LINKS = {
    1: ("Ethernet", LinkType.ETHERNET),
    _ARPHRD_LOOPBACK: ("loopback", LinkType.ETHERNET),
    512: ("PPP", LinkType.RAW),
    519: ("raw IP", LinkType.RAW),
    768: ("IP in IP", LinkType.RAW),
    769: ("IP in IPv6", LinkType.RAW),
    776: ("IPv6 in IPv4", LinkType.RAW),
    0xFFFE: ("raw IP", LinkType.RAW),
}


class InterfaceState(Enum):
    """Whether an interface gives packets."""

    UP = auto()
    DOWN = auto()
    GONE = auto()


class WatchedInterface:
    """An interface that is watched, whatever becomes of its name meanwhile.

    Neither engine tells all that can happen: a packet socket stays with an interface
    that is renamed, and dumpcap waits for one that is down to come back.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        try:
            self._index = socket.if_nametoindex(name)
        except (OSError, ValueError):
            # no device, but something else that dumpcap knows
            self._index = 0
        self._next_check_s = 0.0

    def check(self) -> str | None:
        """Return why packets have ended, asking the kernel once a second at most."""
        now = time.monotonic()
        if now < self._next_check_s:
            return None
        self._next_check_s = now + _CHECK_S
        return self.outage()

    def outage(self) -> str | None:
        """Return why there will be no more packets, if there won't."""
        if not self._index:
            return None
        try:
            name = socket.if_indextoname(self._index)
        except OSError:
            return f"the interface was removed; {_READ_BEFORE}"
        if name != self._name:
            return f"the interface is called {name} now; {_READ_BEFORE}"
        return None if state_of(name) is InterfaceState.UP else INTERFACE_WENT_DOWN


def no_such_interface(name: str) -> CaptureError:
    """Return the error for a wrong name."""
    names = ", ".join(known for _, known in sorted(socket.if_nameindex()))
    reason = f"there is no such interface; there are: {names}"
    return CaptureError(name, reason, usable=False)


def state_of(name: str) -> InterfaceState:
    """Return whether an interface is up, is down, or isn't there."""
    flags = _ask(name, _SIOCGIFFLAGS)
    if flags is None:
        return InterfaceState.GONE
    return InterfaceState.UP if flags & _IFF_UP else InterfaceState.DOWN


def find_link_type(name: str) -> int | None:
    """Return the LINKTYPE_ value of an interface, if it is known."""
    hardware = _ask(name, _SIOCGIFHWADDR)
    return None if hardware is None else link_type(hardware)


def _ask(name: str, request: int) -> int | None:
    """Ask for a property of an interface (netdevice(7)); `None` if it isn't there."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        try:
            argument = _IFREQ.pack(os.fsencode(name), 0)
            reply = fcntl.ioctl(any_socket, request, argument)
        except OSError:
            return None
    _, value = _IFREQ.unpack(reply)
    return int(value)


def may_open_sockets() -> bool:
    """Return whether this process may open packet sockets."""
    try:
        # of no protocol: nothing will be received
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0).close()
    except OSError:
        return False
    return True


def link_type(hardware: int) -> int | None:
    """Return the LINKTYPE_ value that packet sockets give for a hardware type."""
    _, number = _LINKS.get(hardware, ("", None))
    return number


def link_name(hardware: int) -> str:
    """Return what the link layer of a hardware type is called."""
    name, _ = _LINKS.get(hardware, (f"type {hardware}", None))
    return name


def is_loopback(hardware: int) -> bool:
    """Return whether a hardware type is that of `lo`, where packets pass twice."""
    return hardware == _ARPHRD_LOOPBACK


def unsupported(hardware: int) -> str:
    """Say what to do about a link layer that only dumpcap knows."""
    return (
        f"mailtap doesn't know the link layer of this interface (type {hardware}): "
        "let dumpcap capture (--engine dumpcap)"
    )


def down_reason(name: str) -> str:
    """Return why an interface can't be watched that was found to be down.

    One that is being removed is down first: this waits until it is gone.
    """
    time.sleep(_REMOVAL_S)
    if state_of(name) is InterfaceState.GONE:
        return "the interface was removed"
    return down_hint(name)


def down_hint(name: str) -> str:
    """Say what to do about an interface that is down."""
    return f"the interface is down: switch it on (ip link set {name} up)"
