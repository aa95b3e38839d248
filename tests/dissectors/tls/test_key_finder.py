"""When secrets are found: as they are logged, and in sessions that are resumed."""

from __future__ import annotations

import ssl
import warnings

import pytest

from dissectors import KeyLog, new_dissector
from dissectors.events import Event, Resumption, Side
from dissectors.services import Protocol
from tests.support.tls import wire
from tests.support.tls.mail import (
    SMTP,
    codes,
    comparable,
    handshake,
    is_decrypted,
    play,
    read,
    read_with,
    verbs,
)
from tests.support.tls.openssl import Settings, Stack

VERSIONS = {
    "TLSv1.0": ssl.TLSVersion.TLSv1,
    "TLSv1.1": ssl.TLSVersion.TLSv1_1,
    "TLSv1.2": ssl.TLSVersion.TLSv1_2,
    "TLSv1.3": ssl.TLSVersion.TLSv1_3,
}


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


@pytest.mark.parametrize(
    ("version", "tickets", "resumption"),
    [
        ("TLSv1.0", False, Resumption.SESSION_ID),
        ("TLSv1.2", False, Resumption.SESSION_ID),
        ("TLSv1.2", True, Resumption.TICKET),
        ("TLSv1.3", True, Resumption.PSK),
    ],
)
def test_resumed_session_is_opened(
    version: str, resumption: Resumption, *, tickets: bool
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        stack = Stack(Settings(VERSIONS[version], tickets=tickets))
        first = stack.play(SMTP)
        wire = stack.play(SMTP, first.session)
    assert handshake(read(Protocol.SMTP, first.steps)).resumption is Resumption.NONE
    events = read(Protocol.SMTP, wire.steps, wire.key_log)
    assert handshake(events).resumption is resumption
    assert comparable(events) == comparable(read(Protocol.SMTP, SMTP))


@pytest.mark.parametrize("tickets", [False, True])
def test_secret_of_a_session_opens_those_that_resume_it(*, tickets: bool) -> None:
    """RFC 5246 §F.1.4; GnuTLS logs it only once."""
    stack = Stack(Settings(VERSIONS["TLSv1.2"], tickets=tickets))
    first = stack.play(SMTP)
    second = stack.play(SMTP, first.session)
    third = stack.play(SMTP, second.session)
    log = KeyLog()
    log.add(first.key_log)
    # of a session that nobody has the secret of
    assert not is_decrypted(read_with(log, third.steps))
    for played in (first, second, third):
        events = read_with(log, played.steps)
        assert comparable(events) == comparable(read(Protocol.SMTP, SMTP))
