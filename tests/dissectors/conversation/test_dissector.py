from __future__ import annotations

from typing import TYPE_CHECKING

from dissectors.conversation.dialogue import Dialogue
from dissectors.conversation.dissector import MailDissector
from dissectors.conversation.reports import Reporter
from dissectors.events import Anomaly, Event, ReplyReceived, Side, TlsHandshakeSeen
from dissectors.limits import DEFAULT_LIMITS, Limits
from tests.support.playbook import (
    CLIENT,
    SERVER,
    Playbook,
    anomaly,
    split_at,
    split_bytes,
)

if TYPE_CHECKING:
    from collections.abc import Callable

CLIENT_HELLO = b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00"
RECORD = b"\x17\x03\x03\x00\x02ab"


class Echo(Dialogue):
    """Reports each line as a reply of its length; STARTTLS upgrades."""

    def __init__(self, limits: Limits = DEFAULT_LIMITS) -> None:
        super().__init__(Reporter(limits))

    def read(self, side: Side) -> None:
        while (line := self.plaintext.take_line(side)) is not None:
            self.reporter.events.append(ReplyReceived(len(line)))
            if line == b"STARTTLS":
                self.plaintext.start_tls()
                return

    def interrupt(self, side: Side) -> None:
        if self.streams[side].data == b"GO":
            self.streams[side].take_unfinished_line()
            self.plaintext.start_tls()

    def skip_gap(self, side: Side, length: int) -> None:
        self.streams[side].drop()

    def finish(self) -> None:
        for unread in self.streams:
            if unread.data:
                self.reporter.events.append(ReplyReceived(-len(unread)))

    def new_inside(self, *, greeted: bool) -> Echo:
        del greeted
        return Echo(self.limits)


class Listener(Echo):
    """Needs no buffer: reports each line with the place of its end."""

    def line_reader(self, side: Side) -> Callable[[bytes], None]:
        def report(line: bytes) -> None:
            place = Anomaly("line", side, self.streams[side].offset, 0, 0)
            self.reporter.events.append(place)
            if line == b"STARTTLS":
                self.plaintext.start_tls()

        return report


def playbook(limits: Limits | None = None) -> Playbook:
    return Playbook(lambda: Echo(limits or Limits()))


def codes(events: list[Event]) -> list[str]:
    return [event.code for event in events if isinstance(event, Anomaly)]


# plaintext and TLS


def test_lines_are_read_from_both_sides() -> None:
    playbook().client(b"ab\r\n").server(b"c\r\nd").client(b"e").eof().expect(
        ReplyReceived(2), ReplyReceived(1), ReplyReceived(-1), ReplyReceived(-1)
    )


def test_tls_begins_with_the_first_byte() -> None:
    play = playbook().client(CLIENT_HELLO).server(RECORD).eof()
    assert [type(event) for event in play.run()][-1] is TlsHandshakeSeen
    play.expect_same(split_bytes)


def test_server_answers_tls_in_plaintext() -> None:
    events = playbook().client(CLIENT_HELLO).server(b"220 hi\r\n").run()
    assert ReplyReceived(6) in events


def test_upgrade_is_followed_by_tls() -> None:
    play = playbook().client(b"STARTTLS\r\n" + CLIENT_HELLO).server(RECORD).eof()
    assert not [code for code in codes(play.run()) if not code.startswith("tls")]
    play.expect_same(split_bytes)


def test_upgrade_is_ignored_by_a_side() -> None:
    playbook().client(b"STARTTLS\r\nab\r\n\r\n").server(b"c\r\n").expect(
        ReplyReceived(8),
        anomaly("starttls_plaintext_after", CLIENT),
        ReplyReceived(2),
        ReplyReceived(0),
        anomaly("starttls_plaintext_after", SERVER),
        ReplyReceived(1),
    )


def test_tls_begins_behind_injected_lines() -> None:
    play = (
        playbook()
        .client(b"STARTTLS\r\nab\r\n" + CLIENT_HELLO)
        .server(b"c\r\n" + RECORD)
        .eof()
    )
    events = play.run()
    assert codes(events).count("starttls_plaintext_after") == 2
    assert ReplyReceived(2) in events
    assert ReplyReceived(1) in events
    play.expect_same(split_bytes)
    play.expect_same(split_at({8, 11}))


def test_interrupted_line_starts_tls() -> None:
    play = playbook().server(b"GO").client(CLIENT_HELLO).eof()
    assert isinstance(play.run()[-1], TlsHandshakeSeen)
    play.expect_same(split_bytes)


def test_few_bytes_that_are_no_tls_are_lines_at_the_end() -> None:
    playbook().client(b"\x16").eof().expect(ReplyReceived(-1))


def test_connection_is_not_opaque_while_a_side_speaks_clear_text() -> None:
    dissector = MailDissector(Echo())
    dissector.receive_data(CLIENT, b"a\r\n", 0, 1)
    assert not dissector.opaque
    dissector.receive_data(SERVER, RECORD, 0, 2)
    assert not dissector.opaque


def test_lines_of_a_packet_know_their_offsets() -> None:
    events = Playbook(Listener).client(b"a\r\nbc\r\n\r\nd").run()
    assert [each.offset for each in events if isinstance(each, Anomaly)] == [3, 7, 9]


def test_handshake_follows_upgrade_in_a_packet_of_lines() -> None:
    play = Playbook(Listener).client(b"a\r\nSTARTTLS\r\n" + CLIENT_HELLO).eof()
    events = play.run()
    assert codes(events)[:2] == ["line", "line"]
    assert isinstance(events[-1], TlsHandshakeSeen)


# gaps


def test_gap_is_reported_and_moves_the_offset() -> None:
    events = playbook().client(b"a\r\nb").gap(CLIENT, 10).client(b"c\r\n").run()
    gap = events[1]
    assert gap == Anomaly("stream_gap", CLIENT, 4, 2000, 2, "10 bytes")
    assert events[2] == ReplyReceived(1)


def test_gap_swallows_the_handshake_behind_an_upgrade() -> None:
    events = (
        playbook()
        .client(b"STARTTLS\r\n")
        .gap(CLIENT, 500)
        .client(b"GET / looks like text\r\n")
        .eof()
        .run()
    )
    assert "starttls_plaintext_after" not in codes(events)


def test_anomalies_are_bounded() -> None:
    play = playbook(Limits(anomalies=3))
    for _ in range(10):
        play.gap(CLIENT, 1)
    assert len(play.run()) == 3


def test_overlong_line_is_reported() -> None:
    playbook(Limits(line=5)).client(b"abcdefgh\r\nx\r\n").expect(
        anomaly("line_too_long", CLIENT), ReplyReceived(5), ReplyReceived(1)
    )
