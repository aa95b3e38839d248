"""What reads a conversation, as those know it that stand before it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from dissectors.events import Event, Side


class Receiver(Protocol):
    """Takes what both sides say, and returns what that completed."""

    def receive_data(
        self, side: Side, data: bytes, time_ns: int, frame: int
    ) -> list[Event]:
        """Take the next bytes of a side."""

    def receive_gap(
        self, side: Side, length: int, time_ns: int, frame: int, *, reported: bool
    ) -> list[Event]:
        """Learn that bytes of a side are missing, and whether that was reported."""

    def receive_eof(self, side: Side, time_ns: int, frame: int) -> list[Event]:
        """Learn that a side sends no more."""
