"""What the dissectors of SMTP, IMAP and POP3 share.

A mail connection is a conversation of lines that may turn into TLS: at once
(implicit TLS, RFC 8314 §3), or after STARTTLS or STLS. Its layers are

- `PlaintextReader`: lines, which the protocol reads,
- `UpgradeReader`: TLS in the place of lines,
- `Secured`: what came out of TLS, read by a dissector of its own, as whatever was
  said in plaintext before is void (RFC 3207 §4.2, RFC 9051 §6.2.1, RFC 2595 §4),
- `Swapped`: lines of a session whose sides exchanged their roles.

Memory per connection is bounded by `Limits`; the cost is linear in the bytes.
"""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING

from dissectors.conversation.lines import Place
from dissectors.conversation.plaintext import Upgrade
from dissectors.conversation.proxy_header import (
    PROXY_WORDS,
    HeaderState,
    ProxyHeaderReader,
)
from dissectors.conversation.secured import Secured
from dissectors.conversation.streams import Mode
from dissectors.conversation.swapped import Swapped
from dissectors.conversation.upgrade import Gaps, UpgradeReader
from dissectors.events import ClientForwarded, Side
from dissectors.limits import DEFAULT_LIMITS

if TYPE_CHECKING:
    from dissectors.conversation.streams import Stream
    from dissectors.events import Event
    from dissectors.limits import Limits
    from dissectors.tls import ReadAhead

_OTHER = (Side.SERVER, Side.CLIENT)
_SIDES = (Side.CLIENT, Side.SERVER)
# a member of an enum costs more to look up
_CLIENT, _SERVER = Side
_UNDECIDED, _LINES, _STRAY_LINE, _TLS = Mode
_NOT_UPGRADED, _AGREED, _DONE = Upgrade


