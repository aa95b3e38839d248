"""A connection as a whole: gaps, ends, and what can be read at all."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import pytest

from dissectors import ImapDialogue, Pop3Dialogue, SmtpDialogue
from dissectors.conversation.dissector import MailDissector
from dissectors.events import Anomaly, MessageTransferred, ReplyReceived
from dissectors.limits import Limits
from tests.support.copies import KeptCopy, copied
from tests.support.echo_dialogue import CLIENT_HELLO, RECORD, Echo, playbook
from tests.support.playbook import CLIENT, SERVER, Step, play_step

if TYPE_CHECKING:
    from collections.abc import Callable

    from dissectors.conversation.dialogue import Dialogue


def test_lines_are_read_from_both_sides() -> None:
    playbook().client(b"ab\r\n").server(b"c\r\nd").client(b"e").eof().expect(
        ReplyReceived(2), ReplyReceived(1), ReplyReceived(-1), ReplyReceived(-1)
    )


def test_connection_is_not_opaque_while_a_side_speaks_plaintext() -> None:
    dissector = MailDissector(Echo())
    dissector.receive_data(CLIENT, b"a\r\n", 0, 1)
    assert not dissector.opaque
    dissector.receive_data(SERVER, RECORD, 0, 2)
    assert not dissector.opaque


def test_gap_is_reported_and_moves_the_offset() -> None:
    events = playbook().client(b"a\r\nb").gap(CLIENT, 10).client(b"c\r\n").run()
    gap = events[1]
    assert gap == Anomaly("stream_gap", CLIENT, 4, 2000, 2, "10 bytes")
    assert events[2] == ReplyReceived(1)


def test_anomalies_are_bounded() -> None:
    play = playbook(Limits(anomalies=3))
    for _ in range(10):
        play.gap(CLIENT, 1)
    assert len(play.run()) == 3


@pytest.mark.parametrize(
    ("make", "client", "server"),
    [
        (SmtpDialogue, b"EHLO x\r\nDATA\r\n", b"220 a\r\n250 b\r\n354 c\r\n"),
        (SmtpDialogue, b"BDAT 9\r\nx", b"220 a\r\n250-b\r\n"),
        (SmtpDialogue, b"TURN\r\n", b"220 a\r\n250 b\r\n"),
        (ImapDialogue, b"a APPEND x {9+}\r\ny", b"* 1 FETCH (BODY[] {9}\r\nz"),
        (ImapDialogue, b"a COMPRESS DEFLATE\r\n", b"a OK\r\n"),
        (ImapDialogue, b"a LOGIN {9+}\r\nx", b"* ID {9}\r\nz"),
        (Pop3Dialogue, b"RETR 1\r\n", b"+OK a\r\n+OK b\r\nc\r\n"),
        (Pop3Dialogue, b"STLS\r\n" + CLIENT_HELLO, b"+OK a\r\n+OK b\r\n" + RECORD),
    ],
)
def test_connection_that_breaks_off_is_no_work_for_the_garbage_collector(
    make: Callable[[], Dialogue], client: bytes, server: bytes
) -> None:
    """Thousands of them may be forgotten between two of its runs."""
    dissector = MailDissector(make())
    dissector.receive_data(CLIENT, client, 1, 1)
    dissector.receive_data(SERVER, server, 2, 2)
    gc.collect()
    gc.disable()
    try:
        del dissector
        assert gc.collect() == 0
    finally:
        gc.enable()


MESSAGE = b"Subject: a\r\n\r\n.hidden\r\n..\r\nlast\r\n"
STUFFED = b"Subject: a\r\n\r\n..hidden\r\n...\r\nlast\r\n"
LENGTH = b"%d" % len(MESSAGE)
SMTP: tuple[bytes, ...] = (b"220 mx\r\n", b"EHLO a\r\n", b"250-mx\r\n250 CHUNKING\r\n")
SMTP += (b"MAIL FROM:<a@example.com>\r\n", b"250 ok\r\n")
SMTP += (b"RCPT TO:<b@example.com>\r\n", b"250 ok\r\n")
IMAP: tuple[bytes, ...] = (b"* OK hi\r\n", b"1 LOGIN a b\r\n", b"1 OK in\r\n")
IMAP += (b"2 SELECT INBOX\r\n", b"* 1 EXISTS\r\n2 OK\r\n")
POP3 = (b"+OK hi\r\n", b"USER a\r\n", b"+OK\r\n", b"PASS b\r\n", b"+OK\r\n")
# packets in turn, the server's first
ROUTES: dict[str, tuple[Callable[[], Dialogue], tuple[bytes, ...]]] = {
    "data": (
        SmtpDialogue,
        (*SMTP, b"DATA\r\n", b"354 go\r\n", STUFFED + b".\r\n", b"250 ok\r\n"),
    ),
    "chunks": (
        SmtpDialogue,
        (
            *(*SMTP, b"BDAT 9\r\n" + MESSAGE[:9], b"250 ok\r\n"),
            *(b"BDAT %d LAST\r\n" % (len(MESSAGE) - 9) + MESSAGE[9:], b"250 ok\r\n"),
        ),
    ),
    "append": (
        ImapDialogue,
        (
            *(*IMAP, b"3 APPEND Sent {" + LENGTH + b"}\r\n", b"+ go\r\n"),
            *(MESSAGE + b"\r\n", b"3 OK\r\n"),
        ),
    ),
    "fetch": (
        ImapDialogue,
        (
            *(*IMAP, b"3 FETCH 1 BODY[]\r\n"),
            b"* 1 FETCH (BODY[] {" + LENGTH + b"}\r\n" + MESSAGE + b")\r\n3 OK\r\n",
        ),
    ),
    "fetch-in-chunks": (
        ImapDialogue,
        (
            *(*IMAP, b"3 FETCH 1 BODY[]<0.9>\r\n"),
            b"* 1 FETCH (BODY[]<0> {9}\r\n" + MESSAGE[:9] + b")\r\n3 OK\r\n",
            b"4 FETCH 1 BODY[]<9.99>\r\n",
            b"* 1 FETCH (BODY[]<9> {%d}\r\n" % (len(MESSAGE) - 9)
            + MESSAGE[9:]
            + b")\r\n4 OK\r\n",
        ),
    ),
    "retrieve": (
        Pop3Dialogue,
        (*POP3, b"RETR 1\r\n", b"+OK\r\n" + STUFFED + b".\r\n"),
    ),
}


@pytest.mark.parametrize("route", ROUTES)
def test_copy_of_a_message_is_what_was_sent_whatever_carried_it(route: str) -> None:
    make, packets = ROUTES[route]
    dissector = MailDissector(make())
    dissector.copy_messages(KeptCopy)

    events = []
    for frame, packet in enumerate(packets, 1):
        side = CLIENT if frame % 2 == 0 else SERVER
        events += play_step(dissector, Step(side, packet), frame)

    (message,) = (each for each in events if isinstance(each, MessageTransferred))
    assert copied(message.facts.copy) == MESSAGE
