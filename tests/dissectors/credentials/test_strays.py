"""Passwords where no grammar has them: they are never shown, and always counted."""

from __future__ import annotations

import base64

import pytest

from dissectors.conversation.dissector import MailDissector
from dissectors.events import (
    AuthAttempted,
    CredentialsCrossed,
    Event,
    Exchange,
    Exposure,
    Outcome,
    Side,
)
from dissectors.limits import Limits
from dissectors.smtp import SmtpDialogue
from tests.support.talk import talk


def b64(text: str) -> bytes:
    return base64.b64encode(text.encode())


PLAIN = b64("\0ann\0secret")
NO = {"smtp": b"S: 500 no", "pop3": b"S: -ERR no", "imap": b"S: * BAD no"}
PASSWORD, FAILURE = Exposure.PASSWORD, Outcome.FAILURE


def attempts(events: list[Event]) -> list[AuthAttempted]:
    return [event for event in events if isinstance(event, AuthAttempted)]


def shows_secret(events: list[Event]) -> bool:
    told = repr(events).lower()
    return "secret" in told or "zwnyzx" in told or PLAIN.decode().lower() in told


@pytest.mark.parametrize(
    ("protocol", "lines", "mechanism", "user"),
    [
        ("smtp", [b"AUTH LOGIN ann secret"], "LOGIN", None),
        ("pop3", [b"AUTH LOGIN ann secret"], "LOGIN", None),
        ("smtp", [b"USER ann", b"PASS secret"], "USER", "ann"),
        ("smtp", [b"user ann", b"pass  secret"], "USER", "ann"),
        ("smtp", [b"a LOGIN ann secret"], "LOGIN", "ann"),
        ("smtp", [b"LOGIN ann secret"], "LOGIN", "ann"),
        ("smtp", [b'a1 LOGIN "ann" "secret"'], "LOGIN", "ann"),
        ("smtp", [b"a AUTHENTICATE PLAIN " + PLAIN], "PLAIN", "ann"),
        ("smtp", [b"AUTH=PLAIN " + PLAIN], "PLAIN", "ann"),
        ("smtp", [b"APOP ann secret"], "APOP", "ann"),
        ("pop3", [b"a LOGIN ann secret"], "LOGIN", "ann"),
        ("pop3", [b"AUTHENTICATE PLAIN " + PLAIN], "PLAIN", "ann"),
        ("pop3", [b"USER ann", b"PASSWORD secret"], "USER", None),
        ("pop3", [b"PASS\0secret"], "USER", None),
        ("pop3", [b"pass-secret"], "USER", None),
        ("imap", [b"USER ann", b"PASS secret"], "USER", "ann"),
        ("imap", [b"APOP ann secret"], "APOP", "ann"),
        ("imap", [b"AUTH PLAIN " + PLAIN], "PLAIN", "ann"),
        ("imap", [b"LOGIN ann secret"], "LOGIN", "ann"),
        ("imap", [b"a\tLOGIN ann secret"], "LOGIN", "ann"),
        ("imap", [b"AUTHENTICATE PLAIN " + PLAIN], "PLAIN", "ann"),
    ],
)
def test_login_in_the_words_of_another_protocol_is_an_attempt(
    protocol: str, lines: list[bytes], mechanism: str, user: str | None
) -> None:
    dialogue = [each for line in lines for each in (b"C: " + line, NO[protocol])]
    events = talk(protocol, *dialogue)
    exposure = Exposure.OFFLINE if mechanism == "APOP" else PASSWORD
    told = attempts(events)
    assert told == [AuthAttempted(mechanism, user, FAILURE, exposure)]
    assert not shows_secret(events)
    answered = [e for e in events if isinstance(e, Exchange) and e.request_frame]
    assert len(answered) == len(lines)
    assert all(each.reply_frame for each in answered)


