from __future__ import annotations

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dissectors.events import (
    Anomaly,
    AuthAttempted,
    CapabilitiesAnnounced,
    ClientNamed,
    CredentialsCrossed,
    Delivery,
    Direction,
    Event,
    Exchange,
    ExchangeKind,
    Exposure,
    GreetingReceived,
    MessageFacts,
    MessageTransferred,
    Outcome,
    RecipientGiven,
    ReplyReceived,
    SenderGiven,
    StartTls,
    StartTlsAdvanced,
)
from dissectors.limits import Limits
from dissectors.smtp import SmtpDissector, grammar
from tests.support.playbook import (
    CLIENT,
    SERVER,
    Playbook,
    anomaly,
    cuts,
    every_split,
    exchange,
    expect_no_harm,
    split_at,
    split_bytes,
)

FAILURE, SUCCESS, UNKNOWN = Outcome.FAILURE, Outcome.SUCCESS, Outcome.UNKNOWN
GREETED: list[Event] = [
    ReplyReceived(220),
    exchange(None, reply=220, kind=ExchangeKind.GREETING),
    GreetingReceived("mx.example.com ESMTP", None),
]


def playbook() -> Playbook:
    return Playbook(SmtpDissector)


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


# greeting and replies


def test_server_sends_multiline_greeting_split_inside_crlf() -> None:
    play = playbook().server(
        b"220-mail.example.com ESMTP Exim 4.96.2 Mon, 01 Jan 2024 00:00:00 +0000\r\n"
        b"220 no bulk mail\r\n"
    )
    play.expect(
        ReplyReceived(220),
        exchange(None, reply=220, kind=ExchangeKind.GREETING),
        GreetingReceived(
            "mail.example.com ESMTP Exim 4.96.2 Mon, 01 Jan 2024 00:00:00 +0000",
            "Exim 4.96.2",
        ),
    )
    for pieces in every_split(b"220-one\r\n220 two\r\n"):
        split = playbook()
        for piece in pieces:
            split.server(piece)
        assert ReplyReceived(220) in split.run()


def test_exchange_has_times_frames_number_and_text_of_all_lines() -> None:
    events = greeted().client(b"ETRN x\r\n").server(b"450-one\r\n450 two\r\n").run()
    assert events[-1] == Exchange(
        number=2,
        kind=ExchangeKind.COMMAND,
        verb="ETRN",
        argument="x",
        request_time_ns=2000,
        request_frame=2,
        reply_code=450,
        reply_text="one\ntwo",
        reply_time_ns=3000,
        reply_frame=3,
    )


@pytest.mark.parametrize("code", [421, 521, 554])
def test_server_refuses_connection(code: int) -> None:
    playbook().server(b"%d go away\r\n" % code).expect(
        ReplyReceived(code),
        exchange(None, reply=code, kind=ExchangeKind.GREETING),
        GreetingReceived("go away", None),
    )


def test_server_sends_greeting_without_line_end() -> None:
    playbook().server(b"220 mx.example.com ESMTP").client(b"QUIT\r\n").server(
        b"221 bye\r\n"
    ).expect(*GREETED, *quit_())


def test_server_reply_is_interrupted_by_pipelined_command() -> None:
    (
        greeted()
        .client(b"NOOP\r\n")
        .server(b"250 2.0.0 O")
        .client(b"QUIT\r\n")
        .server(b"k\r\n221 bye\r\n")
        .expect(*GREETED, *answered(250, exchange("NOOP", reply=250)), *quit_())
    )


def test_client_sends_command_without_line_end() -> None:
    greeted().client(b"QUIT").server(b"221 bye\r\n").client(b"\r\n").eof().expect(
        *GREETED, *quit_()
    )


def test_client_line_is_interrupted_by_reply_to_earlier_command() -> None:
    (
        greeted()
        .client(b"NOOP\r\nRCPT TO:<b@exam")
        .server(b"250 ok\r\n")
        .client(b"ple.com>\r\n")
        .server(b"250 ok\r\n")
        .expect(
            *GREETED,
            *answered(250, exchange("NOOP", reply=250)),
            *answered(250, exchange("RCPT", "TO:<b@example.com>", 250)),
            RecipientGiven("b@example.com", accepted=True),
        )
    )


def test_server_sends_reply_to_nothing() -> None:
    greeted().server(b"421 timeout\r\n").expect(*GREETED, *unsolicited(421))


def test_server_sends_line_that_is_no_reply() -> None:
    greeted().server(b"hello\r\n250x\r\n").expect(
        *GREETED,
        anomaly("smtp_unexpected_line", SERVER),
        anomaly("smtp_unexpected_line", SERVER),
    )


def test_greeting_is_cut_inside_multiline_reply() -> None:
    playbook().server(b"220-mx.example.com ESMTP\r\n").eof().expect(*GREETED)


def test_last_line_of_multiline_reply_has_no_end() -> None:
    playbook().server(b"220-mx.example.com ESMTP\r\n220 hi").eof().expect(*GREETED)


# HELO, EHLO


