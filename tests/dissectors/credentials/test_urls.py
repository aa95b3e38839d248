"""Passwords and tokens in URLs, wherever a peer writes them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from dissectors import ImapDialogue, Pop3Dialogue, SmtpDialogue
from dissectors.conversation.lines import decode_text
from dissectors.credentials.urls import mask_urls
from dissectors.message import decode_words
from tests.support.playbook import Playbook

if TYPE_CHECKING:
    from dissectors.conversation.dialogue import Dialogue

URL = b"imap://ann:s3cret@h/INBOX"
# long enough to be cut inside the password, which is not to be seen then either
LONG = b"x" * 1020 + b" smtp://ann:s3cret-and-more@h/"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("imap://ann:pw@h/INBOX", "imap://ann:***@h/INBOX"),
        ("see https://a:b@c@d and x://y:z@w", "see https://a:***@d and x://y:***@w"),
        ("smtp://ann;AUTH=PLAIN:p/w?#@h:25", "smtp://ann;AUTH=PLAIN:***@h:25"),
        ("pop://ann%3Apw@h/", "pop://ann%3A***@h/"),
        ("[REFERRAL IMAP://ann:1234@h/]", "[REFERRAL IMAP://ann:***@h/]"),
        ("x://ann:p\u00a0w@h", "x://ann:***@h"),
        ("https://ghp_token@h/repo", "https://***@h/repo"),
        ("http://h/?to=imap://ann:pw@h", "http://h/?to=imap://ann:***@h"),
        # its end was not seen
        ("imap://ann:pw", "imap://ann:***"),
        (
            "imap://h/;UID=1;URLAUTH=submit+a:internal:9f",
            "imap://h/;UID=1;URLAUTH=submit+a:***",
        ),
        ("https://h/a?b=c&access_token=ey.x#d", "https://h/a?b=c&access_token=***"),
        ("go to /reset?token=9f, please", "go to /reset?token=*** please"),
        ("x://h/?X-Amz-Signature=9f&a=b", "x://h/?X-Amz-Signature=***&a=b"),
        ("x://h/?a=b&amp;secret=9f", "x://h/?a=b&amp;secret=***"),
        *(
            (text, text)
            for text in (
                "imap://h/INBOX",
                "imap://ann@h/INBOX",
                "imap://ann;AUTH=GSSAPI@h/INBOX",
                "http://h:80/a@b",
                "http://[2001:db8::1]:80/a@b",
                "see http://h:80.",
                "https://h/?p=BadCredentials r.1 - gsmtp",
                "https://h/?visit_id=1&ip=192.0.2.1",
                "a; b",
                "mx; auth=pass smtp.auth=ann",
            )
        ),
    ],
)
def test_secret_of_a_url_is_masked(text: str, shown: str) -> None:
    assert mask_urls(text) == shown
    assert mask_urls(shown) == shown


@pytest.mark.parametrize(
    "unit", ["://", "://a:", "http://a", "://[a:", "?a", "&a=b", "://a:1?", ";URLAUTH="]
)
def test_masking_is_linear(unit: str) -> None:
    begin = time.perf_counter()
    mask_urls(unit * 50_000)
    assert time.perf_counter() - begin < 2


def test_text_is_masked_before_it_is_cut() -> None:
    for length in range(1020, 1060):
        assert "s3c" not in decode_text(LONG, length)


def test_header_field_does_not_show_the_password_of_a_url() -> None:
    encoded = b"=?utf-8?q?smtp=3A//ann=3As3cret=40h?="
    assert decode_words(b"from h (" + URL + b")") == "from h (imap://ann:***@h/INBOX)"
    assert decode_words(encoded) == "smtp://ann:***@h"


MESSAGE = (
    b"Subject: %s\r\nReceived: from %s\r\nList-Id: <%s>\r\nMessage-ID: <%s>\r\n"
    b"Content-Disposition: attachment; filename*=''imap%%3A//ann%%3As3cret%%40h\r\n"
    b"\r\nx\r\n" % (URL, URL, URL, URL)
)


@pytest.mark.parametrize(
    ("make", "lines"),
    [
        (
            SmtpDialogue,
            [
                b"S: 220 " + URL,
                b"C: EHLO x",
                b"S: 250-" + URL + b"\r\n250 " + URL,
                b"C: MAIL FROM:<a@b.example> ENVID=" + URL,
                b"S: 250 2.1.0 " + URL,
                b"C: RCPT TO:<b@b.example>",
                b"S: 551 " + URL,
                b"C: DATA",
                b"S: 354 go",
                b"C: " + MESSAGE + b".",
                b"S: 421 " + URL,
            ],
        ),
        (
            Pop3Dialogue,
            [
                b"S: +OK " + URL,
                b"C: RETR 1",
                b"S: +OK\r\n" + MESSAGE + b".",
                b"C: STAT",
                b"S: -ERR " + URL,
            ],
        ),
        (
            ImapDialogue,
            [
                b"S: * OK " + URL,
                b'C: a SELECT "' + URL + b'"',
                b"S: a OK [" + URL + b"]",
                b'C: b ID ("name" "' + URL + b'" "support-url" "' + URL + b'")',
                b'S: * ID ("support-url" "' + URL + b'")\r\nb OK',
                b"C: c APPEND x {%d+}\r\n%s" % (len(MESSAGE), MESSAGE),
                b"S: c NO [REFERRAL " + URL + b"]",
                b"S: * BYE " + URL,
            ],
        ),
    ],
)
def test_no_event_shows_the_password_of_a_url(
    make: type[Dialogue], lines: list[bytes]
) -> None:
    play = Playbook(make)
    for line in lines:
        say = play.client if line.startswith(b"C") else play.server
        say(line[3:] + b"\r\n")
    told = str(play.run())
    assert "***" in told
    assert "s3cret" not in told.lower()


def test_server_repeats_the_password_of_a_url() -> None:
    play = Playbook(SmtpDialogue).server(b"220 mx\r\n")
    play.client(b"MAIL FROM:<a@b.example> ENVID=" + URL + b"\r\n")
    assert "s3cret" not in str(play.server(b"501 what is s3cret?\r\n").run())
