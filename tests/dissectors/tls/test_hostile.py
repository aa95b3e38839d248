"""Peers and wiretappers that do what no honest peer does, and captures with holes.

What was in clear must not look protected, what was not sent must not become data, and
nothing that is good may be lost because something else is bad.
"""

from __future__ import annotations

import dataclasses
import itertools
import random
import ssl

import pytest

from dissectors import KeyLog, new_dissector
from dissectors.events import (
    Anomaly,
    AuthAttempted,
    EarlyData,
    Event,
    Exchange,
    Exposure,
    MessageTransferred,
    Side,
    TlsHandshakeSeen,
)
from dissectors.limits import DEFAULT_LIMITS
from dissectors.services import Protocol
from dissectors.tls import ApplicationData, ApplicationGap, TlsDissector
from tests.support.tls import wire
from tests.support.tls.mail import (
    IMAP,
    IN_CLEAR,
    POP3,
    SMTP,
    Dialogue,
    handshake,
    play,
    read,
)
from tests.support.tls.openssl import Settings, Wire
from tests.support.tls.sealing import SECRETS, Seal, key_log

CLIENT, SERVER = Side
TLS_1_0 = Settings(ssl.TLSVersion.TLSv1, "AES128-SHA")
LOGINS = {
    Protocol.SMTP: b"AUTH PLAIN AHVzZXIAcGFzc3dvcmQ=\r\n",
    Protocol.IMAP: b"a LOGIN user password\r\n",
    Protocol.POP3: b"USER user\r\nPASS password\r\n",
}
DIALOGUES = {Protocol.SMTP: SMTP, Protocol.IMAP: IMAP, Protocol.POP3: POP3}


def codes(events: list[Event]) -> list[str]:
    return [event.code for event in events if isinstance(event, Anomaly)]


def logins(events: list[Event]) -> list[tuple[Exposure, bool]]:
    return [
        (event.exposure, event.secured)
        for event in events
        if isinstance(event, AuthAttempted)
    ]


def verbs(events: list[Event]) -> list[str | None]:
    return [event.verb for event in events if isinstance(event, Exchange)]


def upgraded(protocol: Protocol, more: bytes, wire_: Wire) -> Dialogue:
    """A dialogue that goes over to TLS, with more in the packet of STARTTLS."""
    _, _, before, command, answer = IN_CLEAR[protocol]
    return [*before, (CLIENT, command + more), (SERVER, answer), *wire_.steps]


# Clear text beside TLS


@pytest.mark.parametrize("protocol", Protocol)
def test_login_sent_in_clear_stays_so_whatever_the_keys_show(
    protocol: Protocol,
) -> None:
    played = play(Settings(), DIALOGUES[protocol][1:])
    steps = upgraded(protocol, LOGINS[protocol], played)

    opened = read(protocol, steps, played.key_log)

    assert logins(opened)[0] == (Exposure.PASSWORD, False)
    assert logins(opened)[1:] == [(Exposure.NOTHING, True)]
    assert logins(read(protocol, steps)) == [(Exposure.PASSWORD, False)]


@pytest.mark.parametrize("protocol", Protocol)
def test_what_was_cut_inside_tls_was_not_in_clear(protocol: Protocol) -> None:
    dialogue = DIALOGUES[protocol]
    for end in range(1, len(dialogue)):
        played = play(Settings(), dialogue[:end])
        events = read(protocol, played.steps, played.key_log)
        assert all(secured for _, secured in logins(events))
        messages = [each for each in events if isinstance(each, MessageTransferred)]
        assert all(each.secured for each in messages)


@pytest.mark.parametrize(("side", "stray"), [(CLIENT, b"X"), (SERVER, b"2")])
@pytest.mark.parametrize("is_split", [False, True])
def test_stray_bytes_do_not_hide_the_handshake(
    side: Side, stray: bytes, *, is_split: bool
) -> None:
    played = play(Settings(), SMTP[3:])
    steps = upgraded(Protocol.SMTP, b"", played)
    at = next(
        number
        for number, (each, data) in enumerate(steps)
        if each is side and data[0] == 0x16
    )
    joined = (side, stray + steps[at][1])
    steps[at : at + 1] = [(side, stray), steps[at]] if is_split else [joined]

    events = read(Protocol.SMTP, steps, played.key_log)

    assert codes(events) == ["starttls_plaintext_after"]
    assert handshake(events).established
    assert logins(events) == [(Exposure.NOTHING, True)]


