"""Anomalies tell where the bytes are that are odd, not who spoke of them later."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dissectors import ImapDialogue, Pop3Dialogue, SmtpDialogue
from dissectors.events import Anomaly
from dissectors.limits import Limits
from tests.support.playbook import CLIENT, SERVER, Playbook

if TYPE_CHECKING:
    from collections.abc import Callable

    from dissectors.conversation.dialogue import Dialogue


EHLO = b"EHLO a\r\n"
HELLO = (
    bytes.fromhex("160301002f0100002b0303")
    + bytes(32)
    + bytes.fromhex("0000021301010000")
)


def smtp(limits: Limits | None = None) -> Playbook:
    """Up to frame 3; the client's stream has come to 8, the server's to 17."""
    play = Playbook(lambda: SmtpDialogue(limits or Limits()))
    return play.server(b"220 mx\r\n").client(EHLO).server(b"250 abc\r\n")


def imap() -> Playbook:
    return Playbook(ImapDialogue).server(b"* OK hi\r\n").client(b"a NOOP\r\n")


def pop3() -> Playbook:
    return Playbook(Pop3Dialogue).server(b"+OK hi\r\n").client(b"NOOP\r\n")


def place_of(play: Playbook, code: str) -> tuple[int, int]:
    """Offset and frame of the first anomaly with a code."""
    found = [each for each in play.events_of(Anomaly) if each.code == code]
    return found[0].offset, found[0].frame


def test_client_talks_before_the_greeting() -> None:
    play = Playbook(SmtpDialogue).client(EHLO).client(b"MAIL FROM:<a@x>\r\n")
    assert place_of(play.server(b"220 mx\r\n"), "smtp_early_talker") == (0, 1)


def test_client_talks_behind_a_proxy_header_before_the_greeting() -> None:
    play = Playbook(SmtpDialogue).client(b"PROXY UNKNOWN\r\n").client(EHLO)
    assert place_of(play.server(b"220 mx\r\n"), "smtp_early_talker") == (15, 2)


def test_lookalike_stands_inside_a_message() -> None:
    play = smtp().client(b"DATA\r\n").server(b"354 go\r\n").client(b"a\r\n")
    play.client(b"b\n.\n").client(b"c\r\n.\r\n").server(b"250 ok\r\n")
    at = len(EHLO + b"DATA\r\na\r\nb")
    assert place_of(play, "smtp_end_of_data_lookalike") == (at, 7)


def test_command_stands_behind_the_second_lookalike() -> None:
    play = smtp().client(b"DATA\r\n").server(b"354 go\r\n").client(b"a\n.\nb")
    play.client(b"\n.\nRSET").client(b"\r\n.\r\n").server(b"250 ok\r\n")
    at = len(EHLO + b"DATA\r\na")
    assert place_of(play, "smtp_end_of_data_lookalike") == (at, 6)
    assert place_of(play, "smtp_smuggled_command") == (at + 4, 7)


@pytest.mark.parametrize("dialogue", [SmtpDialogue, Pop3Dialogue, ImapDialogue])
def test_client_sends_a_request_of_http(dialogue: Callable[[], Dialogue]) -> None:
    request = b"GET / HTTP/1.1\r\n"
    play = Playbook(dialogue).client(b"\r\n").client(request + b"Host: a\r\n\r\n")
    assert place_of(play, "http_request") == (2, 2)


def test_reply_has_too_many_lines() -> None:
    play = smtp(Limits(line=99)).client(b"HELP\r\n").server(b"214-a\r\n")
    play.server(b"214-b\r\n" * 40).server(b"214 c\r\n")
    assert place_of(play, "smtp_reply_too_long") == (17, 5)


def test_commands_are_injected_before_tls() -> None:
    play = smtp().client(b"STARTTLS\r\nRSET\r\n").server(b"220 go\r\n").client(HELLO)
    at = len(EHLO + b"STARTTLS\r\n")
    assert place_of(play, "starttls_plaintext_after") == (at, 4)


def test_bytes_are_missing_behind_an_unfinished_line() -> None:
    play = smtp().client(b"RSE").gap(CLIENT, 9)
    assert place_of(play, "stream_gap") == (len(EHLO) + 3, 5)


def test_bytes_are_missing_inside_tls() -> None:
    play = smtp().client(b"STARTTLS\r\n").server(b"220 go\r\n").client(HELLO)
    play.gap(CLIENT, 9).gap(CLIENT, 5)
    gaps = [each.offset for each in play.events_of(Anomaly)]
    assert gaps[0] == len(EHLO + b"STARTTLS\r\n" + HELLO)
    assert gaps[1] == gaps[0] + 9


@pytest.mark.parametrize(
    ("play", "side", "line", "code"),
    [
        (smtp, CLIENT, b"?", "smtp_unknown_command"),
        (smtp, CLIENT, b"BDAT x", "smtp_bad_bdat"),
        (smtp, CLIENT, b"x" * 99_999, "line_too_long"),
        (smtp, SERVER, b"?", "smtp_unexpected_line"),
        (imap, CLIENT, b"?", "imap_invalid_command"),
        (imap, CLIENT, b"a NOOP", "imap_tag_reused"),
        (imap, SERVER, b"? ?", "imap_invalid_response"),
        (imap, SERVER, b"b OK", "imap_unknown_tag"),
        (pop3, CLIENT, b"?", "pop3_unknown_command"),
        (pop3, SERVER, b"?", "pop3_unexpected_line"),
    ],
)
def test_line_is_odd(
    play: Callable[[], Playbook], side: object, line: bytes, code: str
) -> None:
    talk = play()
    sent = [each.content for each in talk.steps if each.side is side]
    before = sum(len(each) for each in sent if isinstance(each, bytes))
    (talk.client if side is CLIENT else talk.server)(line + b"\r\n")
    talk.client(b"b NOOP\r\n")
    assert place_of(talk, code) == (before, len(talk.steps) - 1)


def test_too_many_commands_wait() -> None:
    play = smtp(Limits(pending_commands=1)).client(b"NOOP\r\n").client(b"RSET\r\n")
    place = place_of(play.server(b"250 ok\r\n"), "too_many_pending_commands")
    assert place == (len(EHLO + b"NOOP\r\n"), 5)


@pytest.mark.parametrize("make", [SmtpDialogue, Pop3Dialogue])
def test_message_has_too_large_a_header(
    make: type[SmtpDialogue] | type[Pop3Dialogue],
) -> None:
    play = Playbook(lambda: make(Limits(header=50)))
    text = b"Subject: " + b"x" * 99 + b"\r\n\r\nx\r\n.\r\n"
    if make is SmtpDialogue:
        play.server(b"220 mx\r\n").client(b"DATA\r\n").server(b"354 go\r\n")
        play.client(text).server(b"250 ok\r\n")
        expected = len(b"DATA\r\n" + text), 4
    else:
        play.server(b"+OK\r\n").client(b"RETR 1\r\n").server(b"+OK\r\n").server(text)
        expected = len(b"+OK\r\n+OK\r\n" + text), 4
    assert place_of(play.eof(), "message_header_too_large") == expected
