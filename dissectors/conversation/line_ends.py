"""Line ends of a message that are no CRLF.

RFC 5321 §2.3.8: CR and LF come together or not at all. What some programs take for a
line end and others do not is how messages are smuggled, and how signatures break.
"""

from __future__ import annotations

import enum
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dissectors.conversation.lines import LineBuffer, Place

_BARE_LF = re.compile(rb"(?<!\r)\n")
_BARE_CR = re.compile(rb"\r(?!\n)")


class Before(enum.Enum):
    """What comes before the next bytes."""

    BYTES = enum.auto()
    CR = enum.auto()
    # half of a line end may be missing
    GAP = enum.auto()


# a member of an enum costs more to look up
_BYTES, _BEHIND_CR, _BEHIND_GAP = Before


class LineEnds:
    """Counts them in the bytes of a message as they were sent.

    Attributes:
        bare_lf: LF without CR; and where the first one is.
        bare_cr: CR without LF; and where the first one is.
    """

    __slots__ = (
        "_before",
        "bare_cr",
        "bare_lf",
        "first_cr",
        "first_lf",
    )

    def __init__(self, *, behind_gap: bool = False) -> None:
        self.bare_lf = self.bare_cr = 0
        self.first_lf: Place | None = None
        self.first_cr: Place | None = None
        self._before = _BEHIND_GAP if behind_gap else _BYTES

    def skip_gap(self) -> None:
        """Learn of a gap: half of a line end may be missing."""
        self._before = _BEHIND_GAP

    def read(self, sent: bytes, unread: LineBuffer) -> None:
        """Take the next bytes, which were just taken off the buffer."""
        pairs = sent.count(b"\r\n")
        is_whole = sent.count(b"\n") == pairs == sent.count(b"\r")
        before = self._before
        if not sent or (is_whole and before is _BYTES):
            return
        begin = unread.offset - len(sent)
        ends_in_cr = sent.endswith(b"\r")
        self._before = _BEHIND_CR if ends_in_cr else _BYTES
        # what ended in CR may go on with its LF
        is_split = before is not _BYTES and sent.startswith(b"\n")
        bare_lf = sent.count(b"\n") - pairs - is_split
        bare_cr = sent.count(b"\r") - pairs - ends_in_cr
        if bare_lf and self.first_lf is None:
            self.first_lf = _find(_BARE_LF, sent, begin, is_split, unread)
        if before is _BEHIND_CR and not is_split:
            self.bare_cr += 1
            self.first_cr = self.first_cr or unread.place_of(begin - 1)
        if bare_cr and self.first_cr is None:
            self.first_cr = _find(_BARE_CR, sent, begin, 0, unread)
        self.bare_lf += bare_lf
        self.bare_cr += bare_cr


def _find(
    what: re.Pattern[bytes], sent: bytes, begin: int, skipped: int, unread: LineBuffer
) -> Place | None:
    found = what.search(sent, skipped)
    return None if found is None else unread.place_of(begin + found.start())