@pytest.mark.parametrize("is_joined", [False, True])
def test_clear_text_may_follow_a_handshake_that_failed(*, is_joined: bool) -> None:
    alert = (SERVER, wire.record(21, b"\2\x28"))
    rest: Dialogue = [(SERVER, b"554 TLS failed\r\n"), *SMTP[1:]]
    hello = (CLIENT, play(Settings(), []).steps[0][1])
    steps = [*SMTP[:3], (CLIENT, b"STARTTLS\r\n"), (SERVER, b"220 go\r\n"), hello]
    if is_joined:
        rest[0] = (SERVER, alert[1] + rest[0][1])
    else:
        steps.append(alert)

    events = read(Protocol.SMTP, steps + rest)

    assert handshake(events).alert == "handshake_failure"
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
    assert handshake(events).alert == "handshake_failure"
    assert "DATA" in verbs(events)


FATAL = wire.record(21, b"\2\x28")
AGAIN: Dialogue = [
    *SMTP[:3],
    (CLIENT, b"STARTTLS\r\n"),
    (SERVER, b"220 go\r\n"),
    (CLIENT, wire.CLIENT_HELLO),
    (SERVER, FATAL),
    *SMTP[1:3],
    (CLIENT, b"STARTTLS\r\n"),
    (SERVER, b"220 go\r\n"),
]


