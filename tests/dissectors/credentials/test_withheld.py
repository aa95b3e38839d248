from __future__ import annotations

import base64

import pytest

from dissectors.conversation.dissector import MailDissector
from dissectors.credentials.withheld import Withheld
from dissectors.events import (
    Exchange,
    ExchangeKind,
    GreetingReceived,
    Side,
    SoftwareIdentified,
)
from dissectors.smtp import SmtpDialogue
from tests.support.talk import talk

PLAIN = base64.b64encode(b"\0ann\0Hunter2Secret")


def withheld(*lines: bytes) -> Withheld:
    kept = Withheld()
    for line in lines:
        kept.add_login(line, ("ann",))
    return kept


@pytest.mark.parametrize(
    "said",
    [
        "Hunter2Secret",
        "HUNTER2SECRET",
        "x-hunter2secret-x",
        "cannot decode " + PLAIN.decode(),
        PLAIN.decode().swapcase(),
        *(
            base64.b64encode(b"." * n + b"Hunter2Secret and more").decode()
            for n in range(3)
        ),
    ],
)
def test_what_crossed_is_masked_however_it_is_repeated(said: str) -> None:
    shown = withheld(PLAIN).mask(f"<{said}> of ann")
    assert "unter2" not in shown.lower()
    assert shown.startswith("<")
    assert shown.endswith("> of ann")
    assert PLAIN.decode()[8:20].lower() not in shown.lower()


@pytest.mark.parametrize(
    ("line", "said", "shown"),
    [
        (b'"br\\"ass\\\\x"', 'no br"ass\\x', "no ***"),
        (b'"br\\"ass\\\\x"', r'no "br\"ass\\x"', "no ***"),
        (b"my secret", "no my secret, no secret", "no ***, no ***"),
        (b"http://ann:secret@h", "secret", "***"),
        (b"token=secret", "secret", "***"),
        (b"pass-secret=", "secret", "***"),
        # the beginning of the verb was lost
        (b"s-my.secret", "my.secret", "***"),
        # other letters than ASCII have cases, too
        ("p\u00e4ss".encode(), "P\u00c4SS \u0130", "*** \u0130"),
        # a short word only as a word
        (b"no", "no node", "*** node"),
        (b"ab secret", "ab secret able", "*** able"),
        (b"s" * 100, f"no {'s' * 100}! x", "no *** x"),
        (b"ann", "no ann", "no ann"),
        (b"-Hunter2Secret.\0", "[HUNTER2SECRET]", "[***]"),
    ],
)
def test_words_are_found(line: bytes, said: str, shown: str) -> None:
    assert withheld(line).mask(said) == shown


def test_text_that_was_cut_inside_a_secret_is_masked_to_its_end() -> None:
    said = ("x" * 1020 + " Hunter2Secret")[:1028]
    assert withheld(b"Hunter2Secret").mask(said) == "x" * 1020 + " ***"


def test_more_than_can_be_kept_lets_nothing_be_shown() -> None:
    kept = withheld(*(b"secret-number-%d" % n for n in range(500)))
    assert kept
    assert kept.mask("anything") == "***"
    words = withheld(b" ".join(b"word%d" % n for n in range(100)))
    assert words.mask("word99") == "***"


def test_unreadable_lines_are_kept_for_a_while() -> None:
    kept = Withheld()
    kept.add_line(b"first-secret")
    for number in range(3):
        kept.add_line(b"line-%d" % number)
    assert kept.mask("first-secret") == "***"
    for number in range(500):
        kept.add_line(b"line-%d" % number)
    assert kept.mask("line-499, else") == "***, else"


def test_only_the_servers_words_are_masked() -> None:
    kept = withheld(b"secret")
    exchange = Exchange(1, ExchangeKind.COMMAND, reply_text="x secret")
    kept.mask_event(exchange)
    assert exchange.reply_text == "x ***"
    for side in Side:
        software = SoftwareIdentified(side, "secret", ["name=secret"])
        kept.mask_event(software)
        assert (software.name == "***") is (side is Side.SERVER)


