"""IMAP sessions."""

from __future__ import annotations

import pytest
from hypothesis import given

from dissectors import registry
from dissectors.events import (
    AuthAttempted,
    Delivery,
    Direction,
    Event,
    Exchange,
    ExchangeKind,
    Exposure,
    MailboxSelected,
    MessagesDeleted,
    MessageTransferred,
    Outcome,
    Side,
    StartTls,
    StartTlsAdvanced,
    TlsHandshakeSeen,
)
from dissectors.limits import Limits
from tests.support.imap_steps import (
    GREETING,
    MESSAGE,
    answers,
    client,
    codes,
    make_playbook,
    only,
    play,
    server,
)
from tests.support.playbook import Step, cuts, mutations, split_at

CLIENT_HELLO = b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00"


SERVER_ALERT = b"\x15\x03\x03\x00\x02\x02\x28"


# Pairing


def test_exchange_holds_both_halves() -> None:
    events = play(
        GREETING,
        client(b"a002 uid fetch 12 (FLAGS)"),
        server(b"* 1 FETCH (UID 12 FLAGS ())", b"a002 OK [X] done"),
    )
    assert only(Exchange, events)[1:] == [
        Exchange(
            2,
            ExchangeKind.COMMAND,
            "UID FETCH",
            "12 (FLAGS)",
            request_time_ns=2000,
            request_frame=2,
            status="OK",
            reply_text="[X] done",
            reply_time_ns=3000,
            reply_frame=3,
            response_code="X",
        )
    ]


def test_responses_come_in_another_order_than_commands() -> None:
    events = play(
        GREETING,
        client(b"a1 SEARCH ALL", b"a2 NOOP", b"a3 X-UNKNOWN y"),
        server(b"a3 BAD what", b"a2 OK done", b"a1 NO failed"),
    )
    assert answers(events) == [("SEARCH", "NO"), ("NOOP", "OK"), ("***", "BAD")]
    assert codes(events) == []


def test_argument_of_unknown_command_is_not_kept() -> None:
    events = play(GREETING, client(b"a1 PASSWD joe secret"), server(b"a1 BAD what"))
    assert "secret" not in repr(events)
    assert only(Exchange, events)[1].argument == "***"


def test_same_tag_for_one_command_after_the_other() -> None:
    events = play(
        GREETING,
        client(b". NOOP"),
        server(b". OK done"),
        client(b". CHECK"),
        server(b". NO failed"),
    )
    assert answers(events) == [("NOOP", "OK"), ("CHECK", "NO")]
    assert codes(events) == []


def test_same_tag_for_two_commands_in_progress() -> None:
    events = play(
        GREETING, client(b". NOOP", b". CHECK"), server(b". OK done", b". NO failed")
    )
    assert answers(events) == [("NOOP", "OK"), ("CHECK", "NO")]
    assert codes(events) == ["imap_tag_reused"]


def test_response_without_command() -> None:
    events = play(GREETING, client(b"a1 NOOP"), server(b"a2 OK done", b"a1 OK done"))
    assert answers(events) == [("NOOP", "OK"), (None, "OK")]
    assert codes(events) == ["imap_unknown_tag"]


def test_unanswered_commands_are_reported_at_the_end() -> None:
    events = play(GREETING, client(b"a1 NOOP", b"a2 CHECK"))
    assert answers(events) == [("NOOP", None), ("CHECK", None)]


def test_too_many_commands_in_progress() -> None:
    commands = client(b"a1 NOOP", b"a2 NOOP", b"a3 NOOP")
    responses = server(b"a1 OK late", b"a2 OK done", b"a3 OK done")
    events = play(GREETING, commands, responses, limits=Limits(pending_commands=2))
    assert answers(events) == [
        ("NOOP", None),
        ("NOOP", "OK"),
        ("NOOP", "OK"),
        (None, "OK"),
    ]
    assert codes(events) == ["too_many_pending_commands", "imap_unknown_tag"]


