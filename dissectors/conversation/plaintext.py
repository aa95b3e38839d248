"""The plaintext of a connection: lines of both sides, for a dialogue to take.

They go on until both sides agree on something else: TLS, a coding such as
compression, or to exchange their roles.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

from dissectors.conversation.lines import Place
from dissectors.conversation.streams import OTHER_SIDE, Mode
from dissectors.events import Side, StartTls, StartTlsAdvanced
from dissectors.tls import TLS_PREFIX_BYTES, looks_like_tls

if TYPE_CHECKING:
    from dissectors.conversation.decoding import Decoder
    from dissectors.conversation.reporter import Reporter

# a member of an enum costs more to look up
_CLIENT = Side.CLIENT
_TLS = Mode.TLS
# what records of TLS begin with, and no line: their content type
RECORD_STARTS = frozenset(range(0x14, 0x18))


class Upgrade(enum.Enum):
    """Whether lines give way to TLS."""

    NONE = enum.auto()
    AGREED = enum.auto()
    # these are the lines inside TLS
    DONE = enum.auto()


class Gaps(enum.Enum):
    """Where bytes are missing."""

    NONE = enum.auto()
    SOMEWHERE = enum.auto()
    # before any TLS: its STARTTLS may be among them
    IN_PLAINTEXT = enum.auto()


_NOT_UPGRADED, _AGREED, _ = Upgrade


class Plaintext:
    """What a dialogue and its connection tell each other of the lines.

    Attributes:
        upgrade: whether they give way to TLS.
        gaps: where bytes are missing.
        decoder: what they are coded by.
        hands_over: what is unread is to be read in another way.
        opaque: nothing more can be read.
    """

    __slots__ = (
        "_reporter",
        "_streams",
        "decoder",
        "gaps",
        "hands_over",
        "opaque",
        "upgrade",
    )

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._streams = reporter.streams
        self.upgrade = _NOT_UPGRADED
        self.gaps = Gaps.NONE
        self.decoder: Decoder | None = None
        self.hands_over = False
        self.opaque = False

    @property
    def has_gap(self) -> bool:
        """Bytes are missing."""
        return self.gaps is not Gaps.NONE

    def take_line(self, side: Side) -> bytes | None:
        """Take a line off a side's unread bytes, and report one over the limit.

        Returns:
            The line without its end; `None` if it is not complete yet, or TLS begins.
        """
        unread = self._streams[side]
        if self.is_record_next(side):
            return None
        line = unread.take_line()
        if side is _CLIENT and line is not None:
            self.note_place()
        if unread.overlong:
            unread.overlong = 0
            self._reporter.anomaly("line_too_long", side)
        return line

    def note_place(self) -> None:
        """Note that what the client sent happened when it came, however long it waited.

        The connection goes back to the present. A server's answers that wait are told
        when they are read: what they answer must have come before.
        """
        place = self._streams[_CLIENT].place()
        if place is not None:
            self._reporter.time_ns, self._reporter.frame = place

    def is_record_next(self, side: Side) -> bool:
        """Return whether a record of TLS is where a line should be, or may be.

        Its STARTTLS was not captured if something is missing, if the other side is not
        seen at all, or speaks TLS already. Else it is a line of some sort.
        """
        unread, others = self._streams[side], self._streams[OTHER_SIDE[side]]
        data = unread.data
        if not data or data[0] not in RECORD_STARTS or unread.skipping:
            return False
        is_possible = self.gaps is Gaps.IN_PLAINTEXT or others.mode is _TLS
        if not (is_possible or not (others.offset or others.data)):
            return False
        is_tls = looks_like_tls(data[:TLS_PREFIX_BYTES])
        if is_tls:
            inferred = StartTlsAdvanced(StartTls.ACCEPTED, is_inferred=True)
            self._reporter.events.append(inferred)
            self.start_tls()
        return is_tls or (is_tls is None and not unread.has_ended)

    def start_tls(self) -> None:
        """Learn that from the next unread byte on, both sides should speak TLS.

        Nothing is left to read for the dialogue; plaintext comes back as new bytes.
        """
        if self.upgrade is _NOT_UPGRADED:
            self.upgrade = _AGREED
            for unread in self._streams:
                unread.hold_unread()

    def start_decoding(self, decoder: Decoder) -> None:
        """Learn that from the next unread byte on, both sides are coded."""
        self.decoder = decoder
        self.hands_over = True

    def lose_decoder(self, side: Side, code: str) -> None:
        """Read no more of a side that can't be decoded; `code` says why."""
        decoder, reporter = self.decoder, self._reporter
        if decoder is not None and decoder.lose(side):
            at = (reporter.time_ns, reporter.frame)
            now = Place(self._streams[side].offset, *at)
            reporter.anomaly(code, side, at=now)
            self.opaque = decoder.is_lost
