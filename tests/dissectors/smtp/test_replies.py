from __future__ import annotations

import pytest

from dissectors.events import (
    Anomaly,
    CapabilitiesAnnounced,
    ClientNamed,
    Exchange,
    ExchangeKind,
    GreetingReceived,
    ReplyReceived,
    StartTls,
    StartTlsAdvanced,
)
from dissectors.limits import Limits
from dissectors.smtp import SmtpDialogue
from tests.support.playbook import (
    SERVER,
    Playbook,
    anomaly,
    every_split,
    exchange,
    split_bytes,
)
from tests.support.smtp import GREETED, answered, greeted, playbook, quit_, unsolicited


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


def test_server_reply_is_interrupted_by_pipelined_command() -> None:
    (
        greeted()
        .client(b"NOOP\r\n")
        .server(b"250 2.0.0 O")
        .client(b"QUIT\r\n")
        .server(b"k\r\n221 bye\r\n")
        .expect(*GREETED, *answered(250, exchange("NOOP", reply=250)), *quit_())
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


def test_reply_of_many_lines_is_bounded() -> None:
    limits = Limits(line=1000)
    play = Playbook(lambda: SmtpDialogue(limits)).server(b"220 x\r\n")
    play.client(b"EHLO x\r\n").server(b"250-X\r\n" * 5000 + b"250 Y\r\n")
    (announced,) = [e for e in play.run() if isinstance(e, CapabilitiesAnnounced)]
    assert len(announced.capabilities) < 40
    codes = [e.code for e in play.run() if isinstance(e, Anomaly)]
    assert codes == ["smtp_reply_too_long"]
