from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captures import Connection, End, Ending, Endpoint
from captures.tcp.segment import Segment
from captures.tcp.timeouts import (
    CLOSED_TIMEOUT_NS,
    IDLE_TIMEOUT_NS,
    OPENING_TIMEOUT_NS,
)
from captures.tcp.waiting import MAX_HELD_NS, MAX_HELD_SEGMENTS, WaitingRoom
from tests.support.packets import ACK, FIN, PSH, RST, SYN
from tests.support.streams import Recorder

CLIENT, SERVER = Endpoint(1, 40_000), Endpoint(2, 25)
# sequence number of each side's SYN
FIRST = (1000, 5000)
MILLISECOND_NS = 1_000_000


class Talk:
    """A connection, and its segments by their place in the streams."""

    def __init__(self, *, handshake: bool = True) -> None:
        self.room = WaitingRoom()
        self.consumer = Recorder()
        self.connection = Connection(CLIENT, SERVER, self.room, lambda _: self.consumer)
        self.time_ns = 0
        self.frame = 0
        if handshake:
            self.client(-1, flags=SYN, acknowledged=None)
            self.server(-1, flags=SYN | ACK)
            self.client(0)

    def client(
        self,
        place: int,
        data: bytes = b"",
        acknowledged: int | None = 0,
        flags: int = ACK,
    ) -> None:
        """The client sends bytes from a place, and acknowledges up to another."""
        self._send(End.ORIGINATOR, place, data, acknowledged, flags)

    def server(
        self,
        place: int,
        data: bytes = b"",
        acknowledged: int | None = 0,
        flags: int = ACK,
    ) -> None:
        """The server sends bytes from a place, and acknowledges up to another."""
        self._send(End.RESPONDER, place, data, acknowledged, flags)

    def wait(self, milliseconds: int) -> None:
        self.time_ns += milliseconds * MILLISECOND_NS

    def finish(self, ending: Ending = Ending.OPEN) -> Ending:
        self.connection.finish(ending)
        assert self.consumer.closed is self.connection
        assert self.room.taken_bytes == 0
        return self.connection.ending

    @property
    def said(self) -> list[tuple[int, bytes | int | None]]:
        return self.consumer.said

    def _send(
        self, end: End, place: int, data: bytes, acknowledged: int | None, flags: int
    ) -> None:
        self.wait(1)
        self.frame += 1
        acknowledgment = 0
        if acknowledged is not None:
            acknowledgment = (FIRST[1 - end] + 1 + acknowledged) % (1 << 32)
        self.connection.receive(
            Segment(
                end,
                (FIRST[end] + 1 + place) % (1 << 32),
                acknowledgment,
                flags,
                len(data),
                len(data),
                data,
                self.time_ns,
                self.frame,
            )
        )


# -- the handshake --


def test_handshake_gives_its_times() -> None:
    connection = Talk().connection
    assert connection.handshake.syn_ns == 1 * MILLISECOND_NS
    assert connection.handshake.syn_ack_ns == 2 * MILLISECOND_NS
    assert connection.handshake.established_ns == 3 * MILLISECOND_NS
    assert connection.is_complete
    assert not connection.carried_payload


def test_syn_that_is_sent_again_changes_nothing() -> None:
    talk = Talk(handshake=False)
    talk.client(-1, flags=SYN, acknowledged=None)
    talk.client(-1, flags=SYN, acknowledged=None)
    talk.server(-1, flags=SYN | ACK)
    talk.server(-1, flags=SYN | ACK)
    talk.client(0)
    talk.server(0, b"220 ")
    assert talk.said == [(1, b"220 ")]
    assert talk.connection.handshake.syn_ns == 1 * MILLISECOND_NS
    assert talk.connection.handshake.syn_ack_ns == 3 * MILLISECOND_NS
    assert [flow.packets for flow in talk.connection.flows] == [3, 3]


def test_data_in_the_syn_comes_first() -> None:
    talk = Talk(handshake=False)
    talk.client(-1, b"EHLO", flags=SYN, acknowledged=None)
    talk.server(-1, b"220 ", flags=SYN | ACK, acknowledged=4)
    talk.client(4, b" a", acknowledged=4)
    assert talk.said == [(0, b"EHLO"), (1, b"220 "), (0, b" a")]


def test_syn_captured_behind_its_answer_is_of_the_same_connection() -> None:
    talk = Talk(handshake=False)
    talk.server(-1, flags=SYN | ACK)
    assert not talk.connection.handshake.is_of_another(FIRST[0])
    talk.client(-1, flags=SYN, acknowledged=None)
    assert talk.connection.handshake.syn_ns == 2 * MILLISECOND_NS


