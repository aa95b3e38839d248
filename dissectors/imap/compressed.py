"""The layer of COMPRESS=DEFLATE (RFC 4978) in an IMAP dissector, below its lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dissectors.conversation.dissector import MailDissector
from dissectors.conversation.lines import Place
from dissectors.events import Side
from dissectors.imap.compression import STATE_BYTES, InflateError, Inflater

if TYPE_CHECKING:
    from dissectors.events import Event
    from dissectors.limits import Limits


class CompressedReader(MailDissector):
    """Inflates what comes in plaintext, once both sides agreed on compression."""

    __slots__ = ("_inflaters",)

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        # each side's, once COMPRESS was accepted
        self._inflaters: list[Inflater | None] | None = None

    def _receive_plaintext(
        self, side: Side, data: bytes, time_ns: int, frame: int
    ) -> list[Event]:
        if self._inflaters is None:
            return super()._receive_plaintext(side, data, time_ns, frame)
        return self._inflate(side, data, time_ns, frame)

    def _start_compression(self) -> None:
        """From the next unread byte on, both sides are compressed."""
        self._inflaters = [Inflater(self.limits, side) for side in Side]
        self.counts.window_bytes += STATE_BYTES * len(self._inflaters)
        self._hands_over = True

    def _take_events(self) -> list[Event]:
        if not self._hands_over:
            return super()._take_events()
        self._hands_over = False
        waiting = [unread.take(len(unread)) for unread in self._input]
        for unread, data in zip(self._input, waiting, strict=True):
            # places are those of what is inside
            unread.offset -= len(data)
        events = super()._take_events()
        for side, data in zip(Side, waiting, strict=True):
            if data:
                events += self._inflate(side, data, self._time_ns, self._frame)
        return events

    def _inflate(
        self, side: Side, data: bytes, time_ns: int, frame: int
    ) -> list[Event]:
        """Take compressed bytes of a side."""
        assert self._inflaters is not None
        inflater = self._inflaters[side]
        events: list[Event] = []
        if inflater is None:
            return events
        try:
            for piece in inflater.inflate(data):
                self.counts.inflated_bytes += len(piece)
                events += super()._receive_plaintext(side, piece, time_ns, frame)
        except InflateError as error:
            self._time_ns, self._frame = time_ns, frame
            # a line without end, which damage may have made
            self._input[side].drop()
            self._lose_stream(side, error.code)
            events += self._take_events()
        return events

    def _lose_stream(self, side: Side, code: str) -> None:
        """Read no more of a side that can't be inflated."""
        assert self._inflaters is not None
        if self._inflaters[side] is not None:
            self._inflaters[side] = None
            now = Place(self._input[side].offset, self._time_ns, self._frame)
            self._anomaly(code, side, at=now)
            self.opaque = not any(self._inflaters)
