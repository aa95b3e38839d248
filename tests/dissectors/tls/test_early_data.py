"""Early data (RFC 8446 §4.2.10) of sessions that are decrypted."""

from __future__ import annotations

import pytest

from dissectors import KeyLog
from dissectors.events import EarlyData, Event, Exposure, Side
from dissectors.limits import DEFAULT_LIMITS
from dissectors.services import Protocol
from dissectors.tls import ApplicationData, ApplicationGap, TlsDissector
from tests.support.tls import wire
from tests.support.tls.mail import codes, handshake, logins, read, verbs
from tests.support.tls.sealing import NOOP, SECRETS, Seal, key_log, zero_rtt

CLIENT, SERVER = Side

FORGED = wire.record(0x17, bytes(60))


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
