from __future__ import annotations

import pytest

from dissectors import KeyLog, new_dissector
from dissectors.events import Event, Side
from dissectors.services import Protocol
from dissectors.tls import ReadAhead
from tests.support.tls import wire
from tests.support.tls.mail import CLIENT, SERVER, SMTP, play, read
from tests.support.tls.openssl import Settings

WIRE = play(Settings(), SMTP[:5])


def ahead_of(*steps: tuple[Side, bytes], key_log: KeyLog | None = None) -> ReadAhead:
    ahead = ReadAhead(key_log, (0, 0))
    for side, data in steps:
        ahead.receive_data(side, data, 1, 1)
    return ahead


WITH_KEYS = [(count, True) for count in range(1, len(WIRE.steps))]


# without keys nothing is left to be read behind the server's first records
@pytest.mark.parametrize(("count", "has_keys"), [*WITH_KEYS, (1, False)])
def test_dissector_goes_on_where_others_have_come_to(
    count: int, *, has_keys: bool
) -> None:
    keys = WIRE.key_log if has_keys else b""
    log = KeyLog()
    log.add(keys)
    ahead = ahead_of(*WIRE.steps[:count], key_log=log)
    assert ahead.can_be_handed_on
    assert log.used == 0
    dissector = new_dissector(Protocol.SMTP, 1, log)

    events: list[Event] = dissector.continue_tls(ahead)
    for side, data in WIRE.steps[count:]:
        events += dissector.receive_data(side, data, 1, 1)
    for side in Side:
        events += dissector.receive_eof(side, 1, 1)

    assert events == read(Protocol.SMTP, WIRE.steps, keys)
    assert log.used == has_keys


@pytest.mark.parametrize(
    "steps",
    [
        [(CLIENT, wire.CLIENT_HELLO), (SERVER, b"220 mx\r\n")],
        [(CLIENT, wire.CLIENT_HELLO), (SERVER, wire.SERVER_HELLO[:3])],
        [(CLIENT, wire.CLIENT_HELLO), (SERVER, wire.alert(2, 40))],
    ],
)
def test_what_may_be_no_tls_is_not_handed_on(steps: list[tuple[Side, bytes]]) -> None:
    assert ahead_of(steps[0]).can_be_handed_on
    assert not ahead_of(*steps).can_be_handed_on


def test_tls_with_a_gap_or_an_end_is_not_handed_on() -> None:
    behind_gap, at_end = (ahead_of((CLIENT, wire.CLIENT_HELLO)) for _ in range(2))

    behind_gap.receive_gap(SERVER, 5, 1, 1)
    at_end.receive_eof(SERVER, 1, 1)

    assert not behind_gap.can_be_handed_on
    assert not at_end.can_be_handed_on