@pytest.mark.parametrize(
    ("protocol", "lines", "user"),
    [
        ("smtp", [b"C: AUTH PLAIN", b"S: 504 no", b"C: " + PLAIN], "ann"),
        (
            "smtp",
            [
                *(b"C: AUTH LOGIN", b"S: 530 no", b"C: " + b64("ann"), b"S: 502 no"),
                b"C: " + b64("secret"),
            ],
            "ann",
        ),
        (
            "smtp",
            [
                *(b"C: AUTH LOGIN", b"S: 334 VXNlcm5hbWU6", b"C: " + b64("ann")),
                *(b"S: 535 no", b"C: " + b64("secret")),
            ],
            "ann",
        ),
        (
            "smtp",
            [
                *(b"C: AUTH LOGIN", b"S: 503 no", b"C: NOOP", b"S: 250 ok"),
                *(b"C: secret", b"S: 500 no", b"C: secret"),
            ],
            None,
        ),
        (
            "smtp",
            [
                b"C: AUTH LOGIN\r\n" + b64("ann") + b"\r\n" + b64("secret"),
                b"S: 503 no\r\n500 no",
            ],
            "ann",
        ),
        ("pop3", [b"C: AUTH PLAIN", b"S: -ERR no", b"C: " + PLAIN], "ann"),
        (
            "pop3",
            [b"C: AUTH LOGIN", b"S: +OK user", b"C: ann", b"S: +OK", b"C: secret"],
            None,
        ),
        ("pop3", [b"C: PASS", b"S: -ERR", b"C: secret"], None),
        ("imap", [b"C: a AUTHENTICATE PLAIN", b"S: a NO no", b"C: " + PLAIN], "ann"),
        ("imap", [b"C: a LOGIN {3}", b"S: a BAD no", b"C: ann secret"], None),
        ("imap", [b"C: a LOGIN ann {6}", b"S: a BAD no", b"C: my secret"], None),
    ],
)
def test_what_is_sent_after_the_refusal_has_crossed(
    protocol: str, lines: list[bytes], user: str | None
) -> None:
    events = talk(protocol, *lines, NO[protocol])
    crossed = [e for e in events if isinstance(e, CredentialsCrossed)]
    assert (crossed[-1].user, crossed[-1].exposure) == (user, PASSWORD)
    assert [each.exposure for each in attempts(events)] == [Exposure.NOTHING]
    assert not shows_secret(events)


@pytest.mark.parametrize(
    ("protocol", "line"),
    [
        ("smtp", b"NOOP x\rAUTH PLAIN " + PLAIN),
        ("smtp", b"EHLO ann:secret@h"),
        ("smtp", b"EHLO h\rAUTH PLAIN " + PLAIN),
        ("smtp", "EHLO h\u00a0secret".encode()),
        ("smtp", b"AUTH " + PLAIN),
        ("smtp", b"AUTH ann secret"),
        ("smtp", b"AUTH PLAIN ann secret"),
        ("smtp", b"AUTH PLAIN\t" + PLAIN),
        ("smtp", b"AUTH X-FOO secret"),
        ("smtp", b"MAIL FROM:<a@b> PASS=secret"),
        ("smtp", b"MAIL FROM:<a@b> AUTH=secret"),
        ("smtp", b"MAIL FROM:<ann:secret@b>"),
        ("smtp", b"MAIL FROM: a@b secret"),
        ("smtp", b"MAIL FROM:<a@b>\rAUTH PLAIN " + PLAIN.rstrip(b"=")),
        ("smtp", b"RCPT secret TO:<a@b>"),
        ("smtp", b"X-LINK2STATE LAST CHUNK={secret}"),
        ("smtp", b"burl\timap://h/;urlauth=a:internal:secret\tlast"),
        ("smtp", b"XCLIENT PASS=secret"),
        ("smtp", b"XCLIENT LOGIN=ann:secret"),
        ("smtp", b"QUIT secret"),
        ("smtp", b"VRFY my secret"),
        ("smtp", b"HELP secret"),
        ("smtp", b"Secret"),
        ("pop3", b"USER ann:secret"),
        ("pop3", b"USER ann secret"),
        ("pop3", "USER ann\u00a0secret".encode()),
        ("pop3", b"APOP ann\tsecret"),
        ("pop3", b"APOP  ann  secret"),
        ("pop3", b"XAUTH ann secret"),
        ("pop3", b"STAT secret"),
        ("pop3", "RETR \u0661".encode()),
        ("pop3", "RETR \u00a0".encode()),
        ("pop3", "TOP 1\u00a01".encode()),
        ("pop3", b"secret"),
        ("imap", b"ann secret"),
        ("imap", b"a secret"),
        ("imap", b"a NOOP secret"),
        ("imap", b"a NOOP\rb LOGIN ann secret"),
        ("imap", b'a SELECT "imap://ann:secret@h/x"'),
        ("imap", b'a ID ("name" "x" "password" "secret")'),
        ("imap", b'a SETMETADATA "" (/private/x "secret")'),
        ("imap", b"a LOGINX ann secret"),
        ("imap", b'a LOGIN "ann secret'),
        ("imap", b"a LOGIN ann:secret"),
        ("imap", b"a AUTHENTICATE ann secret"),
        ("imap", b'a AUTHENTICATE "PLAIN" ' + PLAIN),
    ],
)
def test_what_fits_no_grammar_is_not_shown(protocol: str, line: bytes) -> None:
    assert not shows_secret(talk(protocol, b"C: " + line, NO[protocol]))


