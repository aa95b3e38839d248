"""A client of HTTP on a mail port: browsers, scanners, and who abuses them."""

from __future__ import annotations

import pytest

from dissectors import ImapDialogue, Pop3Dialogue, SmtpDialogue
from dissectors.conversation.http import is_http_request
from dissectors.events import AuthAttempted, Exchange, ExchangeKind, GreetingReceived
from tests.support.playbook import Playbook

REQUEST = b"GET / HTTP/1.1\r\nHost: mx\r\nUser-Agent: x\r\n\r\n"
TALKS = {
    "smtp": (SmtpDialogue, b"220 mx ESMTP\r\n", [b"500 what?\r\n"] * 4),
    "pop3": (Pop3Dialogue, b"+OK ready\r\n", [b"-ERR what?\r\n"] * 4),
    "imap": (
        ImapDialogue,
        b"* OK ready\r\n",
        [
            b"GET BAD what?\r\n",
            b"Host: BAD\r\n",
            b"User-Agent: BAD\r\n",
            b"* BAD x\r\n",
        ],
    ),
}


@pytest.mark.parametrize("is_early", [False, True])
@pytest.mark.parametrize("name", TALKS)
def test_replies_to_http_are_kept(name: str, is_early: bool) -> None:
    make, greeting, replies = TALKS[name]
    play = Playbook(make)
    if is_early:
        play.client(REQUEST).server(greeting)
    else:
        play.server(greeting).client(REQUEST)
    for reply in replies:
        play.server(reply)

    exchanges = play.eof().events_of(Exchange)

    (first, *others) = sorted(exchanges, key=lambda each: each.reply_frame or 99)
    assert first.kind is ExchangeKind.GREETING
    told = [each.reply_frame for each in others if each.reply_frame]
    # IMAP: an untagged BAD answers no command
    assert told == ([3, 4, 5] if name == "imap" else [3, 4, 5, 6])
    assert len(play.events_of(GreetingReceived)) == 1
    assert play.events_of(AuthAttempted) == []


@pytest.mark.parametrize(
    "line",
    [b"GET / HTTP/1.1", b"POST /a?b=c HTTP/1.0", b"PRI * HTTP/2.0", b"GET / HTTP/2"],
)
def test_request_is_known_by_its_first_line(line: bytes) -> None:
    assert is_http_request(line)


@pytest.mark.parametrize(
    "line",
    [b"GET", b"GET /", b"GET / HTTP/1.1 ", b"CONNECT mail:25 HTTP/1.1", b"GET  HTTP/1"],
)
def test_other_lines_are_no_request(line: bytes) -> None:
    assert not is_http_request(line)
