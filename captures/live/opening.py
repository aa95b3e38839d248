"""Which engine captures from an interface.

Two do the same: `captures.live.packet_socket` lets the kernel write packets into memory
that is shared with it, and `captures.live.dumpcap` lets Wireshark's dumpcap do the
capturing, which an administrator may have allowed a whole group to run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from captures.errors import CaptureError
from captures.live.capture import NO_RIGHTS, Engine, LiveCapture
from captures.live.interfaces import may_open_sockets
from captures.live.privileges import PrivilegeError, find_user

if TYPE_CHECKING:
    from collections.abc import Iterable

BUFFER_BYTES = 64 << 20


def open_live(
    interface: str,
    *,
    ports: Iterable[int] | None = None,
    engine: Engine = Engine.AUTO,
    buffer_bytes: int = BUFFER_BYTES,
    user: str | None = None,
) -> LiveCapture:
    """Begin to capture from an interface.

    Args:
        interface: its name.
        ports: TCP ports whose packets are wanted; `None` for all packets.
        engine: what captures; "auto" takes dumpcap only where this process may not
            open a socket of its own.
        buffer_bytes: room for packets that wait to be read.
        user: who this process switches to by `drop_privileges`, if it is root.

    Raises:
        CaptureError: the interface can't be watched.
    """
    try:
        find_user(user)
    except PrivilegeError as error:
        raise CaptureError(interface, str(error), usable=False) from error
    wanted = None if ports is None else sorted(set(ports))
    if engine == Engine.AUTO:
        engine = _choose(interface, may_open_sockets=may_open_sockets())
    if engine == Engine.SOCKET:
        from captures.live.packet_socket import SocketCapture

        return SocketCapture(interface, wanted, buffer_bytes)
    from captures.live.dumpcap import DumpcapCapture

    return DumpcapCapture(interface, wanted, buffer_bytes, user)


def _choose(interface: str, *, may_open_sockets: bool) -> Engine:
    if may_open_sockets:
        return Engine.SOCKET
    from captures.live.dumpcap import find_dumpcap

    if find_dumpcap():
        return Engine.DUMPCAP
    raise CaptureError(interface, NO_RIGHTS, usable=False)
