from __future__ import annotations

import random
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dissectors.detection.detector import (
    MAX_BUFFERED_BYTES,
    MAX_CHUNKS,
    Chunk,
    Detector,
    Verdict,
)
from dissectors.events import Side
from dissectors.services import Protocol
from dissectors.spec import Opening
from tests.support.plugins import ECHO, plugins

CLIENT, SERVER = Side.CLIENT, Side.SERVER
SMTP, IMAP, POP3 = Protocol.SMTP, Protocol.IMAP, Protocol.POP3
TLS_HELLO = b"\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03"

Step = tuple[Side, bytes]

MAIL = {
    SMTP: [(SERVER, b"220 mail.example.com ESMTP\r\n"), (CLIENT, b"EHLO a\r\n")],
    IMAP: [(SERVER, b"* OK IMAP4rev1 ready\r\n"), (CLIENT, b"a1 CAPABILITY\r\n")],
    POP3: [(SERVER, b"+OK ready\r\n"), (CLIENT, b"CAPA\r\n")],
}
OTHERS = {
    "redis": [(CLIENT, b"*1\r\n$4\r\nPING\r\n"), (SERVER, b"+PONG\r\n")],
    "redis set": [(CLIENT, b"*3\r\n$3\r\nSET\r\n"), (SERVER, b"+OK\r\n")],
    "redis inline": [(CLIENT, b"AUTH secret\r\n"), (SERVER, b"+OK\r\n")],
    "redis inline quit": [(CLIENT, b"QUIT\r\n"), (SERVER, b"+OK\r\n")],
    "nats": [
        (SERVER, b'INFO {"server_id":"x"}\r\n'),
        (CLIENT, b'CONNECT {"verbose":true}\r\n'),
        (SERVER, b"+OK\r\n"),
    ],
    "nats without its start": [
        (SERVER, b"+OK\r\n"),
        (CLIENT, b"SUB orders 1\r\n"),
        (SERVER, b"+OK\r\n"),
    ],
    "ftp": [(SERVER, b"220 FTP server ready\r\n"), (CLIENT, b"USER anonymous\r\n")],
    "ftp tls": [(SERVER, b"220-FTP\r\n220 ready\r\n"), (CLIENT, b"AUTH TLS\r\n")],
    "ftp help": [(SERVER, b"220 FTP\r\n"), (CLIENT, b"HELP\r\n")],
    "ftp quit": [(SERVER, b"220 FTP\r\n"), (CLIENT, b"QUIT\r\n")],
    "nntp": [(SERVER, b"200 news ready\r\n"), (CLIENT, b"MODE READER\r\n")],
    "nntp list": [(SERVER, b"200 news ready\r\n"), (CLIENT, b"LIST\r\n")],
    "nntp help": [(SERVER, b"201 news ready\r\n"), (CLIENT, b"HELP\r\n")],
    "http": [(CLIENT, b"GET / HTTP/1.1\r\n"), (SERVER, b"HTTP/1.1 200 OK\r\n")],
    "http search": [(CLIENT, b"GET SEARCH x\r\n"), (SERVER, b"HTTP/1.1 200 OK\r\n")],
    "ssh": [(SERVER, b"SSH-2.0-OpenSSH_9.6\r\n"), (CLIENT, b"SSH-2.0-Go\r\n")],
    "irc": [(CLIENT, b"NICK tom\r\nUSER tom\r\n"), (SERVER, b":irc NOTICE *\r\n")],
    "managesieve": [(SERVER, b'"SIEVE" "fileinto"\r\nOK\r\n'), (CLIENT, b"LOGOUT\r\n")],
    "tls": [(CLIENT, TLS_HELLO), (SERVER, TLS_HELLO)],
}


def detect(
    steps: list[Step], port: Protocol | None = None, *, saw_start: bool = True
) -> Detector:
    detector = Detector(port, saw_start=saw_start)
    for frame, (side, data) in enumerate(steps, 1):
        if detector.verdict is Verdict.UNDECIDED:
            detector.receive(Chunk(side, data, 0, frame * 1000, frame))
    detector.finish()
    return detector


def found(
    steps: list[Step], port: Protocol | None = None, *, saw_start: bool = True
) -> str | None:
    detector = detect(steps, port, saw_start=saw_start)
    return detector.protocol if detector.verdict is Verdict.MAIL else None


def in_bytes(steps: list[Step]) -> list[Step]:
    return [(side, data[i : i + 1]) for side, data in steps for i in range(len(data))]


def data(detector: Detector) -> bytes:
    return b"".join(chunk.data or b"" for chunk in detector.release())


