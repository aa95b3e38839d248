"""A receiver that stands in for what reads a layer of a conversation."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dissectors.events import Event, Side


class Inside:
    """Keeps what it is told, and answers with what it is given."""

    def __init__(self, *events: Event) -> None:
        self.events = list(events)
        self.told: list[tuple[object, ...]] = []

    def receive_data(
        self, side: Side, data: bytes, time_ns: int, frame: int
    ) -> list[Event]:
        self.told.append((side, data, time_ns, frame))
        return self.events

    def receive_gap(
        self, side: Side, length: int, time_ns: int, frame: int, *, reported: bool
    ) -> list[Event]:
        self.told.append((side, length, time_ns, frame, reported))
        return self.events

    def receive_eof(self, side: Side, time_ns: int, frame: int) -> list[Event]:
        self.told.append((side, time_ns, frame))
        return self.events
