"""The layer inside TLS: what could be decrypted, read by a dissector of its own."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dissectors.events import (
    Anomaly,
    AuthAttempted,
    CredentialsCrossed,
    Exposure,
    LoginOffered,
    MessageTransferred,
    StartTlsAdvanced,
)
from dissectors.tls import ApplicationData, ApplicationGap

if TYPE_CHECKING:
    from dissectors.conversation.receiver import Receiver
    from dissectors.events import Event, Side

# what says something of a connection without TLS
_OF_PLAINTEXT = (LoginOffered, StartTlsAdvanced)


class Secured:
    """Passes on what comes out of TLS, and reports that nobody else could see it."""

    __slots__ = ("_inside", "_record_offsets")

    def __init__(self, inside: Receiver) -> None:
        self._inside = inside
        # places of the records that were decrypted last, which are those of anomalies
        self._record_offsets = [0, 0]

    def receive(
        self, opened: ApplicationData | ApplicationGap, time_ns: int, frame: int
    ) -> list[Event]:
        """Read what was decrypted, or could not be."""
        side = opened.side
        self._record_offsets[side] = opened.offset
        if isinstance(opened, ApplicationData):
            events = self._inside.receive_data(side, opened.data, time_ns, frame)
        else:
            events = self._inside.receive_gap(
                side, opened.length, time_ns, frame, reported=True
            )
        return self._secure(events)

    def receive_eof(self, side: Side, time_ns: int, frame: int) -> list[Event]:
        """Learn that nothing more of a side comes out of TLS."""
        return self._secure(self._inside.receive_eof(side, time_ns, frame))

    def _secure(self, events: list[Event]) -> list[Event]:
        return [
            self._as_secured(event)
            for event in events
            if type(event) not in _OF_PLAINTEXT
        ]

    def _as_secured(self, event: Event) -> Event:
        if isinstance(event, AuthAttempted | CredentialsCrossed):
            return replace(event, exposure=Exposure.NOTHING, secured=True)
        if isinstance(event, MessageTransferred):
            return replace(event, secured=True)
        if isinstance(event, Anomaly):
            return replace(event, offset=self._record_offsets[event.side])
        return event
