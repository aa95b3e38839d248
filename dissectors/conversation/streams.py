"""One side's stream of a mail connection: what its bytes are, and which are unread."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

from dissectors.conversation.lines import LineBuffer
from dissectors.events import Side

if TYPE_CHECKING:
    from dissectors.tls import TlsDissector

UNKNOWN = (-1, -1)
# of each side, the one that it speaks with
OTHER_SIDE = (Side.SERVER, Side.CLIENT)


class Mode(enum.Enum):
    """What the bytes of a side are."""

    UNDECIDED = enum.auto()
    LINES = enum.auto()
    # after an upgrade: plaintext up to the next line end, then undecided again
    STRAY_LINE = enum.auto()
    TLS = enum.auto()


class Stream(LineBuffer):
    """A side's unread lines, and the bytes of which it is not known what they are.

    Attributes:
        mode: what its bytes are.
        held: those behind the unread ones that may be lines or TLS.
        has_ended: nothing more comes.
        is_lost: behind a gap, no line was surely one of the protocol yet.
        gap_count: how many gaps there were, as far as the protocol counts them.
        may_be_rest: the next line may be the rest of one that was taken or lost.
        tls: what reads it, if its bytes are TLS.
    """

    __slots__ = (
        "gap_count",
        "has_ended",
        "held",
        "is_lost",
        "may_be_rest",
        "mode",
        "tls",
    )

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self.mode = Mode.UNDECIDED
        self.held = bytearray()
        self.has_ended = False
        self.is_lost = self.may_be_rest = False
        self.gap_count = 0
        self.tls: TlsDissector | None = None

    @property
    def end(self) -> int:
        """Place in the stream behind all that came."""
        return self.offset + len(self.data) + len(self.held)

    @property
    def held_since(self) -> tuple[int, int]:
        """Time and frame of the first of the held bytes; `UNKNOWN` if not known."""
        place = self.place_of(self.offset + len(self.data))
        return UNKNOWN if place is None else (place.time_ns, place.frame)

    def hold(self, data: bytes, time_ns: int, frame: int) -> None:
        """Keep bytes of which it is not known yet what they are."""
        self.held += data
        self.mark(self.end, time_ns, frame)

    def hold_unread(self) -> None:
        """Hold what seemed to be lines, as it may be TLS."""
        self.held += self.data
        self.offset -= len(self.data)
        self.drop()
        if self.mode is not Mode.TLS:
            self.mode = Mode.UNDECIDED

    def release(self, count: int) -> None:
        """Let held bytes be read as lines."""
        self.data += self.held[:count]
        del self.held[:count]
