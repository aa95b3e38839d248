"""A connection as a whole: gaps, ends, and what can be read at all."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import pytest

from dissectors import ImapDialogue, Pop3Dialogue, SmtpDialogue
from dissectors.conversation.dissector import MailDissector
from dissectors.events import Anomaly, ReplyReceived
from dissectors.limits import Limits
from tests.support.echo_dialogue import CLIENT_HELLO, RECORD, Echo, playbook
from tests.support.playbook import CLIENT, SERVER

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
