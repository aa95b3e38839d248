from __future__ import annotations

import pytest

from dissectors.conversation.dissector import MailDissector
from dissectors.events import (
    Anomaly,
    Delivery,
    Event,
    Exchange,
    ExchangeKind,
    MessageTransferred,
    ReplyReceived,
    SenderGiven,
    Side,
)
from dissectors.limits import Limits
from dissectors.smtp import SmtpDialogue
from tests.support.copies import KeptCopy, copied
from tests.support.playbook import (
    CLIENT,
    SERVER,
    Playbook,
    Step,
    anomaly,
    exchange,
    play_step,
)
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
    playbook,
    quit_,
    unsolicited,
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


def test_first_reply_of_server_releases_mail_data_that_waited() -> None:
    play = playbook().client(b"DATA\r\nSubject: x\r\n\r\nx\r\n.\r\n")
    play.server(b"354 go\r\n").server(b"250 ok\r\n")
    transferred = [each for each in play.run() if isinstance(each, MessageTransferred)]
    assert [(each.outcome, each.frame) for each in transferred] == [
        (Delivery.ACCEPTED, 1)
    ]


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
            anomaly("smtp_smuggled_command", CLIENT),
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
        "smtp_smuggled_command",
    ]
    assert isinstance(events[-1], Exchange)
    assert events[-1].kind is ExchangeKind.UNSOLICITED


@pytest.mark.parametrize(
    "text",
    [
        b"a\n.\nhello\r\nMAIL FROM:<z@example.com>\r\n",
        b"a\n.\nDATA is what they call it\r\n",
        b"a\r\n..\r\nMAIL FROM:<z@example.com>\r\n",
        b"a\n..\nMAIL FROM:<z@example.com>\r\n",
    ],
)
def test_message_quotes_a_dialogue(text: bytes) -> None:
    events = (
        enveloped()
        .client(b"DATA\r\n")
        .server(b"354 go\r\n")
        .client(text + b".\r\n")
        .server(b"250 ok\r\n")
        .run()
    )
    codes = [e.code for e in events if isinstance(e, Anomaly)]
    assert "smtp_smuggled_command" not in codes


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


def test_held_mail_data_over_limit_is_read_without_reply() -> None:
    limits = Limits(held=100)
    events = (
        Playbook(lambda: SmtpDialogue(limits))
        .server(b"220 mx.example.com ESMTP\r\n")
        .client(b"DATA\r\n" + b"x" * 98 + b"\r\n" * 2)
        .client(b".\r\n")
        .server(b"354 go\r\n250 ok\r\n")
        .run()
    )
    assert [m.facts.size_bytes for m in facts_of(events)] == [102]


def test_message_that_came_before_its_go_ahead_began_when_it_came() -> None:
    play = Playbook(SmtpDialogue).gap(CLIENT, 1).client(b"x")
    play.server(b"354 go\r\n250 ok\r\n").eof()
    (message,) = play.events_of(MessageTransferred)
    assert message.begin_ns == 2000


LOGIN = b"AUTH PLAIN AGFubgBzZWNyZXQ=\r\n"
LETTER = b"From: ann@example.com\r\nSubject: a\r\n\r\nhi\r\n"
ENVELOPE = b"EHLO a\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\n"


def copies_of(*packets: tuple[Side, bytes | int]) -> list[bytes | None]:
    """The copies of the messages that somebody sends."""
    dissector = MailDissector(SmtpDialogue())
    dissector.copy_messages(KeptCopy)
    steps = [Step(side, content) for side, content in packets]
    steps += [Step(CLIENT, None), Step(SERVER, None)]
    events = [
        event
        for frame, step in enumerate(steps, 1)
        for event in play_step(dissector, step, frame)
    ]
    return [
        copied(event.facts.copy) if event.facts.copy is not None else None
        for event in events
        if isinstance(event, MessageTransferred)
    ]


def asked(*packets: tuple[Side, bytes | int]) -> list[tuple[Side, bytes | int]]:
    """What comes behind the server's request for a message."""
    replies = b"250 a\r\n250 ok\r\n250 ok\r\n354 go on\r\n"
    begin = [(SERVER, b"220 mx\r\n"), (CLIENT, ENVELOPE + b"DATA\r\n")]
    return [*begin, (SERVER, replies), *packets]


def test_nobody_gets_a_copy_of_what_may_be_a_login() -> None:
    behind_gap = asked((CLIENT, 100), (CLIENT, LOGIN), (SERVER, b"235 in\r\n"))
    with_author: list[tuple[Side, bytes | int]] = [
        (CLIENT, LETTER),
        (CLIENT, 100),
        (CLIENT, LOGIN),
    ]
    answered = asked(*with_author, (SERVER, b"235 in\r\n"))
    server_not_captured = [(CLIENT, ENVELOPE + b"DATA\r\n"), *with_author]

    for packets in (behind_gap, answered, server_not_captured):
        assert copies_of(*packets) == [None]


def test_message_of_which_some_is_missing_is_copied() -> None:
    parts = (CLIENT, LETTER), (CLIENT, 100), (CLIENT, b"bye\r\n.\r\n")

    assert copies_of(*asked(*parts, (SERVER, b"250 ok\r\n"))) == [LETTER + b"bye\r\n"]
    assert copies_of(*asked((CLIENT, LETTER))) == [LETTER]
    one_side = copies_of((CLIENT, ENVELOPE + b"DATA\r\n"), (CLIENT, LETTER + b".\r\n"))
    assert one_side == [LETTER]
