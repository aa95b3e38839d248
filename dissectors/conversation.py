"""What the dissectors of SMTP, IMAP and POP3 share.

A mail connection is a conversation of lines that may turn into TLS: at once
(implicit TLS, RFC 8314 §3), or after STARTTLS or STLS. `MailDissector` looks at
the first bytes of each side, and again after an upgrade, to tell lines from TLS
records, and hands the bytes to the protocol's reader or to the TLS dissector.

Memory per connection is bounded by `Limits`; the cost is linear in the bytes.
"""

from __future__ import annotations

import abc
import enum
from typing import TYPE_CHECKING

from dissectors.events import Anomaly, Side
from dissectors.limits import DEFAULT_LIMITS
from dissectors.tls import TLS_PREFIX_BYTES, TlsDissector, looks_like_tls

if TYPE_CHECKING:
    from dissectors.events import Event
    from dissectors.limits import Limits


class LineBuffer:
    """The unread bytes of one side, and how far they were searched for a line.

    Attributes:
        data: the unread bytes.
        offset: place of the first unread byte in the side's stream.
    """

    __slots__ = ("_limit", "_searched", "_skipping", "data", "offset", "overlong")

    def __init__(self, limit: int) -> None:
        self.data = bytearray()
        self.offset = 0
        self.overlong = 0
        self._limit = limit
        self._searched = 0
        self._skipping = False

    def __len__(self) -> int:
        return len(self.data)

    def take(self, count: int) -> bytes:
        """Take up to `count` bytes off the front."""
        taken = bytes(self.data[:count])
        del self.data[:count]
        self.offset += len(taken)
        self._searched = 0
        return taken

    def take_line(self) -> bytes | None:
        """Take one line, without its end; `None` if it is not complete yet.

        A bare LF ends a line too, as many servers accept it. A line over the
        limit is returned cut to it; the rest is skipped and counted in
        `overlong`.
        """
        while True:
            end = self.data.find(b"\n", self._searched)
            if end < 0:
                return self._wait_for_line_end()
            line = self.take(end + 1)
            if self._skipping:
                self._skipping = False
                continue
            return line[:-2] if line.endswith(b"\r\n") else line[:-1]

    def take_unfinished_line(self) -> bytes:
        """Take what there is of a line that its sender will not finish."""
        return self.take(len(self.data)).rstrip(b"\r")

    def _wait_for_line_end(self) -> bytes | None:
        self._searched = len(self.data)
        if self._skipping:
            self.take(len(self.data))
        elif len(self.data) > self._limit:
            self._skipping = True
            self.overlong += 1
            line = self.take(self._limit)
            self.take(len(self.data))
            return line
        return None


class _Mode(enum.Enum):
    """What the bytes of a side are."""

    UNDECIDED = enum.auto()
    LINES = enum.auto()
    TLS = enum.auto()


class MailDissector(abc.ABC):
    """A sans-IO machine for one mail connection.

    Feed it what each side sent, in capture order; it returns what happened. Any
    split of the same bytes gives the same events. It never raises because of
    what a peer sent.
    """

    def __init__(self, limits: Limits = DEFAULT_LIMITS) -> None:
        self.limits = limits
        self._input = (LineBuffer(limits.line), LineBuffer(limits.line))
        self._mode = [_Mode.UNDECIDED, _Mode.UNDECIDED]
        self._at_eof = [False, False]
        self._upgraded = False
        self._tls: TlsDissector | None = None
        self._events: list[Event] = []
        self._time_ns = 0
        self._frame = 0
        self._exchange_count = 0
        self._anomaly_count = 0

    @property
    def opaque(self) -> bool:
        """Nothing more can be read: what follows needs only to be counted."""
        return (
            self._tls is not None
            and self._tls.opaque
            and _Mode.LINES not in self._mode
        )

    def receive_data(
        self, side: Side, data: bytes, time_ns: int, frame: int
    ) -> list[Event]:
        """Take the next bytes of a side and return what they completed."""
        self._time_ns, self._frame = time_ns, frame
        if self._mode[side] is _Mode.TLS:
            self._feed_tls(side, data)
        else:
            self._input[side].data += data
            self._advance(side)
        return self._take_events()

    def receive_gap(
        self, side: Side, length: int, time_ns: int, frame: int
    ) -> list[Event]:
        """Learn that `length` bytes of a side are missing here."""
        self._time_ns, self._frame = time_ns, frame
        self._anomaly("stream_gap", side, f"{length} bytes")
        if self._mode[side] is _Mode.TLS and self._tls is not None:
            self._events += self._tls.receive_gap(side, length, time_ns, frame)
        else:
            self._skip_gap(side, length)
            self._input[side].offset += length
            self._advance(side)
        return self._take_events()

    def receive_eof(self, side: Side, time_ns: int, frame: int) -> list[Event]:
        """Learn that a side has sent all it will send, or all that was captured."""
        self._time_ns, self._frame = time_ns, frame
        if not self._at_eof[side]:
            self._at_eof[side] = True
            if self._mode[side] is not _Mode.TLS:
                self._advance(side)
            if all(self._at_eof):
                self._finish()
                if self._tls is not None:
                    for each in Side:
                        self._events += self._tls.receive_eof(each, time_ns, frame)
        return self._take_events()

    @abc.abstractmethod
    def _read(self, side: Side) -> None:
        """Read what can be read of a side's lines; stop after `_start_tls`."""

    @abc.abstractmethod
    def _skip_gap(self, side: Side, length: int) -> None:
        """Drop what the hole behind the unread bytes makes unreadable."""

    @abc.abstractmethod
    def _finish(self) -> None:
        """Both sides ended: report what was still waiting for an answer."""

    def _start_tls(self) -> None:
        """From the next unread byte on, both sides should speak TLS."""
        self._upgraded = True
        self._mode = [_Mode.UNDECIDED, _Mode.UNDECIDED]

    def _advance(self, side: Side) -> None:
        """Read a side; then the other, which may have waited for this one."""
        for each in (side, Side(1 - side)):
            if self._mode[each] is _Mode.UNDECIDED:
                self._decide_mode(each)
            if self._mode[each] is _Mode.LINES:
                self._read(each)
        # an upgrade that was just accepted: some bytes behind it may be here
        for each in Side:
            if self._mode[each] is _Mode.UNDECIDED and self._input[each].data:
                self._decide_mode(each)

    def _decide_mode(self, side: Side) -> None:
        unread = self._input[side]
        if not unread.data:
            return
        is_tls = looks_like_tls(unread.data[:TLS_PREFIX_BYTES])
        if is_tls is None and not self._at_eof[side]:
            return
        if not is_tls:
            self._mode[side] = _Mode.LINES
            if self._upgraded:
                self._anomaly("starttls_plaintext_after", side)
            return
        self._mode[side] = _Mode.TLS
        if self._tls is None:
            self._tls = TlsDissector(self.limits)
        self._feed_tls(side, unread.take(len(unread)))

    def _feed_tls(self, side: Side, data: bytes) -> None:
        assert self._tls is not None
        self._events += self._tls.receive_data(side, data, self._time_ns, self._frame)

    def _take_events(self) -> list[Event]:
        events, self._events = self._events, []
        return events

    def _anomaly(self, code: str, side: Side, detail: str = "") -> None:
        self._anomaly_count += 1
        if self._anomaly_count <= self.limits.anomalies:
            offset = self._input[side].offset
            self._events.append(
                Anomaly(code, side, offset, self._time_ns, self._frame, detail)
            )
