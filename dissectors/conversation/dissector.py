"""A mail connection: the layers between the bytes of both sides and their dialogue.

It is a conversation of lines that may turn into TLS: at once (implicit TLS, RFC 8314
§3), or after STARTTLS or STLS. From the wire upwards, its layers are

- the header of a proxy (`ProxyHeaderReader`), if there is one,
- a coding (`Decoder`), such as compression, once both sides agreed on it,
- `Layers`, which tell lines from TLS,
- `Dialogue`: the lines, as a protocol reads them,
- `TlsLayer`: TLS in the place of lines,
- `Secured`: what came out of TLS, read as a connection of its own, as whatever was
  said in plaintext before is void (RFC 3207 §4.2, RFC 9051 §6.2.1, RFC 2595 §4),
- `Swapped`: a connection whose sides exchanged their roles.

Memory per connection is bounded by `Limits`; the cost is linear in the bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dissectors.conversation.decoding import DecodingError
from dissectors.conversation.layers import Layers
from dissectors.conversation.lines import Place
from dissectors.conversation.plaintext import Gaps, Upgrade
from dissectors.conversation.proxy_header import (
    PROXY_WORDS,
    HeaderState,
    ProxyHeaderReader,
)
from dissectors.conversation.streams import OTHER_SIDE, Mode
from dissectors.conversation.swapped import Swapped
from dissectors.conversation.tls_layer import TlsLayer
from dissectors.events import ClientForwarded, Side

if TYPE_CHECKING:
    from dissectors.conversation.dialogue import Dialogue, Successor
    from dissectors.conversation.reporter import Counts
    from dissectors.conversation.transcript import Transcript
    from dissectors.events import Event
    from dissectors.message import Copies
    from dissectors.tls import Hosts, KeyLog, ReadAhead

# a member of an enum costs more to look up
_CLIENT, _SERVER = Side
_LINES, _TLS = Mode.LINES, Mode.TLS
_AGREED = Upgrade.AGREED


class MailDissector:
    """A sans-IO machine for one mail connection.

    Feed it what each side sent, in capture order; it returns what happened. Any
    split of the same bytes gives the same events. It never raises because of
    what a peer sent.

    Args:
        dialogue: reads the plaintext.
        key_log: secrets by which TLS may be decrypted.
        hosts: the addresses of both ends, since others don't resume its sessions.
    """

    __slots__ = (
        "_dialogue",
        "_layers",
        "_plaintext",
        "_proxy_header",
        "_reporter",
        "_streams",
        "_swapped",
    )

    def __init__(
        self,
        dialogue: Dialogue,
        key_log: KeyLog | None = None,
        hosts: Hosts = (0, 0),
    ) -> None:
        self._dialogue = dialogue
        self._reporter = dialogue.reporter
        self._plaintext = dialogue.plaintext
        self._streams = dialogue.streams
        tls = TlsLayer(dialogue, MailDissector._behind_proxy, key_log, hosts)
        self._layers = Layers(dialogue, tls)
        # reads what a proxy may have put before the client's bytes
        self._proxy_header: ProxyHeaderReader | None = ProxyHeaderReader()
        # reads on with the sides exchanged
        self._swapped: Swapped | None = None

    @staticmethod
    def _behind_proxy(
        dialogue: Dialogue, key_log: KeyLog | None = None, hosts: Hosts = (0, 0)
    ) -> MailDissector:
        """Go on within a connection, where no proxy says anything."""
        dissector = MailDissector(dialogue, key_log, hosts)
        dissector._proxy_header = None
        return dissector

    @property
    def counts(self) -> Counts:
        """What there was so far."""
        return self._reporter.counts

    @property
    def opaque(self) -> bool:
        """Nothing more can be read; what follows needs only to be counted."""
        return self._plaintext.opaque

    def copy_messages(self, copies: Copies) -> None:
        """Have messages and their files copied, also those inside TLS.

        Args:
            copies: begins each; what it returns must not raise.
        """
        self._reporter.copies = copies

    def record(self, transcript: Transcript) -> None:
        """Note in a transcript what is said from now on."""
        transcript.record(self._dialogue)

    def receive_data(
        self, side: Side, data: bytes, time_ns: int, frame: int
    ) -> list[Event]:
        """Take the next bytes of a side and return what they completed."""
        if self._streams[side].mode is _TLS:
            reporter = self._reporter
            reporter.time_ns, reporter.frame = time_ns, frame
            unread = self._layers.tls.receive_data(side, data)
            events = self._take_events()
            if unread:
                # plaintext again
                events += self._receive_plaintext(side, unread, time_ns, frame)
            return events
        if self._plaintext.decoder is None:
            return self._receive_lines(side, data, time_ns, frame)
        return self._decode(side, data, time_ns, frame)

    def continue_tls(self, ahead: ReadAhead) -> list[Event]:
        """Go on with TLS that was read from the beginning of the connection.

        Args:
            ahead: has read nothing but TLS.
        """
        # nothing of a proxy came before it
        self._proxy_header = None
        self._layers.tls.continue_from(ahead)
        return self._reporter.take_events()

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
        unread, reporter = self._streams[side], self._reporter
        if self._swapped is not None and unread.mode is not _TLS:
            return self._swapped.receive_gap(
                side, length, time_ns, frame, reported=reported
            )
        reporter.time_ns, reporter.frame = time_ns, frame
        if reporter.recorder is not None:
            reporter.recorder.settle()
        if not reported:
            place = Place(unread.end, time_ns, frame)
            reporter.anomaly("stream_gap", side, f"{length} bytes", at=place)
        if not self._plaintext.has_gap:
            self._plaintext.gaps = Gaps.SOMEWHERE
        if side is _CLIENT and self._proxy_header is not None:
            length = self._give_up_proxy_header(self._proxy_header, length)
            if not length:
                return self._take_events()
        self._layers.cross_gap(side, length)
        return self._take_events()

    def receive_eof(self, side: Side, time_ns: int, frame: int) -> list[Event]:
        """Learn that a side has sent all it will send, or all that was captured."""
        if self._swapped is not None:
            return self._swapped.receive_eof(side, time_ns, frame)
        reporter = self._reporter
        reporter.time_ns, reporter.frame = time_ns, frame
        unread = self._streams[side]
        if not unread.has_ended:
            if side is _CLIENT and self._proxy_header is not None:
                self._give_up_proxy_header(self._proxy_header)
            unread.has_ended = True
            self._layers.decide(side, now=True)
            self._layers.advance(side)
            if reporter.have_both_ended():
                self._finish()
        return self._take_events()

    def _finish(self) -> None:
        plaintext, tls = self._plaintext, self._layers.tls
        self._dialogue.finish()
        if tls.has_begun:
            tls.finish()
        elif plaintext.upgrade is _AGREED and not plaintext.has_gap:
            at = self._reporter.here(_CLIENT)
            self._reporter.anomaly("starttls_not_begun", _CLIENT, at=at)

    def _take_events(self) -> list[Event]:
        if self._dialogue.successor is not None:
            self._hand_over(self._dialogue.successor)
        elif self._plaintext.hands_over:
            return self._begin_decoding()
        return self._reporter.take_events()

    # plaintext

    def _receive_plaintext(
        self, side: Side, data: bytes, time_ns: int, frame: int
    ) -> list[Event]:
        """Take bytes that no TLS protects, or none any more."""
        if self._plaintext.decoder is None:
            return self._receive_lines(side, data, time_ns, frame)
        return self._decode(side, data, time_ns, frame)

    def _receive_lines(
        self, side: Side, data: bytes, time_ns: int, frame: int
    ) -> list[Event]:
        """Take plaintext that is not coded, or not any more."""
        if self._swapped is not None:
            return self._swapped.receive_data(side, data, time_ns, frame)
        reporter, streams, plaintext = self._reporter, self._streams, self._plaintext
        reporter.time_ns, reporter.frame = time_ns, frame
        if self._proxy_header is not None:
            data = self._pass_proxy_header(self._proxy_header, side, data)
            if not data:
                return self._take_events()
        unread, others = streams[side], streams[OTHER_SIDE[side]]
        if side is not reporter.speaker:
            reporter.speaker = side
            if others.data and not self._layers.interrupt(OTHER_SIDE[side]):
                events = self._take_events()
                return events + self._receive_lines(side, data, time_ns, frame)
        mode = unread.mode
        if mode is _LINES or mode is _TLS or self._layers.begin_text(unread, data):
            if unread.on_line is None and not (
                unread.data or unread.skipping or others.data
            ):
                data = self._dialogue.pass_lines(side, data)
            if data or plaintext.upgrade is _AGREED:
                self._layers.receive_rest(side, data)
        else:
            unread.hold(data, time_ns, frame)
            self._layers.decide(side)
        if plaintext.hands_over:
            return self._take_events()
        events, reporter.events = reporter.events, []
        return events

    # coded plaintext

    def _begin_decoding(self) -> list[Event]:
        """Decode what the dialogue left unread, behind what happened before."""
        self._plaintext.hands_over = False
        waiting = [unread.take(len(unread)) for unread in self._streams]
        for unread, data in zip(self._streams, waiting, strict=True):
            # places are those of what is inside
            unread.offset -= len(data)
        reporter = self._reporter
        events = reporter.take_events()
        for side, data in zip(Side, waiting, strict=True):
            if data:
                events += self._decode(side, data, reporter.time_ns, reporter.frame)
        return events

    def _decode(self, side: Side, data: bytes, time_ns: int, frame: int) -> list[Event]:
        """Take coded bytes of a side."""
        events: list[Event] = []
        reporter, decoder = self._reporter, self._plaintext.decoder
        assert decoder is not None
        try:
            for piece in decoder.decode(side, data):
                reporter.counts.inflated_bytes += len(piece)
                events += self._receive_lines(side, piece, time_ns, frame)
        except DecodingError as error:
            reporter.time_ns, reporter.frame = time_ns, frame
            # a line without end, which damage may have made
            self._streams[side].drop()
            self._plaintext.lose_decoder(side, error.code)
            events += self._take_events()
        return events

    # the header of a proxy

    def _pass_proxy_header(
        self, header: ProxyHeaderReader, side: Side, data: bytes
    ) -> bytes:
        """Take the header of a proxy; return what is left to read of the data."""
        if side is _SERVER:
            if header.held and not header.is_begun:
                # it is sent at once: what was held is answered already
                self._give_up_proxy_header(header)
            return data
        unread, reporter = self._streams[_CLIENT], self._reporter
        rest = header.feed(data)
        if header.state is HeaderState.OPEN:
            # it may turn out to be none
            end = unread.offset + header.held
            unread.mark(end, reporter.time_ns, reporter.frame)
            return b""
        self._end_proxy_header(header)
        return rest

    def _end_proxy_header(self, header: ProxyHeaderReader) -> None:
        self._proxy_header = None
        reporter = self._reporter
        if header.state is HeaderState.MALFORMED:
            at = reporter.here(_CLIENT)
            reporter.anomaly("proxy_header_malformed", _CLIENT, at=at)
        if header.attributes:
            reporter.events.append(ClientForwarded(header.attributes))
            if reporter.recorder is not None:
                told = " ".join(["PROXY", *header.attributes])
                reporter.recorder.note(_CLIENT, told)
        if header.untold:
            reporter.withheld.add_line(header.untold, PROXY_WORDS)
        self._streams[_CLIENT].offset += header.length

    def _give_up_proxy_header(self, header: ProxyHeaderReader, gap: int = 0) -> int:
        """Expect no more of it, or not these bytes; return how many are not its own."""
        if gap and header.length:
            gap = header.skip(gap)
            if header.state is HeaderState.OPEN:
                return 0
        held = header.give_up()
        self._end_proxy_header(header)
        if held:
            # it takes what happened so far along
            reporter = self._reporter
            events = self._receive_plaintext(
                _CLIENT, held, reporter.time_ns, reporter.frame
            )
            reporter.events += events
        return gap

    # exchanged roles

    def _hand_over(self, successor: Successor) -> None:
        """Let what reads on have what the dialogue left unread."""
        reporter, tls = self._reporter, self._layers.tls
        swapped = self._swapped
        if swapped is None:
            dialogue, left_out = successor
            inner = MailDissector._behind_proxy(dialogue, tls.key_log, tls.hosts)
            swapped = self._swapped = Swapped(inner, left_out)
        for side, unread in zip(Side, self._streams, strict=True):
            if unread.data:
                data = unread.take(len(unread))
                at = (reporter.time_ns, reporter.frame)
                reporter.events += swapped.receive_data(side, data, *at)
