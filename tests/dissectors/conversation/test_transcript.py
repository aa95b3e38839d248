from __future__ import annotations

import pytest

from dissectors import ImapDialogue, MailDissector, SmtpDialogue
from dissectors.conversation.transcript import Transcript
from dissectors.events import Side
from dissectors.limits import DEFAULT_LIMITS
from tests.fuzz.check import play
from tests.support.dialogues import dialogues
from tests.support.talk import DIALOGUES

CLIENT, SERVER = Side
Said = tuple[Side, bytes]


def told(protocol: str, *said: Said, limit: int | None = None) -> Transcript:
    """What is noted of packets, one in each millisecond."""
    dissector = MailDissector(DIALOGUES[protocol]())
    transcript = Transcript(limit)
    dissector.record(transcript)
    for frame, (side, data) in enumerate(said, 1):
        dissector.receive_data(side, data, frame * 1_000_000, frame)
    for side in Side:
        dissector.receive_eof(side, 99_000_000, 99)
    transcript.finish()
    return transcript


def texts(protocol: str, *said: Said) -> list[str]:
    return [line.text for line in told(protocol, *said).lines]


def test_each_line_has_its_place_and_packet() -> None:
    lines = told(
        "smtp",
        (SERVER, b"220-a.example\r\n220 ready\r\n"),
        (CLIENT, b"EHLO b.exa"),
        (CLIENT, b"mple\r\nNOOP\r\n"),
    ).lines

    assert [(line.side, line.offset, line.frame, line.text) for line in lines] == [
        (SERVER, 0, 1, "220-a.example"),
        (SERVER, 15, 1, "220 ready"),
        (CLIENT, 0, 3, "EHLO b.example"),
        (CLIENT, 16, 3, "NOOP"),
    ]


def test_command_and_the_line_that_completes_its_answer_know_their_exchange() -> None:
    greeting, _, command, first, last = told(
        "smtp",
        (SERVER, b"220-a.example\r\n220 ready\r\n"),
        (CLIENT, b"EHLO b.example\r\n"),
        (SERVER, b"250-a.example\r\n250 SIZE\r\n"),
    ).lines

    assert greeting.exchange is None
    assert command.exchange is last.exchange is not None
    assert first.exchange is None


def test_responses_of_a_login_are_not_shown() -> None:
    assert texts(
        "smtp",
        (SERVER, b"220 a.example\r\n"),
        (CLIENT, b"AUTH LOGIN\r\n"),
        (SERVER, b"334 UGFzc3dvcmQ6\r\n"),
        (CLIENT, b"c2VjcmV0\r\n"),
        (SERVER, b"334 bm9uY2U9MTIz\r\n"),
        (CLIENT, b"c2VjcmV0\r\n"),
        (SERVER, b"535 not c2VjcmV0, no\r\n"),
    ) == [
        *("220 a.example", "AUTH LOGIN", "334 UGFzc3dvcmQ6", "***"),
        *("334 ***", "***", "535 not ***, no"),
    ]


def test_line_that_is_no_command_is_not_shown_and_neither_is_its_echo() -> None:
    assert texts(
        "smtp",
        (SERVER, b"220 x\r\n"),
        (CLIENT, b"hunter2\r\n"),
        (SERVER, b"500 hunter2?\r\n"),
    ) == ["220 x", "***", "500 ***?"]


def test_answer_to_a_line_without_end_is_masked() -> None:
    assert texts(
        "smtp", (CLIENT, b"BURL imap://h/;x hunter2"), (SERVER, b"250 hunter2\r\n")
    ) == [
        "250 ***",
        "BURL ***",
    ]


def test_literals_are_not_shown_and_what_is_between_them_is() -> None:
    assert texts(
        "imap",
        (SERVER, b"* OK hello\r\n"),
        (CLIENT, b"a1 LOGIN {3+}\r\ntom {7+}\r\nhunter2\r\n"),
        (CLIENT, b"a2 APPEND x CATENATE (TEXT {2+}\r\nHi TEXT {2+}\r\n!!)\r\n"),
        (SERVER, b"a1 OK in\r\na2 OK done\r\n"),
    ) == [
        "* OK hello",
        "a1 LOGIN {3+}",
        *("***", ""),
        "a2 APPEND x CATENATE (TEXT {2+}",
        *(" TEXT {2+}", ")"),
        *("a1 OK in", "a2 OK done"),
    ]


def test_word_before_a_command_is_a_tag_unless_it_may_be_a_password() -> None:
    assert texts(
        "imap",
        (SERVER, b"* OK hello\r\n"),
        (CLIENT, b"a1 NOOP\r\n"),
        (CLIENT, b"correct-horse NOOP\r\n"),
        (CLIENT, b"a3 AUTHENTICATE PLAIN\r\n"),
        (SERVER, b"+ \r\n"),
        (SERVER, b"a3 NO\r\n"),
        (CLIENT, b"a4 NOOP\r\n"),
        (SERVER, b"a4 OK\r\n"),
    ) == [
        *("* OK hello", "a1 NOOP", "*** NOOP", "a3 AUTHENTICATE PLAIN"),
        *("+ ", "a3 NO", "*** NOOP", "*** OK"),
    ]


