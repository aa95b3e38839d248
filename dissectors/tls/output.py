"""What a TLS dissector tells its owner."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from dissectors.events import Anomaly, Event, Side

if TYPE_CHECKING:
    from dissectors.tls.flow import TlsFlow


@dataclass(slots=True)
class ApplicationData:
    """What a side sent through TLS; for the owner of the dissector alone.

    Attributes:
        offset: place of its record in the side's stream.
    """

    side: Side
    data: bytes
    offset: int


@dataclass(slots=True)
class ApplicationGap:
    """About so many bytes of what a side sent through TLS are missing, at `offset`."""

    side: Side
    length: int
    offset: int


TlsEvent: TypeAlias = Event | ApplicationData | ApplicationGap


class Output:
    """Gathers what happened until the owner takes it.

    Attributes:
        time_ns: of the packet that is read.
        frame: of that packet.
        anomaly_count: how many there were, so that not too many are reported.
    """

    __slots__ = ("_events", "_most_anomalies", "anomaly_count", "frame", "time_ns")

    def __init__(self, most_anomalies: int) -> None:
        self.time_ns = 0
        self.frame = 0
        self.anomaly_count = 0
        self._most_anomalies = most_anomalies
        self._events: list[TlsEvent] = []

    def add(self, event: TlsEvent) -> None:
        """Add what happened."""
        self._events.append(event)

    def add_anomaly(self, code: str, flow: TlsFlow, detail: str = "") -> None:
        """Add what is odd about the current record of a flow."""
        self.anomaly_count += 1
        # what hides the rest of a flow is said in any case
        is_last = code == "tls_record_invalid"
        if self.anomaly_count <= self._most_anomalies or is_last:
            offset = flow.records.offset
            self._events.append(
                Anomaly(code, flow.side, offset, self.time_ns, self.frame, detail)
            )

    def take(self) -> list[TlsEvent]:
        """Return what happened, in order, and forget it."""
        events = self._events
        if events:
            self._events = []
            return events
        return []
