from __future__ import annotations

import pytest

from dissectors.events import (
    Delivery,
    Direction,
    ExchangeKind,
    MessageTransferred,
    RecipientGiven,
    SenderGiven,
)
from dissectors.smtp import SmtpDialogue
from tests.support.playbook import Playbook, exchange
from tests.support.smtp import (
    ENVELOPED,
    GREETED,
    answered,
    data_accepted,
    end_of_data,
    enveloped,
    facts_of,
    greeted,
    message,
)


def test_second_mail_is_refused_and_first_sender_stays() -> None:
    (
        enveloped()
        .client(b"MAIL FROM:<z@example.com>\r\n")
        .server(b"503 nested\r\n")
        .client(b"DATA\r\n")
        .server(b"354 go\r\n")
        .client(b"x\r\n.\r\n")
        .server(b"250 ok\r\n")
        .expect(
            *ENVELOPED,
            *answered(503, exchange("MAIL", "FROM:<z@example.com>", 503)),
            SenderGiven("z@example.com", accepted=False),
            *data_accepted(),
            *end_of_data(250),
            message(3),
        )
    )


def test_refused_recipient_is_not_in_envelope() -> None:
    events = (
        enveloped()
        .client(b"RCPT TO:<c@example.com>\r\n")
        .server(b"550 no\r\n")
        .client(b"DATA\r\n")
        .server(b"354 go\r\n")
        .client(b"x\r\n.\r\n")
        .server(b"250 ok\r\n")
        .run()
    )
    assert RecipientGiven("c@example.com", accepted=False) in events
    assert facts_of(events)[0].recipients == ["b@example.com"]


def test_server_never_answers() -> None:
    greeted().client(b"MAIL FROM:<a@example.com>\r\nQUIT\r\n").eof().expect(
        *GREETED,
        exchange("MAIL", "FROM:<a@example.com>"),
        SenderGiven("a@example.com", accepted=None),
        exchange("QUIT"),
    )


@pytest.mark.parametrize(
    ("reply", "outcome"), [(250, "accepted"), (452, "refused"), (554, "refused")]
)
def test_reply_to_message_decides_its_outcome(reply: int, outcome: str) -> None:
    events = (
        enveloped()
        .client(b"DATA\r\n")
        .server(b"354 go\r\n")
        .client(b".\r\n")
        .server(b"%d x\r\n" % reply)
        .run()
    )
    assert events[-1] == MessageTransferred(
        Direction.RELAYED,
        Delivery(outcome),
        facts_of(events)[0].facts,
        8000,
        8,
        "a@example.com",
        ["b@example.com"],
        verb="DATA",
        offset=61,
    )
    assert facts_of(events)[0].facts.size_bytes == 0


def test_message_without_reply_is_unknown() -> None:
    (
        enveloped()
        .client(b"DATA\r\n")
        .server(b"354 go\r\n")
        .client(b"x\r\n.\r\n")
        .eof()
        .expect(
            *ENVELOPED,
            *data_accepted(),
            exchange("DATA", kind=ExchangeKind.MESSAGE),
            message(3, Delivery.UNKNOWN),
        )
    )


def test_submission_service_submits_without_login() -> None:
    events = (
        Playbook(lambda: SmtpDialogue(submission=True))
        .server(b"220 mx.example.com ESMTP\r\n")
        .client(b"BDAT 0 LAST\r\n")
        .server(b"250 ok\r\n")
        .run()
    )
    assert [m.direction for m in facts_of(events)] == [Direction.SUBMITTED]