def test_listing_is_shown_and_a_message_is_not() -> None:
    assert texts(
        "pop3",
        (SERVER, b"+OK hello\r\n"),
        (CLIENT, b"LIST\r\n"),
        (SERVER, b"+OK 2\r\n1 20\r\n2 "),
        (SERVER, b"30\r\n.\r\n"),
        (CLIENT, b"RETR 1\r\n"),
        (SERVER, b"+OK\r\nSubject: x\r\n\r\nprivate\r\n.\r\n"),
        (CLIENT, b"QUIT\r\n"),
    ) == ["+OK hello", "LIST", "+OK 2", "1 20", "2 30", ".", "RETR 1", "+OK", "QUIT"]


def test_sides_are_told_by_who_connected_also_behind_turn() -> None:
    lines = told(
        "smtp",
        (SERVER, b"220 a\r\n"),
        (CLIENT, b"ATRN x.example\r\n"),
        (SERVER, b"250 turn\r\n"),
        (CLIENT, b"220 mine\r\n"),
        (SERVER, b"EHLO b\r\n"),
        (CLIENT, b"250 hello\r\n"),
    ).lines

    assert [(line.side, line.text) for line in lines[3:]] == [
        (CLIENT, "220 mine"),
        (SERVER, "EHLO b"),
        (CLIENT, "250 hello"),
    ]


def test_header_of_a_proxy_is_shown() -> None:
    first, *_ = texts(
        "smtp",
        (CLIENT, b"PROXY TCP4 192.0.2.1 192.0.2.2 4711 25\r\n"),
        (SERVER, b"220 x\r\n"),
    )

    assert first.startswith("PROXY ")
    assert "192.0.2.1" in first


def test_lines_over_the_limit_are_counted() -> None:
    noops = [(CLIENT, b"NOOP\r\n"), (SERVER, b"250 ok\r\n")] * 50
    transcript = told("smtp", (SERVER, b"220 x\r\n"), *noops, limit=10)

    assert [line.text for line in transcript.lines[:2]] == ["220 x", "NOOP"]
    assert (len(transcript.lines), transcript.left_out) == (10, 91)


def test_lines_behind_a_gap_may_be_of_a_message() -> None:
    dissector = MailDissector(ImapDialogue())
    transcript = Transcript()
    dissector.record(transcript)
    dissector.receive_data(SERVER, b"* OK hello\r\n", 1, 1)
    dissector.receive_gap(SERVER, 100, 2, 2)
    dissector.receive_data(SERVER, b"dear diary\r\n* 3 EXISTS\r\n", 3, 3)
    transcript.finish()

    assert [line.text for line in transcript.lines] == [
        *("* OK hello", "***", "* 3 EXISTS")
    ]


def test_answers_behind_a_message_that_may_be_a_login_are_not_shown() -> None:
    dissector = MailDissector(SmtpDialogue())
    transcript = Transcript()
    dissector.record(transcript)
    dissector.receive_data(SERVER, b"220 x\r\n", 1, 1)
    dissector.receive_data(CLIENT, b"AUTH L", 2, 2)
    dissector.receive_gap(CLIENT, 6, 3, 3)
    dissector.receive_data(CLIENT, b"\nDATA\r\n", 4, 4)
    dissector.receive_data(SERVER, b"503 no\r\n", 5, 5)
    dissector.receive_data(CLIENT, b"YWxpY2U=\r\n", 6, 6)
    dissector.receive_data(SERVER, b"334 VXNlcm5hbWU6\r\n", 7, 7)
    dissector.receive_data(CLIENT, b"hunter2\r\n", 8, 8)
    dissector.receive_data(SERVER, b"235 ok, hunter2\r\n", 9, 9)
    for side in Side:
        dissector.receive_eof(side, 10, 10)
    transcript.finish()

    answers = [line.text for line in transcript.lines if line.is_answer]
    assert answers[0] == "220 x"
    assert answers[-1] == "***"


@pytest.mark.parametrize("protocol", DIALOGUES)
def test_who_asks_for_lines_gets_the_same_events(protocol: str) -> None:
    for dialogue in dialogues():
        if dialogue.protocol == protocol:
            played = [
                play(
                    dialogue.steps,
                    protocol,
                    DEFAULT_LIMITS,
                    key_log=dialogue.key_log,
                    transcript=transcript,
                )
                for transcript in (None, Transcript())
            ]
            assert played[0] == played[1]