def test_idle_is_one_exchange() -> None:
    """RFC 2177 §3."""
    events = play(
        GREETING,
        client(b"A002 IDLE"),
        server(b"+ idling"),
        server(b"* 4 EXISTS", b"* 3 EXPUNGE"),
        client(b"done"),
        server(b"A002 OK IDLE terminated"),
    )
    assert answers(events) == [("IDLE", "OK")]
    assert only(MessagesDeleted, events) == []
    assert codes(events) == []


def test_client_line_is_no_command() -> None:
    events = play(GREETING, client(b"secret", b"", b"a1 NOOP"), server(b"a1 OK done"))
    assert answers(events) == [("NOOP", "OK")]
    assert codes(events) == ["imap_invalid_command"]
    assert "secret" not in repr(events)


# Logging in


@pytest.mark.parametrize(
    "login",
    [
        client(b"a1 LOGIN joe secret"),
        client(b'a1 login "joe" "secret"'),
        client(b"a1 LOGIN {3}", b"joe {6}", b"secret"),
        client(b"a1 LOGIN {3+}", b"joe {6+}", b"secret"),
        client(b"a1 LOGIN joe {6}", b"secret"),
    ],
)
@pytest.mark.parametrize(
    ("status", "outcome"),
    [(b"OK", Outcome.SUCCESS), (b"NO", Outcome.FAILURE), (b"BAD", Outcome.FAILURE)],
)
def test_client_logs_in(login: Step, status: bytes, outcome: Outcome) -> None:
    events = play(GREETING, login, server(b"a1 " + status + b" done"))
    assert only(AuthAttempted, events) == [
        AuthAttempted("LOGIN", "joe", outcome, Exposure.PASSWORD)
    ]
    assert answers(events) == [("LOGIN", status.decode())]
    assert "secret" not in repr(events)


def test_password_that_looks_like_a_command_is_none() -> None:
    events = play(
        GREETING,
        client(b"a1 LOGIN joe {7}"),
        server(b"+ go ahead"),
        client(b"a2 NOOP"),
        server(b"a1 OK done"),
    )
    assert answers(events) == [("LOGIN", "OK")]


def test_password_literal_is_refused_before_it_is_sent() -> None:
    events = play(
        GREETING,
        client(b"a1 LOGIN joe {6}"),
        server(b"a1 NO [PRIVACYREQUIRED] not in plaintext"),
        client(b"a2 LOGOUT"),
        server(b"a2 OK bye"),
    )
    assert answers(events) == [("LOGIN", "NO"), ("LOGOUT", "OK")]
    assert only(AuthAttempted, events) == [
        AuthAttempted("LOGIN", "joe", Outcome.FAILURE, Exposure.NOTHING)
    ]


def test_refusal_does_not_cancel_a_non_synchronizing_literal() -> None:
    events = play(
        GREETING,
        client(b"a1 LOGIN joe {7+}"),
        server(b"a1 NO no logins"),
        client(b"a2 NOOP"),
        client(b"a3 LOGOUT"),
        server(b"a3 OK bye"),
    )
    assert answers(events) == [("LOGIN", "NO"), ("LOGOUT", "OK")]
    assert only(AuthAttempted, events)[0].exposure is Exposure.PASSWORD


def test_refusal_does_not_cancel_a_literal_that_was_asked_for() -> None:
    events = play(
        GREETING,
        client(b"a1 LOGIN joe {7}"),
        server(b"+ go ahead", b"a1 NO no logins"),
        client(b"a2 NOOP"),
    )
    assert answers(events) == [("LOGIN", "NO")]


def test_client_authenticates() -> None:
    events = play(
        GREETING,
        client(b"a1 AUTHENTICATE PLAIN"),
        server(b"+ "),
        client(b"AGpvZQBzZWNyZXQ="),
        server(b"a1 OK done"),
    )
    assert only(AuthAttempted, events) == [
        AuthAttempted("PLAIN", "joe", Outcome.SUCCESS, Exposure.PASSWORD)
    ]
    assert only(Exchange, events)[1].argument == "PLAIN"
    assert codes(events) == []