def test_other_syn_opens_another_connection() -> None:
    talk = Talk()
    assert not talk.connection.handshake.is_of_another(FIRST[0])
    assert talk.connection.handshake.is_of_another(FIRST[0] + 1)


def test_other_syn_behind_the_end_opens_another_connection() -> None:
    talk = Talk()
    talk.client(0, flags=RST)
    assert talk.connection.handshake.is_of_another(FIRST[0] + 1)
    assert not talk.connection.handshake.is_of_another(FIRST[0])


def test_client_whose_syn_is_refused_sends_it_again() -> None:
    talk = Talk(handshake=False)
    for _ in range(3):
        talk.client(-1, flags=SYN, acknowledged=None)
        talk.server(-5001, flags=RST | ACK)
        assert not talk.connection.handshake.is_of_another(FIRST[0])
        assert talk.connection.timeout_ns == OPENING_TIMEOUT_NS
    assert talk.finish() is Ending.REFUSED
    assert [flow.packets for flow in talk.connection.flows] == [3, 3]


def test_server_answers_the_syn_that_it_had_refused() -> None:
    talk = Talk(handshake=False)
    talk.client(-1, flags=SYN, acknowledged=None)
    talk.server(-5001, flags=RST | ACK)
    assert talk.connection.ending is Ending.REFUSED
    talk.client(-1, flags=SYN, acknowledged=None)
    talk.server(-1, flags=SYN | ACK)
    talk.client(0)
    talk.server(0, b"220 ")
    assert talk.said == [(1, b"220 ")]
    assert talk.finish() is Ending.OPEN


def test_who_had_refused_and_ends_after_all_has_not_refused() -> None:
    talk = Talk(handshake=False)
    talk.client(-1, flags=SYN, acknowledged=None)
    talk.server(0, flags=RST)
    talk.server(0, flags=FIN | ACK)
    assert not talk.connection.is_refused
    assert talk.said == [(1, None)]
    assert talk.finish() is Ending.CLOSED


def test_syn_that_nobody_answers_is_unanswered() -> None:
    talk = Talk(handshake=False)
    talk.client(-1, flags=SYN, acknowledged=None)
    talk.client(0, flags=RST)
    assert talk.finish(Ending.TIMEOUT) is Ending.UNANSWERED


@pytest.mark.parametrize(
    ("place", "data", "acknowledged", "completes"),
    [
        (0, b"", 0, True),
        (0, b"EHLO", 0, True),
        # it acknowledges the greeting, or comes behind another packet
        (0, b"", 4, False),
        (4, b"", 0, False),
    ],
)
def test_only_the_ack_of_the_handshake_gives_its_time(
    place: int, data: bytes, acknowledged: int, completes: bool
) -> None:
    talk = Talk(handshake=False)
    talk.client(-1, flags=SYN, acknowledged=None)
    talk.server(-1, flags=SYN | ACK)
    talk.client(place, data, acknowledged)
    expected = 3 * MILLISECOND_NS if completes else None
    assert talk.connection.handshake.acknowledged_ns == expected


@pytest.mark.parametrize(
    ("first", "data", "completes"),
    [
        # without a SYN there is no handshake; without its answer, data may come later
        (None, b"", False),
        (SYN, b"", True),
        (SYN, b"EHLO", False),
        (SYN | ACK, b"EHLO", True),
    ],
)
def test_handshake_that_was_half_captured_gives_its_time_if_sure(
    first: int | None, data: bytes, completes: bool
) -> None:
    talk = Talk(handshake=False)
    if first == SYN:
        talk.client(-1, flags=SYN, acknowledged=None)
    elif first is not None:
        talk.server(-1, flags=SYN | ACK)
    talk.client(0, data)
    assert (talk.connection.handshake.acknowledged_ns is not None) is completes


def test_connection_may_begin_in_the_middle() -> None:
    talk = Talk(handshake=False)
    talk.server(500, b"250 ok", acknowledged=100)
    talk.client(100, b"QUIT", acknowledged=506)
    assert talk.said == [(1, b"250 ok"), (0, b"QUIT")]
    assert talk.connection.handshake.syn_ns is None
    assert not talk.connection.is_complete