@pytest.mark.parametrize("protocol", MAIL)
def test_both_sides_tell_the_protocol_on_any_port(protocol: Protocol) -> None:
    steps = MAIL[protocol]

    assert found(steps) is protocol
    assert found(steps[::-1]) is protocol
    assert found(in_bytes(steps)) is protocol
    assert found(in_bytes(steps[::-1])) is protocol


@pytest.mark.parametrize("protocol", MAIL)
def test_plugin_that_says_it_is_anything_takes_no_mail(protocol: Protocol) -> None:
    anything = Opening(server=re.compile(b""), client=re.compile(b""))
    ready: list[Step] = [(SERVER, b"ready\r\n"), (CLIENT, b"go\r\n")]
    with plugins() as install:
        install(replace(ECHO, opening=anything))

        assert found(MAIL[protocol]) is protocol
        assert found(MAIL[protocol][::-1]) is protocol
        assert found(ready) == "echo"


@pytest.mark.parametrize("saw_start", [True, False])
@pytest.mark.parametrize("name", OTHERS)
def test_other_protocols_are_no_mail_on_other_ports(name: str, saw_start: bool) -> None:
    steps = OTHERS[name]

    assert found(steps, saw_start=saw_start) is None
    assert found(in_bytes(steps), saw_start=saw_start) is None


def test_random_bytes_are_no_mail() -> None:
    noise = random.Random(1)
    for _ in range(200):
        steps = [(side, noise.randbytes(200)) for side in (CLIENT, SERVER) * 3]
        assert found(steps) is None
        for port in Protocol:
            assert found(steps, port) is None


@pytest.mark.parametrize("protocol", MAIL)
def test_one_side_is_not_enough_on_other_ports(protocol: Protocol) -> None:
    for step in MAIL[protocol]:
        assert found([step]) is None


@pytest.mark.parametrize("protocol", MAIL)
def test_one_side_is_enough_on_a_mail_port(protocol: Protocol) -> None:
    for step in MAIL[protocol]:
        assert found([step], protocol) is protocol
        assert found(in_bytes([step]), protocol) is protocol


@pytest.mark.parametrize("protocol", MAIL)
def test_mail_is_found_at_once(protocol: Protocol) -> None:
    detector = Detector(protocol, saw_start=True)

    side, greeting = MAIL[protocol][0]

    assert detector.receive(Chunk(side, greeting, 0, 1, 1)) is Verdict.MAIL


@pytest.mark.parametrize("port", Protocol)
@pytest.mark.parametrize("side", Side)
def test_tls_counts_for_what_the_port_is_for(port: Protocol, side: Side) -> None:
    assert found([(side, TLS_HELLO)], port) is port
    assert found(in_bytes([(side, TLS_HELLO)]), port) is port


@pytest.mark.parametrize(
    ("side", "opening"),
    [
        (CLIENT, b"GET / HTTP/1.1\r\nHost: mail.example.com\r\n\r\n"),
        (SERVER, b"HTTP/1.1 200 OK\r\n\r\n"),
        (SERVER, b"SSH-2.0-OpenSSH_9.6\r\n"),
        (CLIENT, b"*1\r\n$4\r\nPING\r\n"),
    ],
)
def test_other_protocols_are_no_mail_on_mail_ports(side: Side, opening: bytes) -> None:
    for port in Protocol:
        assert found([(side, opening)], port) is None
        assert found(in_bytes([(side, opening)]), port) is None


def test_mail_protocol_of_another_port_is_not_taken_for_it() -> None:
    assert found(MAIL[IMAP], POP3) is None
    assert found(MAIL[POP3], IMAP) is None


@pytest.mark.parametrize("pieces", [(b"2", b"20", b" mail\r\n"), (b"22", b"0\r\n")])
def test_greeting_comes_in_small_pieces(pieces: tuple[bytes, ...]) -> None:
    assert found([(SERVER, piece) for piece in pieces], SMTP) is SMTP


@pytest.mark.parametrize(
    "greeting", [b"220", b"220 mail.example.com", b"XXXX\r\n220 mail.example.com\r\n"]
)
def test_client_tells_what_an_odd_greeting_does_not(greeting: bytes) -> None:
    assert found([(SERVER, greeting), (CLIENT, b"EHLO a\r\n")], SMTP) is SMTP


@pytest.mark.parametrize("greeting", [b"220", b"220 mail.example.com"])
def test_greeting_without_line_end_is_judged_at_the_end(greeting: bytes) -> None:
    assert found([(SERVER, greeting)], SMTP) is SMTP
    assert found([(CLIENT, b"EHLO a\r\n"), (SERVER, greeting)]) is SMTP


def test_empty_lines_before_the_first_are_skipped() -> None:
    assert found([(SERVER, b"\r\n"), (SERVER, b"\r\n+OK ready\r\n")], POP3) is POP3


