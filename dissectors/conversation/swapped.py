"""The layer behind TURN: the server asks and the client answers (RFC 821, RFC 2645)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dissectors.conversation.streams import OTHER_SIDE
from dissectors.events import Anomaly, Side, SoftwareIdentified

if TYPE_CHECKING:
    from dissectors.conversation.receiver import Receiver
    from dissectors.events import Event


class Swapped:
    """Reads on with the sides exchanged; events name them by who connected.

    Args:
        dissector: reads on.
        left_out: events that would say of one side what is true of the other.
    """

    __slots__ = ("_dissector", "_left_out")

    def __init__(self, dissector: Receiver, left_out: tuple[type, ...]) -> None:
        self._dissector = dissector
        self._left_out = left_out

    def receive_data(
        self, side: Side, data: bytes, time_ns: int, frame: int
    ) -> list[Event]:
        """Take the next bytes of a side."""
        events = self._dissector.receive_data(OTHER_SIDE[side], data, time_ns, frame)
        return self._turn_around(events)

    def receive_gap(
        self, side: Side, length: int, time_ns: int, frame: int, *, reported: bool
    ) -> list[Event]:
        """Learn that bytes of a side are missing, and whether that was reported."""
        events = self._dissector.receive_gap(
            OTHER_SIDE[side], length, time_ns, frame, reported=reported
        )
        return self._turn_around(events)

    def receive_eof(self, side: Side, time_ns: int, frame: int) -> list[Event]:
        """Learn that a side sends no more."""
        events = self._dissector.receive_eof(OTHER_SIDE[side], time_ns, frame)
        return self._turn_around(events)

    def _turn_around(self, events: list[Event]) -> list[Event]:
        return [
            replace(event, side=OTHER_SIDE[event.side])
            if isinstance(event, Anomaly | SoftwareIdentified)
            else event
            for event in events
            if type(event) not in self._left_out
        ]