class MailDissector(UpgradeReader):
    """A sans-IO machine for one mail connection.

    Feed it what each side sent, in capture order; it returns what happened. Any
    split of the same bytes gives the same events. It never raises because of
    what a peer sent.

    A protocol implements `_anew`, and what `PlaintextReader` asks for.
    """

    __slots__ = ("_proxy_header",)

    def __init__(self, limits: Limits = DEFAULT_LIMITS) -> None:
        super().__init__(limits)
        # reads what a proxy may have put before the client's bytes
        self._proxy_header: ProxyHeaderReader | None = ProxyHeaderReader()

    @abc.abstractmethod
    def _anew(self, *, greeted: bool) -> MailDissector:
        """A dissector for what is said inside TLS; behind STARTTLS nobody greets."""

    def _release(self) -> None:
        """Both sides ended: no reference cycle should outlive the session."""

    def receive_data(
        self, side: Side, data: bytes, time_ns: int, frame: int
    ) -> list[Event]:
        """Take the next bytes of a side and return what they completed."""
        if self._input[side].mode is _TLS:
            self._time_ns, self._frame = time_ns, frame
            unread = self._feed_tls(side, data)
            happened = self._take_events()
            if unread:
                # plaintext again
                happened += self._receive_plaintext(side, unread, time_ns, frame)
            return happened
        return self._receive_plaintext(side, data, time_ns, frame)

    def continue_tls(self, ahead: ReadAhead) -> list[Event]:
        """Go on with TLS that was read from the beginning of the connection."""
        # nothing of a proxy came before it
        self._proxy_header = None
        return super().continue_tls(ahead)

    def receive_gap(
        self,
        side: Side,
        length: int,
        time_ns: int,
        frame: int,
        *,
        reported: bool = False,
    ) -> list[Event]:
        """Learn that `length` bytes of a side are missing here.

        Args:
            side: whose.
            length: how many.
            time_ns: time of the packet that shows it.
            frame: frame ID of that packet.
            reported: that was told already.
        """
        unread = self._input[side]
        if self._swapped is not None and unread.mode is not _TLS:
            return self._swapped.receive_gap(
                side, length, time_ns, frame, reported=reported
            )
        self._time_ns, self._frame = time_ns, frame
        if not reported:
            place = Place(unread.end, time_ns, frame)
            self._anomaly("stream_gap", side, f"{length} bytes", at=place)
        if not self._has_gap:
            self._gaps = Gaps.SOMEWHERE
        if side is _CLIENT and self._proxy_header is not None:
            length = self._give_up_proxy_header(self._proxy_header, length)
            if not length:
                return self._take_events()
        self._cross_gap(side, unread, length)
        return self._take_events()

    def receive_eof(self, side: Side, time_ns: int, frame: int) -> list[Event]:
        """Learn that a side has sent all it will send, or all that was captured."""
        if self._swapped is not None:
            return self._swapped.receive_eof(side, time_ns, frame)
        self._time_ns, self._frame = time_ns, frame
        unread = self._input[side]
        if not unread.has_ended:
            if side is _CLIENT and self._proxy_header is not None:
                self._give_up_proxy_header(self._proxy_header)
            unread.has_ended = True
            self._decide(side, now=True)
            self._advance(side)
            if self._have_both_ended():
                self._finish_all()
        return self._take_events()

    def _finish_all(self) -> None:
        self._finish()
        at = (self._time_ns, self._frame)
        if self._tls is not None:
            for side in _SIDES:
                self._take_tls(self._tls.receive_eof(side, *at))
        elif self._upgrade is _AGREED and not self._has_gap:
            self._anomaly("starttls_not_begun", _CLIENT, at=self._here(_CLIENT))
        if self._secured is not None:
            for side in _SIDES:
                self._events += self._secured.receive_eof(side, *at)
        self._release()

    def _take_events(self) -> list[Event]:
        if self._swapped is not None:
            self._hand_over(self._swapped)
        events, self._events = self._events, []
        return events

    # plaintext

    def _receive_plaintext(
        self, side: Side, data: bytes, time_ns: int, frame: int
    ) -> list[Event]:
        """Take bytes that no TLS protects, or none any more."""
        if self._swapped is not None:
            return self._swapped.receive_data(side, data, time_ns, frame)
        self._time_ns, self._frame = time_ns, frame
        header = self._proxy_header
        if header is not None and (side is _CLIENT or header.held):
            data = self._pass_proxy_header(header, side, data)
            if not data:
                return self._take_events()
        if side is not self._speaker and not self._take_turn(side):
            happened = self._take_events()
            return happened + self._receive_plaintext(side, data, time_ns, frame)
        unread = self._input[side]
        mode = unread.mode
        if mode is _UNDECIDED and self._is_text(unread, data):
            mode = unread.mode = _LINES
        if mode is _LINES or mode is _TLS:
            if not (unread.data or unread.skipping or self._input[_OTHER[side]].data):
                data = self._pass_lines(side, unread, data)
            if data or self._upgrade is _AGREED:
                self._receive_rest(side, unread, data)
        else:
            unread.hold(data, time_ns, frame)
            self._decide(side)
        if self._hands_over:
            return self._take_events()
        events, self._events = self._events, []
        return events

    def _receive_rest(self, side: Side, unread: Stream, data: bytes) -> None:
        """Take what must be buffered, behind the upgrade if the lines had one."""
        if self._upgrade is _AGREED:
            unread.hold(data, self._time_ns, self._frame)
            self._decide_both()
        else:
            unread.data += data
            end = unread.offset + len(unread.data)
            unread.mark(end, self._time_ns, self._frame)
            self._advance(side)

    def _cross_gap(self, side: Side, unread: Stream, length: int) -> None:
        """Go on behind missing bytes, which may have been lines or records."""
        failed = self._tls
        if failed is not None and failed.is_aborted and unread.mode is _TLS:
            self._leave_tls(side, failed.end_of(side))
            self._upgrade = _NOT_UPGRADED
        if unread.mode is not _TLS and self._upgrade is not _AGREED:
            self._gaps = Gaps.IN_PLAINTEXT
        if unread.mode is not _LINES:
            self._decide(side, now=True)
        if unread.mode is _UNDECIDED and self._upgrade is _AGREED:
            # the first records are missing
            self._enter_tls(side)
        if unread.mode is _TLS and self._tls is not None:
            unread.offset += length
            at = (self._time_ns, self._frame)
            self._take_tls(self._tls.receive_gap(side, length, *at))
            return
        if side is _CLIENT and unread.data:
            self._withheld.add_line(bytes(unread.data[: self.limits.kept_text]))
        self._skip_gap(side, length)
        unread.offset += length
        self._advance(side)

    # the header of a proxy

    def _pass_proxy_header(
        self, header: ProxyHeaderReader, side: Side, data: bytes
    ) -> bytes:
        """Take the header of a proxy; return what is left to read of the data."""
        if side is _SERVER:
            if not header.is_begun:
                # it is sent at once: what was held is answered already
                self._give_up_proxy_header(header)
            return data
        unread = self._input[_CLIENT]
        rest = header.feed(data)
        if header.state is HeaderState.OPEN:
            # it may turn out to be none
            unread.mark(unread.offset + header.held, self._time_ns, self._frame)
            return b""
        self._end_proxy_header(header)
        return rest

    def _end_proxy_header(self, header: ProxyHeaderReader) -> None:
        self._proxy_header = None
        if header.state is HeaderState.MALFORMED:
            self._anomaly("proxy_header_malformed", _CLIENT, at=self._here(_CLIENT))
        if header.attributes:
            self._events.append(ClientForwarded(header.attributes))
        if header.untold:
            self._withheld.add_line(header.untold, PROXY_WORDS)
        self._input[_CLIENT].offset += header.length

    def _give_up_proxy_header(self, header: ProxyHeaderReader, gap: int = 0) -> int:
        """No more of it comes, or not these bytes; return how many are not its own."""
        if gap and header.length:
            gap = header.skip(gap)
            if header.state is HeaderState.OPEN:
                return 0
        held = header.give_up()
        self._end_proxy_header(header)
        if held:
            # it takes what happened so far along
            happened = self._receive_plaintext(
                _CLIENT, held, self._time_ns, self._frame
            )
            self._events += happened
        return gap

    # what others read

    def _begin_inside(self, *, greeted: bool) -> Secured:
        inside = self._anew(greeted=greeted)
        # what waits for an answer in plaintext won't get one
        self._finish()
        self._share_with(inside)
        inside._upgrade = _DONE
        inside._proxy_header = None
        for unread in inside._input:
            unread.mode = _LINES
        return Secured(inside)

    def _reverse(self, dissector: MailDissector, left_out: tuple[type, ...]) -> None:
        """From the next unread byte on, the server asks and the client answers.

        Args:
            dissector: reads on.
            left_out: events that would say of one side what is true of the other.
        """
        self._share_with(dissector)
        if self._upgrade is _DONE:
            dissector._upgrade = _DONE
        dissector._proxy_header = None
        dissector.key_log, dissector.hosts = self.key_log, self.hosts
        for side in _SIDES:
            dissector._input[_OTHER[side]].offset = self._input[side].offset
        self._swapped = Swapped(dissector, left_out)
        self._hands_over = True

    def _hand_over(self, swapped: Swapped) -> None:
        """Let what reads on have what this dissector left unread."""
        for side in _SIDES:
            unread = self._input[side]
            if unread.data:
                data = unread.take(len(unread))
                at = (self._time_ns, self._frame)
                self._events += swapped.receive_data(side, data, *at)
