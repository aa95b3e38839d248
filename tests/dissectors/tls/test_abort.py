"""What follows a handshake that failed."""

from __future__ import annotations

import pytest

from dissectors import new_dissector
from dissectors.events import Anomaly, Event, Exposure, Side, TlsHandshakeSeen
from dissectors.services import Protocol
from tests.support.tls import wire
from tests.support.tls.mail import (
    SMTP,
    Turns,
    alert_names,
    codes,
    in_pieces,
    logins,
    play,
    read,
    verbs,
)
from tests.support.tls.openssl import Settings
from tests.support.tls.sealing import SECRETS, Seal, key_log

CLIENT, SERVER = Side


@pytest.mark.parametrize("is_joined", [False, True])
def test_clear_text_may_follow_a_handshake_that_failed(*, is_joined: bool) -> None:
    alert = (SERVER, wire.record(21, b"\2\x28"))
    rest: Turns = [(SERVER, b"554 TLS failed\r\n"), *SMTP[1:]]
    hello = (CLIENT, play(Settings(), []).steps[0][1])
    steps = [*SMTP[:3], (CLIENT, b"STARTTLS\r\n"), (SERVER, b"220 go\r\n"), hello]
    if is_joined:
        rest[0] = (SERVER, alert[1] + rest[0][1])
    else:
        steps.append(alert)

    events = read(Protocol.SMTP, steps + rest)

    assert alert_names(events) == ["handshake_failure"]
    assert logins(events) == [(Exposure.PASSWORD, False)]
    assert "DATA" in verbs(events)


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_records_behind_a_fatal_alert_are_passed_over(size: int) -> None:
    fatal, closing = (wire.record(21, body) for body in (b"\2\x28", b"\1\0"))
    steps = [*SMTP[:3], (CLIENT, b"STARTTLS\r\n"), (SERVER, b"220 go\r\n")]
    steps += [(CLIENT, wire.CLIENT_HELLO), (SERVER, fatal + closing)]
    steps += [(CLIENT, closing + wire.APPLICATION_DATA + SMTP[3][1])]
    steps += [(SERVER, wire.CHANGE_CIPHER_SPEC + SMTP[4][1]), *SMTP[5:]]
    pieces = [
        (side, data[at : at + size])
        for side, data in steps
        for at in range(0, len(data), size)
    ]

    events = read(Protocol.SMTP, pieces)

    assert logins(events) == [(Exposure.PASSWORD, False)]
    assert codes(events) == []
    assert alert_names(events) == ["handshake_failure"]
    assert "DATA" in verbs(events)


FATAL = wire.record(21, b"\2\x28")

AGAIN: Turns = [
    *SMTP[:3],
    (CLIENT, b"STARTTLS\r\n"),
    (SERVER, b"220 go\r\n"),
    (CLIENT, wire.CLIENT_HELLO),
    (SERVER, FATAL),
    *SMTP[1:3],
    (CLIENT, b"STARTTLS\r\n"),
    (SERVER, b"220 go\r\n"),
]


def last_handshake(events: list[Event]) -> TlsHandshakeSeen:
    return [event for event in events if isinstance(event, TlsHandshakeSeen)][-1]


@pytest.mark.parametrize("size", [1, 7, 60, 10_000])
def test_second_handshake_may_succeed(size: int) -> None:
    played = play(Settings(), SMTP[1:])

    events = read(
        Protocol.SMTP, in_pieces([*AGAIN, *played.steps], size), played.key_log
    )

    assert last_handshake(events).established
    assert logins(events) == [(Exposure.NOTHING, True)]
    assert codes(events) == []


@pytest.mark.parametrize("size", [1, 60, 10_000])
def test_client_may_try_another_hello(size: int) -> None:
    played = play(Settings(), SMTP)
    steps = [(CLIENT, wire.CLIENT_HELLO), (SERVER, wire.alert(2, 40)), *played.steps]

    events = read(Protocol.SMTP, in_pieces(steps, size), played.key_log)

    assert last_handshake(events).established
    assert logins(events) == [(Exposure.NOTHING, True)]


@pytest.mark.parametrize("size", [1, 10_000])
@pytest.mark.parametrize("begin", [FATAL, wire.record(21, b"\1\0") + FATAL])
def test_second_handshake_may_fail_at_once(begin: bytes, size: int) -> None:
    steps = [*AGAIN, (CLIENT, begin + SMTP[1][1]), *SMTP[2:]]

    events = read(Protocol.SMTP, in_pieces(steps, size))

    assert logins(events) == [(Exposure.PASSWORD, False)]
    assert codes(events) == []


@pytest.mark.parametrize("size", [1, 5, 10_000])
def test_hello_behind_an_alert_that_came_first_begins_anew(size: int) -> None:
    steps = [*SMTP[:3], (CLIENT, b"STARTTLS\r\n"), (SERVER, b"what\r220 go\r\n")]
    later = [(CLIENT, wire.CLIENT_HELLO), (SERVER, wire.SERVER_HELLO)]
    dissector = new_dissector(Protocol.SMTP, 25)
    events: list[Event] = []
    steps += [(SERVER, FATAL), *in_pieces(later, size)]
    for frame, (side, data) in enumerate(steps, 1):
        events += dissector.receive_data(side, data, frame, frame)
    for side in Side:
        events += dissector.receive_eof(side, len(steps), len(steps))

    seen = last_handshake(events)
    assert (seen.offer.ciphers != (), seen.choice.cipher is not None) == (True, True)