def test_response_that_looks_like_a_command_is_a_response() -> None:
    lines = [b"C: a AUTHENTICATE LOGIN", b"S: + VXNlcm5hbWU6", b"C: x SELECT secret"]
    events = talk("imap", *lines, b"S: a NO no")
    assert [e.verb for e in events if isinstance(e, Exchange)][1:] == ["AUTHENTICATE"]
    assert not shows_secret(events)


@pytest.mark.parametrize("verb", [b"ETRN", b"EXPN", b"VRFY"])
def test_word_that_follows_a_refused_login_is_not_shown(verb: bytes) -> None:
    lines = [b"C: AUTH LOGIN", b"S: 503 no", b"C: " + verb + b" secret", b"S: 250 x"]
    assert not shows_secret(talk("smtp", *lines))
    assert shows_secret(talk("smtp", *lines[2:]))


@pytest.mark.parametrize(
    ("protocol", "lines"),
    [
        ("smtp", [b"C: AUTH LOGIN", b"S: 334 VXNlcm5hbWU6", b"C: " + b64("secret")]),
        ("smtp", [b"C: AUTH PLAIN " + b64("\0secret\0x")]),
        ("smtp", [b"C: AUTH LOGIN", b"S: 503 no", b"C: " + b64("secret")]),
        ("smtp", [b"C: USER secret"]),
        ("smtp", [b"C: AUTHENTICATE PLAIN " + b64("\0secret\0x")]),
        ("pop3", [b"C: USER secret"]),
        ("imap", [b"C: USER secret"]),
        ("pop3", [b"C: AUTH LOGIN", b"S: + VXNlcm5hbWU6", b"C: " + b64("secret")]),
        ("imap", [b"C: a AUTHENTICATE LOGIN", b"S: + VXNlcg", b"C: " + b64("secret")]),
        ("imap", [b"C: a AUTHENTICATE PLAIN " + b64("\0secret\0x")]),
    ],
)
def test_name_in_a_line_without_end_is_not_shown(
    protocol: str, lines: list[bytes]
) -> None:
    assert not shows_secret(talk(protocol, *lines, is_cut=True))


@pytest.mark.parametrize("verb", [b"EHLO", b"VRFY"])
def test_word_that_was_sent_behind_a_refused_login_is_not_shown(verb: bytes) -> None:
    events = talk(
        "smtp", b"C: AUTH LOGIN\r\n" + verb + b" secret", b"S: 503 no", b"S: 250 x"
    )
    assert not shows_secret(events)


def test_user_behind_a_gap_is_not_shown() -> None:
    events = talk(
        "smtp",
        b"C: AUTH LOGIN",
        b"S: 334 VXNlcm5hbWU6",
        ("C", 10),
        ("S", 18),
        b"C: " + b64("secret"),
        b"S: 235 ok",
    )
    assert attempts(events) == [AuthAttempted("LOGIN", None, Outcome.SUCCESS, PASSWORD)]


def test_text_of_a_message_is_no_login() -> None:
    events = talk(
        "smtp",
        b"C: MAIL FROM:<a@b>\r\nDATA",
        b"S: 250 ok\r\n503 no",
        b"C: Login with ann secret\r\nPASS is secret\r\n.",
    )
    assert attempts(events) == []


def test_verb_is_shown_if_the_server_announced_it_or_another_protocol_has_it() -> None:
    events = talk(
        "smtp",
        b"C: EHLO h",
        b"S: 250-mx\r\n250 XFROB",
        b"C: XFROB secret",
        b"S: 250 ok",
        b"C: GET / HTTP/1.1",
        b"S: 500 no",
        b"C: XOTHER",
        b"S: 500 no",
    )
    verbs = [e.verb for e in events if isinstance(e, Exchange)]
    assert verbs == [None, "EHLO", "XFROB", "GET", "***"]
    assert not shows_secret(events)


def test_login_without_room_for_more_commands_ends_in_order() -> None:
    """Room for a command is that of an AUTH, whose end ends the authentication."""
    dialogue = SmtpDialogue(Limits(pending_commands=2, held=100))
    dissector = MailDissector(dialogue)
    lines = [b"AUTH CRAM-MD5"] * 2 + [b"eA==", b"MAIL FROM:<a@b>"]
    sent = [line + b"\r\n" for line in lines + [b"From: Ann Arber <a@b>"] * 8]
    events = dissector.receive_data(Side.CLIENT, b"".join(sent), 1, 1)
    for side in Side:
        events += dissector.receive_eof(side, 2, 2)
    assert len(attempts(events)) == 2
