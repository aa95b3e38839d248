"""Which mail protocol a connection speaks: the port first, then what both sides say.

On a mail port, one side that fits is enough, and a connection without payload is
taken at its port's word. On any other port both sides must fit one protocol:
Redis and NATS servers say `+OK`, FTP servers say `220`, but their clients don't
speak mail. TLS counts for whatever protocol the port is for.

Bounded by `MAX_BUFFERED_BYTES` per connection; each chunk is looked at once.
"""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import TYPE_CHECKING, NamedTuple

from dissectors.events import Side
from dissectors.services import Protocol
from dissectors.tls import TLS_PREFIX_BYTES, looks_like_tls

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_BUFFERED_BYTES = 16 * 1024
_PREFIX_BYTES = 512

# How the first packet of either side begins, where nothing but content can tell.
SERVER_BEGINNINGS = (b"220 ", b"220-", b"* OK", b"* PR", b"+OK ", b"+OK\r")
CLIENT_BEGINNINGS = (b"EHLO", b"HELO", b"LHLO")

# RFC 5321 §4.2: three digits, then a hyphen, a blank or the line end
_SMTP_REPLY = re.compile(rb"[2-5][0-5][0-9](?:[ \-\r\n]|$)")
# RFC 1939 §3
_POP3_REPLY = re.compile(rb"(?:\+OK|-ERR)(?:[ \r\n]|$)", re.IGNORECASE)
# RFC 9051 §7: untagged, tagged and continuation responses
_IMAP_RESPONSE = re.compile(
    rb"(?:\*|[^\x00-\x20(){%*\"\\+\]]{1,40}) "
    rb"(?:OK|NO|BAD|BYE|PREAUTH|CAPABILITY|[0-9]{1,10} [A-Z]|LIST|FLAGS|SEARCH|ID)",
    re.IGNORECASE,
)
_SMTP_COMMAND = re.compile(
    rb"(?:EHLO|HELO|LHLO|MAIL FROM|RCPT TO|DATA|BDAT|RSET|VRFY|EXPN|STARTTLS|AUTH"
    rb"|ETRN|XCLIENT|X-ANONYMOUSTLS|NOOP|QUIT|HELP)(?:[ :\r\n]|$)",
    re.IGNORECASE,
)
# what an SMTP client says first; FTP and NNTP share the other commands
_SMTP_FIRST_COMMAND = re.compile(rb"(?:EHLO|HELO|LHLO)(?:[ \r\n]|$)", re.IGNORECASE)
_POP3_COMMAND = re.compile(
    rb"(?:USER|PASS|APOP|AUTH|CAPA|STLS|STAT|LIST|RETR|DELE|UIDL|TOP|LAST|RSET|UTF8"
    rb"|LANG|NOOP|QUIT)(?:[ \r\n]|$)",
    re.IGNORECASE,
)
_IMAP_COMMAND = re.compile(
    rb"[^\x00-\x20(){%*\"\\+\]]{1,40} "
    rb"(?:CAPABILITY|NOOP|LOGOUT|STARTTLS|AUTHENTICATE|LOGIN|ENABLE|SELECT|EXAMINE"
    rb"|CREATE|DELETE|RENAME|SUBSCRIBE|UNSUBSCRIBE|LIST|LSUB|XLIST|NAMESPACE|STATUS"
    rb"|APPEND|IDLE|CLOSE|UNSELECT|EXPUNGE|SEARCH|FETCH|STORE|COPY|MOVE|UID|ID|CHECK"
    rb"|COMPRESS|GETQUOTAROOT|GETQUOTA|SORT|THREAD|NOTIFY)(?:[ \r\n]|$)",
    re.IGNORECASE,
)
_SPEECH = {
    Side.SERVER: (
        (Protocol.SMTP, _SMTP_REPLY),
        (Protocol.IMAP, _IMAP_RESPONSE),
        (Protocol.POP3, _POP3_REPLY),
    ),
    Side.CLIENT: (
        (Protocol.SMTP, _SMTP_COMMAND),
        (Protocol.IMAP, _IMAP_COMMAND),
        (Protocol.POP3, _POP3_COMMAND),
    ),
}
# The bytes that no line of text has
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


