"""Which mail protocol a connection speaks: the port first, then what both sides say.

On a mail port, one side that fits is enough, and a connection without payload is
taken at its port's word. On any other port both sides must fit one protocol:
Redis and NATS servers say `+OK`, FTP servers say `220`, but their clients don't
speak mail. TLS counts for whatever protocol the port is for.

A side is judged by its opening: its first line, or as much of it as is needed.
Where the start of the stream is missing, a packet is the best guess for where a
line begins, so each side has as many tries as it sends packets behind whole lines.
Apart from that, any split of the same bytes gives the same verdict.

Bounded by `MAX_BUFFERED_BYTES` and `MAX_CHUNKS` per connection; the cost is linear
in these bytes.
"""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import TYPE_CHECKING, NamedTuple

from dissectors.conversation.proxy_header import HeaderState, ProxyHeaderReader
from dissectors.detection.ftp import FTP_NAME, MAIL_NAME, FtpDoubt
from dissectors.detection.openings import (
    BINARY,
    OPENING_BYTES,
    alpn_pattern,
    choose,
    find_protocols,
    protocol_by_alpn,
)
from dissectors.events import Side
from dissectors.services import Protocol
from dissectors.tls import (
    TLS_PREFIX_BYTES,
    ApplicationData,
    ReadAhead,
    looks_like_tls,
    read_client_random,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dissectors.tls import Hosts, KeyLog

MAX_BUFFERED_BYTES = 16 * 1024
MAX_CHUNKS = 1024

# RFC 3977 §5.1: a server's greeting
_NNTP_GREETING = re.compile(rb"20[01](?:[ \r\n]|$)")


class Verdict(Enum):
    """What a detector found."""

    UNDECIDED = auto()
    MAIL = auto()
    OTHER = auto()


class Chunk(NamedTuple):
    """What one packet did to a side's stream.

    It added `data`; or it showed that `gap` bytes are missing; or, with data
    `None`, that nothing more will come.
    """

    side: Side
    data: bytes | None
    gap: int
    time_ns: int
    frame: int


def may_hide_mail(payload: bytes, key_log: KeyLog | None) -> bool:
    """Tell whether a packet begins TLS whose inside should be looked for mail.

    A quick look, on ports that tell nothing: its ClientHello names a mail protocol, or
    there are secrets of it.
    """
    random = read_client_random(payload)
    if random is None:
        return False
    has_secrets = key_log is not None and random in key_log
    return has_secrets or alpn_pattern().search(payload) is not None


class _Opening:
    """What a side says first.

    Attributes:
        data: as much of it as was seen; empty behind a try that did not fit.
        since: index of the chunk that it begins with.
        protocols: what it may be; `None` until it is judged.
    """

    __slots__ = ("data", "protocols", "since")

    def __init__(self) -> None:
        self.data = bytearray()
        self.since = 0
        self.protocols: set[str] | None = None


class Detector:
    """Holds a connection's first bytes until it is known what they are.

    Args:
        port_protocol: what the server's port is for; `None` if it is no mail port.
        saw_start: whether the first bytes are the beginning of the streams.
        key_log: secrets by which a look behind TLS may be had.
        hosts: the addresses of both ends.

    Attributes:
        verdict: what was found so far.
        protocol: the protocol, once the verdict is `MAIL`.
    """

    __slots__ = (
        "_chunks",
        "_doubt",
        "_first_speaker",
        "_has_gap",
        "_hosts",
        "_is_binary",
        "_key_log",
        "_openings",
        "_port_protocol",
        "_proxy_header",
        "_saw_start",
        "_size",
        "_tls",
        "protocol",
        "verdict",
    )

    def __init__(
        self,
        port_protocol: str | None,
        *,
        saw_start: bool,
        key_log: KeyLog | None = None,
        hosts: Hosts = (0, 0),
    ) -> None:
        self.verdict = Verdict.UNDECIDED
        self.protocol = port_protocol
        self._port_protocol = port_protocol
        self._saw_start = saw_start
        self._has_gap = False
        self._is_binary = False
        self._chunks: list[Chunk] = []
        self._size = 0
        self._openings = (_Opening(), _Opening())
        self._doubt: FtpDoubt | None = None
        self._first_speaker: Side | None = None
        # what a proxy put before the client's bytes says nothing of their protocol
        self._proxy_header = ProxyHeaderReader()
        self._key_log, self._hosts = key_log, hosts
        # reads a connection to a port that tells nothing, once it begins as TLS
        self._tls: ReadAhead | None = None

    def receive(self, chunk: Chunk) -> Verdict:
        """Take the next chunk, and say what the connection is by now."""
        self._chunks.append(chunk)
        if chunk.data:
            self._size += len(chunk.data)
        if self._tls is not None:
            self._look_inside(self._tls, chunk)
        else:
            self._look_at(chunk)
        if self._size > MAX_BUFFERED_BYTES or len(self._chunks) > MAX_CHUNKS:
            self.finish()
        return self.verdict

    def finish(self) -> Verdict:
        """Decide: nothing more will come."""
        for side in Side:
            self._judge(side, at_end=True)
        if self.verdict is Verdict.UNDECIDED:
            started = self._saw_start and not self._has_gap
            # nothing was said; or text that may be the middle of a message
            is_possible = (
                not self._is_binary and not started
                if self._size
                else self._saw_start or self._has_gap
            )
            is_possible = is_possible or self._doubt is not None
            is_mail = self._port_protocol is not None and is_possible
            self.verdict = Verdict.MAIL if is_mail else Verdict.OTHER
        return self.verdict

    def take_tls(self) -> ReadAhead | None:
        """Hand on the TLS that was read to find the mail in it.

        Returns:
            `None` if there is none, or other things than TLS; `release` has all of it.
        """
        tls = self._tls
        if tls is None or self._proxy_header.is_begun or not tls.can_be_handed_on:
            return None
        return tls

    def release(self) -> Iterator[Chunk]:
        """Give the held chunks back, in order, and forget them.

        Without the start of the connection, it begins with the first chunk that
        fits: what comes before it is the end of something unknown.
        """
        chunks, self._chunks = self._chunks, []
        begin = 0
        is_beginning = self._saw_start or self._proxy_header.is_begun
        if not is_beginning and self._tls is None:
            fitting = [opening.since for opening in self._openings if opening.protocols]
            begin = min(fitting, default=0)
        for number, chunk in enumerate(chunks):
            if number >= begin or chunk.data is None:
                yield chunk

    def _look_at(self, chunk: Chunk) -> None:
        data = chunk.data
        if data and chunk.side is Side.CLIENT:
            data = self._behind_proxy_header(data)
        if chunk.data and not data:
            return
        if self._first_speaker is None:
            self._first_speaker = chunk.side
        if data:
            self._is_binary |= BINARY.search(data) is not None
            doubt = self._doubt
            self._listen(chunk.side, data)
            if doubt is not None and self.verdict is Verdict.UNDECIDED:
                is_mail = doubt.hear(chunk.side, data)
                if is_mail is not None:
                    self.verdict = Verdict.MAIL if is_mail else Verdict.OTHER
        else:
            self._has_gap |= chunk.gap > 0
            self._judge(chunk.side, at_end=True)

    def _behind_proxy_header(self, data: bytes) -> bytes:
        """Return what of the client's next bytes is no header of a proxy."""
        header = self._proxy_header
        if header.state is not HeaderState.OPEN:
            return data
        rest = header.feed(data)
        if header.is_begun and self._port_protocol is not None:
            # nothing else begins so, and it may be longer than what is held
            self.verdict = Verdict.MAIL
        return rest

    def _listen(self, side: Side, data: bytes) -> None:
        opening = self._openings[side]
        if opening.protocols is None:
            if not opening.data:
                opening.since = len(self._chunks) - 1
            opening.data += data[: OPENING_BYTES - len(opening.data)]
            self._judge(side)

    def _judge(self, side: Side, *, at_end: bool = False) -> None:
        """Judge a side's opening, if it is long enough, or won't get longer."""
        opening = self._openings[side]
        if opening.protocols is not None or not opening.data:
            return
        if self._port_protocol is None and self._tls is None and side is Side.CLIENT:
            is_tls = looks_like_tls(opening.data[:TLS_PREFIX_BYTES])
            if is_tls:
                self._enter_tls()
            if is_tls or (is_tls is None and not at_end):
                return
        server_began = self._first_speaker is Side.SERVER
        fitting = find_protocols(
            side,
            opening.data,
            self._port_protocol,
            server_began=server_began,
            at_end=at_end,
        )
        if fitting is None:
            return
        on_port = self._port_protocol
        if (
            on_port is not None
            and not fitting
            and (self._has_gap or not self._saw_start)
        ):
            # the middle of something: try again with the next packet
            opening.data.clear()
            return
        opening.protocols = fitting
        self._decide()

    def _enter_tls(self) -> None:
        """Look for mail behind TLS, beginning with what was held."""
        self._tls = ReadAhead(self._key_log, self._hosts)
        self._first_speaker = None
        for opening in self._openings:
            opening.data.clear()
        self._proxy_header = ProxyHeaderReader()
        for chunk in self._chunks:
            self._look_inside(self._tls, chunk)

    def _look_inside(self, ahead: ReadAhead, chunk: Chunk) -> None:
        """See what the client asks for, and what both sides say if there are keys."""
        side, data, gap, time_ns, frame = chunk
        if data is None:
            events = ahead.receive_eof(side, time_ns, frame)
        elif gap:
            events = ahead.receive_gap(side, gap, time_ns, frame)
        else:
            if side is Side.CLIENT:
                data = self._behind_proxy_header(data)
            events = ahead.receive_data(side, data, time_ns, frame)
        tls = ahead.tls
        offer = tls.client_hello
        if offer is None or self.verdict is not Verdict.UNDECIDED:
            return
        known = protocol_by_alpn()
        named = choose({known[alpn] for alpn in offer.alpn_protocols if alpn in known})
        if named is not None:
            self.verdict, self.protocol = Verdict.MAIL, named
        elif self._key_log is None or offer.random not in self._key_log or tls.opaque:
            self.verdict = Verdict.OTHER
        for event in events:
            if isinstance(event, ApplicationData):
                if self._first_speaker is None:
                    self._first_speaker = event.side
                self._listen(event.side, event.data)

    def _decide(self) -> None:
        """Compare what is known of both sides."""
        if self.verdict is not Verdict.UNDECIDED:
            return
        client, server = (opening.protocols for opening in self._openings)
        if self._port_protocol is not None:
            if self._port_protocol in (client or ()):
                is_news = _NNTP_GREETING.match(self._openings[Side.SERVER].data)
                self.verdict = Verdict.OTHER if is_news else Verdict.MAIL
            elif self._port_protocol in (server or ()):
                self._trust_server(self._openings[Side.SERVER].data)
            elif client is not None and server is not None:
                self.verdict = Verdict.OTHER
        elif client is not None and server is not None:
            self.protocol = choose(client & server)
            self.verdict = Verdict.OTHER if self.protocol is None else Verdict.MAIL
        elif not (client or server):
            self.verdict = Verdict.OTHER

    def _trust_server(self, greeting: bytearray) -> None:
        """Take the server's word, unless it may be another protocol's."""
        text = greeting.lower()
        is_plain = text.startswith(b"220") and self._saw_start and not self._has_gap
        is_smtp = self._port_protocol == Protocol.SMTP
        if not (is_smtp and is_plain) or MAIL_NAME.search(text):
            self.verdict = Verdict.MAIL
        elif FTP_NAME.search(text):
            self.verdict = Verdict.OTHER
        elif self._doubt is None:
            self._doubt = FtpDoubt()
