"""Which layer the bytes of each side belong to: plaintext, or TLS.

The first bytes of each side are looked at, and again after an upgrade. Where the
command for the upgrade was not captured, a record in the place of a line shows it.

A side that goes on in plaintext after an upgrade is read line by line, and TLS
may still begin with any of its lines: that is how injected commands and replies
look, which an attacker puts between the agreement and the handshake.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dissectors.conversation.plaintext import Gaps, Upgrade
from dissectors.conversation.streams import OTHER_SIDE, UNKNOWN, Mode
from dissectors.events import Side
from dissectors.tls import TLS_PREFIX_BYTES, looks_like_tls
from dissectors.tls.registries.content_types import ContentType

if TYPE_CHECKING:
    from dissectors.conversation.dialogue import Dialogue
    from dissectors.conversation.streams import Stream
    from dissectors.conversation.tls_layer import TlsLayer

_SIDES = (Side.CLIENT, Side.SERVER)
# what a line begins with; after an upgrade, other bytes are TLS of some sort
_TEXT = frozenset(b"\t\r\n" + bytes(range(32, 127)))
# what a line after an upgrade ends behind, or before: the content type of a record
_STRAY_LINE_END = re.compile(rb"\n|(?=[\x14-\x17])")
# a member of an enum costs more to look up
_CLIENT = Side.CLIENT
_UNDECIDED, _LINES, _STRAY_LINE, _TLS = Mode
_AGREED = Upgrade.AGREED


class Layers:
    """Lets a dialogue read what is plaintext, and `TlsLayer` what is TLS.

    Attributes:
        tls: the layer of TLS.
    """

    __slots__ = (
        "_dialogue",
        "_intruders",
        "_plaintext",
        "_reporter",
        "_streams",
        "tls",
    )

    def __init__(self, dialogue: Dialogue, tls: TlsLayer) -> None:
        self.tls = tls
        self._dialogue = dialogue
        self._reporter = dialogue.reporter
        self._plaintext = dialogue.plaintext
        self._streams = dialogue.streams
        # sides of which it was reported that plaintext came in the place of TLS
        self._intruders: tuple[Side, ...] = ()

    # plaintext

    def interrupt(self, side: Side) -> bool:
        """Learn that the other side goes on, while `side` has unread bytes.

        Returns:
            Whether the dialogue reads on.
        """
        before = self._plaintext.upgrade
        self._dialogue.interrupt(side)
        if self._plaintext.upgrade is not before:
            self._decide_both()
        return self._dialogue.successor is None

    def begin_text(self, unread: Stream, data: bytes) -> bool:
        """Take the first bytes of a side for lines, if no TLS record begins so."""
        if unread.mode is not _UNDECIDED or unread.held or not data:
            return False
        is_agreed = self._plaintext.upgrade is _AGREED
        if is_agreed or self.tls.began_before or data[0] not in _TEXT:
            return False
        unread.mode = _LINES
        return True

    def receive_rest(self, side: Side, data: bytes) -> None:
        """Take what must be buffered, behind the upgrade if the lines had one."""
        unread, reporter = self._streams[side], self._reporter
        if self._plaintext.upgrade is _AGREED:
            unread.hold(data, reporter.time_ns, reporter.frame)
            self._decide_both()
        else:
            unread.data += data
            end = unread.offset + len(unread.data)
            unread.mark(end, reporter.time_ns, reporter.frame)
            self.advance(side)

    def advance(self, side: Side) -> None:
        """Read a side, and the other, which may have waited for this one."""
        other = OTHER_SIDE[side]
        mine, others = self._streams[side], self._streams[other]
        dialogue, reporter = self._dialogue, self._reporter
        upgrade = self._plaintext.upgrade
        now = reporter.time_ns, reporter.frame
        while (mine.data or others.data) and dialogue.successor is None:
            before = mine.offset + others.offset
            if mine.data:
                dialogue.read(side)
                reporter.time_ns, reporter.frame = now
            if others.data and dialogue.successor is None:
                dialogue.read(other)
                reporter.time_ns, reporter.frame = now
            if not mine.data or mine.offset + others.offset == before:
                break
        if self._plaintext.upgrade is not upgrade:
            self._decide_both()

    def cross_gap(self, side: Side, length: int) -> None:
        """Go on behind missing bytes, which may have been lines or records."""
        unread, plaintext = self._streams[side], self._plaintext
        self.tls.leave_failed(side)
        if unread.mode is not _TLS and plaintext.upgrade is not _AGREED:
            plaintext.gaps = Gaps.IN_PLAINTEXT
        if unread.mode is not _LINES:
            self.decide(side, now=True)
        if unread.mode is _UNDECIDED and plaintext.upgrade is _AGREED:
            # the first records are missing
            self.tls.enter(side)
        if unread.mode is _TLS:
            self.tls.skip_gap(side, length)
            return
        if side is _CLIENT and unread.data:
            reporter = self._reporter
            said = bytes(unread.data[: reporter.limits.kept_text])
            reporter.withheld.add_line(said)
        self._dialogue.skip_gap(side, length)
        unread.offset += length
        self.advance(side)

    # plaintext or TLS

    def decide(self, side: Side, *, now: bool = False) -> None:
        """Tell TLS records from lines; `now` if no more bytes will help."""
        unread, plaintext = self._streams[side], self._plaintext
        held = unread.held
        while held:
            if unread.mode is _UNDECIDED:
                is_tls = looks_like_tls(bytes(held[:TLS_PREFIX_BYTES]))
                if is_tls is None and not (now or unread.has_ended):
                    return
                is_binary = plaintext.upgrade is _AGREED and held[0] not in _TEXT
                if is_tls or is_binary or self.tls.began_before:
                    self.tls.enter(side)
                    if unread.mode is _TLS:
                        return
                    continue
            self._release_lines(side, unread)

    def _decide_both(self) -> None:
        """Tell what the bytes are that are there already, as TLS was agreed on."""
        for side in sorted(_SIDES, key=self._rank):
            self.decide(side)

    def _rank(self, side: Side) -> int:
        """Tell which side is read first: the one with the lower rank.

        A record that came before what the other side sent, and can't be an answer to
        it, comes first: behind an alert, a hello begins another handshake. Answers may
        have been captured too early. Then comes plaintext, however much of a record
        came with its beginning.
        """
        unread, other = self._streams[side], self._streams[OTHER_SIDE[side]]
        is_record = looks_like_tls(bytes(unread.held[:TLS_PREFIX_BYTES])) is True
        if not is_record:
            return 0
        is_answer = unread.held[0] == ContentType.HANDSHAKE
        came_first = UNKNOWN < unread.held_since < other.held_since
        return -1 if came_first and not is_answer else 1

    def _release_lines(self, side: Side, unread: Stream) -> None:
        """Let the dialogue read undecided bytes: all, or a line after an upgrade."""
        count = len(unread.held)
        if self._plaintext.upgrade is not _AGREED:
            unread.mode = _LINES
        else:
            if side not in self._intruders:
                self._intruders += (side,)
                reporter = self._reporter
                at = reporter.here(side)
                reporter.anomaly("starttls_plaintext_after", side, at=at)
            end = _STRAY_LINE_END.search(unread.held)
            count = end.end() if end is not None else count
            unread.mode = _UNDECIDED if end is not None else _STRAY_LINE
        unread.release(count)
        self.advance(side)
