"""What commands and responses prove."""

from __future__ import annotations

import pytest

from dissectors.credentials.sasl import SaslExchange
from dissectors.credentials.withheld import Withheld
from dissectors.events import (
    AuthAttempted,
    CapabilitiesAnnounced,
    Delivery,
    Direction,
    Event,
    Exchange,
    ExchangeKind,
    Exposure,
    GreetingReceived,
    MailboxSelected,
    MessageFacts,
    MessagesDeleted,
    MessageTransferred,
    Outcome,
    Side,
    SoftwareIdentified,
    StartTls,
    StartTlsAdvanced,
)
from dissectors.imap.commands import (
    Appended,
    AppendedMessage,
    ClientLiteral,
    ImapCommand,
    Leave,
    Response,
)
from dissectors.imap.outcomes import (
    conclude,
    describe_capabilities,
    describe_greeting,
    describe_software,
)
from dissectors.limits import DEFAULT_LIMITS, Limits

OK = Response("OK", b"done", None, time_ns=20, frame=2)
NO = Response("NO", b"failed", None, time_ns=20, frame=2)


def make_command(
    verb: str, argument: bytes = b"", response: Response | None = None
) -> ImapCommand:
    command = ImapCommand(7, b"a1", verb, time_ns=10, frame=1, response=response)
    command.add_fragment(argument, 1024)
    command.close(Withheld())
    return command


def conclusions(command: ImapCommand, response: Response | None) -> list[Event]:
    """Everything but the exchange."""
    command.response = response
    return conclude(command, DEFAULT_LIMITS)[1:]


def test_answered_command_is_an_exchange() -> None:
    command = make_command("STORE", b"1 +FLAGS ()", OK)
    assert conclude(command, DEFAULT_LIMITS) == [
        Exchange(
            7,
            ExchangeKind.COMMAND,
            "STORE",
            "1 +FLAGS ()",
            request_time_ns=10,
            request_frame=1,
            status="OK",
            reply_text="done",
            reply_time_ns=20,
            reply_frame=2,
        )
    ]


def test_unanswered_command_is_an_exchange_without_reply() -> None:
    assert conclude(make_command("NOOP"), DEFAULT_LIMITS) == [
        Exchange(7, ExchangeKind.COMMAND, "NOOP", request_time_ns=10, request_frame=1)
    ]


def test_texts_are_limited() -> None:
    [exchange] = conclude(make_command("SEARCH", b"1" * 9, OK), Limits(kept_text=3))
    assert isinstance(exchange, Exchange)
    assert (exchange.argument, exchange.reply_text) == ("111", "don")


@pytest.mark.parametrize(
    ("response", "outcome"),
    [(OK, Outcome.SUCCESS), (NO, Outcome.FAILURE), (None, Outcome.UNKNOWN)],
)
def test_login_is_an_attempt(response: Response | None, outcome: Outcome) -> None:
    assert conclusions(make_command("LOGIN", b"joe secret"), response) == [
        AuthAttempted("LOGIN", "joe", outcome, Exposure.PASSWORD)
    ]


def test_login_whose_password_was_withheld_exposes_nothing() -> None:
    command = make_command("LOGIN", b"joe {6}")
    command.literal = ClientLiteral(9, Leave.REFUSED)
    assert conclusions(command, NO) == [
        AuthAttempted("LOGIN", "joe", Outcome.FAILURE, Exposure.NOTHING)
    ]


def test_authenticate_is_an_attempt() -> None:
    command = make_command("AUTHENTICATE", b"PLAIN")
    command.sasl = SaslExchange(b"PLAIN", Withheld())
    assert conclusions(command, NO) == [
        AuthAttempted("PLAIN", None, Outcome.FAILURE, Exposure.NOTHING)
    ]


def test_authenticate_without_mechanism_is_no_attempt() -> None:
    assert conclusions(make_command("AUTHENTICATE"), NO) == []


@pytest.mark.parametrize("verb", ["SELECT", "EXAMINE"])
def test_mailbox_is_selected(verb: str) -> None:
    assert conclusions(make_command(verb, b'"Entw&APw-rfe"'), OK) == [
        MailboxSelected("Entwürfe")
    ]


@pytest.mark.parametrize("response", [NO, None])
def test_mailbox_is_not_selected(response: Response | None) -> None:
    assert conclusions(make_command("SELECT", b"INBOX"), response) == []


@pytest.mark.parametrize(
    ("response", "complete", "delivery"),
    [
        (OK, True, Delivery.ACCEPTED),
        (NO, True, Delivery.REFUSED),
        (None, True, Delivery.UNKNOWN),
        (None, False, Delivery.CUT),
    ],
)
def test_message_is_appended(
    response: Response | None, *, complete: bool, delivery: Delivery
) -> None:
    facts = MessageFacts(size_bytes=3)
    command = make_command("APPEND", b"Sent {3}")
    message = AppendedMessage(facts, complete, 15, 3, begin_ns=9, offset=-1)
    command.appended = Appended([message])
    assert conclusions(command, response) == [
        MessageTransferred(
            Direction.APPENDED,
            delivery,
            facts,
            15,
            3,
            mailbox="Sent",
            verb="APPEND",
            begin_ns=9,
        )
    ]


def test_messages_are_expunged_though_the_response_is_missing() -> None:
    command = make_command("UID EXPUNGE", b"4:7")
    command.affected = 4
    assert conclusions(command, None) == [MessagesDeleted(4)]


def test_nothing_was_expunged() -> None:
    assert conclusions(make_command("EXPUNGE"), OK) == []


@pytest.mark.parametrize(
    ("response", "steps"),
    [(OK, [StartTls.ACCEPTED]), (NO, [StartTls.REFUSED]), (None, [])],
)
def test_starttls_is_answered(response: Response | None, steps: list[StartTls]) -> None:
    expected = [StartTlsAdvanced(step) for step in steps]
    assert conclusions(make_command("STARTTLS"), response) == expected


def test_greeting_names_the_software() -> None:
    greeting = describe_greeting(b"[CAPABILITY IMAP4rev1] Dovecot ready.", Limits())
    assert greeting == GreetingReceived(
        "[CAPABILITY IMAP4rev1] Dovecot ready.", "Dovecot"
    )


@pytest.mark.parametrize(
    ("data", "names", "step"),
    [
        (b"IMAP4rev2 IDLE", ["IMAP4rev2", "IDLE"], StartTls.NOT_OFFERED),
        (b"IMAP4rev1 StartTLS", ["IMAP4rev1", "StartTLS"], StartTls.OFFERED),
        (b"", [], StartTls.NOT_OFFERED),
    ],
)
def test_capabilities_tell_whether_starttls_is_offered(
    data: bytes, names: list[str], step: StartTls
) -> None:
    assert describe_capabilities(data, DEFAULT_LIMITS) == [
        CapabilitiesAnnounced(names),
        StartTlsAdvanced(step),
    ]


def test_capabilities_are_limited() -> None:
    announced = describe_capabilities(b"A B C", Limits(list_items=2))[0]
    assert announced == CapabilitiesAnnounced(["A", "B"])


def test_software_identifies_itself() -> None:
    params = b'("name" "sodr" "version" "19.34")'
    assert describe_software(Side.CLIENT, params, DEFAULT_LIMITS) == [
        SoftwareIdentified(Side.CLIENT, "sodr 19.34", ["name=sodr", "version=19.34"])
    ]
    assert describe_software(Side.CLIENT, b"NIL", DEFAULT_LIMITS) == []
