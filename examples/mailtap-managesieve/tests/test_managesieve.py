"""The dissector by itself: every split, gaps, one side only, and secrets."""

from __future__ import annotations

import base64
import random

import pytest
from mailtap_managesieve import SPEC, ManageSieveDialogue

from dissectors import MailDissector, registry
from dissectors.conversation.transcript import Transcript
from dissectors.events import (
    Anomaly,
    AuthAttempted,
    CapabilitiesAnnounced,
    CredentialsCrossed,
    Event,
    Exchange,
    Exposure,
    GreetingReceived,
    LoginOffered,
    Outcome,
    Side,
    SoftwareIdentified,
    StartTls,
    StartTlsAdvanced,
    State,
    StateChanged,
)

C, S = Side.CLIENT, Side.SERVER
# data, the length of a gap, or the end
Step = tuple[Side, bytes | int | None]

GREETING: Step = (
    S,
    (
        b'"IMPLEMENTATION" "Example Sieve 1.2"\r\n"SASL" "PLAIN LOGIN CRAM-MD5"\r\n'
        b'"SIEVE" "fileinto vacation"\r\n"STARTTLS"\r\n"VERSION" "1.0"\r\n'
        b'OK "Hello."\r\n'
    ),
)
PASSWORD = "Mauve-Heron-31"
PLAIN = base64.b64encode(f"\0ines@example.com\0{PASSWORD}".encode())
LOGIN = base64.b64encode(PASSWORD.encode())
HELLO = (
    bytes.fromhex("160301002f0100002b0303")
    + bytes(32)
    + bytes.fromhex("0000021301010000")
)


def literal(data: bytes) -> bytes:
    return b"{%d+}\r\n%s" % (len(data), data)


def play(*steps: Step, size: int | None = None) -> list[Event]:
    """Let a dissector read packets, each cut into pieces of a size."""
    dissector = MailDissector(ManageSieveDialogue())
    events: list[Event] = []
    for frame, (side, content) in enumerate((*steps, (C, None), (S, None)), 1):
        at = (frame * 1000, frame)
        if content is None:
            events += dissector.receive_eof(side, *at)
        elif isinstance(content, int):
            events += dissector.receive_gap(side, content, *at)
        else:
            step = size or max(1, len(content))
            for begin in range(0, len(content), step):
                piece = content[begin : begin + step]
                events += dissector.receive_data(side, piece, *at)
    return events


def told(*steps: Step) -> list[Event]:
    """What happened, which is the same however it is split."""
    events = play(*steps)
    for size in (1, 2, 7):
        assert play(*steps, size=size) == events
    return events


def exchanges(events: list[Event]) -> list[tuple[str | None, str | None, str | None]]:
    return [
        (each.verb, each.argument, each.status)
        for each in events
        if isinstance(each, Exchange)
    ]


def logins(events: list[Event]) -> list[AuthAttempted]:
    return [each for each in events if isinstance(each, AuthAttempted)]


def codes(events: list[Event]) -> list[str]:
    return [each.code for each in events if isinstance(each, Anomaly)]


def test_greeting_tells_the_server_and_what_it_can_do() -> None:
    events = told(GREETING)

    assert exchanges(events) == [(None, None, "OK")]
    assert events[1:] == [
        GreetingReceived("Hello.", "Example Sieve 1.2"),
        CapabilitiesAnnounced(
            [
                "IMPLEMENTATION Example Sieve 1.2",
                "SASL PLAIN LOGIN CRAM-MD5",
                "SIEVE fileinto vacation",
                "STARTTLS",
                "VERSION 1.0",
            ]
        ),
        SoftwareIdentified(S, "Example Sieve 1.2"),
        LoginOffered(["PLAIN", "LOGIN", "CRAM-MD5"]),
        StartTlsAdvanced(StartTls.OFFERED),
        StateChanged(State.NOT_AUTHENTICATED),
    ]


@pytest.mark.parametrize(
    "response", [b'"%s"' % PLAIN, literal(PLAIN)], ids=["quoted", "literal"]
)
def test_login_with_an_initial_response(response: bytes) -> None:
    events = told(
        GREETING,
        (C, b'AUTHENTICATE "PLAIN" ' + response + b"\r\n"),
        (S, b'OK "Logged in."\r\n'),
    )

    assert exchanges(events)[1:] == [("AUTHENTICATE", "PLAIN ***", "OK")]
    assert logins(events) == [
        AuthAttempted("PLAIN", "ines@example.com", Outcome.SUCCESS, Exposure.PASSWORD)
    ]
    assert StateChanged(State.AUTHENTICATED) in events