def test_client_authenticates_with_initial_response() -> None:
    """RFC 4959 §4."""
    events = play(
        GREETING,
        client(b"a1 AUTHENTICATE PLAIN AGpvZQBzZWNyZXQ="),
        server(b"a1 NO failed"),
    )
    assert only(AuthAttempted, events) == [
        AuthAttempted("PLAIN", "joe", Outcome.FAILURE, Exposure.PASSWORD)
    ]
    assert only(Exchange, events)[1].argument == "PLAIN ***"
    assert "AGpv" not in repr(events)


def test_client_cancels_authentication() -> None:
    events = play(
        GREETING,
        client(b"a1 AUTHENTICATE PLAIN"),
        server(b"+ "),
        client(b"*"),
        server(b"a1 BAD cancelled"),
    )
    assert only(AuthAttempted, events) == [
        AuthAttempted("PLAIN", None, Outcome.FAILURE, Exposure.NOTHING)
    ]


def test_response_with_a_blank_is_still_no_command() -> None:
    events = play(
        GREETING,
        client(b"a1 AUTHENTICATE PLAIN"),
        server(b"+ "),
        client(b"joe secret"),
        server(b"a1 BAD not base64"),
    )
    assert answers(events) == [("AUTHENTICATE", "BAD")]
    assert "secret" not in repr(events).lower()


def test_mechanism_that_is_none_still_hides_the_responses() -> None:
    events = play(
        GREETING,
        client(b"a1 AUTHENTICATE (PLAIN)"),
        server(b"+ "),
        client(b"joe secret"),
        server(b"a1 BAD no"),
    )
    assert answers(events) == [("AUTHENTICATE", "BAD")]
    assert only(AuthAttempted, events) == [
        AuthAttempted("***", None, Outcome.FAILURE, Exposure.PASSWORD)
    ]
    assert "secret" not in repr(events).lower()


# TLS and compression


def test_client_upgrades_to_tls() -> None:
    events = play(
        GREETING,
        client(b"a1 STARTTLS"),
        server(b"a1 OK begin"),
        Step(Side.CLIENT, CLIENT_HELLO),
        Step(Side.SERVER, SERVER_ALERT),
    )
    assert only(StartTlsAdvanced, events) == [
        StartTlsAdvanced(StartTls.REQUESTED),
        StartTlsAdvanced(StartTls.ACCEPTED),
    ]
    assert answers(events) == [("STARTTLS", "OK")]
    assert len(only(TlsHandshakeSeen, events)) == 1


def test_server_refuses_tls_and_pipelined_commands_go_on() -> None:
    events = play(
        GREETING,
        client(b"a1 STARTTLS", b"a2 NOOP"),
        server(b"a1 NO not now", b"a2 OK done"),
    )
    assert only(StartTlsAdvanced, events)[-1] == StartTlsAdvanced(StartTls.REFUSED)
    assert answers(events) == [("STARTTLS", "NO"), ("NOOP", "OK")]
    assert codes(events) == []


def test_command_behind_starttls_is_plaintext_after() -> None:
    events = play(
        GREETING,
        client(b"a1 STARTTLS", b"a2 LOGIN joe secret"),
        server(b"a1 OK begin"),
        Step(Side.CLIENT, CLIENT_HELLO),
    )
    assert "starttls_plaintext_after" in codes(events)
    assert answers(events) == [("STARTTLS", "OK"), ("LOGIN", None)]


def test_tls_follows_though_only_the_client_was_captured() -> None:
    events = play(client(b"a1 STARTTLS"), Step(Side.CLIENT, CLIENT_HELLO))
    assert only(StartTlsAdvanced, events) == [
        StartTlsAdvanced(StartTls.REQUESTED),
        StartTlsAdvanced(StartTls.ACCEPTED),
    ]


