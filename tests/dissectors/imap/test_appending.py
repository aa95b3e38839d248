from __future__ import annotations

import pytest

from dissectors.events import (
    Delivery,
    Direction,
    Event,
    Exchange,
    MessageTransferred,
    Side,
)
from tests.support.imap_steps import (
    GREETING,
    MESSAGE,
    answers,
    client,
    only,
    play,
    server,
)
from tests.support.playbook import Step


def append(*lines: bytes, status: bytes = b"OK") -> list[Event]:
    return play(GREETING, client(*lines), server(b"a1 " + status + b" done"))


@pytest.mark.parametrize(
    "command",
    [
        b"a1 APPEND Sent {%d}",
        b'a1 APPEND "Sent" (\\Seen) {%d+}',
        b'a1 APPEND Sent (\\Seen) "1-Jan-2026 00:00:00 +0000" {%d}',
        b"a1 APPEND {4}\r\nSent {%d}",
        b"a1 append Sent ~{%d}",
        b"a1 APPEND Sent UTF8 (~{%d}",
    ],
)
def test_client_appends_a_message(command: bytes) -> None:
    events = append(command % len(MESSAGE), MESSAGE)
    [message] = only(MessageTransferred, events)
    assert (message.direction, message.outcome, message.mailbox) == (
        Direction.APPENDED,
        Delivery.ACCEPTED,
        "Sent",
    )
    assert message.facts.size_bytes == len(MESSAGE)
    assert answers(events) == [("APPEND", "OK")]


def test_client_appends_two_messages() -> None:
    """RFC 3502 §4."""
    size = len(MESSAGE)
    events = append(b"a1 APPEND Sent {%d}" % size, MESSAGE + b" {%d}" % size, MESSAGE)
    outcomes = [message.outcome for message in only(MessageTransferred, events)]
    assert outcomes == [Delivery.ACCEPTED, Delivery.ACCEPTED]


def test_server_refuses_an_appended_message() -> None:
    events = append(b"a1 APPEND Sent {%d}" % len(MESSAGE), MESSAGE, status=b"NO")
    assert only(MessageTransferred, events)[0].outcome is Delivery.REFUSED


def test_server_refuses_to_take_a_message() -> None:
    events = append(b"a1 APPEND Sent {1000}", status=b"NO [TRYCREATE]")
    assert only(MessageTransferred, events) == []
    assert answers(events) == [("APPEND", "NO")]


def test_appended_message_breaks_off() -> None:
    events = play(GREETING, client(b"a1 APPEND Sent {1000}", MESSAGE))
    assert only(MessageTransferred, events)[0].outcome is Delivery.CUT


def test_texts_that_catenate_appends_are_one_message() -> None:
    """RFC 4469 §3."""
    head, tail = MESSAGE[:10], MESSAGE[10:]
    texts = (
        b"a1 APPEND Sent CATENATE (TEXT {%d}" % len(head),
        head + b" TEXT {%d}" % len(tail),
        tail + b")",
    )
    events = append(*texts)
    [message] = only(MessageTransferred, events)
    assert message.facts.size_bytes == len(MESSAGE)
    assert (message.outcome, message.facts.cut) == (Delivery.ACCEPTED, False)
    assert answers(events) == [("APPEND", "OK")]


def test_part_that_catenate_takes_from_the_server_is_missing() -> None:
    """RFC 4469 §5."""
    events = append(
        b'a1 APPEND Drafts CATENATE (URL "/Drafts;UID=30/;section=HEADER" TEXT {3}',
        b'abc URL "/x" TEXT {3}',
        b"abc)",
    )
    [message] = only(MessageTransferred, events)
    assert (message.outcome, message.facts.cut) == (Delivery.ACCEPTED, True)


def test_two_catenated_messages_are_appended_at_once() -> None:
    events = append(
        b"a1 APPEND Sent CATENATE (TEXT {3}", b"abc) CATENATE (TEXT {4}", b"abcd)"
    )
    sizes = [message.facts.size_bytes for message in only(MessageTransferred, events)]
    assert sizes == [3, 4]


def test_catenated_message_breaks_off() -> None:
    events = play(GREETING, client(b"a1 APPEND Sent CATENATE (TEXT {1000}", MESSAGE))
    assert only(MessageTransferred, events)[0].outcome is Delivery.CUT


@pytest.mark.parametrize("verb", [b"REPLACE", b"UID REPLACE"])
def test_client_replaces_a_message(verb: bytes) -> None:
    """RFC 8508 §3.3."""
    events = append(b"a1 %b 4 Drafts {%d}" % (verb, len(MESSAGE)), MESSAGE)
    [message] = only(MessageTransferred, events)
    assert (message.mailbox, message.verb) == ("Drafts", verb.decode())


def test_message_text_behind_a_gap_is_no_command() -> None:
    text = [b"Please select one", b"I fetch it", b"We move on", b"Do list them all"]
    steps = [GREETING, client(b"a1 APPEND Sent {900}", b"x"), Step(Side.CLIENT, 2000)]
    steps += [client(*text), client(b"a2 NOOP"), server(b"a2 OK done")]

    verbs = [exchange.verb for exchange in only(Exchange, play(*steps))]

    assert sorted(verb for verb in verbs if verb) == ["APPEND", "NOOP"]