@pytest.mark.parametrize("size", [1, 100, 10_000])
def test_data_that_came_before_a_hello_is_read_before_it(size: int) -> None:
    dissector = new_dissector(Protocol.SMTP, 25)
    steps = [SMTP[0], (CLIENT, b"EHLO h\r\n"), (SERVER, wire.record(23, bytes(250)))]
    events: list[Event] = []
    for frame, (side, data) in enumerate(steps, 1):
        events += dissector.receive_data(side, data, frame, frame)
    events += dissector.receive_eof(SERVER, 4, 4)
    later = [(CLIENT, b"STARTTLS\r\n"), (CLIENT, wire.CLIENT_HELLO)]
    for frame, (side, data) in enumerate(in_pieces(later, size), 5):
        events += dissector.receive_data(side, data, frame, frame)
    events += dissector.receive_eof(CLIENT, 999, 999)

    assert last_handshake(events).offer.ciphers == ()


@pytest.mark.parametrize("size", [1, 10_000])
def test_data_that_came_before_plaintext_is_read_before_it(size: int) -> None:
    dissector = new_dissector(Protocol.SMTP, 25)
    events = dissector.receive_data(SERVER, b"220 x\r\n", 1, 1)
    events += dissector.receive_gap(SERVER, 9, 2, 2)
    steps = [
        (CLIENT, b"DATA\r\n"),
        (SERVER, b"354 go\r\n"),
        (CLIENT, b"Subject: x\r\n"),
        (SERVER, wire.record(23, bytes(40))),
    ]
    steps += in_pieces([(CLIENT, b".\r\nQUIT\r\n")], size)
    for frame, (side, data) in enumerate(steps, 3):
        events += dissector.receive_data(side, data, frame, frame)
    for side in Side:
        events += dissector.receive_eof(side, 99, 99)

    assert "starttls_plaintext_after" not in codes(events)


def test_gap_between_two_handshakes_is_a_gap_in_plaintext() -> None:
    played = play(Settings(), [])
    dissector = new_dissector(Protocol.SMTP, 25)
    events: list[Event] = []
    for side, data in AGAIN[:7]:
        events += dissector.receive_data(side, data, 1, 1)
    events += dissector.receive_gap(CLIENT, 40, 1, 1)
    for side, data in [*AGAIN[7:], *played.steps]:
        events += dissector.receive_data(side, data, 1, 1)
    assert last_handshake(events).after_gap


@pytest.mark.parametrize("cut", [5, 20, 30])
def test_record_in_two_packets_does_not_hide_what_follows(cut: int) -> None:
    """The server's side is dark, and refuses all the same."""
    finished = wire.CHANGE_CIPHER_SPEC + wire.FINISHED
    steps = [*SMTP[:3], (CLIENT, b"STARTTLS\r\n"), (SERVER, b"220 go\r\n")]
    steps += [(CLIENT, wire.CLIENT_HELLO), (SERVER, wire.SERVER_HELLO)]
    steps += [(CLIENT, finished[:cut]), (CLIENT, finished[cut:])]
    steps += [(SERVER, wire.record(21, b"\2\x33")), *SMTP[1:]]

    events = read(Protocol.SMTP, steps)

    assert logins(events) == [(Exposure.PASSWORD, False)]
    assert codes(events) == []


def test_alert_that_is_decrypted_ends_the_handshake() -> None:
    alert = Seal(SECRETS["CLIENT_HANDSHAKE_TRAFFIC_SECRET"]).record(21, b"\2\x30")
    steps = [*SMTP[:3], (CLIENT, b"STARTTLS\r\n"), (SERVER, b"220 go\r\n")]
    # without early data, the next record is that of the handshake
    steps += [(CLIENT, wire.CLIENT_HELLO_0_RTT), (SERVER, wire.SERVER_HELLO_0_RTT)]
    steps += [(CLIENT, alert), *SMTP[1:]]

    events = read(Protocol.SMTP, steps, key_log())

    assert alert_names(events) == ["unknown_ca"]
    assert logins(events) == [(Exposure.PASSWORD, False)]


def test_places_are_right_behind_a_handshake_that_failed() -> None:
    before = sum(len(data) for side, data in AGAIN[:9] if side is CLIENT)
    odd = (CLIENT, b"(odd)\r\n")
    events = read(Protocol.SMTP, [*AGAIN[:9], odd, *SMTP[-2:]])
    (anomaly,) = [event for event in events if isinstance(event, Anomaly)]
    assert anomaly.offset == before


def test_many_handshakes_may_fail() -> None:
    failing = wire.CLIENT_HELLO + wire.record(21, b"\2\x28")
    steps = [(CLIENT, failing * 3000), (CLIENT, b"EHLO client\r\n")]

    events = read(Protocol.SMTP, steps)

    assert sum(isinstance(event, TlsHandshakeSeen) for event in events) == 3000
    assert verbs(events) == ["EHLO"]