@pytest.mark.parametrize("end", End)
def test_one_direction_is_enough(end: End) -> None:
    talk = Talk(handshake=False)
    send = (talk.client, talk.server)[end]
    send(-1, flags=SYN | (ACK if end else 0))
    send(0, b"a", acknowledged=50)
    send(1, b"b", acknowledged=90)
    send(2, flags=FIN | ACK, acknowledged=91)
    assert talk.finish() is Ending.CLOSED
    assert talk.said == [(end, b"ab"), (end, None), (1 - end, None)]
    assert not talk.connection.is_complete


# -- acknowledgments of what was not captured --


def test_what_acknowledges_unseen_bytes_waits_for_them() -> None:
    talk = Talk()
    talk.server(0, b"250 ok", acknowledged=4)
    assert talk.said == []
    talk.client(0, b"EHLO")
    assert talk.said == [(0, b"EHLO"), (1, b"250 ok")]
    assert talk.connection.flows[0].missing_bytes == 0
    assert talk.room.taken_bytes == 0


def test_every_segment_that_waits_has_its_own_chance() -> None:
    talk = Talk()
    talk.server(0, b"one", acknowledged=4)
    talk.server(3, b"two", acknowledged=8)
    talk.client(0, b"EHLO")
    talk.client(4, b"NOOP")
    assert talk.said == [(0, b"EHLO"), (1, b"one"), (0, b"NOOP"), (1, b"two")]


def test_what_comes_behind_a_segment_that_waits_stays_behind_it() -> None:
    talk = Talk()
    # the client's first four bytes were not captured
    talk.server(0, b"250 ok", acknowledged=4)
    talk.client(4, b"QUIT", acknowledged=6)
    assert talk.said == []
    talk.wait(200)
    talk.server(6, b"221 bye", acknowledged=8)
    assert talk.said == [(0, 4), (1, b"250 ok"), (0, b"QUIT"), (1, b"221 bye")]
    assert talk.connection.flows[0].missing_bytes == 4


def test_gap_is_given_up_after_some_segments() -> None:
    talk = Talk()
    for number in range(MAX_HELD_SEGMENTS):
        talk.server(number, b"x", acknowledged=4)
        assert talk.said == []
    talk.server(MAX_HELD_SEGMENTS, b"x", acknowledged=4)
    assert talk.said == [(0, 4), (1, b"x" * (MAX_HELD_SEGMENTS + 1))]