@pytest.mark.parametrize(
    ("protocol", "lines"),
    [
        ("smtp", (b"C: AUTH PLAIN " + PLAIN, b"S: 501 bad AUTH PLAIN " + PLAIN)),
        ("smtp", (b"C: FROB secret", b"S: 500 FROB SECRET?")),
        ("smtp", (b"C: AUTH LOGIN\r\nsecret", b"S: 503 not now: secret")),
        ("smtp", (b"C: AUTH LOGIN", b"S: 503 no", b"C: secret", b"S: 500 secret?")),
        ("smtp", (b"C: NOOP secret", b"S: 250-secret\r\n250 c2VjcmV0IGFuZCBtb3Jl")),
        ("pop3", (b"C: USER a", b"S: +OK", b"C: PASS secret", b"S: -ERR [SECRET] no")),
        ("pop3", (b"C: RETR secret", b"S: -ERR no message secret")),
        # what waits for the reply to DATA is read at the end only
        ("smtp", (b"C: DATA", b"C: secret", b"S: 501-secret", b"C: x")),
        (
            "smtp",
            (
                b"C: AUTH LOGIN\r\nYQ==\r\nDATA",
                b"S: 503",
                b"C: secret",
                b"S: 501 secret",
            ),
        ),
        ("smtp", (b"C: MAIL FROM:<a", ("C", 3), b"C: secret@h>", b"S: 503 secret?")),
        # what nobody saw the server ask for may be no message
        (
            "smtp",
            (
                *(b"C: DATA\r\nPAS", ("C", 2), b"C: \r\nsecret"),
                *(b"S: 334", b"S: 503 no secret"),
            ),
        ),
        # what the server said before the client went on, and is whole only then
        (
            "smtp",
            (b"C: AUTH LOGIN", b"C: secret", b"S: 501-secret", b"C: QUIT", ("S", 3)),
        ),
        ("smtp", (b"C: AUTH PLAIN \r\nsecret", ("S", b"501 secret"), b"C: NOOP")),
        ("pop3", (b"C: AUTH LOGIN\r\nsecret", ("S", b"-ERR secret"), b"C: NOOP")),
        # a login may go on behind a command that nobody answered
        (
            "smtp",
            (b"C: AUTH\xa0LOGIN\r\nDATA\r\nsecret", b"S: 334 no secret", b"S: 250"),
        ),
        # the end of a message and the beginning of a login are in a gap
        (
            "smtp",
            (
                b"C: DATA",
                b"S: 354 go",
                b"C: From: ann@example.com\r\n\r\nx",
                ("C", 30),
                b"C: secret",
                b"S: 500 unknown secret",
            ),
        ),
        ("pop3", (b"C: XCLIENT ADDR=::1 PASS=secret", b"S: -ERR", b"S: +OK secret")),
        # neither TLS nor text
        ("pop3", (b"C: STLS", b"S: +OK", b"C: \0PASS secret", b"S: -ERR secret")),
        ("imap", (b"C: a LOGIN x secret", b"S: a NO [SECRET] no secret for x")),
        ("imap", (b"C: a LOGIN x {6}", b"S: + ok", b"C: secret", b"S: a NO secret")),
        ("imap", (b"C: a LOGIN x {6+}\r\nsecret", b"S: * BAD secret\r\na NO no")),
        ("imap", (b"C: a LOGIN x secret", b'S: * ID ("name" "secret")', b"S: a NO x")),
        ("imap", (b"C: a SECRET", b"S: a BAD unknown command SECRET")),
        # nobody knows what a gap held
        (
            "imap",
            (
                *(b"C: a LOGIN x {10+}\r\nse", ("C", 2), b"C: et"),
                *(b"C: ", b"S: a NO no secret"),
            ),
        ),
    ],
)
def test_server_repeats_what_is_masked(
    protocol: str, lines: tuple[bytes | tuple[str, int | bytes], ...]
) -> None:
    said = repr(talk(protocol, *lines)).lower().replace("forward_secret", "")
    assert "***" in said
    assert "secret" not in said
    assert "unter2" not in said
    assert "c2vjcmv0" not in said