def test_login_step_by_step() -> None:
    events = told(
        GREETING,
        (C, b'AUTHENTICATE "LOGIN"\r\n'),
        (S, b"{12}\r\nVXNlcm5hbWU6\r\n"),
        (C, b'"%s"\r\n' % base64.b64encode(b"ines@example.com")),
        (S, b'"UGFzc3dvcmQ6"\r\n'),
        (C, literal(LOGIN) + b"\r\n"),
        (S, b"NO (AUTH-TOO-WEAK) {5}\r\nNope.\r\n"),
    )

    assert exchanges(events)[1:] == [("AUTHENTICATE", "LOGIN", "NO")]
    answer = next(e for e in events if isinstance(e, Exchange) and e.verb is not None)
    assert (answer.response_code, answer.reply_text) == ("AUTH-TOO-WEAK", "Nope.")
    assert logins(events) == [
        AuthAttempted("LOGIN", "ines@example.com", Outcome.FAILURE, Exposure.PASSWORD)
    ]


def test_client_cancels_its_login() -> None:
    events = told(
        GREETING,
        (C, b'AUTHENTICATE "CRAM-MD5"\r\n'),
        (S, b'"PDE+"\r\n'),
        (C, b'"*"\r\n'),
        (S, b'NO "As you like."\r\n'),
    )

    (attempt,) = logins(events)
    assert (attempt.result, attempt.exposure) == (Outcome.FAILURE, Exposure.NOTHING)


def test_password_that_follows_a_refusal_has_crossed_all_the_same() -> None:
    events = told(
        GREETING,
        (C, b'AUTHENTICATE "PLAIN"\r\n'),
        (S, b'NO "Not without TLS."\r\n'),
        (C, b'"%s"\r\n' % PLAIN),
        (S, b'NO "What is %s?"\r\n' % PLAIN),
    )

    assert CredentialsCrossed("ines@example.com", Exposure.PASSWORD) in events
    assert exchanges(events)[-1] == ("***", None, "NO")
    assert_nothing_shown(events)


@pytest.mark.parametrize(
    ("line", "verb", "argument"),
    [
        (b'PUTSCRIPT "a b" ' + literal(b"keep;\r\n"), "PUTSCRIPT", '"a b"'),
        (b'putscript "a" "keep;"', "PUTSCRIPT", '"a"'),
        (b"CHECKSCRIPT " + literal(b"stop;"), "CHECKSCRIPT", None),
        (b'HAVESPACE "a" 99', "HAVESPACE", '"a" 99'),
        (b'SETACTIVE ""', "SETACTIVE", '""'),
        (b"GETSCRIPT {1+}\r\na", "GETSCRIPT", '"a"'),
        (b'DELETESCRIPT "a\\"b"', "DELETESCRIPT", '"a"b"'),
        (b'RENAMESCRIPT "a" "b"', "RENAMESCRIPT", '"a" "b"'),
        (b"LISTSCRIPTS", "LISTSCRIPTS", None),
        (b"NOOP", "NOOP", None),
        (b'NOOP "again"', "NOOP", "***"),
        (b"UNAUTHENTICATE", "UNAUTHENTICATE", None),
        (b"LOGOUT", "LOGOUT", None),
        (b"SETACTIVE a", "SETACTIVE", "***"),
        (b'SETACTIVE "a" "b"', "SETACTIVE", "***"),
        (b'SETACTIVE "a', "SETACTIVE", "***"),
        (b'HAVESPACE "a" "b"', "HAVESPACE", "***"),
        (b"LISTSCRIPTS x", "LISTSCRIPTS", "***"),
    ],
)
def test_arguments_are_shown_if_they_fit_the_command(
    line: bytes, verb: str, argument: str | None
) -> None:
    events = told(GREETING, (C, line + b"\r\n"), (S, b"OK\r\n"))

    assert exchanges(events)[1:] == [(verb, argument, "OK")]


