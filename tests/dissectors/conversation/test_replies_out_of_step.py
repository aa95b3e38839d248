"""Replies that are no replies, or whose commands were not captured."""

from __future__ import annotations

import pytest

from dissectors import Pop3Dialogue, SmtpDialogue
from dissectors.events import (
    Anomaly,
    Delivery,
    Exchange,
    ExtensionUsed,
    MessageTransferred,
    SenderGiven,
    StartTls,
    StartTlsAdvanced,
)
from tests.support.playbook import CLIENT, SERVER, Playbook

HELLO = (
    bytes.fromhex("160301002f0100002b0303")
    + bytes(32)
    + bytes.fromhex("0000021301010000")
)
TEXT = b"Subject: x\r\n\r\nQUIT is what I said.\r\n"
# lines of a message that begin like commands
VERBOSE_TEXT = (
    b"Help wanted!\r\nData of the last year:\r\nMail from the front\r\nQuit\r\n"
    b"Auth failed again\r\nSend me more\r\nNoop, said the dog\r\nHelo there, you\r\n"
)


def smtp() -> Playbook:
    return (
        Playbook(SmtpDialogue)
        .server(b"220 mx ESMTP\r\n")
        .client(b"EHLO a\r\n")
        .server(b"250 mx\r\n")
    )


def pop3() -> Playbook:
    return Playbook(Pop3Dialogue).server(b"+OK ready\r\n")


def answers(play: Playbook) -> list[tuple[str | None, int | str | None]]:
    """The verbs, each with the code or status of its answer; greetings left out."""
    exchanges = sorted(play.events_of(Exchange), key=lambda each: each.number)
    return [(each.verb, each.reply_code or each.status) for each in exchanges[1:]]


@pytest.mark.parametrize(
    "odd", [b"4.7.0 Try again", b"Ok", b"45 no", b"\xff\xfe", b"x" * 99]
)
def test_reply_without_code_shifts_no_other(odd: bytes) -> None:
    play = smtp().client(b"MAIL FROM:<a@x>\r\n").server(odd + b"\r\n")
    play.client(b"MAIL FROM:<b@x>\r\n").server(b"250 ok\r\n")
    play.client(b"RCPT TO:<c@x>\r\n").server(b"550 no\r\n").client(b"QUIT\r\n")
    play.server(b"221 bye\r\n").eof()

    assert answers(play)[1:] == [
        ("MAIL", None),
        ("MAIL", 250),
        ("RCPT", 550),
        ("QUIT", 221),
    ]
    (mail, *_) = (each for each in play.events_of(Exchange) if each.verb == "MAIL")
    assert (mail.request_frame, mail.reply_frame) == (4, 5)
    assert mail.reply_text == odd.decode("utf-8", "backslashreplace")
    assert play.events_of(ExtensionUsed) == []
    assert [each.code for each in play.events_of(Anomaly)] == ["smtp_unexpected_line"]


def test_noise_before_a_reply_is_no_answer() -> None:
    play = smtp().client(b"MAIL FROM:<a@x>\r\n").server(b"PHP Warning: x\r\n")
    play.server(b"250 ok\r\n").client(b"RCPT TO:<c@x>\r\n").server(b"550 no\r\n").eof()

    assert answers(play)[1:] == [("MAIL", 250), ("RCPT", 550)]


def test_one_of_many_replies_has_no_code() -> None:
    play = smtp().client(b"MAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nRCPT TO:<c@x>\r\n")
    play.server(b"250 ok\r\n4.7.0 later\r\n550 no\r\n").client(b"QUIT\r\n")
    play.server(b"221 bye\r\n").eof()

    assert answers(play)[1:] == [
        ("MAIL", 250),
        ("RCPT", None),
        ("RCPT", 550),
        ("QUIT", 221),
    ]


def test_data_is_answered_without_code_and_refused() -> None:
    play = smtp().client(b"DATA\r\n").server(b"5.5.1 no\r\n").client(b"RSET\r\n")
    play.server(b"250 ok\r\n").eof()

    assert answers(play)[1:] == [("DATA", None), ("RSET", 250)]


def test_data_is_answered_without_code_and_accepted() -> None:
    play = smtp().client(b"DATA\r\n").server(b"go ahead\r\n").client(TEXT + b".\r\n")
    play.server(b"250 ok\r\n").eof()

    assert answers(play)[1:] == [("DATA", None), ("DATA", 250)]
    (message,) = play.events_of(MessageTransferred)
    assert (message.facts.subject, message.outcome) == ("x", Delivery.ACCEPTED)


