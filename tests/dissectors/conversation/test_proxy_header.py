from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING

import pytest

from dissectors import ImapDialogue, Pop3Dialogue, SmtpDialogue
from dissectors.detection.detector import Chunk, Detector, Verdict
from dissectors.events import (
    Anomaly,
    ClientForwarded,
    ClientNamed,
    Event,
    Exchange,
    ExtensionUsed,
    Side,
    TlsHandshakeSeen,
)
from dissectors.services import Protocol
from tests.support.playbook import CLIENT, SERVER, Playbook, split_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

    from dissectors.conversation.dialogue import Dialogue

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
TELLS = ["ADDR=203.0.113.7", "PORT=4711", "DESTADDR=192.0.2.10", "DESTPORT=25"]
TELLS_6 = ["ADDR=2001:db8::7", "PORT=4711", "DESTADDR=2001:db8::10", "DESTPORT=25"]
IPV4 = socket.inet_aton("203.0.113.7") + socket.inet_aton("192.0.2.10")
IPV6 = b"".join(
    socket.inet_pton(socket.AF_INET6, text) for text in ("2001:db8::7", "2001:db8::10")
)
PORTS = struct.pack(">HH", 4711, 25)
LINE = b"PROXY TCP4 203.0.113.7 192.0.2.10 4711 25\r\n"


def header(command: int, family: int, body: bytes) -> bytes:
    """A header of version 2."""
    return SIGNATURE + struct.pack(">BBH", command, family, len(body)) + body


BINARY = header(0x21, 0x11, IPV4 + PORTS)
SAYINGS = {
    "line": (LINE, TELLS),
    "line-6": (b"PROXY TCP6 2001:db8::7 2001:db8::10 4711 25\r\n", TELLS_6),
    "line-unknown": (b"PROXY UNKNOWN\r\n", None),
    "line-unknown-more": (b"PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n", None),
    "binary": (BINARY, TELLS),
    "binary-6": (header(0x21, 0x21, IPV6 + PORTS), TELLS_6),
    "binary-tlv": (header(0x21, 0x11, IPV4 + PORTS + b"\x02\0\x04mail"), TELLS),
    "binary-longest": (header(0x21, 0x11, (IPV4 + PORTS).ljust(0xFFFF, b"\n")), TELLS),
    "binary-local": (header(0x20, 0x00, b""), None),
    "binary-local-more": (header(0x20, 0x11, IPV4 + PORTS), None),
    "binary-unspecified": (header(0x21, 0x00, b"\x03\0\x04abcd"), None),
    "binary-unix": (header(0x21, 0x31, bytes(216)), None),
}
MALFORMED = {
    "line-family": b"PROXY UDP4 203.0.113.7 192.0.2.10 4711 25\r\n",
    "line-mixed": b"PROXY TCP6 203.0.113.7 192.0.2.10 4711 25\r\n",
    "line-address": b"PROXY TCP4 203.0.113.777 192.0.2.10 4711 25\r\n",
    "line-port": b"PROXY TCP4 203.0.113.7 192.0.2.10 70000 25\r\n",
    "line-short": b"PROXY TCP4\r\n",
    "line-bare-lf": LINE.replace(b"\r", b""),
    "line-long": b"PROXY UNKNOWN " + b"x" * 500 + b"\r\n",
    "binary-version": header(0x11, 0x11, IPV4 + PORTS),
    "binary-command": header(0x22, 0x11, IPV4 + PORTS),
    "binary-family": header(0x21, 0x41, IPV4 + PORTS),
    "binary-transport": header(0x21, 0x13, IPV4 + PORTS),
    "binary-short": header(0x21, 0x21, IPV4 + PORTS),
}
TALKS: dict[Protocol, tuple[type[Dialogue], bytes, bytes, bytes]] = {
    Protocol.SMTP: (SmtpDialogue, b"220 mx\r\n", b"EHLO a\r\n", b"250 mx\r\n"),
    Protocol.IMAP: (ImapDialogue, b"* OK hi\r\n", b"a NOOP\r\n", b"a OK\r\n"),
    Protocol.POP3: (Pop3Dialogue, b"+OK hi\r\n", b"NOOP\r\n", b"+OK\r\n"),
}


def told(events: list[Event]) -> list[str] | None:
    """What was told of the client."""
    return next((e.attributes for e in events if isinstance(e, ClientForwarded)), None)


@pytest.mark.parametrize("name", SAYINGS)
@pytest.mark.parametrize("protocol", TALKS)
def test_proxy_names_the_client_before_a_talk(name: str, protocol: Protocol) -> None:
    first, expected = SAYINGS[name]
    make, greeting, command, reply = TALKS[protocol]
    talk = Playbook(make).client(first).server(greeting).client(command)
    talk.server(reply).eof()

    events = talk.run()

    assert told(events) == expected
    assert not [e for e in events if isinstance(e, (Anomaly, ExtensionUsed))]
    exchanges = [e for e in events if isinstance(e, Exchange)]
    assert [e.kind for e in exchanges] == ["greeting", "command"]
    assert exchanges[1].reply_frame == 4
    if len(first) < 1000:
        talk.expect_same(split_bytes)


