"""Packets from an interface, as they pass.

Whatever is wrong is a `CaptureError`: when the interface is opened, or in place of
the next batch, after all packets before. Its text says what can be done.
"""

from __future__ import annotations

from abc import abstractmethod
from enum import StrEnum
from typing import TYPE_CHECKING

from captures.batch import BatchSource
from captures.errors import readable_name

if TYPE_CHECKING:
    from captures.batch import PacketBatch

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
    SOCKET = "socket"
    DUMPCAP = "dumpcap"


class LiveCapture(BatchSource):
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

    @abstractmethod
    def __next__(self) -> PacketBatch:
        """Wait a moment for packets; the batch is empty if none came.

        Raises:
            CaptureError: the interface can't be watched any longer.
        """

    @abstractmethod
    def stop(self) -> None:
        """Deliver what is buffered, and end; a signal handler may call this."""

    @abstractmethod
    def drops(self) -> int | None:
        """Return how many packets were lost for lack of room; `None` if unknown yet."""
