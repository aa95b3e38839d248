"""Packets from an interface, as they pass.

Two engines do the same: `captures.live.packet_socket` lets the kernel write packets
into memory that is shared with it, and `captures.live.dumpcap` lets Wireshark's dumpcap
do the capturing, whose rights an administrator may have granted to a whole group.

Whatever is wrong is a `CaptureError`: when the interface is opened, or in place of
the next batch, after all packets before. Its text says what can be done.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from enum import StrEnum
from typing import TYPE_CHECKING, Self

import numpy as np

from captures.batch import PacketBatch
from captures.errors import CaptureError, readable_name
from captures.live.privileges import PrivilegeError, find_user

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

BUFFER_BYTES = 64 << 20
# how long to wait for packets, before the caller gets its turn
PATIENCE_S = 0.2

LET_DUMPCAP = (
    "install dumpcap (Debian, Ubuntu: apt-get install wireshark-common), allow the "
    "group wireshark to capture (dpkg-reconfigure wireshark-common), and join it "
    "(usermod -a -G wireshark YOUR-NAME, then log in again)"
)
NO_RIGHTS = (
    f"you may not watch interfaces: run mailtap as root (sudo), or {LET_DUMPCAP}"
)


class Engine(StrEnum):
    """What captures the packets."""

    AUTO = "auto"
    SCAPY = "scapy"
    DUMPCAP = "dumpcap"


class LiveCapture(ABC):
    """An interface that is watched: an iterator of its packets, a context manager.

    Attributes:
        name: the interface.
        engine: what captures.
        captures: names that the batches carry.
        notes: what the user should know of how packets are captured.
    """

    engine: Engine

    def __init__(self, name: str) -> None:
        self.name = name
        self.captures: tuple[str, ...] = (readable_name(name),)
        self.notes: list[str] = []

    def __iter__(self) -> Self:
        return self

    @abstractmethod
    def __next__(self) -> PacketBatch:
        """Wait a moment for packets; the batch is empty if none came.

        Raises:
            CaptureError: the interface can't be watched any longer.
        """

    @abstractmethod
    def stop(self) -> None:
        """Hand on what is buffered, and end; may be called by a signal handler."""

    @abstractmethod
    def drops(self) -> int | None:
        """Packets that were lost for lack of room so far; `None` if not known yet."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the interface; batches that were read stay valid."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


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
        user: who this process becomes by `drop_privileges`, if it runs as root.

    Raises:
        CaptureError: the interface can't be watched.
    """
    from captures.live.interfaces import may_open_sockets

    try:
        find_user(user)
    except PrivilegeError as error:
        raise CaptureError(interface, str(error), usable=False) from error
    wanted = None if ports is None else sorted(set(ports))
    if engine == Engine.AUTO:
        engine = _choose(interface, may_open_sockets=may_open_sockets())
    if engine == Engine.SCAPY:
        from captures.live.packet_socket import SocketCapture

        return SocketCapture(interface, wanted, buffer_bytes)
    from captures.live.dumpcap import DumpcapCapture

    return DumpcapCapture(interface, wanted, buffer_bytes, user)


def _choose(interface: str, *, may_open_sockets: bool) -> Engine:
    if may_open_sockets:
        return Engine.SCAPY
    from captures.live.dumpcap import find_dumpcap

    if find_dumpcap():
        return Engine.DUMPCAP
    raise CaptureError(interface, NO_RIGHTS, usable=False)


def empty_batch(captures: tuple[str, ...], position: int) -> PacketBatch:
    """What there is if no packet came."""
    return PacketBatch(
        captures=captures,
        capture=np.empty(0, np.uint32),
        buffer=np.empty(0, np.uint8),
        offset=np.empty(0, np.int64),
        captured_length=np.empty(0, np.uint32),
        wire_length=np.empty(0, np.uint32),
        time_ns=np.empty(0, np.int64),
        link_type=np.empty(0, np.uint16),
        frame=np.empty(0, np.int64),
        position=position,
    )