def test_scripts_and_their_names_are_no_responses() -> None:
    script = b'OK "no answer"\r\nNO\r\n'
    events = told(
        GREETING,
        (C, b"LISTSCRIPTS\r\n"),
        (S, b'"OK" ACTIVE\r\n"other"\r\n{2}\r\nNO\r\nOK "Done."\r\n'),
        (C, b'GETSCRIPT "OK"\r\n'),
        (S, b"{%d}\r\n%s\r\nOK\r\n" % (len(script), script)),
        (C, b'DELETESCRIPT "OK"\r\n'),
        (S, b'NO (ACTIVE) "It is active."\r\n'),
    )

    assert exchanges(events)[1:] == [
        ("LISTSCRIPTS", None, "OK"),
        ("GETSCRIPT", '"OK"', "OK"),
        ("DELETESCRIPT", '"OK"', "NO"),
    ]
    assert codes(events) == []


def test_server_says_goodbye_by_itself() -> None:
    events = told(GREETING, (S, b'BYE (TRYLATER) "Idle for too long."\r\n'))

    assert exchanges(events)[1:] == [(None, None, "BYE")]
    assert StateChanged(State.LOGOUT) in events


def test_tls_begins_behind_the_answer_to_starttls() -> None:
    events = told(GREETING, (C, b"STARTTLS\r\n"), (S, b"OK\r\n"), (C, HELLO))

    steps = [each.step for each in events if isinstance(each, StartTlsAdvanced)]
    assert steps == [StartTls.OFFERED, StartTls.REQUESTED, StartTls.ACCEPTED]
    assert codes(events) == []


def test_refused_starttls_goes_on_in_plaintext() -> None:
    events = told(GREETING, (C, b"STARTTLS\r\nLISTSCRIPTS\r\n"), (S, b"NO\r\nOK\r\n"))

    assert exchanges(events)[1:] == [
        ("STARTTLS", None, "NO"),
        ("LISTSCRIPTS", None, "OK"),
    ]


def test_odd_lines_are_named_and_not_shown() -> None:
    events = told(
        GREETING,
        (C, b"%s\r\n" % PASSWORD.encode()),
        (S, b'NO "Unknown: %s"\r\n' % PASSWORD.encode()),
        (S, b"hm\r\n"),
    )

    assert codes(events) == [
        "managesieve_unknown_command",
        "managesieve_unexpected_line",
    ]
    assert_nothing_shown(events)


def test_login_behind_a_gap_of_the_client_shows_nothing_of_the_secret() -> None:
    start, rest = PLAIN[:9], PLAIN[14:]
    events = told(
        GREETING,
        (C, b'AUTHENTICATE "PLAIN" {%d+}\r\n%s' % (len(PLAIN), start)),
        (C, 5),
        (C, rest + b"\r\n"),
        (S, b'NO "%s"\r\n' % rest),
    )

    (attempt,) = logins(events)
    assert attempt.user is None
    assert_nothing_shown(events)


def test_answer_behind_a_gap_of_the_server_is_not_that_of_the_login() -> None:
    events = told(
        GREETING,
        (C, b'AUTHENTICATE "PLAIN" "%s"\r\n' % PLAIN),
        (S, 18),
        (C, b"LISTSCRIPTS\r\n"),
        (S, b"OK\r\n"),
    )

    assert exchanges(events)[1:] == [
        ("AUTHENTICATE", "PLAIN ***", None),
        ("LISTSCRIPTS", None, "OK"),
    ]
    assert [each.result for each in logins(events)] == [Outcome.UNKNOWN]


def test_client_alone_tells_what_it_sent() -> None:
    events = told(
        (C, b'AUTHENTICATE "LOGIN"\r\n"%s"\r\n' % base64.b64encode(b"ines")),
        (C, literal(LOGIN) + b"\r\nLISTSCRIPTS\r\nLOGOUT\r\n"),
    )

    assert exchanges(events) == [
        ("AUTHENTICATE", "LOGIN", None),
        ("LISTSCRIPTS", None, None),
        ("LOGOUT", None, None),
    ]
    (attempt,) = logins(events)
    assert (attempt.result, attempt.exposure) == (Outcome.UNKNOWN, Exposure.PASSWORD)
    assert_nothing_shown(events)