def test_starttls_is_answered_without_code() -> None:
    play = smtp().client(b"STARTTLS\r\n").server(b"Ready\r\n").client(HELLO).eof()

    steps = [each.step for each in play.events_of(StartTlsAdvanced)]
    assert StartTls.ACCEPTED in steps


def test_message_that_was_sent_before_the_odd_line_waits_on() -> None:
    play = smtp().client(b"DATA\r\n" + TEXT + b".\r\n").server(b"hm\r\n354 go\r\n")
    play.server(b"250 ok\r\n").eof()

    assert answers(play)[1:] == [("DATA", 354), ("DATA", 250)]


def test_response_without_status_shifts_no_other() -> None:
    play = pop3().client(b"USER a\r\n").server(b"go on\r\n").client(b"PASS b\r\n")
    play.server(b"+OK\r\n").client(b"NOOP\r\n").server(b"-ERR no\r\n").eof()

    assert answers(play) == [("USER", None), ("PASS", "+OK"), ("NOOP", "-ERR")]
    assert [each.code for each in play.events_of(Anomaly)] == ["pop3_unexpected_line"]


# what really was in flight


def test_commands_that_waited_for_each_other_were_not_pipelined() -> None:
    play = smtp().client(b"\r\n").client(b"MAIL FROM:<a@x>\r\n").server(b"250 ok\r\n")

    assert play.events_of(ExtensionUsed) == []


def test_commands_behind_lost_ones_were_not_pipelined() -> None:
    play = smtp().client(b"NOOP\r\n").gap(CLIENT, 6).client(b"RSET\r\n")
    play.server(b"250 ok\r\n250 ok\r\n250 ok\r\n").eof()

    assert play.events_of(ExtensionUsed) == []


def test_command_that_came_before_a_reply_was_pipelined() -> None:
    play = smtp().client(b"AUTH EXTERNAL =\r\nMAIL FROM:<a@x>\r\n")
    play.server(b"535 no\r\n").server(b"250 ok\r\n").eof()

    assert [each.name for each in play.events_of(ExtensionUsed)] == ["PIPELINING"]


# message text is no command


def test_capture_begins_at_the_go_ahead() -> None:
    play = Playbook(SmtpDialogue).server(b"354 go\r\n").client(VERBOSE_TEXT)
    play.client(b".\r\n").server(b"250 ok\r\n").client(b"QUIT\r\n").eof()

    verbs = [each.verb for each in play.events_of(Exchange)]
    assert [verb for verb in verbs if verb] == ["QUIT"]


def test_gap_swallows_the_end_of_a_message_and_the_next_envelope() -> None:
    play = smtp().client(b"DATA\r\n").server(b"354 go\r\n").client(TEXT)
    play.gap(CLIENT, 80).server(b"250 queued\r\n250 ok\r\n250 ok\r\n354 go\r\n")
    play.client(VERBOSE_TEXT + b".\r\n").server(b"250 queued\r\n")
    play.client(b"QUIT\r\n").server(b"221 bye\r\n").eof()

    verbs = [verb for verb, _ in answers(play)]
    assert [verb for verb in verbs if verb] == ["EHLO", "DATA", "DATA", "DATA", "QUIT"]
    assert len(play.events_of(MessageTransferred)) == 2


@pytest.mark.parametrize("side", [(CLIENT,), (SERVER, CLIENT)])
def test_text_behind_a_gap_is_no_command(side: tuple[object, ...]) -> None:
    play = smtp().client(b"MAIL FROM:<a@x>\r\n").server(b"250 ok\r\n")
    for each in side:
        play.gap(CLIENT if each is CLIENT else SERVER, 80)
    play.client(VERBOSE_TEXT).client(b".\r\n").server(b"250 queued\r\n")
    play.client(b"MAIL FROM:<b@x>\r\n").server(b"250 ok\r\n").client(b"QUIT\r\n")
    play.server(b"221 bye\r\n").eof()

    verbs = [verb for verb, _ in answers(play) if verb]
    assert verbs == ["EHLO", "MAIL", "MAIL", "QUIT"]
    assert [each.address for each in play.events_of(SenderGiven)] == ["a@x", "b@x"]


def test_message_of_a_client_whose_server_is_not_seen_begins_with_a_verb() -> None:
    play = Playbook(SmtpDialogue).client(b"EHLO a\r\n").client(b"DATA\r\n")
    play.client(VERBOSE_TEXT + b".\r\n").client(b"QUIT\r\n").eof()

    verbs = [each.verb for each in play.events_of(Exchange)]
    assert verbs == ["EHLO", "DATA", "DATA", "QUIT"]
