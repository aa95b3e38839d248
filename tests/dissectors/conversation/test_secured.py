from __future__ import annotations

from dissectors.conversation.secured import Secured
from dissectors.events import (
    Anomaly,
    AuthAttempted,
    Exposure,
    LoginOffered,
    Outcome,
)
from dissectors.tls import ApplicationData, ApplicationGap
from tests.support.playbook import CLIENT, SERVER
from tests.support.receivers import Inside


def test_login_inside_tls_exposes_nothing() -> None:
    attempt = AuthAttempted("PLAIN", "alice", Outcome.SUCCESS, Exposure.PASSWORD)
    secured = Secured(Inside(attempt))

    (event,) = secured.receive(ApplicationData(CLIENT, b"x", 7), 1, 2)

    assert isinstance(event, AuthAttempted)
    assert (event.exposure, event.secured) == (Exposure.NOTHING, True)


def test_oddity_inside_tls_is_where_its_record_is() -> None:
    secured = Secured(Inside(Anomaly("line_too_long", SERVER, 3, 1, 2)))

    assert secured.receive(ApplicationData(SERVER, b"x", 70), 1, 2) == [
        Anomaly("line_too_long", SERVER, 70, 1, 2)
    ]


def test_what_is_offered_inside_tls_is_not_offered_in_plaintext() -> None:
    secured = Secured(Inside(LoginOffered(["PLAIN"])))

    assert secured.receive_eof(SERVER, 1, 2) == []


def test_gap_in_what_was_decrypted_is_not_reported_twice() -> None:
    inside = Inside()
    Secured(inside).receive(ApplicationGap(CLIENT, 9, 7), 1, 2)

    assert inside.told == [(CLIENT, 9, 1, 2, True)]