def test_greeting_behind_what_may_be_no_message_is_not_shown() -> None:
    """Nobody saw what the server said to DATA."""
    dissector = MailDissector(SmtpDialogue())
    dissector.receive_data(Side.CLIENT, b"DATA\r\n", 1, 1)
    dissector.receive_gap(Side.SERVER, 8, 2, 2)
    dissector.receive_data(Side.CLIENT, b"secret\r\n", 3, 3)
    dissector.receive_data(Side.SERVER, b"503 no secret\r\n", 4, 4)

    events = dissector.receive_eof(Side.CLIENT, 5, 5)

    (greeting,) = [each for each in events if isinstance(each, GreetingReceived)]
    assert greeting.text == "***"


def test_server_repeats_what_is_shown_beside_what_is_not() -> None:
    """Exchange sends XOORG with each message to another Exchange."""
    events = talk(
        "smtp",
        b"C: EHLO mx.example.com",
        b"S: 250-mx\r\n250-SIZE\r\n250 XOORG",
        b"C: MAIL FROM:<ann@example.com> SIZE=1234 XOORG=example.com",
        b"S: 250 2.1.0 Sender OK, size 1234 from ann@example.com",
        b"C: RCPT TO:<bob@example.org> PASS=secret",
        b"S: 250 to bob@example.org, pass=secret",
    )
    texts = [event.reply_text for event in events if isinstance(event, Exchange)]
    assert texts[-2:] == [
        "2.1.0 Sender OK, size 1234 from ann@example.com",
        "to bob@example.org, ***",
    ]


def test_many_messages_with_unknown_parameters_hide_no_reply() -> None:
    lines = [b"C: EHLO mx.example.com", b"S: 250-mx\r\n250 XOORG"]
    for number in range(200):
        value = b"%030d" % number
        lines.append(b"C: MAIL FROM:<ann@example.com> XOORG=" + value)
        lines.append(b"S: 250 ok, not " + value)
    events = talk("smtp", *lines)
    texts = [event.reply_text for event in events if isinstance(event, Exchange)]
    assert texts[2:] == ["ok, not ***"] * 200


def test_message_that_was_sent_early_hides_nothing() -> None:
    message = b"From: mail@example.com\r\n\r\nx\r\n."
    events = talk("smtp", b"C: NOOP\r\nDATA\r\n" + message, b"S: 250 mail.example.com")
    (_, exchange, *_) = [event for event in events if isinstance(event, Exchange)]
    assert exchange.reply_text == "mail.example.com"


def test_greeting_behind_all_that_the_client_has_to_say_is_shown() -> None:
    said = b"EHLO mx\r\nMAIL FROM:<a@b>\r\nDATA\r\nSubject: mail.example.com\r\n.\r\n"
    dissector = MailDissector(SmtpDialogue())
    dissector.receive_data(Side.CLIENT, said, 1, 1)
    events = dissector.receive_data(Side.SERVER, b"220 mail.example.com\r\n", 2, 2)
    (greeting,) = [each for each in events if isinstance(each, GreetingReceived)]
    assert greeting.text == "mail.example.com"


def test_reply_to_a_damaged_message_is_shown() -> None:
    message = b"C: From: ann@example.com\r\n\r\nx"
    events = talk(
        "smtp",
        *(b"C: DATA", b"S: 354 go", message, ("C", 3), b"C: ."),
        b"S: 554 5.7.1 no spam",
    )
    *_, exchange = [event for event in events if isinstance(event, Exchange)]
    assert exchange.reply_text == "5.7.1 no spam"


def test_reply_to_a_message_that_nobody_asked_for_is_shown() -> None:
    message = b"C: From: ann@example.com\r\n\r\nx\r\n."
    events = talk("smtp", b"C: DATA", ("S", 8), message, b"S: 250 2.0.0 queued")
    *_, exchange = [event for event in events if isinstance(event, Exchange)]
    assert exchange.reply_text == "2.0.0 queued"
