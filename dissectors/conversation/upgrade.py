"""The layer of TLS: told from plaintext by its bytes, and handed to its dissector.

The first bytes of each side are looked at, and again after an upgrade. Where the
command for the upgrade was not captured, a record in the place of a line shows it.

A side that goes on in plaintext after an upgrade is read line by line, and TLS
may still begin with any of its lines: that is how injected commands and replies
look, which an attacker puts between the agreement and the handshake.
"""

from __future__ import annotations

import abc
import enum
import re
from typing import TYPE_CHECKING

from dissectors.conversation.plaintext import RECORD_STARTS, PlaintextReader, Upgrade
from dissectors.conversation.streams import UNKNOWN, Mode
from dissectors.events import Side, StartTls, StartTlsAdvanced
from dissectors.tls import (
    TLS_PREFIX_BYTES,
    ApplicationData,
    ApplicationGap,
    TlsDissector,
    looks_like_tls,
)
from dissectors.tls.registries.content_types import ContentType

if TYPE_CHECKING:
    from dissectors.conversation.secured import Secured
    from dissectors.conversation.streams import Stream
    from dissectors.events import Event
    from dissectors.limits import Limits
    from dissectors.tls import Hosts, KeyLog, ReadAhead

_OUT_OF_TLS = (ApplicationData, ApplicationGap)
_OTHER = (Side.SERVER, Side.CLIENT)
_SIDES = (Side.CLIENT, Side.SERVER)
# what a line begins with; after an upgrade, other bytes are TLS of some sort
_TEXT = frozenset(b"\t\r\n" + bytes(range(32, 127)))
# what a line after an upgrade ends behind, or before: the content type of a record
_STRAY_LINE_END = re.compile(rb"\n|(?=[\x14-\x17])")


class Gaps(enum.Enum):
    """Where bytes are missing."""

    NONE = enum.auto()
    SOMEWHERE = enum.auto()
    # before any TLS: its STARTTLS may be among them
    IN_PLAINTEXT = enum.auto()


# a member of an enum costs more to look up
_CLIENT = Side.CLIENT
_UNDECIDED, _LINES, _STRAY_LINE, _TLS = Mode
_NOT_UPGRADED, _AGREED, _DONE = Upgrade