def test_commands_follow_starttls_though_only_the_client_was_captured() -> None:
    events = play(client(b"a1 STARTTLS", b"a2 NOOP"))
    assert answers(events) == [("STARTTLS", None), ("NOOP", None)]


def test_too_few_bytes_to_be_tls_follow_starttls() -> None:
    events = play(client(b"a1 STARTTLS"), Step(Side.CLIENT, b"\x16"))
    assert answers(events) == [("STARTTLS", None)]


def test_commands_go_on_when_compress_is_refused() -> None:
    events = play(
        GREETING,
        client(b"a1 COMPRESS DEFLATE"),
        server(b"a1 NO not here"),
        client(b"a2 NOOP"),
        server(b"a2 OK done"),
    )
    assert answers(events) == [("COMPRESS", "NO"), ("NOOP", "OK")]


# Mailboxes and messages


def test_client_selects_mailboxes() -> None:
    events = play(
        GREETING,
        client(b'a1 SELECT "Entw&APw-rfe"', b"a2 EXAMINE {5}", b"Trash"),
        server(b"a1 OK [READ-WRITE] done", b"a2 OK [READ-ONLY] done"),
        client(b"a3 SELECT Bulk Mail"),
        server(b"a3 NO no such mailbox"),
    )
    assert only(MailboxSelected, events) == [
        MailboxSelected("Entwürfe"),
        MailboxSelected("Trash"),
    ]


def retrieve(*fetched: bytes) -> list[Event]:
    return play(
        GREETING,
        client(b"a1 SELECT INBOX"),
        server(b"a1 OK done"),
        client(b"a2 FETCH 1 BODY[]"),
        Step(Side.SERVER, b"".join(fetched)),
    )


def test_client_retrieves_a_message() -> None:
    events = retrieve(
        b"* 1 FETCH (FLAGS (\\Seen) BODY[] {%d}\r\n" % len(MESSAGE),
        MESSAGE,
        b" UID 7)\r\na2 OK done\r\n",
    )
    [message] = only(MessageTransferred, events)
    assert (message.direction, message.outcome, message.mailbox) == (
        Direction.RETRIEVED,
        Delivery.COMPLETE,
        "INBOX",
    )
    assert (message.facts.subject, message.facts.size_bytes) == ("lunch", len(MESSAGE))
    assert answers(events) == [("SELECT", "OK"), ("FETCH", "OK")]
    assert codes(events) == []


def test_no_mailbox_is_selected_after_close() -> None:
    events = play(
        GREETING,
        client(b"a1 SELECT INBOX", b"a2 CLOSE"),
        server(b"a1 OK done", b"a2 OK done"),
        server(b"* 1 FETCH (BODY[] {3}", b"abc)"),
    )
    assert [message.mailbox for message in only(MessageTransferred, events)] == [None]


def test_message_breaks_off_with_the_connection() -> None:
    events = retrieve(b"* 1 FETCH (BODY[] {%d}\r\n" % (len(MESSAGE) + 1), MESSAGE)
    [message] = only(MessageTransferred, events)
    assert message.outcome is Delivery.CUT
    assert message.facts.cut
    assert answers(events) == [("SELECT", "OK"), ("FETCH", None)]


def test_client_retrieves_a_message_in_chunks() -> None:
    events = play(
        GREETING,
        client(b"a1 UID FETCH 7 BODY.PEEK[]<0.20>"),
        server(b"* 1 FETCH (BODY[]<0> {20}", MESSAGE[:20] + b")", b"a1 OK done"),
        client(b"a2 UID FETCH 7 BODY.PEEK[]<20.200>"),
        server(b"* 2 FETCH (FLAGS ())", b"* 1 FETCH (BODY[]<20> {27}"),
        Step(Side.SERVER, MESSAGE[20:] + b")\r\na2 OK done\r\n"),
    )
    [message] = only(MessageTransferred, events)
    assert (message.facts.subject, message.facts.size_bytes) == ("lunch", 47)