def test_server_alone_is_no_anomaly() -> None:
    events = told(
        GREETING, (S, b'OK\r\n"a" ACTIVE\r\n"b"\r\nOK\r\n{3}\r\nhm.\r\nOK\r\n')
    )

    assert exchanges(events) == [(None, None, "OK")] * 4
    assert codes(events) == []


def test_capture_begins_in_the_middle() -> None:
    events = told((S, b"OK\r\n"), (C, b"LISTSCRIPTS\r\n"), (S, b'"a"\r\nOK\r\n'))

    assert exchanges(events)[-1] == ("LISTSCRIPTS", None, "OK")


TALK: list[Step] = [
    GREETING,
    (C, b'AUTHENTICATE "PLAIN" "%s"\r\n' % PLAIN),
    (S, b'NO "Wrong."\r\n'),
    (C, b'AUTHENTICATE "LOGIN"\r\n'),
    (S, b'"VXNlcm5hbWU6"\r\n'),
    (C, b'"aW5lcw=="\r\n'),
    (S, b'"UGFzc3dvcmQ6"\r\n'),
    (C, literal(LOGIN) + b"\r\n"),
    (S, b'OK "Logged in."\r\n'),
    (C, b'PUTSCRIPT "a" ' + literal(b"keep;\r\nLOGOUT\r\n") + b"\r\n"),
    (S, b'OK (WARNINGS) "line 1: hm"\r\n'),
    (C, b"LISTSCRIPTS\r\nSTARTTLS\r\n"),
    (S, b'"a" ACTIVE\r\nOK\r\nOK "Go."\r\n'),
    (C, HELLO),
]


@pytest.mark.parametrize("seed", range(300))
def test_damaged_talk_is_the_same_however_it_is_split(seed: int) -> None:
    random.seed(seed)
    steps = list(TALK)
    for _ in range(random.randint(1, 4)):
        at = random.randrange(len(steps))
        side, content = steps[at]
        match random.choice(("drop", "swap", "repeat", "gap", "noise", "cut")):
            case "drop":
                steps[at] = (side, b"")
            case "swap":
                steps.insert(random.randrange(len(steps)), steps.pop(at))
            case "repeat":
                steps.insert(at, steps[at])
            case "gap":
                steps.insert(at, (side, random.randint(1, 99)))
            case "noise":
                steps.insert(at, (side, random.randbytes(random.randint(1, 30))))
            case _ if isinstance(content, bytes):
                steps[at] = (side, content[: random.randint(0, len(content))])
    assert_codes_are_known(told(*steps))


@pytest.mark.parametrize("seed", range(300))
def test_gaps_show_nothing_of_a_secret(seed: int) -> None:
    random.seed(seed)
    steps: list[Step] = []
    for side, content in TALK:
        if isinstance(content, bytes) and random.random() < 0.3:
            begin = random.randrange(len(content))
            end = random.randint(begin + 1, len(content))
            parts = (content[:begin], end - begin, content[end:])
            steps += [(side, each) for each in parts if each]
        else:
            steps.append((side, content))
    assert_nothing_shown(told(*steps))


def assert_nothing_shown(events: list[Event]) -> None:
    text = repr(events).casefold()
    for secret in (PASSWORD.encode(), LOGIN, PLAIN, PLAIN[8:]):
        assert secret.decode().casefold() not in text


def assert_codes_are_known(events: list[Event]) -> None:
    assert set(codes(events)) <= registry.known_anomalies([SPEC]).keys()


def test_lines_are_shown_without_secrets() -> None:
    dissector = MailDissector(ManageSieveDialogue())
    transcript = Transcript()
    dissector.record(transcript)
    for frame, (side, data) in enumerate(
        [
            GREETING,
            (C, b'AUTHENTICATE "PLAIN" ' + literal(PLAIN) + b"\r\n"),
            (S, b'OK "not %s"\r\n' % PASSWORD.encode()),
            (C, b'PUTSCRIPT "x" ' + literal(b"keep;") + b"\r\n"),
            (S, b'OK "stored"\r\n'),
        ],
        1,
    ):
        assert isinstance(data, bytes)
        dissector.receive_data(side, data, frame, frame)
    transcript.finish()

    told = [line.text for line in transcript.lines]
    assert told[5:] == [
        *("OK Hello.", "AUTHENTICATE PLAIN ***", "", "OK not ***"),
        *('PUTSCRIPT "x"', "", "OK stored"),
    ]
