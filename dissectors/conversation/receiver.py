"""What reads a conversation, or notes what is said, as those know it that feed it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

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


class LineRecorder(Protocol):
    """Notes the lines of a dialogue, for whoever asks for a transcript."""

    def follow(self, dialogue: Any, *, is_swapped: bool = False) -> None:
        """Note what is said in a dialogue that goes on with this one."""

    def hear(self, events: Sequence[Event]) -> None:
        """Learn what is reported."""

    def take_listing(self, text: bytes, offset: int, *, has_ended: bool) -> None:
        """Note lines of the server that stand behind its answer."""

    def settle(self) -> None:
        """Decide what is shown so far: what comes next is behind a gap."""

    def note(self, side: Side, text: str) -> None:
        """Note what is no line of the protocol."""

    @property
    def lines(self) -> int:
        """How many were noted."""

    def withhold_behind(self, lines: int) -> None:
        """Show no answer behind so many lines: it may repeat what was no message."""