def in_pieces(steps: Dialogue, size: int) -> Dialogue:
    return [
        (side, data[at : at + size])
        for side, data in steps
        for at in range(0, len(data), size)
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
    steps = [(CLIENT, wire.CLIENT_HELLO), (SERVER, FATAL), *played.steps]

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


def test_hole_between_two_handshakes_is_a_hole_in_clear_text() -> None:
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

    assert handshake(events).alert == "unknown_ca"
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


def test_hole_in_clear_text_is_known_of_the_handshake() -> None:
    played = play(Settings(), [])
    steps = upgraded(Protocol.SMTP, b"", played)
    for hole, expected in ((1, True), (len(steps) - 1, False)):
        dissector = new_dissector(Protocol.SMTP, 25)
        events: list[Event] = []
        for number, (side, data) in enumerate(steps):
            if number == hole:
                events += dissector.receive_gap(side, 10, 1, 1)
            events += dissector.receive_data(side, data, 1, 1)
        assert handshake(events).after_gap is expected


ANYTHING: Dialogue = [
    (CLIENT, wire.CLIENT_HELLO),
    (CLIENT, wire.CLIENT_HELLO_1_3),
    (SERVER, wire.SERVER_HELLO),
    (SERVER, wire.SERVER_HELLO_1_3),
    (SERVER, wire.certificate_message(b"x" * 300)),
    *[(side, wire.CHANGE_CIPHER_SPEC + wire.FINISHED) for side in Side],
    *[(side, wire.APPLICATION_DATA) for side in Side],
    *[(side, FATAL) for side in Side],
    *[(side, wire.record(21, b"\1\0")) for side in Side],
    (CLIENT, b"STARTTLS\r\n"),
    (SERVER, b"220 go\r\n"),
    (CLIENT, b"NOOP"),
    (SERVER, b"2"),
    *SMTP[1:5],
]


@pytest.mark.parametrize("seed", range(150))
def test_packets_do_not_matter_where_tls_and_clear_text_mix(seed: int) -> None:
    chance = random.Random(seed)
    steps = [*SMTP[:3], (CLIENT, b"STARTTLS\r\n"), (SERVER, b"220 go\r\n")]
    steps += [chance.choice(ANYTHING) for _ in range(chance.randrange(2, 12))]

    whole, single, pieces = (
        sorted(map(str, read(Protocol.SMTP, each)))
        for each in (steps, in_pieces(steps, 1), in_pieces(steps, 5))
    )

    assert whole == single == pieces


# Records that are damaged, missing or forged


def delivered(
    steps: Dialogue, log: bytes, damage: int, seed: int
) -> tuple[list[tuple[Side, bytes]], list[str]]:
    """What comes out if one packet has a hole or flipped bits."""
    secrets = KeyLog()
    secrets.add(log)
    dissector = TlsDissector(key_log=secrets)
    chance = random.Random(seed)
    happened: list[Event | ApplicationData | ApplicationGap] = []
    for number, (side, data) in enumerate(steps):
        if number != damage:
            happened += dissector.receive_data(side, data, 1, 1)
            continue
        begin = chance.randrange(len(data))
        end = min(len(data), begin + chance.choice((1, 5, 100, 20_000)))
        if chance.random() < 0.5:
            happened += dissector.receive_data(side, data[:begin], 1, 1)
            happened += dissector.receive_gap(side, end - begin, 1, 1)
            happened += dissector.receive_data(side, data[end:], 1, 1)
        else:
            flipped = bytearray(data)
            flipped[begin] ^= 1 << chance.randrange(8)
            happened += dissector.receive_data(side, bytes(flipped), 1, 1)
    found = [(e.side, e.data) for e in happened if isinstance(e, ApplicationData)]
    return found, [e.code for e in happened if isinstance(e, Anomaly)]


@pytest.mark.parametrize(
    "settings",
    [
        TLS_1_0,
        dataclasses.replace(TLS_1_0, options=1 << 19),
        Settings(ssl.TLSVersion.TLSv1_2, "ECDHE-RSA-AES128-SHA256"),
        Settings(ssl.TLSVersion.TLSv1_2, "ECDHE-RSA-AES128-GCM-SHA256"),
        Settings(),
    ],
    ids=["etm", "mte", "cbc", "gcm", "tls13"],
)
def test_nothing_that_was_not_sent_comes_out(settings: Settings) -> None:
    """With 1 << 19, OpenSSL does not encrypt before the MAC is made."""
    played = play(settings, SMTP)
    said = [b"".join(data for each, data in SMTP if each is side) for side in Side]
    for seed, damage in itertools.product(range(12), range(len(played.steps))):
        found, _ = delivered(played.steps, played.key_log, damage, seed)
        places = [0, 0]
        for side, data in found:
            place = said[side].find(data, places[side])
            assert place >= 0, (seed, damage)
            places[side] = place + len(data)


def test_finished_in_a_hole_is_followed_by_data() -> None:
    played = play(Settings(), SMTP)
    records = [
        (side, record) for side, data in played.steps for record in wire.records(data)
    ]
    sealed = [number for number, each in enumerate(records) if each[1][0] == 0x17]
    whole = verbs(read(Protocol.SMTP, played.steps, played.key_log))
    # from EncryptedExtensions to the client's Finished
    for hole in sealed[:5]:
        log = KeyLog()
        log.add(played.key_log)
        dissector = new_dissector(Protocol.SMTP, 465, log)
        events: list[Event] = []
        for number, (side, record) in enumerate(records):
            if number == hole:
                events += dissector.receive_data(side, record[:9], 1, 1)
                events += dissector.receive_gap(side, len(record) - 9, 1, 1)
            else:
                events += dissector.receive_data(side, record, 1, 1)
        for side in Side:
            events += dissector.receive_eof(side, 1, 1)
        assert codes(events) == ["stream_gap"]
        assert verbs(events) == whole
        assert handshake(events).established


# Early data: RFC 8446 §4.2.10

FORGED = wire.record(0x17, bytes(60))
NOOP = b"NOOP\r\n"


def zero_rtt(
    *, accepted: bool, late: bytes = b"", early: tuple[bytes, ...] = (NOOP,)
) -> Dialogue:
    """A session whose client sends early data; `late` comes behind ServerHello."""
    seals = {name: Seal(secret) for name, secret in SECRETS.items()}
    early_data = seals["CLIENT_EARLY_TRAFFIC_SECRET"]
    client, server = (
        seals[f"{side}_TRAFFIC_SECRET_0"] for side in ("CLIENT", "SERVER")
    )
    flight = seals["SERVER_HANDSHAKE_TRAFFIC_SECRET"]
    finished = wire.handshake(20, bytes(32))
    extensions = wire.extensions_block([(42, b"")] if accepted else [])
    steps = [(CLIENT, wire.CLIENT_HELLO_0_RTT)]
    steps += [(CLIENT, early_data.record(0x17, each)) for each in early]
    steps.append((SERVER, wire.SERVER_HELLO_0_RTT))
    steps.append(
        (SERVER, flight.record(0x16, wire.handshake(8, extensions) + finished))
    )
    if late:
        steps.append((CLIENT, late))
    if accepted:
        steps.append((CLIENT, early_data.record(0x16, wire.handshake(5, b""))))
    client_finished = seals["CLIENT_HANDSHAKE_TRAFFIC_SECRET"].record(0x16, finished)
    steps.append((CLIENT, client_finished))
    for side, data in SMTP[:5]:
        steps.append((side, (server if side else client).record(0x17, data)))
    return steps


@pytest.mark.parametrize("accepted", [False, True])
@pytest.mark.parametrize("without", ["", "CLIENT_EARLY_TRAFFIC_SECRET"])
@pytest.mark.parametrize("late", [b"", FORGED])
def test_early_data_does_not_hide_the_client(
    *, accepted: bool, without: str, late: bytes
) -> None:
    steps = zero_rtt(accepted=accepted, late=late)

    events = read(Protocol.SMTP, steps, key_log(without))

    seen = handshake(events)
    assert seen.early_data is (EarlyData.ACCEPTED if accepted else EarlyData.REJECTED)
    assert seen.established
    assert logins(events) == [(Exposure.NOTHING, True)]
    assert ("NOOP" in verbs(events)) is (accepted and not without)
    is_noticed = accepted and not without and late != b""
    assert ("tls_record_not_authentic" in codes(events)) is is_noticed


def test_early_data_over_the_limit_is_a_gap() -> None:
    early = (b"x" * 16_000,) * (DEFAULT_LIMITS.held // 16_000 + 10)
    log = KeyLog()
    log.add(key_log())
    dissector = TlsDissector(key_log=log)
    happened: list[Event | ApplicationData | ApplicationGap] = []
    for side, data in zero_rtt(accepted=True, early=early):
        happened += dissector.receive_data(side, data, 1, 1)
    kept = [e for e in happened if isinstance(e, ApplicationData) and e.side is CLIENT]
    missing = [e.length for e in happened if isinstance(e, ApplicationGap)]
    assert len(kept[0].data) == DEFAULT_LIMITS.held
    assert len(kept[0].data) + sum(missing) == 16_000 * len(early)


def test_early_data_proves_no_handshake() -> None:
    steps = zero_rtt(accepted=True)[:2]
    late = Seal(SECRETS["CLIENT_EARLY_TRAFFIC_SECRET"]).record(0x17, NOOP * 20)
    hello = (SERVER, wire.SERVER_HELLO_0_RTT)

    seen = handshake(read(Protocol.SMTP, [*steps, hello, (CLIENT, late)]))

    assert seen.early_data is EarlyData.SENT
    assert not seen.established


@pytest.mark.parametrize("known", [0, 2])
def test_secrets_may_be_logged_as_the_handshake_goes_on(known: int) -> None:
    """With no secret, or those of the handshake, when the server answers."""
    played = play(Settings(), SMTP)
    lines = [line for line in played.key_log.splitlines() if b"HANDSHAKE" in line]
    log = KeyLog()
    dissector = new_dissector(Protocol.SMTP, 465, log)
    events: list[Event] = []
    for number, (side, data) in enumerate(played.steps):
        if number == 1:
            log.add(b"\n".join(lines[:known]))
            # ServerHello, ChangeCipherSpec, and what is protected
            *clear, flight = wire.records(data)[:2], wire.records(data)[2:]
            for record in clear[0]:
                events += dissector.receive_data(side, record, 1, 1)
            log.add(played.key_log)
            for record in flight:
                events += dissector.receive_data(side, record, 1, 1)
        else:
            events += dissector.receive_data(side, data, 1, 1)
    for side in Side:
        events += dissector.receive_eof(side, 1, 1)
    assert verbs(events) == verbs(read(Protocol.SMTP, played.steps, played.key_log))
    assert codes(events) == []


# Handshake messages that should not be there


@pytest.mark.parametrize("message_type", [11, 20])
@pytest.mark.parametrize("keys", [False, True])
def test_clear_messages_behind_server_hello_are_not_believed(
    message_type: int, *, keys: bool
) -> None:
    steps = zero_rtt(accepted=False)
    forged = wire.handshake(message_type, b"\0\0\0\0")
    place = next(n for n, step in enumerate(steps) if step[0] is SERVER) + 1
    steps.insert(place, (SERVER, wire.record(0x16, forged)))

    events = read(Protocol.SMTP, steps, key_log() if keys else b"")

    assert codes(events) == ["tls_record_not_authentic"]
    assert handshake(events).established
    assert logins(events) == [(Exposure.NOTHING, True)] * keys


def test_change_cipher_spec_before_server_hello_is_no_step() -> None:
    alert = (SERVER, wire.record(21, b"\2\x28"))
    change = (CLIENT, wire.record(20, b"\1"))
    steps = [(CLIENT, wire.CLIENT_HELLO_0_RTT), change, alert]
    assert handshake(read(Protocol.SMTP, steps)).failed_after == "client_hello"


def test_certificate_that_is_too_large_is_no_resumption() -> None:
    tls_1_2 = Settings(ssl.TLSVersion.TLSv1_2, "ECDHE-RSA-AES128-GCM-SHA256")
    played = play(tls_1_2, [])
    limits = dataclasses.replace(DEFAULT_LIMITS, handshake=512)
    dissector = TlsDissector(limits)
    happened: list[object] = []
    for side, data in played.steps:
        happened += dissector.receive_data(side, data, 1, 1)
    found = [e.code for e in happened if isinstance(e, Anomaly)]
    assert found == ["tls_handshake_too_large"]
    seen = next(e for e in happened if hasattr(e, "resumption"))
    assert seen.resumption is None


def test_sslv2_is_not_followed() -> None:
    hello = wire.sslv2_record(
        b"\1\0\2" + wire.uint16s(3, 0, 16) + b"\1\0\x80" + bytes(16)
    )
    answer = wire.sslv2_record(
        b"\4\0\1\0\2" + wire.uint16s(0, 3, 16) + b"\1\0\x80" + bytes(16)
    )
    steps: Dialogue = [(CLIENT, hello), (SERVER, answer), (CLIENT, b"\x80\x20" * 17)]
    seen = handshake(read(Protocol.SMTP, steps))
    assert (seen.version, seen.failed_after) == ("SSLv2", None)
