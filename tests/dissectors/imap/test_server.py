"""What the server says: its greeting, and responses."""

from __future__ import annotations

import pytest

from dissectors.events import (
    CapabilitiesAnnounced,
    Exchange,
    ExchangeKind,
    GreetingReceived,
    Side,
    SoftwareIdentified,
    StartTls,
    StartTlsAdvanced,
)
from tests.support.imap_steps import (
    GREETING,
    answers,
    client,
    codes,
    only,
    play,
    server,
)
from tests.support.playbook import Step

# greeting and capabilities


@pytest.mark.parametrize("status", ["OK", "PREAUTH", "BYE"])
def test_server_greets(status: str) -> None:
    assert play(server(b"* %s ready" % status.encode()))[:2] == [
        GreetingReceived("ready"),
        Exchange(
            1,
            ExchangeKind.GREETING,
            status=f"* {status}",
            reply_text="ready",
            reply_time_ns=1000,
            reply_frame=1,
        ),
    ]


def test_greeting_announces_capabilities() -> None:
    events = play(server(b"* OK [CAPABILITY IMAP4rev1 STARTTLS] ready"))
    assert only(GreetingReceived, events) == [
        GreetingReceived("[CAPABILITY IMAP4rev1 STARTTLS] ready")
    ]
    assert only(CapabilitiesAnnounced, events) == [
        CapabilitiesAnnounced(["IMAP4rev1", "STARTTLS"])
    ]
    assert only(StartTlsAdvanced, events) == [StartTlsAdvanced(StartTls.OFFERED)]


def test_greeting_without_line_end_is_read_at_the_end() -> None:
    events = play(Step(Side.SERVER, b"* OK ready"))
    assert only(GreetingReceived, events) == [GreetingReceived("ready")]


@pytest.mark.parametrize(
    "first_line",
    [b"* OK [UNSEEN 12] first unseen", b"* 3 EXISTS", b"a1 OK done", b"+ idling"],
)
def test_capture_that_begins_later_has_no_greeting(first_line: bytes) -> None:
    events = play(server(first_line))
    assert only(GreetingReceived, events) == []


def test_status_after_the_first_line_is_no_greeting() -> None:
    events = play(server(b"* 3 EXISTS", b"* OK still here"))
    assert only(GreetingReceived, events) == []


def test_server_announces_capabilities_in_a_tagged_response() -> None:
    events = play(
        GREETING,
        client(b"a1 LOGIN joe secret"),
        server(b"a1 OK [CAPABILITY IMAP4rev1 IDLE] logged in"),
    )
    assert only(CapabilitiesAnnounced, events) == [
        CapabilitiesAnnounced(["IMAP4rev1", "IDLE"])
    ]


def test_client_asks_for_capabilities() -> None:
    events = play(
        GREETING,
        client(b"abcd CAPABILITY"),
        server(b"* CAPABILITY IMAP4rev1 LOGINDISABLED", b"abcd OK completed"),
    )
    assert only(CapabilitiesAnnounced, events) == [
        CapabilitiesAnnounced(["IMAP4rev1", "LOGINDISABLED"])
    ]
    assert only(StartTlsAdvanced, events) == [StartTlsAdvanced(StartTls.NOT_OFFERED)]
    assert answers(events) == [("CAPABILITY", "OK")]


def test_both_sides_identify_themselves() -> None:
    """RFC 2971 §3.1."""
    events = play(
        GREETING,
        client(b'a023 ID ("name" "sodr" "version" "19.34")'),
        server(b'* ID ("name" "Cyrus" "version" "1.5")', b"a023 OK ID completed"),
    )
    assert only(SoftwareIdentified, events) == [
        SoftwareIdentified(Side.CLIENT, "sodr 19.34", ["name=sodr", "version=19.34"]),
        SoftwareIdentified(Side.SERVER, "Cyrus 1.5", ["name=Cyrus", "version=1.5"]),
    ]


# responses


def test_server_says_bye_unasked() -> None:
    events = play(GREETING, server(b"* BYE shutting down"))
    assert only(Exchange, events)[1:] == [
        Exchange(
            2,
            ExchangeKind.UNSOLICITED,
            status="* BYE",
            reply_text="shutting down",
            reply_time_ns=2000,
            reply_frame=2,
        )
    ]


def test_server_says_bye_to_logout() -> None:
    events = play(GREETING, client(b"a LOGOUT"), server(b"* BYE bye", b"a OK done"))
    assert [exchange.kind for exchange in only(Exchange, events)] == [
        ExchangeKind.GREETING,
        ExchangeKind.COMMAND,
    ]


@pytest.mark.parametrize("line", [b"garbage", b"*", b"a1", b"a1 MAYBE", b"-"])
def test_server_line_is_no_response(line: bytes) -> None:
    events = play(GREETING, server(line), client(b"a1 NOOP"), server(b"a1 OK done"))
    assert answers(events) == [("NOOP", "OK")]
    assert codes(events) == ["imap_invalid_response"]


def test_literal_in_an_untagged_response_is_no_response() -> None:
    events = play(
        GREETING,
        client(b'a1 LIST "" *'),
        server(b'* LIST () "/" {10}', b"a1 NO no", b"", b"a1 OK done"),
    )
    assert answers(events) == [("LIST", "OK")]


def test_text_of_a_status_response_announces_no_literal() -> None:
    events = play(
        GREETING,
        client(b"a1 NOOP", b"a2 NOOP"),
        server(b"* OK {10}", b"a1 OK {10}", b"a2 OK done"),
    )
    assert answers(events) == [("NOOP", "OK"), ("NOOP", "OK")]