def test_more_messages_than_can_be_held_are_reported_before_the_response() -> None:
    commands = client(b"a1 APPEND Sent {1}", b"a {1}", b"b {1}", b"c")
    limits = Limits(list_items=2)
    events = play(GREETING, commands, server(b"a1 OK done"), limits=limits)
    outcomes = [message.outcome for message in only(MessageTransferred, events)]
    assert outcomes == [Delivery.UNKNOWN, Delivery.ACCEPTED, Delivery.ACCEPTED]


@pytest.mark.parametrize(
    ("command", "responses"),
    [
        (b"EXPUNGE", [b"* 3 EXPUNGE", b"* 3 EXPUNGE"]),
        (b"UID EXPUNGE 7:8", [b"* VANISHED 7:8"]),
        (b"UID EXPUNGE 7:8", [b"* 3 expunge", b"* 3 Expunge"]),
    ],
)
def test_client_expunges(command: bytes, responses: list[bytes]) -> None:
    events = play(GREETING, client(b"a1 " + command), server(*responses, b"a1 OK done"))
    assert only(MessagesDeleted, events) == [MessagesDeleted(2)]


def test_what_others_expunged_is_not_counted() -> None:
    events = play(
        GREETING,
        client(b"a1 NOOP", b"a2 SELECT INBOX (QRESYNC (1 2))"),
        server(b"* 3 EXPUNGE", b"* VANISHED (EARLIER) 7:9", b"* VANISHED"),
        server(b"a1 OK done", b"a2 OK done"),
    )
    assert only(MessagesDeleted, events) == []


# Literals in responses, gaps, limits


def test_gap_inside_a_message_leaves_the_session_intact() -> None:
    size = len(MESSAGE) + 10
    events = play(
        GREETING,
        client(b"a1 FETCH 1 BODY[]"),
        Step(Side.SERVER, b"* 1 FETCH (BODY[] {%d}\r\n" % size + MESSAGE[:20]),
        Step(Side.SERVER, 10),
        Step(Side.SERVER, MESSAGE[20:] + b")\r\na1 OK done\r\n"),
    )
    [message] = only(MessageTransferred, events)
    assert message.facts.cut
    assert message.facts.size_bytes == size
    assert answers(events) == [("FETCH", "OK")]
    assert codes(events) == ["stream_gap"]


def test_gap_beyond_a_message_ends_at_the_next_sure_response() -> None:
    events = play(
        GREETING,
        client(b"a1 FETCH 1 BODY[]"),
        Step(Side.SERVER, b"* 1 FETCH (BODY[] {100}\r\n" + MESSAGE[:20]),
        Step(Side.SERVER, 200),
        server(b"lines of another message", b"* 7 bullets", b"b7 OK not a tag"),
        server(b"* 3 EXISTS", b"a1 OK done"),
    )
    assert only(MessageTransferred, events)[0].outcome is Delivery.CUT
    assert answers(events) == [("FETCH", "OK")]
    assert codes(events) == ["stream_gap"]


def test_gap_that_swallows_a_response_does_not_shift_equal_tags() -> None:
    events = play(
        GREETING,
        client(b". NOOP"),
        Step(Side.SERVER, 11),
        client(b". CHECK"),
        server(b". NO failed"),
    )
    assert answers(events) == [("NOOP", None), ("CHECK", "NO")]
    assert codes(events) == ["stream_gap"]


def test_rest_of_a_password_behind_a_gap_is_not_shown() -> None:
    events = play(
        GREETING,
        client(b"a1 LOGIN joe {9}"),
        Step(Side.CLIENT, 12),
        client(b"my secret", b"a2 NOOP"),
        server(b"a1 NO failed", b"a2 OK done"),
    )
    assert answers(events) == [("LOGIN", "NO"), ("NOOP", "OK")]
    assert "secret" not in repr(events).lower()
    assert only(AuthAttempted, events)[0].exposure is Exposure.PASSWORD


