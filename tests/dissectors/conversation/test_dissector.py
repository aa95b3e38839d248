"""A connection as a whole: gaps, ends, and what can be read at all."""

from __future__ import annotations

from dissectors.conversation.dissector import MailDissector
from dissectors.events import Anomaly, ReplyReceived
from dissectors.limits import Limits
from tests.support.echo_dialogue import (
    RECORD,
    Echo,
    playbook,
)
from tests.support.playbook import (
    CLIENT,
    SERVER,
)


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
