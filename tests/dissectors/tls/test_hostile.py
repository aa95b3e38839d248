"""Peers and wiretappers that do what no honest peer does, and captures with gaps.

What was in plaintext must not look protected, what was not sent must not become data,
and nothing that is good may be lost because something else is bad."""

from __future__ import annotations

import dataclasses
import itertools
import random
import ssl

import pytest

from dissectors import KeyLog, new_dissector
from dissectors.events import Anomaly, Event, Exposure, MessageTransferred, Side
from dissectors.limits import DEFAULT_LIMITS
from dissectors.services import Protocol
from dissectors.tls import ApplicationData, ApplicationGap, TlsDissector
from tests.support.tls import wire
from tests.support.tls.mail import (
    IMAP,
    IN_CLEAR,
    POP3,
    SMTP,
    Turns,
    codes,
    handshake,
    in_pieces,
    logins,
    play,
    read,
    verbs,
)
from tests.support.tls.openssl import Settings, Wire
from tests.support.tls.sealing import key_log, zero_rtt

CLIENT, SERVER = Side


TLS_1_0 = Settings(ssl.TLSVersion.TLSv1, "AES128-SHA")

LOGINS = {
    Protocol.SMTP: b"AUTH PLAIN AHVzZXIAcGFzc3dvcmQ=\r\n",
    Protocol.IMAP: b"a LOGIN user password\r\n",
    Protocol.POP3: b"USER user\r\nPASS password\r\n",
}

DIALOGUES = {Protocol.SMTP: SMTP, Protocol.IMAP: IMAP, Protocol.POP3: POP3}


def upgraded(protocol: Protocol, more: bytes, wire_: Wire) -> Turns:
    """A dialogue that goes over to TLS, with more in the packet of STARTTLS."""
    _, _, before, command, answer = IN_CLEAR[protocol]
    return [*before, (CLIENT, command + more), (SERVER, answer), *wire_.steps]


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
def test_what_was_cut_inside_tls_was_not_in_plaintext(protocol: Protocol) -> None:
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


def test_gap_in_clear_text_is_known_of_the_handshake() -> None:
    played = play(Settings(), [])
    steps = upgraded(Protocol.SMTP, b"", played)
    for gap, expected in ((1, True), (len(steps) - 1, False)):
        dissector = new_dissector(Protocol.SMTP, 25)
        events: list[Event] = []
        for number, (side, data) in enumerate(steps):
            if number == gap:
                events += dissector.receive_gap(side, 10, 1, 1)
            events += dissector.receive_data(side, data, 1, 1)
        assert handshake(events).after_gap is expected


ANYTHING: Turns = [
    (CLIENT, wire.CLIENT_HELLO),
    (CLIENT, wire.CLIENT_HELLO_1_3),
    (SERVER, wire.SERVER_HELLO),
    (SERVER, wire.SERVER_HELLO_1_3),
    (SERVER, wire.certificate_message(b"x" * 300)),
    *[(side, wire.CHANGE_CIPHER_SPEC + wire.FINISHED) for side in Side],
    *[(side, wire.APPLICATION_DATA) for side in Side],
    *[(side, wire.alert(2, 40)) for side in Side],
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


def delivered(
    steps: Turns, log: bytes, damage: int, seed: int
) -> tuple[list[tuple[Side, bytes]], list[str]]:
    """What comes out if one packet has a gap or flipped bits."""
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


def test_finished_in_a_gap_is_followed_by_data() -> None:
    played = play(Settings(), SMTP)
    records = [
        (side, record) for side, data in played.steps for record in wire.records(data)
    ]
    sealed = [number for number, each in enumerate(records) if each[1][0] == 0x17]
    whole = verbs(read(Protocol.SMTP, played.steps, played.key_log))
    # from EncryptedExtensions to the client's Finished
    for gap in sealed[:5]:
        log = KeyLog()
        log.add(played.key_log)
        dissector = new_dissector(Protocol.SMTP, 465, log)
        events: list[Event] = []
        for number, (side, record) in enumerate(records):
            if number == gap:
                events += dissector.receive_data(side, record[:9], 1, 1)
                events += dissector.receive_gap(side, len(record) - 9, 1, 1)
            else:
                events += dissector.receive_data(side, record, 1, 1)
        for side in Side:
            events += dissector.receive_eof(side, 1, 1)
        assert codes(events) == ["stream_gap"]
        assert verbs(events) == whole
        assert handshake(events).established


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
    steps: Turns = [(CLIENT, hello), (SERVER, answer), (CLIENT, b"\x80\x20" * 17)]
    seen = handshake(read(Protocol.SMTP, steps))
    assert (seen.choice.version, seen.failed_after) == ("SSLv2", None)