def test_gap_in_a_command_is_not_bridged() -> None:
    events = play(
        GREETING,
        Step(Side.CLIENT, b"a1 SEL"),
        Step(Side.CLIENT, 3),
        client(b" INBOX", b"a2 NOOP"),
        server(b"a1 OK done", b"a2 OK done"),
    )
    assert answers(events) == [("NOOP", "OK"), (None, "OK")]
    assert codes(events) == ["stream_gap"]


def test_only_the_server_was_captured() -> None:
    size = len(MESSAGE)
    events = play(
        server(b"* OK ready", b"a1 OK [CAPABILITY IMAP4rev1] logged in"),
        Step(Side.SERVER, b"* 1 FETCH (BODY[] {%d}\r\n" % size + MESSAGE + b")\r\n"),
        server(b"a2 OK done"),
    )
    assert answers(events) == [(None, "OK"), (None, "OK")]
    assert len(only(MessageTransferred, events)) == 1
    assert codes(events) == []


def test_line_over_the_limit_is_skipped() -> None:
    events = play(
        GREETING,
        client(b"a1 SEARCH ALL"),
        server(b"* SEARCH" + b" 1" * 100, b"a1 OK done"),
        client(b"a2 UID FETCH " + b"1," * 100 + b"2 FLAGS", b"a3 NOOP"),
        server(b"a2 OK done", b"a3 OK done"),
        limits=Limits(line=64),
    )
    assert answers(events) == [("SEARCH", "OK"), ("UID FETCH", "OK"), ("NOOP", "OK")]
    assert codes(events) == ["line_too_long", "line_too_long"]


# Any split, any bytes

SESSION = [
    server(b"* OK [CAPABILITY IMAP4rev1 SASL-IR] ready"),
    client(b"a1 AUTHENTICATE PLAIN"),
    server(b"+ "),
    client(b"AGpvZQBzZWNyZXQ="),
    server(b"a1 OK done"),
    client(b'a2 ID ("name" "x")', b"a3 SELECT {5}", b"INBOX"),
    server(b"* ID NIL", b"a2 OK done", b"* 3 EXISTS", b"a3 OK done"),
    client(b"a4 APPEND Sent {%d}" % len(MESSAGE), MESSAGE, b"a5 FETCH 1 BODY[]"),
    server(b"a4 OK done", b"* 1 FETCH (BODY[] {%d}" % len(MESSAGE), MESSAGE + b")"),
    server(b"a5 OK done"),
    client(b"a6 IDLE"),
    server(b"+ idling", b"* 3 EXPUNGE"),
    client(b"DONE", b"a7 EXPUNGE"),
    server(b"a6 OK done", b"* 2 EXPUNGE", b"a7 OK done"),
    client(b"a8 STARTTLS"),
    server(b"a8 OK begin"),
    Step(Side.CLIENT, CLIENT_HELLO),
]


@given(cuts)
def test_any_split_gives_the_same_events(places: set[int]) -> None:
    make_playbook(*SESSION).expect_same(split_at(places))


@given(mutations(SESSION), cuts)
def test_damaged_session_raises_nothing(steps: list[Step], places: set[int]) -> None:
    playbook = make_playbook(*steps, *SESSION)
    playbook.expect_same(split_at(places))
    events = playbook.run()
    assert set(codes(events)) <= set(registry.anomalies())
    assert only(Exchange, events)


def test_clear_text_beside_tls_is_told_first_however_the_record_is_split() -> None:
    record = b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00"
    steps = [Step(Side.CLIENT, b"a NOOP\r\n"), Step(Side.SERVER, b"a")]
    play = make_playbook(Step(Side.SERVER, 1), *steps, Step(Side.CLIENT, record))
    play.expect_same(lambda data: [data[i : i + 1] for i in range(len(data))])
    assert codes(play.run())[-2:] == [
        "starttls_plaintext_after",
        "tls_handshake_invalid",
    ]
