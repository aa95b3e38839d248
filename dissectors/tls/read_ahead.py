"""TLS that is read before it is known whose it is, and then handed on."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from dissectors.tls.dissector import TlsDissector
from dissectors.tls.records import TLS_PREFIX_BYTES, looks_like_tls

if TYPE_CHECKING:
    from dissectors.events import Side
    from dissectors.tls.decryption.keylog import Hosts, KeyLog
    from dissectors.tls.output import TlsEvent


class DatedEvent(NamedTuple):
    """What happened, and the time and frame of the packet that showed it."""

    event: TlsEvent
    time_ns: int
    frame: int


class ReadAhead:
    """Reads a connection from its beginning, and keeps what happened.

    What is found in the key log is not counted before `tls` is told to.

    Attributes:
        tls: the dissector that reads.
        events: what happened so far.
        last_packet: time and frame of the packet that was read last.
        read_bytes: how much was read of each side, in the order in which they began.
    """

    __slots__ = (
        "_is_interrupted",
        "_prefixes",
        "events",
        "last_packet",
        "read_bytes",
        "tls",
    )

    def __init__(self, key_log: KeyLog | None, hosts: Hosts) -> None:
        self.tls = TlsDissector(key_log=key_log, hosts=hosts, counts_keys=False)
        self.events: list[DatedEvent] = []
        self.last_packet = (0, 0)
        self.read_bytes: dict[Side, int] = {}
        self._prefixes = (bytearray(), bytearray())
        # bytes are missing, or a side has come to its end
        self._is_interrupted = False

    @property
    def can_be_handed_on(self) -> bool:
        """Tell whether both sides speak nothing but TLS so far, and will go on."""
        has_ended = self._is_interrupted or self.tls.opaque or self.tls.is_aborted
        return not has_ended and all(
            looks_like_tls(self._prefixes[side]) for side in self.read_bytes
        )

    def receive_data(
        self, side: Side, data: bytes, time_ns: int, frame: int
    ) -> list[TlsEvent]:
        """Take the next bytes of a side and return what they completed."""
        if data:
            self.read_bytes[side] = self.read_bytes.get(side, 0) + len(data)
            prefix = self._prefixes[side]
            prefix += data[: TLS_PREFIX_BYTES - len(prefix)]
        self.last_packet = (time_ns, frame)
        events = self.tls.receive_data(side, data, time_ns, frame)
        self.events += [DatedEvent(event, time_ns, frame) for event in events]
        return events

    def receive_gap(
        self, side: Side, length: int, time_ns: int, frame: int
    ) -> list[TlsEvent]:
        """Learn that `length` bytes of a side are missing here."""
        self._is_interrupted = True
        return self.tls.receive_gap(side, length, time_ns, frame)

    def receive_eof(self, side: Side, time_ns: int, frame: int) -> list[TlsEvent]:
        """Learn that a side sends no more."""
        self._is_interrupted = True
        return self.tls.receive_eof(side, time_ns, frame)
