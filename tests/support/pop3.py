"""What tests of POP3 begin with: the greeting, and their events."""

from __future__ import annotations

from dissectors.events import (
    Delivery,
    Direction,
    Event,
    ExchangeKind,
    GreetingReceived,
    MessageFacts,
    MessageTransferred,
)
from dissectors.pop3 import Pop3Dialogue
from tests.support.playbook import Playbook, exchange

OK, ERR = "+OK", "-ERR"
GREETED: list[Event] = [
    exchange(None, reply=OK, kind=ExchangeKind.GREETING),
    GreetingReceived("Dovecot ready.", "Dovecot"),
]


def playbook() -> Playbook:
    return Playbook(Pop3Dialogue)


def greeted() -> Playbook:
    return playbook().server(b"+OK Dovecot ready.\r\n")


def retrieved(
    size: int, outcome: Delivery = Delivery.COMPLETE, *, cut: bool = False
) -> MessageTransferred:
    facts = MessageFacts(size_bytes=size, cut=cut)
    return MessageTransferred(Direction.RETRIEVED, outcome, facts, 0, 0)