class Verdict(Enum):
    """What a detector found."""

    UNDECIDED = auto()
    MAIL = auto()
    OTHER = auto()


class Chunk(NamedTuple):
    """What one packet added to a side's stream; a gap of `gap` bytes before it."""

    side: Side
    data: bytes
    gap: int
    time_ns: int
    frame: int


class Detector:
    """Holds a connection's first bytes until it is known what they are.

    Args:
        port_protocol: what the server's port is for; `None` if it is no mail port.
        saw_start: whether the first bytes are the beginning of the streams.

    Attributes:
        verdict: what was found so far.
        protocol: the protocol, once the verdict is `MAIL`.
    """

    def __init__(self, port_protocol: Protocol | None, *, saw_start: bool) -> None:
        self.verdict = Verdict.UNDECIDED
        self.protocol = port_protocol
        self._port_protocol = port_protocol
        self._saw_start = saw_start
        self._chunks: list[Chunk] = []
        self._size = 0
        self._spoken: list[set[Protocol] | None] = [None, None]
        # index of the first chunk of each side that fits
        self._fits_from: list[int | None] = [None, None]
        self._is_binary = False

    def receive(self, chunk: Chunk) -> Verdict:
        """Take the next chunk, and say what the connection is by now."""
        self._chunks.append(chunk)
        self._size += len(chunk.data)
        if chunk.data:
            self._listen(chunk)
        if self.verdict is Verdict.UNDECIDED and self._size > MAX_BUFFERED_BYTES:
            self.finish()
        return self.verdict

    def finish(self) -> Verdict:
        """Decide: nothing more will come."""
        if self.verdict is Verdict.UNDECIDED:
            silent = self._size == 0
            # text that began before the capture may be the middle of a message
            unclear = not self._saw_start and not self._is_binary
            on_port = self._port_protocol is not None
            is_mail = on_port and (silent or unclear)
            self.verdict = Verdict.MAIL if is_mail else Verdict.OTHER
        return self.verdict

    def release(self) -> Iterator[Chunk]:
        """Give the held chunks back, in order, and forget them.

        Without the start of the connection, a side begins with its first chunk
        that fits: what comes before it is the end of something unknown.
        """
        chunks, self._chunks = self._chunks, []
        for number, chunk in enumerate(chunks):
            begin = self._fits_from[chunk.side]
            if self._saw_start or begin is None or number >= begin:
                yield chunk

    def _listen(self, chunk: Chunk) -> None:
        side, data = chunk.side, chunk.data
        if self._fits_from[side] is None:
            spoken = self._protocols_of(side, data)
            if spoken:
                self._fits_from[side] = len(self._chunks) - 1
                self._spoken[side] = spoken
            else:
                self._spoken[side] = set()
                self._is_binary |= _BINARY.search(data, 0, _PREFIX_BYTES) is not None
        if self._port_protocol is not None:
            if any(self._port_protocol in (spoken or ()) for spoken in self._spoken):
                self.verdict = Verdict.MAIL
            return
        client, server = self._spoken
        if client is None or server is None:
            return
        both = client & server
        self.verdict = Verdict.MAIL if len(both) == 1 else Verdict.OTHER
        self.protocol = next(iter(both), None)

    def _protocols_of(self, side: Side, data: bytes) -> set[Protocol]:
        """The protocols that a chunk may begin with."""
        on_port = self._port_protocol
        if on_port is not None and looks_like_tls(data[:TLS_PREFIX_BYTES]):
            return {on_port}
        start = data[:_PREFIX_BYTES].lstrip(b"\r\n")
        found = {name for name, speech in _SPEECH[side] if speech.match(start)}
        if on_port is None and side is Side.CLIENT:
            if not _SMTP_FIRST_COMMAND.match(start):
                found.discard(Protocol.SMTP)
        return found