class UpgradeReader(PlaintextReader):
    """Passes lines to the protocol, records to TLS, and what comes out of them inside.

    Attributes:
        key_log: secrets by which its TLS may be decrypted.
        hosts: the addresses of both ends, since others don't resume its sessions.
        opaque: nothing more can be read; what follows needs only to be counted.
    """

    __slots__ = ("_gaps", "_secured", "_tls", "hosts", "key_log", "opaque")

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self.key_log: KeyLog | None = None
        self.hosts: Hosts = (0, 0)
        self.opaque = False
        self._tls: TlsDissector | None = None
        # once something could be decrypted
        self._secured: Secured | None = None
        self._gaps = Gaps.NONE

    @abc.abstractmethod
    def _begin_inside(self, *, greeted: bool) -> Secured:
        """Read what is said inside TLS; behind STARTTLS nobody greets."""

    def _is_record_next(self, side: Side) -> bool:
        """Whether a record of TLS is where a line should be, or may be.

        Its STARTTLS was not captured if something is missing, if the other side is not
        seen at all, or speaks TLS already. Else it is a line of some sort.
        """
        unread, others = self._input[side], self._input[_OTHER[side]]
        data = unread.data
        if not data or data[0] not in RECORD_STARTS or unread.skipping:
            return False
        is_possible = self._gaps is Gaps.IN_PLAINTEXT or others.mode is _TLS
        if not (is_possible or not (others.offset or others.data)):
            return False
        is_tls = looks_like_tls(data[:TLS_PREFIX_BYTES])
        if is_tls:
            self._events.append(StartTlsAdvanced(StartTls.ACCEPTED, is_inferred=True))
            self._start_tls()
        return is_tls or (is_tls is None and not unread.has_ended)

    def _is_text(self, unread: Stream, data: bytes) -> bool:
        """Whether the first bytes of a side begin as no TLS record does."""
        is_first = not (self._upgrade is _AGREED or unread.held or self._is_dark())
        return is_first and data != b"" and data[0] in _TEXT

    def _is_dark(self) -> bool:
        """Whether the other side was in the middle of TLS when the capture began."""
        return self._tls is not None and self._tls.began_before

    def _decide_both(self) -> None:
        for side in sorted(_SIDES, key=self._rank):
            self._decide(side)

    def _rank(self, side: Side) -> int:
        """Tell which side is read first: the one with the lower rank.

        A record that came before what the other side sent, and can't be an answer to
        it, comes first: behind an alert, a hello begins another handshake. Answers may
        have been captured too early. Then comes plaintext, however much of a record
        came with its beginning.
        """
        unread, other = self._input[side], self._input[_OTHER[side]]
        is_record = looks_like_tls(bytes(unread.held[:TLS_PREFIX_BYTES])) is True
        if not is_record:
            return 0
        is_answer = unread.held[0] == ContentType.HANDSHAKE
        came_first = UNKNOWN < unread.held_since < other.held_since
        return -1 if came_first and not is_answer else 1

    def _decide(self, side: Side, *, now: bool = False) -> None:
        """Tell TLS records from lines; `now` if no more bytes will help."""
        unread = self._input[side]
        held = unread.held
        while held:
            if unread.mode is _UNDECIDED:
                is_tls = looks_like_tls(bytes(held[:TLS_PREFIX_BYTES]))
                if is_tls is None and not (now or unread.has_ended):
                    return
                is_binary = self._upgrade is _AGREED and held[0] not in _TEXT
                if is_tls or is_binary or self._is_dark():
                    self._enter_tls(side)
                    if unread.mode is _TLS:
                        return
                    continue
            self._release_lines(side, unread)

    def _release_lines(self, side: Side, unread: Stream) -> None:
        """Let the protocol read undecided bytes: all, or a line after an upgrade."""
        count = len(unread.held)
        if self._upgrade is not _AGREED:
            unread.mode = _LINES
        else:
            if not unread.broke_upgrade:
                unread.broke_upgrade = True
                self._anomaly("starttls_plaintext_after", side, at=self._here(side))
            end = _STRAY_LINE_END.search(unread.held)
            count = end.end() if end is not None else count
            unread.mode = _UNDECIDED if end is not None else _STRAY_LINE
        unread.release(count)
        self._advance(side)

    # TLS

    def continue_tls(self, ahead: ReadAhead) -> list[Event]:
        """Go on with TLS that was read from the beginning of the connection.

        Args:
            ahead: has read nothing but TLS.
        """
        tls = self._tls = ahead.tls
        tls.count_keys()
        for side, length in ahead.read_bytes.items():
            self._speaker = side
            self._input[side].mode = _TLS
            self._input[side].offset = length
        self.counts.dark_bytes += tls.dark_bytes
        for event, time_ns, frame in ahead.events:
            self._time_ns, self._frame = time_ns, frame
            self._take_tls([event])
        events, self._events = self._events, []
        return events

    def _enter_tls(self, side: Side) -> None:
        unread, other = self._input[side], _OTHER[side]
        unread.mode = _TLS
        if self._tls is None or self._tls.is_aborted:
            failed = self._tls
            if failed is not None and self._input[other].mode is _TLS:
                self._leave_tls(other, failed.end_of(other))
            client, server = self._input
            self._tls = TlsDissector(
                self.limits,
                (client.offset, server.offset),
                self.key_log,
                hosts=self.hosts,
                after_gap=self._gaps is Gaps.IN_PLAINTEXT,
            )
            if failed is not None:
                self._tls.anomaly_count = failed.anomaly_count
        unread.forget_places()
        if unread.held:
            data = bytes(unread.held)
            unread.held.clear()
            unread.held += self._feed_tls(side, data)

    def _feed_tls(self, side: Side, data: bytes) -> bytes:
        """Let TLS read; return what is plaintext behind a handshake that failed."""
        tls = self._tls
        assert tls is not None
        self._input[side].offset += len(data)
        dark_before = tls.dark_bytes
        self._take_tls(tls.receive_data(side, data, self._time_ns, self._frame))
        self.counts.dark_bytes += tls.dark_bytes - dark_before
        if tls.unread:
            self._upgrade = _NOT_UPGRADED
            self._leave_tls(side, tls.unread_offset)
        return tls.unread

    def _leave_tls(self, side: Side, offset: int) -> None:
        """What comes behind a handshake that failed may be plaintext again."""
        unread = self._input[side]
        unread.mode = _UNDECIDED
        unread.offset = offset

    def _take_tls(
        self, happened: list[Event | ApplicationData | ApplicationGap]
    ) -> None:
        """Report what happened in TLS, and read what could be decrypted."""
        tls = self._tls
        assert tls is not None
        for event in happened:
            if isinstance(event, _OUT_OF_TLS):
                at = (self._time_ns, self._frame)
                happened_inside = self._open_secured().receive(event, *at)
                self._events += happened_inside
            else:
                self._events.append(event)
        is_tls = self._input[0].mode is _TLS and self._input[1].mode is _TLS
        if tls.opaque and is_tls and not tls.is_aborted:
            self.opaque = True

    def _open_secured(self) -> Secured:
        if self._secured is None:
            greeted = self._upgrade is _AGREED
            self._secured = self._begin_inside(greeted=greeted)
        return self._secured

    def _withhold_unread(self) -> None:
        super()._withhold_unread()
        tls = self._tls if self._input[_CLIENT].mode is _TLS else None
        if tls is not None and tls.client_hello is None:
            # it is no TLS, then, but perhaps what the server repeats
            self._withheld.withhold_all()

    @property
    def _has_gap(self) -> bool:
        return self._gaps is not Gaps.NONE