@pytest.mark.parametrize("together", [False, True], ids=["apart", "in one packet"])
@pytest.mark.parametrize("first", [LINE, BINARY], ids=["line", "binary"])
@pytest.mark.parametrize("make", [SmtpDialogue, ImapDialogue, Pop3Dialogue])
def test_proxy_names_the_client_before_tls(
    make: Callable[[], Dialogue], first: bytes, together: bool
) -> None:
    hello = (
        bytes.fromhex("160301002f0100002b0303")
        + bytes(32)
        + bytes.fromhex("000002130101000000")
    )
    talk = Playbook(make)
    if together:
        talk.client(first + hello)
    else:
        talk.client(first).client(hello)

    events = talk.eof().run()

    assert told(events) == TELLS
    (seen,) = (e for e in events if isinstance(e, TlsHandshakeSeen))
    assert len(seen.offer.ciphers) == 1
    assert not [e for e in events if isinstance(e, Anomaly | Exchange)]
    talk.expect_same(split_bytes)


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_header_is_passed_over(name: str) -> None:
    first = MALFORMED[name]
    talk = Playbook(SmtpDialogue).client(first).server(b"220 mx\r\n")
    talk.client(b"EHLO a\r\nWHAT-IS-THIS?\r\n").eof()

    events = talk.run()

    assert told(events) is None
    odd = [(e.code, e.frame) for e in events if isinstance(e, Anomaly)]
    assert odd[0] == ("proxy_header_malformed", 1)
    assert [e.name for e in events if isinstance(e, ClientNamed)] == ["a"]
    talk.expect_same(split_bytes)


def test_offsets_count_the_header() -> None:
    talk = Playbook(SmtpDialogue).client(BINARY).server(b"220 mx\r\n")
    talk.client(b"EHLO a\r\n").gap(CLIENT, 9)

    (gap,) = (e for e in talk.run() if isinstance(e, Anomaly))

    assert gap.offset == len(BINARY) + len(b"EHLO a\r\n")


def test_gap_in_the_header_hides_what_it_says() -> None:
    talk = Playbook(SmtpDialogue).client(BINARY[:20]).gap(CLIENT, len(BINARY) - 20)
    talk.client(b"EHLO a\r\n").eof()

    events = talk.run()

    assert told(events) is None
    assert [e.name for e in events if isinstance(e, ClientNamed)] == ["a"]


def test_line_end_that_no_header_follows_is_read_on() -> None:
    talk = Playbook(SmtpDialogue).server(b"220 mx\r\n").client(b"\r\n")
    talk.server(b"500 what?\r\n").client(b"EHLO a\r\n").server(b"250 mx\r\n").eof()

    exchanges = talk.events_of(Exchange)

    assert [(e.verb, e.reply_code) for e in exchanges][-1] == ("EHLO", 250)


def test_client_that_sends_part_of_a_signature_is_read() -> None:
    talk = Playbook(SmtpDialogue).client(SIGNATURE[:4]).client(b"EHLO a\r\n").eof()

    assert [e.name for e in talk.events_of(ClientNamed)] == ["a"]


@pytest.mark.parametrize("port_protocol", [None, Protocol.SMTP])
@pytest.mark.parametrize("saw_start", [True, False])
@pytest.mark.parametrize("first", [LINE, BINARY], ids=["line", "binary"])
def test_header_does_not_hide_the_protocol(
    port_protocol: Protocol | None, first: bytes, saw_start: bool
) -> None:
    detector = Detector(port_protocol, saw_start=saw_start)
    chunks = [(CLIENT, first), (SERVER, b"220 mx\r\n"), (CLIENT, b"EHLO a\r\n")]

    for number, (side, data) in enumerate(chunks):
        detector.receive(Chunk(side, data, 0, number, number))
        if detector.verdict is not Verdict.UNDECIDED:
            break

    assert (detector.verdict, detector.protocol) == (Verdict.MAIL, Protocol.SMTP)
    assert next(detector.release()) == Chunk(Side.CLIENT, first, 0, 0, 0)


@pytest.mark.parametrize("line", [b"PROXY secret", b"PROXY UNKNOWN secret"])
def test_server_repeats_a_line_of_which_nobody_knows_what_it_tells(line: bytes) -> None:
    talk = Playbook(SmtpDialogue).client(line + b"\r\n").server(b"220 mx\r\n")
    talk.server(b"500 unknown command: " + line + b"\r\n").eof()

    texts = [exchange.reply_text for exchange in talk.events_of(Exchange)]

    assert texts[0] == "mx"
    assert (texts[1] or "").startswith("unknown command: ")
    assert "secret" not in repr(texts)
