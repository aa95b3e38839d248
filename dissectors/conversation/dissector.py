"""What the dissectors of SMTP, IMAP and POP3 share.

A mail connection is a conversation of lines that may turn into TLS: at once
(implicit TLS, RFC 8314 §3), or after STARTTLS or STLS. `MailDissector` looks at
the first bytes of each side, and again after an upgrade, to tell lines from TLS
records, and hands the bytes to the protocol's reader or to the TLS dissector. Where
the command for the upgrade was not captured, a record in the place of a line shows it.

A side that goes on in clear text after an upgrade is read line by line, and TLS
may still begin with any of its lines: that is how injected commands and replies
look, which an attacker puts between the agreement and the handshake.

What could be decrypted is read by a dissector of its own: whatever was said in
clear before is void (RFC 3207 §4.2, RFC 9051 §6.2.1, RFC 2595 §4).

Memory per connection is bounded by `Limits`; the cost is linear in the bytes.
"""

from __future__ import annotations

import abc
import enum
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dissectors.conversation.lines import LineBuffer, Place
from dissectors.conversation.proxy_header import (
    PROXY_WORDS,
    HeaderState,
    ProxyHeaderReader,
)
from dissectors.credentials.withheld import Withheld
from dissectors.events import (
    Anomaly,
    AuthAttempted,
    ClientForwarded,
    CredentialsCrossed,
    Exposure,
    ExtensionUsed,
    LoginOffered,
    MessageTransferred,
    Side,
    SoftwareIdentified,
    StartTls,
    StartTlsAdvanced,
)
from dissectors.limits import DEFAULT_LIMITS
from dissectors.tls import (
    TLS_PREFIX_BYTES,
    ApplicationData,
    ApplicationGap,
    TlsDissector,
    looks_like_tls,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from dissectors.conversation.line_ends import LineEnds
    from dissectors.events import Event
    from dissectors.limits import Limits
    from dissectors.tls import Hosts, KeyLog

_OUT_OF_TLS = (ApplicationData, ApplicationGap)
# what says something of a connection without TLS
_OF_CLEAR_TEXT = (LoginOffered, StartTlsAdvanced)
_OTHER = (Side.SERVER, Side.CLIENT)
_SIDES = (Side.CLIENT, Side.SERVER)
_CLIENT, _SERVER = Side
_CR = 0x0D
# what a line begins with; after an upgrade, other bytes are TLS of some sort
_TEXT = frozenset(b"\t\r\n" + bytes(range(32, 127)))
# what records of TLS begin with, and no line: their content type
_RECORD_STARTS = frozenset(range(0x14, 0x18))
# what a line after an upgrade ends behind, or before: the content type of a record
_STRAY_LINE_END = re.compile(rb"\n|(?=[\x14-\x17])")
# they come once per side, and tell that the rest could not be read
_FINAL_ANOMALIES = frozenset({"imap_compression_lost", "imap_compression_bomb"})


@dataclass(slots=True)
class Counts:
    """What there was so far.

    Attributes:
        exchanges: also those that are not over.
        anomalies: also those that are not reported.
        inflated_bytes: what came out of compression.
        window_bytes: what compression keeps for itself.
        dark_bytes: what nobody can read, and of which nothing is kept.
    """

    exchanges: int = 0
    anomalies: int = 0
    inflated_bytes: int = 0
    window_bytes: int = 0
    dark_bytes: int = 0


class _Mode(enum.Enum):
    """What the bytes of a side are."""

    UNDECIDED = enum.auto()
    LINES = enum.auto()
    # after an upgrade: clear text up to the next line end, then undecided again
    STRAY_LINE = enum.auto()
    TLS = enum.auto()


# a member of an enum costs more to look up
_UNDECIDED, _LINES, _STRAY_LINE, _TLS = _Mode


class MailDissector(abc.ABC):
    """A sans-IO machine for one mail connection.

    Feed it what each side sent, in capture order; it returns what happened. Any
    split of the same bytes gives the same events. It never raises because of
    what a peer sent.

    A protocol implements `_read`, `_skip_gap`, `_finish` and `_anew`, and `_interrupt`
    if it can make sense of lines without an end. `_line_reader` makes it faster.

    Attributes:
        counts: what was counted, together with all that reads the same connection.
        key_log: secrets by which its TLS may be decrypted.
        hosts: the addresses of both ends, since others don't resume its sessions.
        opaque: nothing more can be read; what follows needs only to be counted.
    """

    __slots__ = (
        "_at_eof",
        "_events",
        "_extensions",
        "_frame",
        "_hands_over",
        "_has_gap",
        "_has_gap_in_clear",
        "_input",
        "_inside",
        "_is_cut",
        "_is_inside",
        "_left_out",
        "_mode",
        "_plaintext_after_upgrade",
        "_proxy_header",
        "_record_offsets",
        "_reversed",
        "_speaker",
        "_time_ns",
        "_tls",
        "_undecided",
        "_upgraded",
        "_withheld",
        "counts",
        "hosts",
        "key_log",
        "limits",
        "opaque",
    )

    def __init__(self, limits: Limits = DEFAULT_LIMITS) -> None:
        self.limits = limits
        self.key_log: KeyLog | None = None
        self.hosts: Hosts = (0, 0)
        self.opaque = False
        self._input = (LineBuffer(limits.line), LineBuffer(limits.line))
        self._undecided = (bytearray(), bytearray())
        self._mode = [_UNDECIDED, _UNDECIDED]
        self._speaker: Side | None = None
        # reads what a proxy may have put before the client's bytes
        self._proxy_header: ProxyHeaderReader | None = ProxyHeaderReader()
        self._at_eof = [False, False]
        # the client's line that is read has no end: a name at its end may go on
        self._is_cut = False
        self._upgraded = False
        # reads what comes out of TLS
        self._inside: MailDissector | None = None
        self._is_inside = False
        # places of the records that were decrypted last
        self._record_offsets = [0, 0]
        self._plaintext_after_upgrade = [False, False]
        self._tls: TlsDissector | None = None
        # what is unread is to be read in another way, by `_take_events`
        self._hands_over = False
        # reads on with the sides exchanged; and what of its events is left out
        self._reversed: MailDissector | None = None
        self._left_out: tuple[type, ...] = ()
        self._extensions: dict[str, None] = {}
        self._has_gap = False
        self._has_gap_in_clear = False
        self._events: list[Event] = []
        # what must not be shown, whoever says it
        self._withheld = Withheld()
        self._time_ns = 0
        self._frame = 0
        # what all dissectors of a connection count together
        self.counts = Counts()

    def receive_data(
        self, side: Side, data: bytes, time_ns: int, frame: int
    ) -> list[Event]:
        """Take the next bytes of a side and return what they completed."""
        if self._mode[side] is _TLS:
            self._time_ns, self._frame = time_ns, frame
            unread = self._feed_tls(side, data)
            if unread:
                # clear text again
                happened = self._take_events()
                return happened + self._receive_clear(side, unread, time_ns, frame)
            return self._take_events()
        return self._receive_clear(side, data, time_ns, frame)

    def _receive_clear(
        self, side: Side, data: bytes, time_ns: int, frame: int
    ) -> list[Event]:
        """Take bytes that no TLS protects, or none any more."""
        if self._reversed is not None:
            happened = self._reversed.receive_data(_OTHER[side], data, time_ns, frame)
            return self._turn_around(happened)
        self._time_ns, self._frame = time_ns, frame
        header = self._proxy_header
        if header is not None and (side is _CLIENT or header.held):
            data = self._pass_proxy_header(header, side, data)
            if not data:
                return self._take_events()
        unread, others = self._input[side], self._input[_OTHER[side]]
        if side is not self._speaker and not self._take_turn(side):
            happened = self._take_events()
            return happened + self._receive_clear(side, data, time_ns, frame)
        mode = self._mode[side]
        if mode is _UNDECIDED and self._is_text(side, data):
            mode = self._mode[side] = _LINES
        if mode is _LINES or mode is _TLS:
            if not (unread.data or unread.skipping or others.data):
                data = self._pass_lines(side, unread, data)
            if data or self._upgraded:
                self._receive_rest(side, data)
        else:
            self._hold_undecided(side, data)
            self._decide(side)
        if self._hands_over:
            return self._take_events()
        events, self._events = self._events, []
        return events

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

    def _give_up_proxy_header(self, header: ProxyHeaderReader, hole: int = 0) -> int:
        """No more of it comes, or not these bytes; return how many are not its own."""
        if hole and header.length:
            hole = header.skip(hole)
            if header.state is HeaderState.OPEN:
                return 0
        held = header.give_up()
        self._end_proxy_header(header)
        if held:
            happened = self._receive_clear(_CLIENT, held, self._time_ns, self._frame)
            self._events += happened
        return hole

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
        at = (time_ns, frame)
        if self._reversed is not None and self._mode[side] is not _TLS:
            happened = self._reversed.receive_gap(
                _OTHER[side], length, *at, reported=reported
            )
            return self._turn_around(happened)
        self._time_ns, self._frame = at
        if not reported:
            unread = self._input[side]
            offset = unread.offset + len(unread.data) + len(self._undecided[side])
            place = Place(offset, time_ns, frame)
            self._anomaly("stream_gap", side, f"{length} bytes", at=place)
        self._has_gap = True
        if side is _CLIENT and self._proxy_header is not None:
            length = self._give_up_proxy_header(self._proxy_header, length)
            if not length:
                return self._take_events()
        failed = self._tls
        if failed is not None and failed.is_aborted and self._mode[side] is _TLS:
            self._upgraded = False
            self._leave_tls(side, failed.end_of(side))
        if self._mode[side] is not _TLS and not self._upgraded:
            self._has_gap_in_clear = True
        if self._mode[side] is not _LINES:
            self._decide(side, now=True)
        if self._upgraded and self._mode[side] is _UNDECIDED:
            # the first records are in the hole
            self._enter_tls(side)
        if self._tls is not None and self._mode[side] is _TLS:
            self._input[side].offset += length
            self._take_tls(self._tls.receive_gap(side, length, time_ns, frame))
        else:
            self._pass_gap(side, length)
        return self._take_events()

    def _pass_gap(self, side: Side, length: int) -> None:
        if side is _CLIENT and (unread := self._input[side].data):
            self._withheld.add_line(bytes(unread[: self.limits.kept_text]))
        self._skip_gap(side, length)
        self._input[side].offset += length
        self._advance(side)

    def receive_eof(self, side: Side, time_ns: int, frame: int) -> list[Event]:
        """Learn that a side has sent all it will send, or all that was captured."""
        if self._reversed is not None:
            happened = self._reversed.receive_eof(_OTHER[side], time_ns, frame)
            return self._turn_around(happened)
        self._time_ns, self._frame = time_ns, frame
        if not self._at_eof[side]:
            if side is _CLIENT and self._proxy_header is not None:
                self._give_up_proxy_header(self._proxy_header)
            self._at_eof[side] = True
            self._decide(side, now=True)
            self._advance(side)
            if all(self._at_eof):
                self._finish_all()
        return self._take_events()

    def _finish_all(self) -> None:
        self._finish()
        at = (self._time_ns, self._frame)
        if self._tls is not None:
            for side in _SIDES:
                self._take_tls(self._tls.receive_eof(side, *at))
        elif self._upgraded and not self._has_gap:
            self._anomaly("starttls_not_begun", _CLIENT, at=self._here(_CLIENT))
        if self._inside is not None:
            for side in _SIDES:
                self._take_secured(self._inside.receive_eof(side, *at))
        self._release()

    @abc.abstractmethod
    def _read(self, side: Side) -> None:
        """Read what can be read of a side's lines; return after `_start_tls`.

        It may also return early to let the other side be read first, and is
        called again as long as one of the two gets further.
        """

    @abc.abstractmethod
    def _skip_gap(self, side: Side, length: int) -> None:
        """Deal with the unread bytes of a side, behind which there is a hole.

        What stays unread is joined with what comes after the hole.
        """

    @abc.abstractmethod
    def _finish(self) -> None:
        """Nothing follows: report what was still waiting for an answer.

        It may be called again, since clear text may come beside TLS.
        """

    @abc.abstractmethod
    def _anew(self, *, greeted: bool) -> MailDissector:
        """A dissector for what is said inside TLS; behind STARTTLS nobody greets."""

    def _release(self) -> None:  # noqa: B027, a hook
        """Both sides ended: no reference cycle should outlive the session."""

    def _interrupt(self, side: Side) -> None:  # noqa: B027, a hook
        """The other side goes on, while `side` has unread bytes."""

    def _line_reader(self, _side: Side) -> Callable[[bytes], object] | None:
        """What acts on the next line of a side; `None` if `_read` must look at it.

        Most packets are whole lines, which need no buffer if all lines do.
        """
        return None

    def _start_tls(self) -> None:
        """From the next unread byte on, both sides should speak TLS.

        Nothing is left to read for `_read`; clear text comes back as new bytes.
        """
        if self._upgraded or self._is_inside:
            return
        self._upgraded = True
        for side in _SIDES:
            unread = self._input[side]
            self._undecided[side].extend(unread.data)
            unread.offset -= len(unread.data)
            unread.drop()
            if self._mode[side] is not _TLS:
                self._mode[side] = _UNDECIDED

    def _reverse(self, dissector: MailDissector, left_out: tuple[type, ...]) -> None:
        """From the next unread byte on, the server asks and the client answers.

        Args:
            dissector: reads on.
            left_out: events that would say of one side what is true of the other.
        """
        self._share_with(dissector)
        dissector._is_inside = self._is_inside
        dissector._proxy_header = None
        dissector.key_log, dissector.hosts = self.key_log, self.hosts
        for side in _SIDES:
            dissector._input[_OTHER[side]].offset = self._input[side].offset
        self._reversed, self._left_out = dissector, left_out
        self._hands_over = True

    def _share_with(self, other: MailDissector) -> None:
        """Report as one what is read by several."""
        other.counts = self.counts
        other._withheld = self._withheld
        other._extensions = self._extensions

    def _hand_over(self, successor: MailDissector) -> None:
        """Let the reversed dissector read what this one left unread."""
        for side in _SIDES:
            unread = self._input[side]
            if unread.data:
                data = unread.take(len(unread))
                at = (self._time_ns, self._frame)
                happened = successor.receive_data(_OTHER[side], data, *at)
                self._events += self._turn_around(happened)

    def _turn_around(self, happened: list[Event]) -> list[Event]:
        """Name the sides by who opened the connection."""
        events = [event for event in happened if type(event) not in self._left_out]
        for event in events:
            if isinstance(event, Anomaly | SoftwareIdentified):
                event.side = _OTHER[event.side]
        return events

    def _take_turn(self, speaker: Side) -> bool:
        """Another side speaks than before; false if that reversed the session."""
        self._speaker = speaker
        if not self._input[_OTHER[speaker]].data:
            return True
        was_upgraded = self._upgraded
        self._interrupt(_OTHER[speaker])
        if self._upgraded and not was_upgraded:
            self._decide_both()
        return self._reversed is None

    def _pass_lines(self, side: Side, unread: LineBuffer, data: bytes) -> bytes:
        """Act on the lines that come first, with nothing unread before them.

        Returns:
            The rest, for which the buffer is needed.
        """
        start, size = 0, len(data)
        if size > self.limits.line:
            return data
        while start < size:
            act = self._line_reader(side)
            if act is None:
                break
            end = data.find(b"\n", start)
            if end <= start or data[end - 1] != _CR or data[start] in _RECORD_STARTS:
                break
            line = data[start : end - 1]
            unread.bare_lf = False
            unread.line_offset = unread.offset
            unread.offset += end + 1 - start
            start = end + 1
            act(line)
            if self._upgraded or self._reversed is not None:
                break
        return data[start:]

    def _receive_rest(self, side: Side, data: bytes) -> None:
        """Take what must be buffered, behind the upgrade if the lines had one."""
        if self._upgraded:
            self._hold_undecided(side, data)
            self._decide_both()
        else:
            unread = self._input[side]
            unread.data += data
            end = unread.offset + len(unread.data)
            unread.mark(end, self._time_ns, self._frame)
            self._advance(side)

    def _hold_undecided(self, side: Side, data: bytes) -> None:
        """Keep bytes of which it is not known yet what they are."""
        unread, held = self._input[side], self._undecided[side]
        held += data
        end = unread.offset + len(unread.data) + len(held)
        unread.mark(end, self._time_ns, self._frame)

    def _note_place(self) -> None:
        """What the client sent happened when it came, however long it waited.

        `_advance` goes back to the present. A server's answers that wait are told when
        they are read: what they answer must have come before.
        """
        place = self._input[_CLIENT].place()
        if place is not None:
            self._time_ns, self._frame = place

    def _advance(self, side: Side) -> None:
        """Read a side, and the other, which may have waited for this one."""
        other = _OTHER[side]
        mine, others = self._input[side], self._input[other]
        was_upgraded = self._upgraded
        now = self._time_ns, self._frame
        while (mine.data or others.data) and self._reversed is None:
            before = mine.offset + others.offset
            if mine.data:
                self._read(side)
                self._time_ns, self._frame = now
            if others.data and self._reversed is None:
                self._read(other)
                self._time_ns, self._frame = now
            if not mine.data or mine.offset + others.offset == before:
                break
        if self._upgraded and not was_upgraded:
            self._decide_both()

    def _take_line(self, side: Side) -> bytes | None:
        """Take a line off a side's unread bytes, and report one over the limit."""
        unread = self._input[side]
        if self._is_record_next(side):
            return None
        line = unread.take_line()
        if side is _CLIENT and line is not None:
            self._note_place()
        if unread.overlong:
            unread.overlong = 0
            self._anomaly("line_too_long", side)
        return line

    def _is_record_next(self, side: Side) -> bool:
        """Whether a record of TLS is where a line should be, or may be.

        Its STARTTLS was not captured if something is missing, if the other side is not
        seen at all, or speaks TLS already. Else it is a line of some sort.
        """
        unread, other = self._input[side], _OTHER[side]
        data = unread.data
        if not data or data[0] not in _RECORD_STARTS or unread.skipping:
            return False
        others = self._input[other]
        is_possible = self._has_gap_in_clear or self._mode[other] is _TLS
        if not (is_possible or not (others.offset or others.data)):
            return False
        is_tls = looks_like_tls(data[:TLS_PREFIX_BYTES])
        if is_tls:
            self._events.append(StartTlsAdvanced(StartTls.ACCEPTED, is_inferred=True))
            self._start_tls()
        return is_tls or (is_tls is None and not self._at_eof[side])

    def _is_text(self, side: Side, data: bytes) -> bool:
        """Whether the first bytes of a side begin as no TLS record does."""
        is_first = not (self._upgraded or self._undecided[side] or self._is_dark())
        return is_first and data != b"" and data[0] in _TEXT

    def _is_dark(self) -> bool:
        """Whether the other side was in the middle of TLS when the capture began."""
        return self._tls is not None and self._tls.began_before

    def _decide_both(self) -> None:
        # clear text first, however much of a record came with its beginning
        for side in sorted(_SIDES, key=self._is_record_held):
            self._decide(side)

    def _is_record_held(self, side: Side) -> bool:
        return looks_like_tls(bytes(self._undecided[side][:TLS_PREFIX_BYTES])) is True

    def _decide(self, side: Side, *, now: bool = False) -> None:
        """Tell TLS records from lines; `now` if no more bytes will help."""
        held = self._undecided[side]
        while held:
            if self._mode[side] is _UNDECIDED:
                is_tls = looks_like_tls(bytes(held[:TLS_PREFIX_BYTES]))
                if is_tls is None and not (now or self._at_eof[side]):
                    return
                is_binary = self._upgraded and held[0] not in _TEXT
                if is_tls or is_binary or self._is_dark():
                    self._enter_tls(side)
                    if self._mode[side] is _TLS:
                        return
                    continue
            self._release_lines(side)

    def _release_lines(self, side: Side) -> None:
        """Let the protocol read undecided bytes: all, or a line after an upgrade."""
        held = self._undecided[side]
        count = len(held)
        if not self._upgraded:
            self._mode[side] = _LINES
        else:
            self._report_plaintext(side)
            end = _STRAY_LINE_END.search(held)
            count = end.end() if end is not None else count
            self._mode[side] = _UNDECIDED if end is not None else _STRAY_LINE
        self._input[side].data += held[:count]
        del held[:count]
        self._advance(side)

    def _report_plaintext(self, side: Side) -> None:
        if not self._plaintext_after_upgrade[side]:
            self._plaintext_after_upgrade[side] = True
            self._anomaly("starttls_plaintext_after", side, at=self._here(side))

    def _enter_tls(self, side: Side) -> None:
        self._mode[side] = _TLS
        held = self._undecided[side]
        if self._tls is None or self._tls.is_aborted:
            failed, other = self._tls, _OTHER[side]
            if failed is not None and self._mode[other] is _TLS:
                self._leave_tls(other, failed.end_of(other))
            client, server = self._input
            offsets = client.offset, server.offset
            self._tls = TlsDissector(
                self.limits,
                offsets,
                self.key_log,
                hosts=self.hosts,
                after_gap=self._has_gap_in_clear,
            )
            if failed is not None:
                self._tls.anomaly_count = failed.anomaly_count
        self._input[side].forget_places()
        if held:
            data = bytes(held)
            held.clear()
            held += self._feed_tls(side, data)

    def _feed_tls(self, side: Side, data: bytes) -> bytes:
        """Let TLS read; return what is clear text behind a handshake that failed."""
        tls = self._tls
        assert tls is not None
        self._input[side].offset += len(data)
        dark_before = tls.dark_bytes
        self._take_tls(tls.receive_data(side, data, self._time_ns, self._frame))
        self.counts.dark_bytes += tls.dark_bytes - dark_before
        if not tls.unread:
            return b""
        self._upgraded = False
        self._leave_tls(side, tls.unread_offset)
        return tls.unread

    def _leave_tls(self, side: Side, offset: int) -> None:
        """What comes behind a handshake that failed may be clear text again."""
        self._mode[side] = _UNDECIDED
        self._input[side].offset = offset

    def _take_tls(
        self, happened: list[Event | ApplicationData | ApplicationGap]
    ) -> None:
        """Report what happened in TLS, and read what could be decrypted."""
        tls = self._tls
        assert tls is not None
        for event in happened:
            if isinstance(event, _OUT_OF_TLS):
                self._receive_secured(event)
            else:
                self._events.append(event)
        is_tls = self._mode[0] is _TLS and self._mode[1] is _TLS
        if tls.opaque and is_tls and not tls.is_aborted:
            self.opaque = True

    def _receive_secured(self, event: ApplicationData | ApplicationGap) -> None:
        """Read what was decrypted."""
        if self._inside is None:
            self._go_inside(self._anew(greeted=self._upgraded))
        assert self._inside is not None
        self._record_offsets[event.side] = event.offset
        at = (self._time_ns, self._frame)
        if isinstance(event, ApplicationData):
            happened = self._inside.receive_data(event.side, event.data, *at)
        else:
            happened = self._inside.receive_gap(
                event.side, event.length, *at, reported=True
            )
        self._take_secured(happened)

    def _go_inside(self, inside: MailDissector) -> None:
        """What waits for an answer in clear won't get one."""
        self._finish()
        inside._is_inside = True
        inside._proxy_header = None
        inside._mode = [_LINES, _LINES]
        self._share_with(inside)
        self._inside = inside

    def _take_secured(self, happened: list[Event]) -> None:
        """Report what happened inside TLS, which nobody else could see."""
        for event in happened:
            if isinstance(event, AuthAttempted | CredentialsCrossed):
                event.exposure, event.secured = Exposure.NOTHING, True
            elif isinstance(event, MessageTransferred):
                event.secured = True
            elif isinstance(event, Anomaly):
                event.offset = self._record_offsets[event.side]
            if type(event) not in _OF_CLEAR_TEXT:
                self._events.append(event)

    def _take_events(self) -> list[Event]:
        if self._reversed is not None:
            self._hand_over(self._reversed)
        events, self._events = self._events, []
        return events

    def _withhold_unread(self) -> None:
        """What the client said and nobody has read yet, the server may have read."""
        unread = self._input[_CLIENT].data
        if unread and (self._speaker is Side.SERVER or all(self._at_eof)):
            self._withheld.add_line(bytes(unread[: self.limits.kept_text]))
        tls = self._tls if self._mode[_CLIENT] is _TLS else None
        if tls is not None and tls.client_hello is None:
            # it is no TLS, then, but perhaps what the server repeats
            self._withheld.withhold_all()

    def _report(self, *events: Event) -> None:
        """Report what the server said, without what must not be shown of it."""
        self._withhold_unread()
        if self._withheld:
            for event in events:
                self._withheld.mask_event(event)
        self._events += events

    def _use_extension(self, name: str) -> None:
        """Report, once, that an extension was used."""
        known = self._extensions
        if name not in known and len(known) < self.limits.list_items:
            known[name] = None
            self._report(ExtensionUsed(name))

    def _report_message(self, message: MessageTransferred, side: Side) -> None:
        """Report a message, and what of it was over a limit."""
        self._events.append(message)
        place = Place(message.offset, message.time_ns, message.frame)
        for code in message.facts.overruns:
            self._anomaly(code, side, at=place)

    def _report_line_ends(self, ends: LineEnds, side: Side) -> None:
        """Report, once for a message, its line ends that are no CRLF."""
        for code, count, place in (
            ("message_bare_lf", ends.bare_lf, ends.first_lf),
            ("message_bare_cr", ends.bare_cr, ends.first_cr),
        ):
            if count:
                self._anomaly(code, side, f"{count} times", at=place)

    def _anomaly(
        self, code: str, side: Side, detail: str = "", *, at: Place | None = None
    ) -> None:
        """Report something odd: `at` its place, or else that of the last line."""
        self.counts.anomalies += 1
        is_kept = self.counts.anomalies <= self.limits.anomalies
        if is_kept or code in _FINAL_ANOMALIES:
            offset, time_ns, frame = at or self._last_line(side)
            self._events.append(Anomaly(code, side, offset, time_ns, frame, detail))

    def _last_line(self, side: Side) -> Place:
        """Where the line is that was taken last; of what waited, when it came."""
        unread = self._input[side]
        at = unread.place() or (self._time_ns, self._frame)
        return Place(unread.line_offset, *at)

    def _here(self, side: Side) -> Place:
        """Where the next unread byte of a side is."""
        offset = self._input[side].offset
        now = Place(offset, self._time_ns, self._frame)
        return self._input[side].place_of(offset) or now