def test_gap_is_given_up_after_some_time() -> None:
    talk = Talk()
    talk.server(0, b"a", acknowledged=4)
    talk.wait(MAX_HELD_NS // MILLISECOND_NS)
    talk.server(1, b"b", acknowledged=4)
    assert talk.said == [(0, 4), (1, b"ab")]


def test_gap_is_given_up_when_too_much_waits_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("captures.tcp.waiting.MAX_TOTAL_WAITING_BYTES", 1000)
    talk = Talk()
    talk.room.taken_bytes = 990
    talk.server(0, b"a", acknowledged=4)
    assert talk.said == [(0, 4), (1, b"a")]
    assert talk.room.taken_bytes == 990


def test_gap_at_the_end_is_given_up() -> None:
    talk = Talk()
    talk.server(0, b"250 ok", acknowledged=4)
    talk.finish()
    assert talk.said == [(0, 4), (1, b"250 ok"), (0, None), (1, None)]


def test_what_waits_is_forgotten_with_its_connection() -> None:
    talk = Talk()
    talk.server(0, b"250 ok", acknowledged=4)
    talk.client(9, b"later")
    assert talk.room.taken_bytes > 0
    talk.connection.discard()
    assert talk.room.taken_bytes == 0


def test_acknowledgment_far_away_is_not_believed() -> None:
    talk = Talk()
    talk.server(0, b"250 ok", acknowledged=1 << 31)
    assert talk.said == [(1, b"250 ok")]


@given(st.data())
def test_two_directions_captured_with_jitter_lose_nothing(data: st.DataObject) -> None:
    """Segments of both sides in turn, each captured up to three places late."""
    talk = Talk()
    sent: list[tuple[End, int, bytes, int]] = []
    places = [0, 0]
    for number in range(data.draw(st.integers(1, 30))):
        end = End(data.draw(st.integers(0, 1)))
        size = data.draw(st.integers(0, 3))
        sent.append((end, places[end], bytes([65 + number]) * size, places[1 - end]))
        places[end] += size
    delays = [data.draw(st.integers(0, 3)) for _ in sent]
    order = sorted(range(len(sent)), key=lambda at: (at + delays[at], at))
    for at in order:
        end, place, content, acknowledged = sent[at]
        (talk.client, talk.server)[end](place, content, acknowledged)
    talk.finish()

    for end in End:
        whole = b"".join(content for who, _, content, _ in sent if who is end)
        assert talk.consumer.stream(end) == whole
    told = b"".join(
        what for _, what, *_ in talk.consumer.told if isinstance(what, bytes)
    )
    numbers = [at for at, (*_, content, _) in enumerate(sent) if content]
    acknowledged_before = {
        at: [
            before
            for before in numbers
            if sent[before][0] is not sent[at][0]
            and sent[before][1] + len(sent[before][2]) <= sent[at][3]
        ]
        for at in numbers
    }
    for at, before in acknowledged_before.items():
        for each in before:
            assert told.index(65 + each) < told.index(65 + at)


# -- keep-alive --


def test_keep_alive_probes_are_nothing_but_packets() -> None:
    talk = Talk()
    talk.client(0, b"EHLO")
    for _ in range(3):
        talk.client(3)
        talk.server(0, acknowledged=4)
        talk.client(3, b"\0")
    assert talk.said == [(0, b"EHLO")]
    client, server = talk.connection.flows
    assert (client.packets, server.packets) == (9, 4)
    assert client.retransmitted_bytes == 0


# -- the end --


def test_fins_of_both_sides_close() -> None:
    talk = Talk()
    talk.client(0, b"QUIT", flags=FIN | ACK)
    assert talk.connection.timeout_ns == IDLE_TIMEOUT_NS
    talk.server(0, b"bye", acknowledged=5, flags=FIN | PSH | ACK)
    talk.client(5, acknowledged=4)
    assert talk.connection.closed
    assert talk.connection.timeout_ns == CLOSED_TIMEOUT_NS
    assert talk.finish() is Ending.CLOSED
    assert talk.said == [(0, b"QUIT"), (0, None), (1, b"bye"), (1, None)]


def test_half_closed_connection_goes_on() -> None:
    talk = Talk()
    talk.client(0, flags=FIN | ACK)
    talk.server(0, b"still", acknowledged=1)
    talk.client(1, acknowledged=5)
    talk.server(5, b" here", acknowledged=1)
    assert talk.said == [(0, None), (1, b"still here")]
    assert talk.finish(Ending.TIMEOUT) is Ending.CLOSED


def test_fin_that_was_lost_is_known_from_its_acknowledgment() -> None:
    talk = Talk()
    talk.server(0, b"221 bye")
    talk.client(0, acknowledged=8)
    talk.client(0, flags=FIN | ACK, acknowledged=8)
    talk.server(8, acknowledged=1)
    talk.finish()
    assert talk.said == [(1, b"221 bye"), (1, None), (0, None)]
    assert talk.connection.flows[1].missing_bytes == 0
    assert talk.connection.closed


def test_lost_byte_is_not_taken_for_a_fin() -> None:
    talk = Talk()
    talk.client(0, acknowledged=1)
    talk.wait(200)
    talk.server(1, b"20 ready")
    talk.client(0, b"QUIT", acknowledged=9)
    assert talk.said == [(1, 1), (1, b"20 ready"), (0, b"QUIT")]


def test_lost_byte_before_others_is_not_taken_for_a_fin_where_both_sides_close() -> (
    None
):
    talk = Talk()
    talk.client(0, b"DONE\r")
    talk.server(0, b"ok", acknowledged=6)
    talk.client(6, b"LOGOUT", acknowledged=2)
    talk.server(2, b"bye", acknowledged=12)
    talk.client(12, flags=FIN | ACK, acknowledged=5)
    talk.server(5, flags=FIN | ACK, acknowledged=13)
    talk.finish()
    assert talk.said[:3] == [(0, b"DONE\r"), (0, 1), (1, b"ok")]
    assert (0, b"LOGOUT") in talk.said
    assert talk.connection.flows[0].missing_bytes == 1


def test_reset_ends_both_sides() -> None:
    talk = Talk()
    talk.client(0, b"EHLO")
    talk.server(0, flags=RST | ACK, acknowledged=4)
    assert talk.connection.closed
    assert talk.finish() is Ending.RESET
    assert talk.said == [(0, b"EHLO"), (0, None), (1, None)]


def test_what_comes_behind_a_reset_does_not_change_the_ending() -> None:
    talk = Talk()
    talk.server(0, flags=RST | ACK)
    talk.client(0, flags=FIN | ACK)
    talk.server(0, flags=FIN | ACK)
    assert talk.finish() is Ending.RESET


def test_connection_whose_syn_is_reset_is_refused() -> None:
    talk = Talk(handshake=False)
    talk.client(-1, flags=SYN, acknowledged=None)
    # RFC 9293 §3.10.7.1: the answer to a SYN where nobody listens has number 0
    talk.server(-5001, flags=RST | ACK)
    assert talk.finish() is Ending.REFUSED
    assert talk.connection.handshake.syn_ack_ns is None


def test_reset_out_of_the_window_is_ignored() -> None:
    talk = Talk()
    talk.server((1 << 30) + 1, flags=RST)
    talk.client(0, b"EHLO")
    talk.server(1 << 30, flags=RST)
    assert talk.finish() is Ending.RESET
    assert talk.said == [(0, b"EHLO"), (0, None), (1, None)]


def test_reset_behind_a_segment_that_waits_comes_after_it() -> None:
    talk = Talk()
    talk.server(0, b"250 ok", acknowledged=4)
    talk.client(4, flags=RST | ACK, acknowledged=6)
    assert talk.finish() is Ending.RESET
    assert talk.said == [(0, 4), (1, b"250 ok"), (0, None), (1, None)]


def test_reset_of_what_was_closed_is_no_reset() -> None:
    talk = Talk()
    talk.client(0, flags=FIN | ACK)
    talk.server(0, flags=RST | ACK, acknowledged=1)
    assert talk.finish() is Ending.CLOSED


def test_data_behind_a_reset_is_not_told() -> None:
    talk = Talk()
    talk.client(0, flags=RST)
    talk.client(0, b"late")
    talk.client(1, b"late")
    talk.server(1, b"late")
    talk.finish()
    assert talk.said == [(0, None), (1, None)]


@pytest.mark.parametrize("ending", [Ending.OPEN, Ending.TIMEOUT])
def test_connection_that_did_not_end_is_open_or_timed_out(ending: Ending) -> None:
    talk = Talk()
    talk.client(0, b"EHLO")
    assert talk.finish(ending) is ending
    assert talk.said == [(0, b"EHLO"), (0, None), (1, None)]


def test_timeout_depends_on_the_state() -> None:
    talk = Talk(handshake=False)
    talk.client(-1, flags=SYN, acknowledged=None)
    assert talk.connection.timeout_ns == OPENING_TIMEOUT_NS
    talk.server(-1, flags=SYN | ACK)
    assert talk.connection.timeout_ns == OPENING_TIMEOUT_NS
    talk.client(0)
    assert talk.connection.timeout_ns == IDLE_TIMEOUT_NS
    assert Talk(handshake=False).connection.timeout_ns == IDLE_TIMEOUT_NS


def test_end_is_the_latest_time_even_if_time_goes_back() -> None:
    talk = Talk()
    talk.client(0, b"a")
    talk.wait(-10)
    talk.client(1, b"b")
    assert talk.connection.end_ns == 4 * MILLISECOND_NS
    assert talk.connection.last_frame == 5


def test_originator_is_told_by_address_and_port() -> None:
    def make(_: Connection) -> Recorder:
        return Recorder()

    assert Connection(CLIENT, SERVER, WaitingRoom(), make).originator_is_lower
    assert not Connection(SERVER, CLIENT, WaitingRoom(), make).originator_is_lower


# -- any segments --


@given(
    st.lists(
        st.tuples(
            st.sampled_from(End),
            st.integers(-5, 40),
            st.integers(0, 20),
            st.integers(-5, 60),
            st.sampled_from([ACK] * 6 + [0, SYN, SYN | ACK, FIN | ACK, RST, 0xFF]),
            st.integers(-50, 150),
        ),
        max_size=40,
    )
)
def test_any_segments_are_followed_to_the_end(
    segments: list[tuple[End, int, int, int, int, int]],
) -> None:
    talk = Talk(handshake=False)
    carried = [0, 0]
    for end, place, length, acknowledged, flags, milliseconds in segments:
        talk.wait(milliseconds)
        carried[end] += length
        send = (talk.client, talk.server)[end]
        send(place, bytes(length), acknowledged, flags)
    talk.finish()

    assert [what for _, what in talk.said].count(None) == 2
    for flow, most in zip(talk.connection.flows, carried, strict=True):
        assert flow.stream_bytes + flow.retransmitted_bytes <= most
    packets = sum(flow.packets for flow in talk.connection.flows)
    assert packets == len(segments)
