"""The layer of TLS in a connection: its records, and what is said inside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dissectors.conversation.plaintext import Gaps, Upgrade
from dissectors.conversation.secured import Secured
from dissectors.conversation.streams import OTHER_SIDE, Mode
from dissectors.events import Side
from dissectors.tls import ApplicationData, ApplicationGap, TlsDissector

if TYPE_CHECKING:
    from collections.abc import Callable

    from dissectors.conversation.dialogue import Dialogue
    from dissectors.conversation.receiver import Receiver
    from dissectors.events import Event
    from dissectors.tls import Hosts, KeyLog, ReadAhead

_OUT_OF_TLS = (ApplicationData, ApplicationGap)
_SIDES = (Side.CLIENT, Side.SERVER)
# a member of an enum costs more to look up
_UNDECIDED, _LINES, _, _TLS = Mode


class TlsLayer:
    """Passes records to TLS, and what comes out of them to a dialogue of its own.

    Args:
        dialogue: what is said outside.
        open_inside: makes what reads a dialogue inside TLS.
        key_log: secrets by which it may be decrypted.
        hosts: the addresses of both ends, since others don't resume its sessions.
    """

    __slots__ = (
        "_dialogue",
        "_open_inside",
        "_plaintext",
        "_reporter",
        "_secured",
        "_streams",
        "_tls",
        "hosts",
        "key_log",
    )

    def __init__(
        self,
        dialogue: Dialogue,
        open_inside: Callable[[Dialogue], Receiver],
        key_log: KeyLog | None,
        hosts: Hosts,
    ) -> None:
        self.key_log = key_log
        self.hosts = hosts
        self._dialogue = dialogue
        self._open_inside = open_inside
        self._reporter = dialogue.reporter
        self._plaintext = dialogue.plaintext
        self._streams = dialogue.streams
        self._tls: TlsDissector | None = None
        # once something could be decrypted
        self._secured: Secured | None = None

    @property
    def has_begun(self) -> bool:
        """A side spoke TLS."""
        return self._tls is not None

    @property
    def began_before(self) -> bool:
        """A side was in the middle of TLS when the capture began."""
        return self._tls is not None and self._tls.began_before

    def continue_from(self, ahead: ReadAhead) -> None:
        """Go on with TLS that was read from the beginning of the connection."""
        reporter = self._reporter
        tls = self._tls = ahead.tls
        tls.count_keys()
        for side, length in ahead.read_bytes.items():
            reporter.speaker = side
            unread = self._streams[side]
            unread.mode, unread.tls = _TLS, tls
            unread.offset = length
        reporter.counts.opaque_bytes += tls.opaque_bytes
        for event, time_ns, frame in ahead.events:
            reporter.time_ns, reporter.frame = time_ns, frame
            self._take(tls, [event])

    def enter(self, side: Side) -> None:
        """Read a side's bytes as TLS from here on."""
        unread, other = self._streams[side], OTHER_SIDE[side]
        unread.mode = _TLS
        tls = self._tls
        if tls is None or tls.is_aborted:
            if tls is not None and self._streams[other].mode is _TLS:
                self._leave(other, tls.end_of(other))
            tls = self._tls = self._begin(tls)
        unread.tls = tls
        unread.forget_places()
        if unread.held:
            data = bytes(unread.held)
            unread.held.clear()
            unread.held += self.receive_data(side, data)

    def receive_data(self, side: Side, data: bytes) -> bytes:
        """Let TLS read; return what is plaintext behind a handshake that failed."""
        tls, reporter = self._tls, self._reporter
        assert tls is not None
        self._streams[side].offset += len(data)
        opaque_before = tls.opaque_bytes
        events = tls.receive_data(side, data, reporter.time_ns, reporter.frame)
        self._take(tls, events)
        reporter.counts.opaque_bytes += tls.opaque_bytes - opaque_before
        if tls.unread:
            self._plaintext.upgrade = Upgrade.NONE
            self._leave(side, tls.unread_offset)
        return tls.unread

    def leave_failed(self, side: Side) -> None:
        """Go back to plaintext if the handshake failed: a gap may hide its rest."""
        tls = self._tls
        if tls is not None and tls.is_aborted and self._streams[side].mode is _TLS:
            self._leave(side, tls.end_of(side))
            self._plaintext.upgrade = Upgrade.NONE

    def skip_gap(self, side: Side, length: int) -> None:
        """Learn that bytes of a side that speaks TLS are missing."""
        tls, reporter = self._tls, self._reporter
        assert tls is not None
        self._streams[side].offset += length
        at = (reporter.time_ns, reporter.frame)
        self._take(tls, tls.receive_gap(side, length, *at))

    def finish(self) -> None:
        """Learn that nothing follows."""
        tls, reporter = self._tls, self._reporter
        assert tls is not None
        at = (reporter.time_ns, reporter.frame)
        for side in _SIDES:
            self._take(tls, tls.receive_eof(side, *at))
        if self._secured is not None:
            for side in _SIDES:
                reporter.events += self._secured.receive_eof(side, *at)

    def _begin(self, failed: TlsDissector | None) -> TlsDissector:
        """Begin another handshake, perhaps behind one that failed."""
        client, server = self._streams
        tls = TlsDissector(
            self._reporter.limits,
            (client.offset, server.offset),
            self.key_log,
            hosts=self.hosts,
            after_gap=self._plaintext.gaps is Gaps.IN_PLAINTEXT,
        )
        if failed is not None:
            tls.anomaly_count = failed.anomaly_count
        return tls

    def _leave(self, side: Side, offset: int) -> None:
        """Go back to plaintext behind a handshake that failed."""
        unread = self._streams[side]
        unread.mode, unread.tls = _UNDECIDED, None
        unread.offset = offset

    def _take(
        self,
        tls: TlsDissector,
        events: list[Event | ApplicationData | ApplicationGap],
    ) -> None:
        """Report what happened in TLS, and read what could be decrypted."""
        reporter = self._reporter
        for event in events:
            if isinstance(event, _OUT_OF_TLS):
                secured = self._secured or self._open_secured()
                at = (reporter.time_ns, reporter.frame)
                reporter.events += secured.receive(event, *at)
            else:
                reporter.events.append(event)
        client, server = self._streams
        is_tls = client.mode is _TLS and server.mode is _TLS
        if tls.opaque and is_tls and not tls.is_aborted:
            self._plaintext.opaque = True

    def _open_secured(self) -> Secured:
        """Begin the dialogue inside TLS; behind STARTTLS nobody greets."""
        greeted = self._plaintext.upgrade is Upgrade.AGREED
        inside = self._dialogue.new_inside(greeted=greeted)
        # what waits for an answer in plaintext won't get one
        self._dialogue.finish()
        self._reporter.share_with(inside.reporter)
        if self._reporter.recorder is not None:
            self._reporter.recorder.follow(inside)
        inside.plaintext.upgrade = Upgrade.DONE
        for unread in inside.streams:
            unread.mode = _LINES
        self._secured = Secured(self._open_inside(inside))
        return self._secured
