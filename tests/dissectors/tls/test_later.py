"""What is told of TLS behind its handshake, and how much of it at most."""

from __future__ import annotations

import pytest

from dissectors.events import (
    Certificate,
    CertificatesShown,
    Side,
    TlsAlertSeen,
    TlsDecrypted,
    TlsHandshakeSeen,
    TlsRenegotiated,
)
from dissectors.tls.later import LaterEvents
from dissectors.tls.output import Output
from tests.support.tls.handshakes import FULL_HANDSHAKE, play
from tests.support.tls.wire import CLIENT_HELLO, alert

WARNING = TlsAlertSeen(
    Side.SERVER, "unrecognized_name", "a warning", is_fatal=False, frame=3
)
FATAL = TlsAlertSeen(Side.CLIENT, "unknown_ca", "the end", is_fatal=True, frame=3)


def told(*alerts: TlsAlertSeen) -> list[object]:
    """What comes out once the handshake is reported."""
    output = Output(100)
    later = LaterEvents(output, 100)
    for each in alerts:
        later.add_alert(each)
    later.release()
    return list(output.take())


def test_alert_comes_behind_the_handshake_that_it_belongs_to() -> None:
    warned = [*FULL_HANDSHAKE[:1], (Side.SERVER, alert(1, 112)), *FULL_HANDSHAKE[1:]]

    connection = play(warned)

    seen, warning = connection.events
    assert isinstance(seen, TlsHandshakeSeen)
    assert isinstance(warning, TlsAlertSeen)
    assert (warning.side, warning.name) == (Side.SERVER, "unrecognized_name")
    assert warning.text.startswith("server warning unrecognized_name: ")


def test_fatal_alert_comes_behind_the_handshake_that_it_ends() -> None:
    connection = play([(Side.CLIENT, CLIENT_HELLO), (Side.SERVER, alert(2, 40))])

    assert [type(each) for each in connection.events] == [
        TlsHandshakeSeen,
        TlsAlertSeen,
    ]


def test_server_says_goodbye_by_no_alert_worth_telling() -> None:
    connection = play([(Side.CLIENT, CLIENT_HELLO), (Side.SERVER, alert(1, 0))])
    connection.eof()

    assert connection.alerts == []


def test_side_warns_endlessly_and_then_aborts() -> None:
    assert told(*[WARNING] * 30, FATAL, *[FATAL] * 30) == [*[WARNING] * 10, FATAL]


def test_what_waits_for_the_handshake_is_limited() -> None:
    output = Output(100)
    later = LaterEvents(output, 3)

    for _ in range(10):
        later.add(TlsRenegotiated())
    assert output.take() == []
    later.release()
    assert output.take() == [TlsRenegotiated()] * 3
    later.add(TlsRenegotiated())

    assert output.take() == [TlsRenegotiated()]


def test_decryption_is_told_once() -> None:
    output = Output(100)
    later = LaterEvents(output, 100)
    later.release()

    later.note_decrypted()
    later.note_decrypted()

    assert output.take() == [TlsDecrypted()]


@pytest.mark.parametrize(("count", "expected"), [(1, True), (2, False)])
def test_certificates_have_room_up_to_the_limit(count: int, *, expected: bool) -> None:
    later = LaterEvents(Output(100), 4)
    shown = CertificatesShown(Side.SERVER, [Certificate(b"", "")] * 2, 1)

    for _ in range(count):
        later.add_certificates(shown)

    assert later.has_room is expected