def test_server_announces_capabilities() -> None:
    (
        greeted()
        .client(b"EHLO client.example.com\r\n")
        .server(
            b"250-mx.example.com\r\n250-size 1000\r\n250-AUTH=LOGIN\r\n250 starttls\r\n"
        )
        .expect(
            *GREETED,
            ClientNamed("client.example.com"),
            *answered(250, exchange("EHLO", "client.example.com", 250)),
            CapabilitiesAnnounced(["SIZE 1000", "AUTH=LOGIN", "STARTTLS"]),
            StartTlsAdvanced(StartTls.OFFERED),
        )
    )


def test_server_announces_no_starttls() -> None:
    greeted().client(b"ehlo x\r\n").server(b"250 mx.example.com\r\n").expect(
        *GREETED,
        ClientNamed("x"),
        *answered(250, exchange("EHLO", "x", 250)),
        CapabilitiesAnnounced([]),
        StartTlsAdvanced(StartTls.NOT_OFFERED),
    )


def test_server_refuses_helo_without_argument() -> None:
    greeted().client(b"HELO\r\n").server(b"501 name?\r\n").expect(
        *GREETED, *answered(501, exchange("HELO", reply=501))
    )


def test_client_speaks_before_greeting() -> None:
    playbook().client(b"HELO x\r\n").server(
        b"220 mx.example.com ESMTP\r\n250 hi\r\n"
    ).expect(
        ClientNamed("x"),
        ReplyReceived(220),
        anomaly("smtp_early_talker", CLIENT),
        *GREETED[1:],
        *answered(250, exchange("HELO", "x", 250)),
    )


def test_capture_begins_inside_session() -> None:
    playbook().client(b"NOOP\r\n").server(b"250 ok\r\n").expect(
        *answered(250, exchange("NOOP", reply=250))
    )


def test_proxy_answers_before_greeting() -> None:
    (
        playbook()
        .client(b"CONNECT mx.example.com:25 HTTP/1.0\r\n\r\n")
        .server(b"HTTP/1.0 200 OK\r\n")
        .server(b"220 mx.example.com ESMTP\r\n")
        .client(b"QUIT\r\n")
        .server(b"221 bye\r\n")
        .expect(anomaly("smtp_unexpected_line", SERVER), *GREETED, *quit_())
    )


# MAIL, RCPT


@pytest.mark.parametrize(
    ("argument", "address"),
    [
        (b"FROM:<a@example.com>", b"a@example.com"),
        (b"from: <a@example.com> SIZE=1 BODY=8BITMIME", b"a@example.com"),
        (b"FROM : <a@example.com>", b"a@example.com"),
        (b"FROM a@example.com", b"a@example.com"),
        (b"FROM:a@example.com SIZE=3", b"a@example.com"),
        (b"FROM:<>", b""),
        (b"FROM:<> RET=HDRS", b""),
        (b"FROM:", b""),
        (b"", b""),
        (b'TO:<"a > b"@example.com> NOTIFY=NEVER', b'"a > b"@example.com'),
        (b'TO:<"a\\"> b"@example.com>', b'"a\\"> b"@example.com'),
        (b'TO:<"a@example.com> X', b'"a@example.com'),
        (b"TO:<a@example.com", b"a@example.com"),
        (
            b"TO:<@x.example,@y.example:a@example.com>",
            b"@x.example,@y.example:a@example.com",
        ),
        (b"TO:Ann <a@example.com>", b"a@example.com"),
        ("TO:<ä@example.com>".encode(), "ä@example.com".encode()),
        (b"TOM@example.com", b"TOM@example.com"),
    ],
)
def test_path_is_found(argument: bytes, address: bytes) -> None:
    assert grammar.parse_path(argument)[0] == address


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


@pytest.mark.parametrize("reset", [b"RSET", b"EHLO x", b"HELO x"])
def test_client_resets_transaction(reset: bytes) -> None:
    events = (
        enveloped()
        .client(reset + b"\r\n")
        .server(b"250 ok\r\n")
        .client(b"MAIL FROM:<z@example.com>\r\nRCPT TO:<y@example.com>\r\nDATA\r\n")
        .server(b"250 ok\r\n250 ok\r\n354 go\r\n")
        .client(b"x\r\n.\r\n")
        .server(b"250 ok\r\n")
        .run()
    )
    (transferred,) = facts_of(events)
    assert transferred.sender == "z@example.com"
    assert transferred.recipients == ["y@example.com"]


def test_server_never_answers() -> None:
    greeted().client(b"MAIL FROM:<a@example.com>\r\nQUIT\r\n").eof().expect(
        *GREETED,
        exchange("MAIL", "FROM:<a@example.com>"),
        SenderGiven("a@example.com", accepted=None),
        exchange("QUIT"),
    )


# DATA


