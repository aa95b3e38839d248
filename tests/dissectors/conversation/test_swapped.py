from __future__ import annotations

from dissectors import MailDissector, SmtpDialogue
from dissectors.conversation.swapped import Swapped
from dissectors.events import (
    Anomaly,
    GreetingReceived,
    ReplyReceived,
    SoftwareIdentified,
)
from tests.support.playbook import CLIENT, SERVER
from tests.support.receivers import Inside


def test_sides_are_named_by_who_connected() -> None:
    inside = Inside(
        Anomaly("line_too_long", CLIENT, 3, 1, 2), SoftwareIdentified(SERVER, "x")
    )

    assert Swapped(inside, ()).receive_data(SERVER, b"QUIT\r\n", 1, 2) == [
        Anomaly("line_too_long", SERVER, 3, 1, 2),
        SoftwareIdentified(CLIENT, "x"),
    ]
    assert inside.told == [(CLIENT, b"QUIT\r\n", 1, 2)]


def test_gap_and_end_are_those_of_the_other_side() -> None:
    inside = Inside()
    swapped = Swapped(inside, ())
    swapped.receive_gap(CLIENT, 9, 1, 2, reported=False)
    swapped.receive_eof(SERVER, 3, 4)

    assert inside.told == [(SERVER, 9, 1, 2, False), (CLIENT, 3, 4)]


def test_client_greets_and_that_is_left_out() -> None:
    swapped = Swapped(MailDissector(SmtpDialogue()), (GreetingReceived,))
    events = swapped.receive_data(CLIENT, b"220 mx ESMTP\r\n", 1, 2)

    assert ReplyReceived(220) in events
    assert not any(isinstance(event, GreetingReceived) for event in events)