def test_verbs_are_known_in_any_case() -> None:
    assert found([(CLIENT, b"ehlo a\r\n"), (SERVER, b"220 mail\r\n")]) is SMTP
    assert found([(CLIENT, b"a login x y\r\n"), (SERVER, b"* ok hi\r\n")]) is IMAP
    assert found([(SERVER, b"+ok hi\r\n"), (CLIENT, b"user tom\r\n")]) is POP3


def test_bare_greeting_of_a_pop3_server_that_speaks_first() -> None:
    assert found([(SERVER, b"+OK\r\n"), (CLIENT, b"USER tom\r\n")]) is POP3


def test_line_without_end_is_not_waited_for() -> None:
    detector = Detector(None, saw_start=True)
    steps = [(SERVER, b"220 " + b"x" * 600), (CLIENT, b"y" * 600)]

    verdicts = [detector.receive(Chunk(*step, 0, 1, 1)) for step in steps]

    assert verdicts == [Verdict.UNDECIDED, Verdict.OTHER]


@given(
    steps=st.sampled_from([*MAIL.values(), *OTHERS.values()]),
    port=st.sampled_from([None, *Protocol]),
    cuts=st.lists(st.integers(1, 40), max_size=6),
)
def test_splits_do_not_matter(
    steps: list[Step], port: Protocol | None, cuts: list[int]
) -> None:
    split = [
        (side, data[start:end])
        for side, data in steps
        for start, end in zip([0, *sorted(cuts)], [*sorted(cuts), None], strict=True)
        if data[start:end]
    ]

    assert found(split, port) is found(steps, port)


@given(
    text=st.text("abc 0+*OK\r\n", min_size=1, max_size=200).map(str.encode),
    side=st.sampled_from(Side),
    cuts=st.lists(st.integers(1, 200), max_size=6),
)
def test_splits_of_text_without_its_start_do_not_matter(
    text: bytes, side: Side, cuts: list[int]
) -> None:
    places = [0, *sorted(cuts)]
    split = [
        (side, text[start:end])
        for start, end in zip(places, [*places[1:], None], strict=True)
        if text[start:end]
    ]

    assert found([(side, text)], SMTP, saw_start=False) is SMTP
    assert found(split, SMTP, saw_start=False) is SMTP


def test_text_without_its_start_may_be_a_message() -> None:
    steps = [(CLIENT, b"and so on\r\n"), (SERVER, b"words\r\n")]

    assert found(steps, SMTP, saw_start=False) is SMTP
    assert found(steps, SMTP) is None
    assert found(steps, saw_start=False) is None


def test_bytes_without_their_start_are_no_message() -> None:
    steps = [(CLIENT, b"\0\0\x01\x02" * 30), (SERVER, b"\x80\0\x01\x02" * 30)]

    assert found(steps, SMTP, saw_start=False) is None


def test_connection_without_its_start_begins_with_the_first_line_that_fits() -> None:
    steps = [
        (CLIENT, b"the end of a message\r\n"),
        (CLIENT, b".\r\n"),
        (SERVER, b"250 queued\r\n"),
    ]

    detector = detect(steps, SMTP, saw_start=False)

    assert detector.verdict is Verdict.MAIL
    assert data(detector) == b"250 queued\r\n"


def test_encrypted_connection_without_its_start_begins_with_a_record() -> None:
    steps = [(SERVER, b"\x91\x17\0" * 50), (SERVER, b"\x17\x03\x03\0\x20" + bytes(32))]

    detector = detect(steps, IMAP, saw_start=False)

    assert detector.verdict is Verdict.MAIL
    assert data(detector) == steps[1][1]


def test_connection_with_its_start_is_given_back_in_full() -> None:
    steps = [(CLIENT, b"CONNECT mail\r\n"), (SERVER, b"220 mail.example.com\r\n")]

    assert data(detect(steps, SMTP)) == b"".join(data for _, data in steps)


def test_silent_connection_is_taken_at_its_port_s_word() -> None:
    detector = Detector(SMTP, saw_start=True)
    detector.receive(Chunk(SERVER, None, 0, 1, 1))
    detector.receive(Chunk(CLIENT, None, 0, 1, 1))

    assert detector.finish() is Verdict.MAIL
    assert [chunk.side for chunk in detector.release()] == [SERVER, CLIENT]


def test_silent_connection_without_its_start_is_nothing() -> None:
    detector = Detector(SMTP, saw_start=False)
    detector.receive(Chunk(SERVER, None, 0, 1, 1))

    assert detector.finish() is Verdict.OTHER


def test_payload_that_was_not_captured_is_taken_at_its_port_s_word() -> None:
    detector = Detector(IMAP, saw_start=False)
    detector.receive(Chunk(SERVER, b"", 200, 1, 1))

    assert detector.finish() is Verdict.MAIL