def test_message_is_accepted_with_dots_unstuffed() -> None:
    (
        enveloped()
        .client(b"DATA\r\n")
        .server(b"354 go\r\n")
        .client(b"..x\r\n\r\n..\r\n.y\r\n.\r\nQUIT\r\n")
        .server(b"250 ok\r\n221 bye\r\n")
        .expect(*ENVELOPED, *data_accepted(), *end_of_data(250), message(12), *quit_())
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


def test_message_is_cut_by_end_of_stream() -> None:
    (
        enveloped()
        .client(b"DATA\r\n")
        .server(b"354 go\r\n")
        .client(b"x\r\n.")
        .eof(CLIENT)
        .server(b"421 timeout\r\n")
        .eof(SERVER)
        .expect(
            *ENVELOPED,
            *data_accepted(),
            message(3, Delivery.CUT, cut=True),
            *unsolicited(421),
        )
    )


def test_whole_transaction_is_in_one_packet_before_any_reply() -> None:
    (
        greeted()
        .client(
            b"MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nDATA\r\n"
            b"QUIT\r\n.\r\nQUIT\r\n"
        )
        .server(b"250 ok\r\n250 ok\r\n354 go\r\n250 ok\r\n221 bye\r\n")
        .expect(*ENVELOPED, *data_accepted(), *end_of_data(250), message(6), *quit_())
    )


def test_refused_data_is_followed_by_commands() -> None:
    (
        greeted()
        .client(b"DATA\r\n")
        .server(b"503 no\r\n")
        .client(b"Subject: x\r\n\r\nhello\r\n.\r\n")
        .server(b"500 a\r\n500 b\r\n500 c\r\n500 d\r\n")
        .client(b"QUIT\r\n")
        .server(b"221 bye\r\n")
        .expect(
            *GREETED,
            *answered(503, exchange("DATA", reply=503)),
            *answered(500, exchange(None, reply=500)) * 4,
            *quit_(),
        )
    )


def test_only_client_was_captured() -> None:
    (
        playbook()
        .client(b"EHLO x\r\n")
        .client(b"MAIL FROM:<a@example.com>\r\n")
        .client(b"RCPT TO:<b@example.com>\r\n")
        .client(b"DATA\r\n")
        .client(b"Subject: x\r\n\r\nQUIT\r\n.\r\n")
        .client(b"QUIT\r\n")
        .eof()
        .expect(
            ClientNamed("x"),
            exchange("EHLO", "x"),
            exchange("MAIL", "FROM:<a@example.com>"),
            SenderGiven("a@example.com", accepted=None),
            exchange("RCPT", "TO:<b@example.com>"),
            RecipientGiven("b@example.com", accepted=None),
            exchange("DATA"),
            exchange("DATA", kind=ExchangeKind.MESSAGE),
            message(20, Delivery.UNKNOWN),
            exchange("QUIT"),
        )
    )


def test_first_reply_of_server_releases_mail_data_that_waited() -> None:
    play = playbook().client(b"DATA\r\nSubject: x\r\n\r\nx\r\n.\r\n")
    play.server(b"354 go\r\n").server(b"250 ok\r\n")
    transferred = [each for each in play.run() if isinstance(each, MessageTransferred)]
    assert [(each.outcome, each.frame) for each in transferred] == [
        (Delivery.ACCEPTED, 1)
    ]


@pytest.mark.parametrize("words", ["ready", "x" * 2000])
def test_multiline_reply_and_next_one_are_in_one_packet(words: str) -> None:
    two = f"250-mx {words}\r\n250 SIZE\r\n250 ok\r\n".encode()
    play = greeted().client(b"EHLO a\r\nNOOP\r\n").server(two)
    assert [each.code for each in play.run() if isinstance(each, ReplyReceived)] == [
        220,
        250,
        250,
    ]
    play.expect_same(split_bytes)


def test_reply_is_captured_before_end_of_data() -> None:
    (
        enveloped()
        .client(b"DATA\r\n")
        .server(b"354 go\r\n")
        .client(b"x\r\n")
        .server(b"250 ok\r\n")
        .client(b".\r\n")
        .expect(*ENVELOPED, *data_accepted(), *end_of_data(250), message(3))
    )


def test_lines_end_in_bare_lf_throughout() -> None:
    (
        playbook()
        .server(b"220 mx.example.com ESMTP\n")
        .client(b"DATA\n")
        .server(b"354 go\n")
        .client(b"x\n..y\n.\nQUIT\n")
        .server(b"250 ok\n221 bye\n")
        .expect(
            *GREETED,
            anomaly("smtp_bare_lf", CLIENT),
            *data_accepted(),
            anomaly("message_bare_lf", CLIENT),
            *end_of_data(250),
            message(5, sender=None, recipients=()),
            *quit_(),
        )
    )


@pytest.mark.parametrize("end", [b"\n.\n", b"\n.\r\n", b"\r\n.\n"])
def test_lookalike_does_not_end_message_for_careful_server(end: bytes) -> None:
    smuggled = b"MAIL FROM:<z@example.com>\r\n"
    content = b"x" + end + smuggled
    (
        enveloped()
        .client(b"DATA\r\n")
        .server(b"354 go\r\n")
        .client(content + b".\r\n")
        .server(b"250 ok\r\n")
        .expect(
            *ENVELOPED,
            *data_accepted(),
            anomaly("message_bare_lf", CLIENT),
            anomaly("smtp_end_of_data_lookalike", CLIENT),
            *end_of_data(250),
            message(len(content) - end.startswith(b"\r")),
        )
    )


@pytest.mark.parametrize("end", [b"\n.\n", b"\n.\r\n", b"\r\n.\n"])
def test_lookalike_ends_message_for_lenient_server(end: bytes) -> None:
    (
        enveloped()
        .client(b"DATA\r\n")
        .server(b"354 go\r\n")
        .client(b"x" + end)
        .server(b"250 ok\r\n")
        .client(b"QUIT\r\n")
        .server(b"221 bye\r\n")
        .expect(
            *ENVELOPED,
            *data_accepted(),
            *([] if end.startswith(b"\r") else [anomaly("message_bare_lf", CLIENT)]),
            anomaly("smtp_end_of_data_lookalike", CLIENT),
            *end_of_data(250),
            message(3 if end.startswith(b"\r") else 2),
            *quit_(),
        )
    )


def test_smuggled_message_gets_more_replies_than_commands() -> None:
    events = (
        enveloped()
        .client(b"DATA\r\n")
        .server(b"354 go\r\n")
        .client(b"x\r\n\n.\nMAIL FROM:<z@example.com>\r\n\r\n.\r\n")
        .server(b"250 ok\r\n250 ok\r\n")
        .run()
    )
    assert [e.code for e in events if isinstance(e, Anomaly)] == [
        "message_bare_lf",
        "smtp_end_of_data_lookalike",
    ]
    assert isinstance(events[-1], Exchange)
    assert events[-1].kind is ExchangeKind.UNSOLICITED


def test_lmtp_server_answers_for_each_recipient() -> None:
    events = (
        greeted()
        .client(b"LHLO x\r\n")
        .server(b"250 mx.example.com\r\n")
        .client(
            b"MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\n"
            b"RCPT TO:<c@example.com>\r\nRCPT TO:<d@example.com>\r\nDATA\r\n"
        )
        .server(b"250 ok\r\n250 ok\r\n550 no\r\n250 ok\r\n354 go\r\n")
        .client(b".\r\n")
        .server(b"452 full\r\n250 ok\r\n")
        .run()
    )
    kinds = [e.kind for e in events if isinstance(e, Exchange)]
    assert kinds.count(ExchangeKind.MESSAGE) == 2
    assert [m.outcome for m in facts_of(events)] == [Delivery.ACCEPTED]


# BDAT


def bdat(argument: str, code: int | None) -> list[Event]:
    answer = exchange("BDAT", argument, code)
    return [answer] if code is None else answered(code, answer)


def test_message_is_sent_in_chunks() -> None:
    (
        enveloped()
        .client(b"BDAT 4\r\nab\r\n")
        .server(b"250 4\r\n")
        .client(b"BDAT 3 LAST\r\n.\r\nQUIT\r\n")
        .server(b"250 7\r\n221 bye\r\n")
        .expect(*ENVELOPED, *bdat("4", 250), *bdat("3 LAST", 250), message(7), *quit_())
    )


def test_chunks_are_pipelined_with_their_envelope() -> None:
    (
        greeted()
        .client(
            b"MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nBDAT 2\r\nab"
            b"BDAT 0 last\r\nMAIL FROM:<z@example.com>\r\n"
        )
        .server(b"250 ok\r\n" * 5)
        .expect(
            *ENVELOPED,
            *bdat("2", 250),
            *bdat("0 last", 250),
            message(2),
            *answered(250, exchange("MAIL", "FROM:<z@example.com>", 250)),
            SenderGiven("z@example.com", accepted=True),
        )
    )


def test_refused_chunk_refuses_message() -> None:
    (
        enveloped()
        .client(b"BDAT 2\r\nabBDAT 2 LAST\r\ncd")
        .server(b"552 big\r\n503 no\r\n")
        .expect(
            *ENVELOPED,
            *bdat("2", 552),
            *bdat("2 LAST", 503),
            message(4, Delivery.REFUSED),
        )
    )


def test_reset_discards_chunks() -> None:
    (
        enveloped()
        .client(b"BDAT 2\r\nab")
        .server(b"250 ok\r\n")
        .client(b"RSET\r\n")
        .server(b"250 ok\r\n")
        .expect(
            *ENVELOPED,
            *bdat("2", 250),
            message(2, Delivery.CUT, cut=True),
            *answered(250, exchange("RSET", reply=250)),
        )
    )


def test_data_among_chunks_discards_them() -> None:
    (
        enveloped()
        .client(b"BDAT 2\r\nabDATA\r\n")
        .server(b"250 ok\r\n354 go\r\n")
        .client(b"x\r\n.\r\n")
        .server(b"250 ok\r\n")
        .expect(
            *ENVELOPED,
            *bdat("2", 250),
            *data_accepted(),
            message(2, Delivery.CUT, cut=True),
            *end_of_data(250),
            message(3),
        )
    )


def test_server_that_answered_early_lets_the_client_go_on() -> None:
    (
        enveloped()
        .client(b"DATA\r\n")
        .server(b"354 go\r\n")
        .client(b"x\r\n")
        .server(b"250 ok\r\n")
        .client(b".\r\n")
        .client(b"QUIT\r\n")
        .server(b"221 bye\r\n")
        .expect(*ENVELOPED, *data_accepted(), *end_of_data(250), message(3), *quit_())
    )


def test_early_reply_refuses_chunk_on_its_way() -> None:
    (
        enveloped()
        .client(b"BDAT 4 LAST\r\nab")
        .server(b"552 big\r\n")
        .client(b"cd")
        .expect(*ENVELOPED, *bdat("4 LAST", 552), message(4, Delivery.REFUSED))
    )


@pytest.mark.parametrize(
    "argument",
    [b"", b"x", b"-1", b"1 X", b"1 LAST x", b"1LAST", b"184467440737095516150 LAST"],
)
def test_no_chunk_follows_malformed_bdat(argument: bytes) -> None:
    (
        greeted()
        .client(b"BDAT " + argument + b"\r\nQUIT\r\n")
        .server(b"501 what\r\n221 bye\r\n")
        .expect(
            *GREETED,
            anomaly("smtp_bad_bdat", CLIENT),
            *bdat("***" if argument else None, 501),  # type: ignore[arg-type]
            *quit_(),
        )
    )


def test_chunk_goes_on_behind_gap() -> None:
    (
        enveloped()
        .client(b"BDAT 10 LAST\r\nab")
        .gap(CLIENT, 6)
        .client(b"yzQUIT\r\n")
        .server(b"250 ok\r\n221 bye\r\n")
        .expect(
            *ENVELOPED,
            anomaly("stream_gap", CLIENT),
            *bdat("10 LAST", 250),
            message(10, cut=True),
            *quit_(),
        )
    )


# AUTH


def b64(text: str) -> bytes:
    return base64.b64encode(text.encode())


def auth(argument: str, code: int) -> Exchange:
    return exchange("AUTH", argument, code)


def test_client_authenticates_with_initial_response() -> None:
    (
        greeted()
        .client(b"AUTH plain " + b64("\0ann\0secret") + b"\r\n")
        .server(b"235 ok\r\n")
        .expect(
            *GREETED,
            *answered(235, auth("PLAIN ***", 235)),
            AuthAttempted("PLAIN", "ann", SUCCESS, Exposure.PASSWORD),
        )
    )


def test_client_authenticates_step_by_step() -> None:
    (
        greeted()
        .client(b"AUTH LOGIN\r\n")
        .server(b"334 VXNlcm5hbWU6\r\n")
        .client(b64("ann") + b"\r\n")
        .server(b"334 UGFzc3dvcmQ6\r\n")
        .client(b64("secret") + b"\r\n")
        .server(b"535 no\r\n")
        .expect(
            *GREETED,
            ReplyReceived(334),
            ReplyReceived(334),
            *answered(535, auth("LOGIN", 535)),
            AuthAttempted("LOGIN", "ann", FAILURE, Exposure.PASSWORD),
        )
    )


def test_client_sends_responses_without_waiting() -> None:
    (
        greeted()
        .client(b"AUTH LOGIN\r\n" + b64("ann") + b"\r\n" + b64("pw") + b"\r\nQUIT\r\n")
        .server(b"334 VXNlcm5hbWU6\r\n334 b\r\n235 ok\r\n221 bye\r\n")
        .expect(
            *GREETED,
            ReplyReceived(334),
            ReplyReceived(334),
            *answered(235, auth("LOGIN", 235)),
            AuthAttempted("LOGIN", "ann", SUCCESS, Exposure.PASSWORD),
            *quit_(),
        )
    )


def test_client_cancels_authentication() -> None:
    (
        greeted()
        .client(b"AUTH PLAIN\r\n")
        .server(b"334 \r\n")
        .client(b"*\r\n")
        .server(b"501 cancelled\r\n")
        .expect(
            *GREETED,
            ReplyReceived(334),
            *answered(501, auth("PLAIN", 501)),
            AuthAttempted("PLAIN", None, FAILURE, Exposure.NOTHING),
        )
    )


def test_responses_after_refusal_are_no_verbs() -> None:
    events = (
        greeted()
        .client(b"AUTH LOGIN\r\n")
        .server(b"504 no\r\n")
        .client(b64("ann") + b"\r\n" + b64("secret") + b"\r\n")
        .server(b"500 what\r\n500 what\r\n")
        .run()
    )
    verbs = [e.verb for e in events if isinstance(e, Exchange) and e.verb]
    assert verbs == ["AUTH", "***", "***"]
    assert b64("secret").decode().upper() not in repr(events).upper()
    assert [e for e in events if isinstance(e, CredentialsCrossed)] == [
        CredentialsCrossed(None, Exposure.NOTHING),
        CredentialsCrossed("ann", Exposure.PASSWORD),
    ]


def test_only_client_of_authentication_was_captured() -> None:
    (
        playbook()
        .client(b"AUTH LOGIN\r\n")
        .client(b64("ann") + b"\r\n")
        .client(b64("secret") + b"\r\n")
        .client(b"QUIT\r\n")
        .eof()
        .expect(
            exchange("AUTH", "LOGIN"),
            AuthAttempted("LOGIN", "ann", UNKNOWN, Exposure.PASSWORD),
            exchange("QUIT"),
        )
    )


def test_message_after_login_is_submitted() -> None:
    (
        greeted()
        .client(b"AUTH PLAIN " + b64("\0ann\0secret") + b"\r\n")
        .server(b"235 ok\r\n")
        .client(b"DATA\r\n")
        .server(b"354 go\r\n")
        .client(b".\r\n")
        .server(b"250 ok\r\n")
        .expect(
            *GREETED,
            *answered(235, auth("PLAIN ***", 235)),
            AuthAttempted("PLAIN", "ann", SUCCESS, Exposure.PASSWORD),
            *data_accepted(),
            *end_of_data(250),
            message(0, direction=Direction.SUBMITTED, sender=None, recipients=()),
        )
    )


def test_submission_service_submits_without_login() -> None:
    events = (
        Playbook(lambda: SmtpDissector(submission=True))
        .server(b"220 mx.example.com ESMTP\r\n")
        .client(b"BDAT 0 LAST\r\n")
        .server(b"250 ok\r\n")
        .run()
    )
    assert [m.direction for m in facts_of(events)] == [Direction.SUBMITTED]


def test_secrets_are_in_no_event() -> None:
    events = (
        greeted()
        .client(b"AUTH LOGIN " + b64("ann") + b"\r\n")
        .server(b"334 x\r\n")
        .client(b64("hunter2") + b"\r\n")
        .gap(SERVER, 10)
        .client(b64("hunter2") + b"\r\nPASS hunter2\r\nhunter2\r\nQUIT\r\n")
        .eof()
        .run()
    )
    shown = repr(events).upper()
    assert "HUNTER2" not in shown
    assert b64("hunter2").decode().upper() not in shown


# STARTTLS

CLIENT_HELLO = b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00"


def test_client_starts_tls() -> None:
    events = (
        greeted().client(b"STARTTLS\r\n").server(b"220 go\r\n").client(CLIENT_HELLO)
    ).run()
    assert events[3:7] == [
        StartTlsAdvanced(StartTls.REQUESTED),
        ReplyReceived(220),
        events[5],
        StartTlsAdvanced(StartTls.ACCEPTED),
    ]
    assert not [e for e in events if isinstance(e, Anomaly) and "smtp" in e.code]


@pytest.mark.parametrize("verb", [b"STARTTLS", b"X-ANONYMOUSTLS"])
def test_server_refuses_tls(verb: bytes) -> None:
    (
        greeted()
        .client(verb + b"\r\nQUIT\r\n")
        .server(b"454 not now\r\n221 bye\r\n")
        .expect(
            *GREETED,
            StartTlsAdvanced(StartTls.REQUESTED),
            *answered(454, exchange(verb.decode(), reply=454)),
            StartTlsAdvanced(StartTls.REFUSED),
            *quit_(),
        )
    )


def test_injected_command_stands_before_client_hello() -> None:
    play = (
        greeted()
        .client(b"STARTTLS\r\nRSET\r\n" + CLIENT_HELLO)
        .server(b"220 go\r\n250 ok\r\n")
    )
    events = play.run()
    codes = [e.code for e in events if isinstance(e, Anomaly)]
    assert codes.count("starttls_plaintext_after") == 2
    assert "RSET" in [e.verb for e in events if isinstance(e, Exchange)]
    assert not any(code.startswith("smtp") for code in codes)
    play.expect_same(split_at({1, 2, 5, 11, 13}))


def test_reply_to_starttls_is_lost_but_tls_begins() -> None:
    events = greeted().client(b"STARTTLS\r\n").gap(SERVER, 8).client(CLIENT_HELLO).run()
    assert StartTlsAdvanced(StartTls.ACCEPTED) in events


# unknown commands


def test_unknown_verb_is_an_exchange_without_argument() -> None:
    (
        greeted()
        .client(b"GET / HTTP/1.1\r\n")
        .server(b"500 what\r\n")
        .expect(*GREETED, *answered(500, exchange("GET", reply=500)))
    )


@pytest.mark.parametrize("line", [b"", b"?!", b"a" * 33])
def test_line_without_verb_is_answered(line: bytes) -> None:
    (
        greeted()
        .client(line + b"\r\n")
        .server(b"500 what\r\n")
        .expect(
            *GREETED,
            anomaly("smtp_unknown_command", CLIENT),
            *answered(500, exchange(None, reply=500)),
        )
    )


def test_blank_line_without_answer_takes_no_reply() -> None:
    (
        greeted()
        .client(b"\r\nQUIT\r\n")
        .server(b"221 bye\r\n")
        .expect(
            *GREETED,
            anomaly("smtp_unknown_command", CLIENT),
            ReplyReceived(221),
            exchange(None),
            exchange("QUIT", reply=221),
        )
    )


# gaps


def test_reply_is_lost_and_next_one_matches() -> None:
    (
        greeted()
        .client(b"NOOP\r\n")
        .gap(SERVER, 8)
        .client(b"QUIT\r\n")
        .server(b"221 bye\r\n")
        .expect(*GREETED, anomaly("stream_gap", SERVER), exchange("NOOP"), *quit_())
    )


def test_reply_behind_gap_is_not_matched() -> None:
    (
        greeted()
        .client(b"NOOP\r\nRSET\r\n")
        .gap(SERVER, 8)
        .server(b"250 ok\r\n")
        .expect(
            *GREETED,
            anomaly("stream_gap", SERVER),
            exchange("NOOP"),
            exchange("RSET"),
            ReplyReceived(250),
        )
    )


def test_reply_to_lost_command_is_not_matched() -> None:
    (
        greeted()
        .gap(CLIENT, 6)
        .server(b"250 ok\r\n")
        .client(b"QUIT\r\n")
        .server(b"221 bye\r\n")
        .expect(*GREETED, anomaly("stream_gap", CLIENT), ReplyReceived(250), *quit_())
    )


def test_line_cut_by_gap_is_no_command() -> None:
    (
        greeted()
        .client(b"RCPT TO:<b@ex")
        .gap(CLIENT, 10)
        .client(b"ple.com>\r\n")
        .server(b"250 ok\r\n")
        .expect(*GREETED, anomaly("stream_gap", CLIENT), ReplyReceived(250))
    )


def test_message_goes_on_behind_gap() -> None:
    (
        enveloped()
        .client(b"DATA\r\n")
        .server(b"354 go\r\n")
        .client(b"abc\r\n")
        .gap(CLIENT, 100)
        .client(b"def\r\n.\r\n")
        .server(b"250 ok\r\n")
        .expect(
            *ENVELOPED,
            *data_accepted(),
            anomaly("stream_gap", CLIENT),
            *end_of_data(250),
            message(110, cut=True),
        )
    )


def test_reply_shows_that_gap_held_end_of_data() -> None:
    (
        enveloped()
        .client(b"DATA\r\n")
        .server(b"354 go\r\n")
        .client(b"abc\r\n")
        .gap(CLIENT, 100)
        .server(b"250 ok\r\n")
        .client(b"QUIT\r\n")
        .server(b"221 bye\r\n")
        .expect(
            *ENVELOPED,
            *data_accepted(),
            anomaly("stream_gap", CLIENT),
            *end_of_data(250),
            message(105, cut=True),
            *quit_(),
        )
    )


def test_reply_354_shows_that_gap_held_data() -> None:
    events = (
        greeted()
        .gap(CLIENT, 6)
        .server(b"354 go\r\n")
        .client(b"a\r\nQUIT\r\n.\r\n")
        .server(b"250 ok\r\n")
        .run()
    )
    assert [m.outcome for m in facts_of(events)] == [Delivery.ACCEPTED]
    assert "QUIT" not in [e.verb for e in events if isinstance(e, Exchange)]


def test_stray_354_does_not_touch_a_chunk() -> None:
    (
        enveloped()
        .client(b"BDAT 4 LAST\r\nab")
        .gap(SERVER, 8)
        .server(b"354 go\r\n")
        .client(b"cd")
        .expect(
            *ENVELOPED,
            anomaly("stream_gap", SERVER),
            exchange("BDAT", "4 LAST"),
            ReplyReceived(354),
            message(4, Delivery.UNKNOWN),
        )
    )


def test_lost_reply_to_data_leaves_held_text_to_speak() -> None:
    events = (
        enveloped()
        .client(b"DATA\r\n")
        .gap(SERVER, 8)
        .client(b"Subject: x\r\n\r\n.\r\n")
        .server(b"250 ok\r\n")
        .run()
    )
    assert [m.outcome for m in facts_of(events)] == [Delivery.ACCEPTED]
    refused = enveloped().client(b"DATA\r\n").gap(SERVER, 8).client(b"RSET\r\n")
    assert not facts_of(refused.eof().run())


def test_reply_354_skips_replies_that_were_taken_for_one() -> None:
    events = (
        greeted()
        .client(b"EHLO x\r\n")
        .server(b"250-mx.example.com\r\n")
        .client(b"MAIL FROM:<a@example.com>\r\n")
        .server(b"250 ok\r\n")
        .client(b"DATA\r\n")
        .server(b"354 go\r\n")
        .client(b"x\r\n.\r\n")
        .server(b"250 ok\r\n")
        .run()
    )
    assert [m.outcome for m in facts_of(events)] == [Delivery.ACCEPTED]


def test_held_mail_data_does_not_wait_across_a_gap() -> None:
    (
        enveloped()
        .client(b"DATA\r\nabc\r\nde")
        .gap(CLIENT, 10)
        .client(b"f\r\n.\r\n")
        .server(b"354 go\r\n250 ok\r\n")
        .expect(
            *ENVELOPED,
            anomaly("stream_gap", CLIENT),
            *data_accepted(),
            *end_of_data(250),
            message(20, cut=True),
        )
    )


def test_reply_to_data_comes_inside_mail_data_with_a_gap() -> None:
    (
        enveloped()
        .client(b"DATA\r\nabc\r\nde")
        .gap(CLIENT, 10)
        .server(b"354 go\r\n")
        .client(b"f\r\n.\r\n")
        .server(b"250 ok\r\n")
        .expect(
            *ENVELOPED,
            anomaly("stream_gap", CLIENT),
            *data_accepted(),
            *end_of_data(250),
            message(20, cut=True),
        )
    )


def test_chunk_ends_inside_a_gap() -> None:
    (
        enveloped()
        .client(b"BDAT 4 LAST\r\nab")
        .gap(CLIENT, 8)
        .server(b"250 4\r\n250 lost\r\n")
        .client(b"QUIT\r\n")
        .server(b"221 bye\r\n")
        .expect(
            *ENVELOPED,
            anomaly("stream_gap", CLIENT),
            *bdat("4 LAST", 250),
            message(4, cut=True),
            ReplyReceived(250),
            *quit_(),
        )
    )


def test_server_gap_cuts_capabilities() -> None:
    (
        greeted()
        .client(b"EHLO x\r\n")
        .server(b"250-mx.example.com\r\n250-STARTTLS\r\n250-SI")
        .gap(SERVER, 20)
        .client(b"QUIT\r\n")
        .server(b"221 bye\r\n")
        .expect(
            *GREETED,
            ClientNamed("x"),
            anomaly("stream_gap", SERVER),
            *answered(250, exchange("EHLO", "x", 250)),
            StartTlsAdvanced(StartTls.OFFERED),
            *quit_(),
        )
    )


# limits


def test_held_mail_data_over_limit_is_read_without_reply() -> None:
    limits = Limits(held=100)
    events = (
        Playbook(lambda: SmtpDissector(limits))
        .server(b"220 mx.example.com ESMTP\r\n")
        .client(b"DATA\r\n" + b"x" * 98 + b"\r\n" * 2)
        .client(b".\r\n")
        .server(b"354 go\r\n250 ok\r\n")
        .run()
    )
    assert [m.facts.size_bytes for m in facts_of(events)] == [102]


def test_more_commands_without_reply_than_are_tracked() -> None:
    limits = Limits(pending_commands=2)
    events = Playbook(lambda: SmtpDissector(limits)).client(b"NOOP\r\n" * 3).run()
    assert [type(event) for event in events] == [Anomaly, Exchange]


def test_overlong_line_is_cut_and_reported() -> None:
    limits = Limits(line=100, kept_text=50)
    play = Playbook(lambda: SmtpDissector(limits)).server(b"220 x\r\n")
    events = play.client(b"VRFY " + b"x" * 500 + b"\r\n").server(b"250 ok\r\n").run()
    assert [e.code for e in events if isinstance(e, Anomaly)] == ["line_too_long"]
    last = [e for e in events if isinstance(e, Exchange)][-1]
    assert (last.verb, last.argument) == ("VRFY", "x" * 50)


def test_reply_of_many_lines_is_bounded() -> None:
    limits = Limits(line=1000)
    play = Playbook(lambda: SmtpDissector(limits)).server(b"220 x\r\n")
    play.client(b"EHLO x\r\n").server(b"250-X\r\n" * 5000 + b"250 Y\r\n")
    (announced,) = [e for e in play.run() if isinstance(e, CapabilitiesAnnounced)]
    assert len(announced.capabilities) < 40
    codes = [e.code for e in play.run() if isinstance(e, Anomaly)]
    assert codes == ["smtp_reply_too_long"]


# any split, any damage


def dialogue() -> Playbook:
    return (
        playbook()
        .server(b"220-mx.example.com ESMTP\r\n220 hi\r\n")
        .client(b"EHLO client.example.com\r\n")
        .server(b"250-mx.example.com\r\n250-PIPELINING\r\n250 CHUNKING\r\n")
        .client(b"AUTH LOGIN\r\n")
        .server(b"334 VXNlcm5hbWU6\r\n")
        .client(b"YW5u\r\n")
        .server(b"334 UGFzc3dvcmQ6")
        .client(b"c2VjcmV0\r\n")
        .server(b"235 ok\r\n")
        .client(b"MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nDATA\r\nSub")
        .server(b"250 ok\r\n250 ok\r\n354 go\r\n")
        .client(b"ject: x\r\n\r\n..\r\n\n.\n.\r\n.\r\nMAIL FROM:<>\r\nBDAT 5\r\n12345")
        .client(b"BDAT 3 LAST\r\n\r\n.\r\nNOOP\r\nDATA\r\n.\r\n")
        .server(b"250 queued\r\n250 ok\r\n250 5\r\n250 8\r\n")
        .server(b"250 ok\r\n354 go\r\n250 ok\r\n")
        .client(b"STARTTLS\r\nRSET\r\n" + CLIENT_HELLO)
        .server(b"220 go\r\n250 injected\r\n" + CLIENT_HELLO)
        .eof()
    )


@given(cuts)
def test_any_split_tells_the_same(places: set[int]) -> None:
    dialogue().expect_same(split_at(places))


@given(st.data())
@settings(deadline=None)
def test_damaged_dialogue_raises_nothing(data: st.DataObject) -> None:
    expect_no_harm(dialogue(), data)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (b"[192.0.2.1]", "[192.0.2.1]"),
        (b"[IPv6:2001:db8::1]", "[IPv6:2001:db8::1]"),
        (b"[fe80::1%eth0]", "[fe80::1%eth0]"),
        (b"[client_1.example.com]", "[client_1.example.com]"),
        (b"[ann:secret]", "***"),
        (b"[IPv6:secret]", "***"),
    ],
)
def test_client_names_itself_by_an_address(name: bytes, shown: str) -> None:
    play = (
        Playbook(SmtpDissector).server(b"220 x\r\n").client(b"EHLO " + name + b"\r\n")
    )
    assert play.events_of(ClientNamed) == [ClientNamed(shown)]
    (hello,) = (each for each in play.eof().events_of(Exchange) if each.verb == "EHLO")
    assert hello.argument == shown


def test_message_that_came_before_its_go_ahead_began_when_it_came() -> None:
    play = Playbook(SmtpDissector).gap(CLIENT, 1).client(b"x")
    play.server(b"354 go\r\n250 ok\r\n").eof()
    (message,) = play.events_of(MessageTransferred)
    assert message.begin_ns == 2000
