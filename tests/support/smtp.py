"""What tests of SMTP begin with: dialogues up to a point, and their events."""

from __future__ import annotations

from dissectors.events import (
    Delivery,
    Direction,
    Event,
    Exchange,
    ExchangeKind,
    GreetingReceived,
    MessageFacts,
    MessageTransferred,
    RecipientGiven,
    ReplyReceived,
    SenderGiven,
)
from dissectors.smtp import SmtpDialogue
from tests.support.playbook import Playbook, exchange

GREETED: list[Event] = [
    ReplyReceived(220),
    exchange(None, reply=220, kind=ExchangeKind.GREETING),
    GreetingReceived("mx.example.com ESMTP", None),
]


def playbook() -> Playbook:
    return Playbook(SmtpDialogue)


def greeted() -> Playbook:
    return playbook().server(b"220 mx.example.com ESMTP\r\n")


def answered(code: int, answer: Exchange) -> list[Event]:
    return [ReplyReceived(code), answer]


def unsolicited(code: int) -> list[Event]:
    return answered(code, exchange(None, reply=code, kind=ExchangeKind.UNSOLICITED))


def quit_(code: int = 221) -> list[Event]:
    return answered(code, exchange("QUIT", reply=code))


def enveloped() -> Playbook:
    return (
        greeted()
        .client(b"MAIL FROM:<a@example.com>\r\n")
        .server(b"250 ok\r\n")
        .client(b"RCPT TO:<b@example.com>\r\n")
        .server(b"250 ok\r\n")
    )


ENVELOPED: list[Event] = [
    *GREETED,
    *answered(250, exchange("MAIL", "FROM:<a@example.com>", 250)),
    SenderGiven("a@example.com", accepted=True),
    *answered(250, exchange("RCPT", "TO:<b@example.com>", 250)),
    RecipientGiven("b@example.com", accepted=True),
]


def message(
    size: int,
    outcome: Delivery = Delivery.ACCEPTED,
    *,
    cut: bool = False,
    direction: Direction = Direction.RELAYED,
    sender: str | None = "a@example.com",
    recipients: tuple[str, ...] = ("b@example.com",),
) -> MessageTransferred:
    facts = MessageFacts(size_bytes=size, cut=cut)
    return MessageTransferred(direction, outcome, facts, 0, 0, sender, list(recipients))


def end_of_data(code: int) -> list[Event]:
    return answered(code, exchange("DATA", reply=code, kind=ExchangeKind.MESSAGE))


def data_accepted() -> list[Event]:
    return answered(354, exchange("DATA", reply=354))


def facts_of(events: list[Event]) -> list[MessageTransferred]:
    return [event for event in events if isinstance(event, MessageTransferred)]


# STARTTLS

CLIENT_HELLO = b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00"
