from __future__ import annotations

import pytest

from dissectors.events import (
    Anomaly,
    ClientNamed,
    Exchange,
    RecipientGiven,
    ReplyReceived,
)
from dissectors.limits import Limits
from dissectors.smtp import SmtpDialogue
from tests.support.playbook import CLIENT, Playbook, anomaly, exchange
from tests.support.smtp import GREETED, answered, enveloped, facts_of, greeted, quit_


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


def test_unknown_verb_is_an_exchange_without_argument() -> None:
    (
        greeted()
        .client(b"GET / HTTP/1.1\r\n")
        .server(b"500 what\r\n")
        .expect(
            *GREETED,
            anomaly("http_request", CLIENT),
            *answered(500, exchange("GET", reply=500)),
        )
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


def test_line_cut_by_gap_is_no_command() -> None:
    (
        greeted()
        .client(b"RCPT TO:<b@ex")
        .gap(CLIENT, 10)
        .client(b"ple.com>\r\n")
        .server(b"250 ok\r\n")
        .expect(*GREETED, anomaly("stream_gap", CLIENT), ReplyReceived(250))
    )


def test_more_commands_without_reply_than_are_tracked() -> None:
    limits = Limits(pending_commands=2)
    events = Playbook(lambda: SmtpDialogue(limits)).client(b"NOOP\r\n" * 3).run()
    assert [type(event) for event in events] == [Anomaly, Exchange]


def test_overlong_line_is_cut_and_reported() -> None:
    limits = Limits(line=100, kept_text=50)
    play = Playbook(lambda: SmtpDialogue(limits)).server(b"220 x\r\n")
    events = play.client(b"VRFY " + b"x" * 500 + b"\r\n").server(b"250 ok\r\n").run()
    assert [e.code for e in events if isinstance(e, Anomaly)] == ["line_too_long"]
    last = [e for e in events if isinstance(e, Exchange)][-1]
    assert (last.verb, last.argument) == ("VRFY", "x" * 50)


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
    play = Playbook(SmtpDialogue).server(b"220 x\r\n").client(b"EHLO " + name + b"\r\n")
    assert play.events_of(ClientNamed) == [ClientNamed(shown)]
    (hello,) = (each for each in play.eof().events_of(Exchange) if each.verb == "EHLO")
    assert hello.argument == shown
