"""Line ends of a message that are no CRLF.

RFC 5321 §2.3.8: CR and LF come together or not at all. What some programs take for a
line end and others do not is how messages are smuggled, and how signatures break.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dissectors.conversation.lines import LineBuffer, Place

_BARE_LF = re.compile(rb"(?<!\r)\n")
_BARE_CR = re.compile(rb"\r(?!\n)")


class LineEnds:
    """Counts them in the bytes of a message as they were sent.

    Attributes:
        bare_lf: LF without CR; and where the first one is.
        bare_cr: CR without LF; and where the first one is.
    """

    __slots__ = (
        "_ends_in_cr",
        "_is_behind_gap",
        "bare_cr",
        "bare_lf",
        "first_cr",
        "first_lf",
    )

    def __init__(self, *, behind_gap: bool = False) -> None:
        self.bare_lf = self.bare_cr = 0
        self.first_lf: Place | None = None
        self.first_cr: Place | None = None
        self._ends_in_cr = False
        self._is_behind_gap = behind_gap

    def skip_gap(self) -> None:
        """Half of a line end may be missing here."""
        self._ends_in_cr, self._is_behind_gap = False, True

    def read(self, sent: bytes, unread: LineBuffer) -> None:
        """Take the next bytes, which were just taken off the buffer."""
        pairs = sent.count(b"\r\n")
        is_whole = sent.count(b"\n") == pairs == sent.count(b"\r")
        if not sent or (is_whole and not (self._ends_in_cr or self._is_behind_gap)):
            return
        begin = unread.offset - len(sent)
        goes_on, self._ends_in_cr = self._ends_in_cr, sent.endswith(b"\r")
        # what ended in CR may go on with its LF
        is_split = (goes_on or self._is_behind_gap) and sent.startswith(b"\n")
        self._is_behind_gap = False
        bare_lf = sent.count(b"\n") - pairs - is_split
        bare_cr = sent.count(b"\r") - pairs - self._ends_in_cr
        if bare_lf and self.first_lf is None:
            self.first_lf = _find(_BARE_LF, sent, begin, is_split, unread)
        if goes_on and not is_split:
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
