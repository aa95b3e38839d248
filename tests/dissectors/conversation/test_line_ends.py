"""Messages whose lines end in CR or LF alone (RFC 5321 §2.3.8)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dissectors import Pop3Dialogue, SmtpDialogue
from dissectors.conversation.line_ends import LineEnds
from dissectors.conversation.lines import LineBuffer
from dissectors.events import Anomaly
from dissectors.limits import Limits
from tests.support.playbook import CLIENT, SERVER, Playbook

DATA = b"DATA\r\n"


def sent(*packets: bytes, limits: Limits | None = None) -> Playbook:
    """A message that comes in these packets, the first of which is frame 4."""
    play = Playbook(lambda: SmtpDialogue(limits or Limits())).server(b"220 mx\r\n")
    play.client(DATA).server(b"354 go\r\n")
    for packet in packets:
        play.client(packet)
    return play.client(b"\r\n.\r\n").server(b"250 ok\r\n")


def oddities(play: Playbook) -> list[tuple[str, int, int, str]]:
    """Code, offset in the stream, frame, and how many."""
    found = play.events_of(Anomaly)
    return [(each.code, each.offset, each.frame, each.detail) for each in found]


@pytest.mark.parametrize("text", [b"a\r\nb", b"a", b"", b"a\r\n\r\n..b\r\n.c", b"\r\n"])
def test_message_has_whole_line_ends(text: bytes) -> None:
    assert oddities(sent(text)) == []


def test_message_has_bare_line_feeds() -> None:
    play = sent(b"a\r\nb", b"\nc\r\n", b"d\ne\n")
    at = len(DATA) + 4
    assert oddities(play) == [("message_bare_lf", at, 5, "3 times")]


def test_message_has_lone_carriage_returns() -> None:
    play = sent(b"a\r\nb\r", b"c\r\n", b"\rd\r\r")
    at = len(DATA) + 4
    assert oddities(play) == [("message_bare_cr", at, 4, "4 times")]


def test_message_has_an_end_of_carriage_returns() -> None:
    play = sent(b"a\r.\rQUIT\r")
    assert oddities(play) == [("message_bare_cr", len(DATA) + 1, 4, "3 times")]


def test_halves_of_line_ends_are_missing() -> None:
    play = Playbook(SmtpDialogue).server(b"220 mx\r\n").client(DATA)
    play.server(b"354 go\r\n").client(b"a\r").gap(CLIENT, 9).client(b"\nb\r\n.\r\n")
    codes = [each.code for each in play.events_of(Anomaly)]
    assert codes == ["stream_gap"]


def test_message_breaks_off() -> None:
    play = Playbook(SmtpDialogue).server(b"220 mx\r\n").client(DATA)
    play.server(b"354 go\r\n").client(b"a\nb").eof()
    assert oddities(play) == [("message_bare_lf", len(DATA) + 1, 4, "1 times")]


def test_retrieved_message_has_both() -> None:
    play = Playbook(Pop3Dialogue).server(b"+OK\r\n").client(b"RETR 1\r\n")
    play.server(b"+OK\r\n").server(b"a\nb\rc\r\n.\r\n")
    play.client(b"LIST\r\n").server(b"+OK\r\n1 1\n.\r\n")
    assert oddities(play) == [
        ("message_bare_lf", 11, 4, "1 times"),
        ("message_bare_cr", 13, 4, "1 times"),
    ]
    assert {each.side for each in play.events_of(Anomaly)} == {SERVER}


def test_many_messages_give_no_more_rows_than_the_limit() -> None:
    play = sent(b"a\nb\rc", limits=Limits(anomalies=3))
    for _ in range(5):
        play.client(DATA).server(b"354 go\r\n").client(b"a\nb\rc\r\n.\r\n")
        play.server(b"250 ok\r\n")
    assert len(oddities(play)) == 3


@given(st.lists(st.text("\r\na", max_size=4), max_size=6))
def test_pieces_count_like_the_whole(pieces: list[str]) -> None:
    ends, unread = LineEnds(), LineBuffer(100)
    whole = "".join(pieces)
    for piece in pieces:
        unread.data += piece.encode()
        unread.mark(unread.offset + len(unread), 1, 1)
        ends.read(unread.take(len(unread)), unread)
    pairs = whole.count("\r\n")
    assert ends.bare_lf == whole.count("\n") - pairs
    # what comes behind the last CR is not known
    assert ends.bare_cr == whole.count("\r") - pairs - whole.endswith("\r")
