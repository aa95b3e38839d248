"""Reads one connection as any other, and notes what is said in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analyzer.sessions.reader import SessionReader
from dissectors.conversation.transcript import Transcript

if TYPE_CHECKING:
    from captures import End, Wanted
    from dissectors import MailDissector

# packets whose times are kept: a handshake of TLS comes early
_MAX_PACKETS = 4096


class RecordingReader(SessionReader):
    """Reads a connection of which somebody wants to see every line.

    Attributes:
        transcript: what was said.
        times_ns: when packets with data came, by frame ID: the first of them.
    """

    __slots__ = ("times_ns", "transcript")

    def __init__(self, *arguments: Any, limit: int | None, **options: Any) -> None:
        """Read a connection.

        Args:
            arguments: as for any reader.
            limit: how many lines are kept; `None` for all.
            options: as for any reader.
        """
        super().__init__(*arguments, **options)
        self.transcript = Transcript(limit)
        self.times_ns: dict[int, int] = {}

    def receive_data(self, end: End, data: bytes, time_ns: int, frame: int) -> Wanted:
        """Take the next bytes of one end."""
        if len(self.times_ns) < _MAX_PACKETS:
            self.times_ns[frame] = time_ns
        return super().receive_data(end, data, time_ns, frame)

    def _new_dissector(self, protocol: str) -> MailDissector:
        dissector = super()._new_dissector(protocol)
        dissector.record(self.transcript)
        return dissector
