"""Where the streams of a connection go, and what is wanted there."""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from captures.tcp.segment import End


class Wanted(Enum):
    """What the consumer of a connection wants next."""

    # data and gaps
    DATA = auto()
    # nothing but the ends of streams, and the account of the connection at its end
    ENDS = auto()
    # nothing at all: this is no mail, and the connection may be forgotten
    NOTHING = auto()


class StreamConsumer(Protocol):
    """Takes the ordered streams of one connection; `end` is who sent them.

    It answers what it wants next: of both streams.
    """

    def receive_data(self, end: End, data: bytes, time_ns: int, frame: int) -> Wanted:
        """Take the next bytes."""

    def receive_gap(self, end: End, length: int, time_ns: int, frame: int) -> Wanted:
        """Learn that the next `length` bytes were not captured."""

    def receive_eof(self, end: End, time_ns: int, frame: int) -> Wanted:
        """Learn that nothing more comes from this side."""


Consumer_co = TypeVar("Consumer_co", bound=StreamConsumer, covariant=True)


class Outlet(Generic[Consumer_co]):
    """The consumer of a connection, and what it wants next.

    Attributes:
        consumer: takes both streams.
        wanted: what it answered last.
    """

    __slots__ = ("consumer", "wanted")

    def __init__(self, consumer: Consumer_co) -> None:
        self.consumer = consumer
        self.wanted = Wanted.DATA