def test_lines_behind_a_gap_are_tried_again() -> None:
    detector = Detector(SMTP, saw_start=True)
    detector.receive(Chunk(SERVER, b"", 200, 1, 1))
    detector.receive(Chunk(SERVER, b"rest of a line\r\n", 0, 1, 1))

    assert detector.receive(Chunk(SERVER, b"250 ok\r\n", 0, 2, 2)) is Verdict.MAIL


def test_gap_ends_a_line() -> None:
    detector = Detector(SMTP, saw_start=True)
    detector.receive(Chunk(SERVER, b"220 mail.exam", 0, 1, 1))

    assert detector.receive(Chunk(SERVER, b"", 10, 1, 1)) is Verdict.MAIL


def test_end_of_one_side_leaves_the_other_its_say() -> None:
    detector = Detector(SMTP, saw_start=True)
    detector.receive(Chunk(CLIENT, b"?\r\n", 0, 1, 1))
    detector.receive(Chunk(CLIENT, None, 0, 1, 1))

    assert detector.receive(Chunk(SERVER, b"220 hi ESMTP\r\n", 0, 1, 1)) is Verdict.MAIL
    assert [chunk.data for chunk in detector.release()] == [
        b"?\r\n",
        None,
        b"220 hi ESMTP\r\n",
    ]


def test_long_talk_of_one_side_is_not_kept() -> None:
    detector = Detector(POP3, saw_start=False)
    chunk = Chunk(SERVER, b"x" * 1000 + b"\r\n", 0, 1, 1)

    count = 0
    while detector.receive(chunk) is Verdict.UNDECIDED:
        count += 1

    assert count * 1002 <= MAX_BUFFERED_BYTES


@pytest.mark.parametrize("chunk", [b"", b"\n"])
def test_many_small_chunks_are_not_kept(chunk: bytes) -> None:
    detector = Detector(POP3, saw_start=True)

    count = 0
    while detector.receive(Chunk(SERVER, chunk, 1 - len(chunk), 1, 1)) is (
        Verdict.UNDECIDED
    ):
        count += 1

    assert count <= MAX_CHUNKS


ON_MAIL_PORT = {
    "ftp": [(SERVER, b"220 ProFTPD Server ready.\r\n"), (CLIENT, b"USER a\r\n")],
    "ftp of no name": [
        (SERVER, b"220 Welcome\r\n"),
        (CLIENT, b"USER a\r\n"),
        (SERVER, b"331 Password?\r\n"),
    ],
    "ftp with tls": [
        (SERVER, b"220-Hi\r\n220 there\r\n"),
        (CLIENT, b"AUTH TLS\r\n"),
        (SERVER, b"500 no\r\n"),
        (CLIENT, b"USER a\r\n"),
        (SERVER, b"230 in\r\n"),
    ],
    "nntp": [(SERVER, b"200 news\r\n"), (CLIENT, b"MODE READER\r\n")],
    "nntp quit": [(SERVER, b"201 news\r\n"), (CLIENT, b"QUIT\r\n")],
    "http": [(SERVER, b"HTTP/1.1 400 Bad\r\n"), (CLIENT, b"GET / HTTP/1.1\r\n")],
}


@pytest.mark.parametrize("split", [False, True])
@pytest.mark.parametrize("name", ON_MAIL_PORT)
def test_other_protocols_on_an_smtp_port_are_no_mail(name: str, split: bool) -> None:
    steps = ON_MAIL_PORT[name]
    if split:
        steps = [(side, bytes((byte,))) for side, data in steps for byte in data]

    assert detect(steps, SMTP).finish() is Verdict.OTHER


@pytest.mark.parametrize("greeting", [b"220 Welcome\r\n", b"220 ftp.example.com\r\n"])
@pytest.mark.parametrize(
    "rest",
    [
        [],
        [(CLIENT, b"EHLO a\r\n")],
        [(CLIENT, TLS_HELLO)],
        [(CLIENT, b"QUIT\r\n"), (SERVER, b"221 bye\r\n")],
        # a client of POP3 that is set up wrongly
        [(CLIENT, b"USER a\r\n"), (SERVER, b"500 what?\r\n"), (CLIENT, b"PASS b\r\n")],
        [(CLIENT, b"GET / HTTP/1.1\r\n"), (SERVER, b"500 what?\r\n")],
        [(CLIENT, b"?\r\n"), (SERVER, b"500 what?\r\n"), (CLIENT, b"EHLO a\r\n")],
    ],
)
def test_server_that_does_not_say_what_it_is_speaks_smtp(
    greeting: bytes, rest: list[Step]
) -> None:
    detector = detect([(SERVER, greeting), *rest], SMTP)

    assert detector.finish() is Verdict.MAIL
    assert data(detector).startswith(greeting)
