"""IMAP sessions as steps of either side, and what they prove."""

from __future__ import annotations

from functools import partial
from typing import TypeVar

from dissectors.events import Anomaly, Event, Exchange, ExchangeKind, Side
from dissectors.imap import ImapDialogue
from dissectors.limits import DEFAULT_LIMITS, Limits
from tests.support.playbook import Playbook, Step, split_bytes

EventT = TypeVar("EventT", bound=Event)

MESSAGE = b"Subject: lunch\r\n\r\na9 LOGOUT\r\n* BYE\r\na9 OK bye\r\n"


def client(*lines: bytes) -> Step:
    return Step(Side.CLIENT, b"".join(line + b"\r\n" for line in lines))


def server(*lines: bytes) -> Step:
    return Step(Side.SERVER, b"".join(line + b"\r\n" for line in lines))


GREETING = server(b"* OK ready")


def make_playbook(*steps: Step, limits: Limits = DEFAULT_LIMITS) -> Playbook:
    playbook = Playbook(partial(ImapDialogue, limits))
    playbook.steps += steps
    return playbook.eof()


def play(*steps: Step, limits: Limits = DEFAULT_LIMITS) -> list[Event]:
    """What a session proves, which must be the same byte by byte."""
    playbook = make_playbook(*steps, limits=limits)
    playbook.expect_same(split_bytes)
    return playbook.run()


def only(kind: type[EventT], events: list[Event]) -> list[EventT]:
    return [event for event in events if isinstance(event, kind)]


def codes(events: list[Event]) -> list[str]:
    return [anomaly.code for anomaly in only(Anomaly, events)]


def answers(events: list[Event]) -> list[tuple[str | None, str | None]]:
    """Verb and status of all commands, in order of their requests."""
    exchanges = sorted(only(Exchange, events), key=lambda exchange: exchange.number)
    return [
        (exchange.verb, exchange.status)
        for exchange in exchanges
        if exchange.kind is ExchangeKind.COMMAND
    ]
