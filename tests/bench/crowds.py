"""Hostile captures of many connections at a time, each of which wants some memory.

All connections take a step before any takes the next one, so that all are open, and
hold what they can, at the same time; or so many at a time, one lot after the other.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dissectors.events import Side
from tests.support.tls import wire

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CLIENT, SERVER = Side
MANY = 65_536
FLOOD = 800_000
_ACK, _RST, _SYN = 0x10, 0x04, 0x02
_PCAP_HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262_144, 1)
_RECORD = struct.Struct("<IIII")
_ETHERNET = b"\x02\0\0\0\0\x01\x02\0\0\0\0\x02\x08\0"
_IPV4 = struct.Struct(">BBHHHBBH4s4s")
_TCP = struct.Struct(">HHIIBBHHH")
_START_S = 1_750_000_000
_SERVER_IP = b"\xc0\0\x02\x19"
_WRITTEN_AT_ONCE = 1024

# what a side sends in a packet, or how many bytes of it are not in the capture
Step = tuple[Side, bytes | int]
# the side and the flags of each packet before the steps
Opening = tuple[tuple[Side, int], ...]
HANDSHAKE: Opening = ((CLIENT, _SYN), (SERVER, _SYN | _ACK), (CLIENT, _ACK))
REFUSAL: Opening = ((CLIENT, _SYN), (SERVER, _RST | _ACK))


@dataclass(frozen=True, slots=True)
class Crowd:
    """Connections that all do the same.

    Attributes:
        port: the server's.
        steps: what each connection does.
        connections: how many there are, each from an address of its own.
        opening: how each begins.
        at_once: how many are open at the same time; `None` for all.
    """

    port: int
    steps: tuple[Step, ...]
    connections: int = MANY
    opening: Opening = HANDSHAKE
    at_once: int | None = None


def _numbered(command: bytes, count: int) -> bytes:
    return b"".join(b"a%d %b\r\n" % (number, command) for number in range(count))


def _deflated(data: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return stream.compress(data) + stream.flush(zlib.Z_SYNC_FLUSH)


def _hello(suites: int) -> bytes:
    body = wire.client_hello_body(suites=tuple(range(1, suites)))
    return wire.record(0x16, wire.handshake(1, body))


SMTP = ((SERVER, b"220 x\r\n"), (CLIENT, b"EHLO x\r\n"), (SERVER, b"250 x\r\n"))
ENVELOPE = (
    *SMTP,
    (CLIENT, b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n"),
    (SERVER, b"250 ok\r\n250 ok\r\n354 go\r\n"),
)
IMAP = ((SERVER, b"* PREAUTH x\r\n"),)
POP3 = ((SERVER, b"+OK x\r\n"), (CLIENT, b"PASS x\r\n"), (SERVER, b"+OK\r\n"))
COMPRESSED = (*IMAP, (CLIENT, b"a COMPRESS DEFLATE\r\n"), (SERVER, b"a OK\r\n"))
_PARTS = b"--b\r\nContent-Disposition: attachment\r\n\r\nx\r\n"
_STRUCTURE = b'* 7 FETCH (BODYSTRUCTURE ("A" "B" ("NAME" "x") NIL NIL "7BIT" 9))\r\n'

CROWDS = {
    "SYNs": Crowd(25, (), FLOOD, HANDSHAKE[:1]),
    "half-open": Crowd(25, (), FLOOD // 2, HANDSHAKE[:2]),
    "half-open, answered at once": Crowd(25, (), FLOOD // 2, HANDSHAKE[:2], 100),
    "refused": Crowd(25, (), FLOOD // 2, REFUSAL),
    "refused at once": Crowd(25, (), FLOOD // 2, REFUSAL, 100),
    "nothing said": Crowd(25, ()),
    "nothing said, a flood": Crowd(25, (), FLOOD // 4, at_once=100),
    "undecided starts": Crowd(143, ((CLIENT, b"x"),) * 3),
    "PROXY headers": Crowd(25, ((CLIENT, b"PROXY TCP4 192.0.2.1 "),)),
    "greetings": Crowd(25, SMTP),
    "SMTP commands": Crowd(25, (*SMTP, (CLIENT, b"NOOP\r\n" * 20))),
    "POP3 commands": Crowd(110, (*POP3, (CLIENT, b"NOOP\r\n" * 20))),
    "IMAP commands": Crowd(143, (*IMAP, (CLIENT, _numbered(b"NOOP", 20)))),
    "1,024 IMAP commands": Crowd(
        143, (*IMAP, (CLIENT, _numbered(b"NOOP", 1024))), 2400
    ),
    "answered commands": Crowd(
        143,
        (*IMAP, (CLIENT, _numbered(b"NOOP", 10)), (SERVER, _numbered(b"OK", 10))),
    ),
    "wrong commands": Crowd(143, (*IMAP, (CLIENT, b"\x01\r\n" * 50))),
    "compression": Crowd(143, (*COMPRESSED, (CLIENT, _deflated(b"b NOOP\r\n")))),
    "compressed commands": Crowd(
        143, (*COMPRESSED, (CLIENT, _deflated(_numbered(b"NOOP", 1000)))), 3000
    ),
    "a few compressed commands": Crowd(
        143, (*COMPRESSED, (CLIENT, _deflated(_numbered(b"NOOP", 45)))), 12_000
    ),
    "compressed lines": Crowd(
        143, (*COMPRESSED, (CLIENT, _deflated(bytes(60_000)))), 10_000
    ),
    "literals": Crowd(143, (*IMAP, (CLIENT, b"a LOGIN {1000+}\r\n" + b"x" * 200))),
    "literals of messages": Crowd(
        143, (*IMAP, (CLIENT, b"a APPEND x {9999+}\r\nTo: " + b"x" * 200))
    ),
    "held behind STARTTLS": Crowd(
        143, (*IMAP, (CLIENT, b"a STARTTLS\r\n" + b"x" * 200))
    ),
    "held behind DATA": Crowd(25, (*SMTP, (CLIENT, b"DATA\r\n" + b"x" * 200))),
    "lines without end": Crowd(25, (*SMTP, (CLIENT, b"x" * 200))),
    "large lines without end": Crowd(25, (*SMTP, (CLIENT, b"x" * 60_000)), 300),
    "header fields": Crowd(25, (*ENVELOPE, (CLIENT, b"To: a@b, c@d\r\n" * 10))),
    "parts": Crowd(
        25,
        (
            *ENVELOPE,
            (CLIENT, b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + _PARTS * 5),
        ),
    ),
    "nested parts": Crowd(
        25,
        (
            *ENVELOPE,
            (CLIENT, b"Content-Type: message/rfc822\r\n\r\n" * 5),
        ),
    ),
    "uuencoded files": Crowd(
        25, (*ENVELOPE, (CLIENT, b"\r\n" + b"begin 644 a\r\nend\r\n" * 10))
    ),
    "messages": Crowd(
        25,
        (
            *ENVELOPE,
            (CLIENT, b"Subject: x\r\n\r\n.\r\n"),
            (SERVER, b"250 ok\r\n"),
        ),
    ),
    "structures": Crowd(
        143, (*IMAP, (CLIENT, b"a FETCH 1 BODYSTRUCTURE\r\n"), (SERVER, _STRUCTURE * 2))
    ),
    "recipients": Crowd(
        25,
        (
            *SMTP,
            (CLIENT, b"MAIL FROM:<a@b>\r\n" + b"RCPT TO:<someone@example.com>\r\n" * 8),
            (SERVER, b"250 ok\r\n" * 9),
        ),
    ),
    "capabilities": Crowd(
        25,
        (
            *SMTP[:2],
            (
                SERVER,
                b"".join(b"250-X%d\r\n" % each for each in range(20)) + b"250 Y\r\n",
            ),
        ),
    ),
    "SASL": Crowd(
        25, (*SMTP, (CLIENT, b"AUTH LOGIN\r\n"), (SERVER, b"334 VXNlcg==\r\n"))
    ),
    "half of a hello": Crowd(993, ((CLIENT, _hello(60)[:100]),)),
    "hellos": Crowd(993, ((CLIENT, _hello(60)),)),
    "large hellos": Crowd(993, ((CLIENT, _hello(8_000)[:15_000]),), 1_000),
    "out of order": Crowd(25, (*SMTP, (CLIENT, 10), (CLIENT, b"x" * 100))),
    "IDs": Crowd(143, (*IMAP, (CLIENT, b'a ID ("name" "%b")\r\n' % (b"x" * 200)))),
    "mailboxes": Crowd(
        143,
        (
            *IMAP,
            (CLIENT, _numbered(b"SELECT x", 5)),
            (SERVER, _numbered(b"OK x", 5)),
        ),
    ),
}


def packets(crowd: Crowd, share: float = 1.0) -> Iterator[bytes]:
    """The records of a capture, with the opening before the steps."""
    count = max(1, int(crowd.connections * share))
    time_us = 0
    at_once = crowd.at_once or count
    steps: list[tuple[Side, bytes | int, int]] = [
        *((side, b"", flags) for side, flags in crowd.opening),
        *((side, data, _ACK) for side, data in crowd.steps),
    ]
    for first in range(0, count, at_once):
        sequence = [1, 1]
        for side, data, flags in steps:
            if isinstance(data, int):
                sequence[side] += data
                continue
            for number in range(first, min(first + at_once, count)):
                time_us += 1
                step = side, data
                yield _record(time_us, crowd.port, number, step, flags, sequence)
            sequence[side] += len(data) + bool(flags & _SYN)


def _record(
    time_us: int,
    port: int,
    number: int,
    step: tuple[Side, bytes],
    flags: int,
    sequence: list[int],
) -> bytes:
    side, data = step
    ports = (1024 + number % 60_000, port)
    ends = (b"\x0a" + number.to_bytes(3, "big"), _SERVER_IP)
    acknowledged = sequence[1 - side] if flags & _ACK else 0
    # one large packet, as network cards hand them over
    size = 40 + len(data)
    packet = (
        _ETHERNET
        + _IPV4.pack(0x45, 0, size, 0, 0x4000, 64, 6, 0, ends[side], ends[1 - side])
        + _TCP.pack(
            ports[side],
            ports[1 - side],
            sequence[side],
            acknowledged,
            0x50,
            flags,
            65_535,
            0,
            0,
        )
        + data
    )
    seconds, microseconds = divmod(time_us, 1_000_000)
    length = len(packet)
    return _RECORD.pack(_START_S + seconds, microseconds, length, length) + packet


def write(crowd: Crowd, path: Path, share: float = 1.0) -> int:
    """Write a capture; return its size."""
    with path.open("wb") as file:
        file.write(_PCAP_HEADER)
        waiting: list[bytes] = []
        for each in packets(crowd, share):
            waiting.append(each)
            if len(waiting) == _WRITTEN_AT_ONCE:
                file.write(b"".join(waiting))
                waiting.clear()
        file.write(b"".join(waiting))
    return path.stat().st_size
