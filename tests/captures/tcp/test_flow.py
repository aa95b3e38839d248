from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captures import End, Flow, Wanted
from captures.tcp import flow as reassembly
from captures.tcp.flow import MAX_WAITING_BYTES, MAX_WAITING_SEGMENTS
from captures.tcp.outlet import Outlet
from captures.tcp.segment import MAX_WINDOW, SEGMENT_OVERHEAD_BYTES
from captures.tcp.waiting import WaitingRoom
from tests.support.streams import Recorder

WRAP = 1 << 32
LENGTH = 120


class Piece(NamedTuple):
    """A segment of a stream: its place there, and what was captured of it."""

    start: int
    length: int
    captured: int


class Followed:
    """A flow with a consumer."""

    def __init__(
        self, first: int | None = 1000, room: WaitingRoom | None = None
    ) -> None:
        self.first = first or 0
        self.room = room or WaitingRoom()
        self.consumer = Recorder()
        self.outlet = Outlet(self.consumer)
        self.flow = Flow(End.ORIGINATOR, self.outlet, self.room)
        if first is not None:
            self.flow.start(first)

    def receive(
        self, start: int, data: bytes, length: int = 0, captured: int | None = None
    ) -> None:
        if captured is None:
            captured = len(data)
        sequence = (self.first + start) % WRAP
        self.flow.receive(sequence, length or len(data), captured, data, 0, 0)

    def receive_fin(self, place: int) -> None:
        self.flow.receive_fin((self.first + place) % WRAP, 0, 0)

    @property
    def said(self) -> list[bytes | int | None]:
        return [what for _, what in self.consumer.said]

    @property
    def counters(self) -> tuple[int, int, int, int]:
        flow = self.flow
        return (
            flow.stream_bytes,
            flow.retransmitted_bytes,
            flow.missing_bytes,
            flow.conflicting_bytes,
        )


# -- an oracle --


@st.composite
def segmentations(draw: st.DrawFn) -> list[Piece]:
    """A stream of `LENGTH` bytes in segments: lost, cut, late, again, overlapping."""
    cuts = sorted(draw(st.sets(st.integers(1, LENGTH - 1), max_size=12)))
    edges = [0, *cuts, LENGTH]
    pieces = [each for each in pairwise(edges) if draw(st.integers(0, 7))]
    for _ in range(draw(st.integers(0, 6))):
        first, second = draw(st.integers(0, LENGTH)), draw(st.integers(0, LENGTH))
        if first != second:
            pieces.append((min(first, second), max(first, second)))
    if draw(st.booleans()):
        pieces = draw(st.permutations(pieces))
    snap = draw(st.sampled_from([LENGTH, 30, 5]))
    return [Piece(at, end - at, min(end - at, snap)) for at, end in pieces]


def content(piece: Piece, number: int) -> bytes:
    """The captured bytes, which tell who brought them."""
    return bytes([number]) * piece.captured


@given(
    segmentations(),
    st.sampled_from([0, 1000, WRAP - 60, (1 << 31) - 30]),
)
def test_stream_is_told_once_with_its_gaps(pieces: list[Piece], first: int) -> None:
    followed = Followed(first)
    # who brought each byte first: `None` if nobody did, -1 if it was cut off
    brought: list[int | None] = [None] * LENGTH
    sent = 0
    for number, piece in enumerate(pieces):
        sent += piece.length
        for at in range(piece.start, piece.start + piece.length):
            if brought[at] is None:
                is_captured = at < piece.start + piece.captured
                brought[at] = number if is_captured else -1
        followed.receive(piece.start, content(piece, number), piece.length)
    followed.flow.report_gaps_until((first + LENGTH) % WRAP, 0, 0, closing=False)
    followed.flow.finish(0, 0)

    expected = bytes(255 if who in (None, -1) else who for who in brought)
    assert followed.consumer.stream(End.ORIGINATOR, b"\xff") == expected
    assert followed.said[-1] is None
    carried = sum(who is not None for who in brought)
    stream, retransmitted, missing, _ = followed.counters
    assert stream == carried
    assert missing == brought.count(None) + brought.count(-1)
    # a copy of the last byte is taken for a keep-alive probe
    assert sent - carried - len(pieces) <= retransmitted <= sent - carried
    assert followed.room.taken_bytes == 0


@given(segmentations())
def test_copies_that_are_the_same_do_not_conflict(pieces: list[Piece]) -> None:
    stream = bytes(range(LENGTH))
    followed = Followed()
    for piece in pieces:
        data = stream[piece.start : piece.start + piece.captured]
        followed.receive(piece.start, data, piece.length)
    assert followed.flow.conflicting_bytes == 0


@given(segmentations())
def test_what_is_not_read_is_counted_alike(pieces: list[Piece]) -> None:
    reading, silent = Followed(), Followed()
    silent.outlet.wanted = Wanted.ENDS
    for piece in pieces:
        reading.receive(piece.start, bytes(piece.captured), piece.length)
        silent.receive(piece.start, b"", piece.length, piece.captured)
    for each in (reading, silent):
        each.flow.finish(0, 0)
    assert silent.counters == reading.counters
    assert silent.said == [None]


# -- order --


def test_segment_that_is_early_waits_for_the_gap_to_be_filled() -> None:
    followed = Followed()
    followed.receive(3, b"def")
    assert followed.said == []
    assert not followed.flow.is_contiguous
    followed.receive(0, b"abc")
    assert followed.said == [b"abcdef"]
    assert followed.flow.is_contiguous


def test_sequence_numbers_wrap() -> None:
    followed = Followed(WRAP - 2)
    followed.receive(4, b"ef")
    followed.receive(0, b"abcd")
    assert followed.said == [b"abcdef"]
    assert followed.flow.next_sequence == 4


def test_first_segment_begins_the_stream_without_a_syn() -> None:
    followed = Followed(None)
    followed.receive(5000, b"abc")
    followed.receive(5003, b"def")
    assert followed.said == [b"abcdef"]


@pytest.mark.parametrize("distance", [MAX_WINDOW + 1, -MAX_WINDOW - 1, 1 << 31])
def test_segment_far_away_is_not_of_the_stream(distance: int) -> None:
    followed = Followed()
    followed.receive(0, b"abc")
    followed.receive(3 + distance, b"xyz")
    followed.receive(3, b"def")
    assert followed.said == [b"abcdef"]
    assert followed.counters == (6, 0, 0, 0)


def test_time_and_frame_are_those_of_the_packet_that_brought_the_data() -> None:
    followed = Followed()
    followed.flow.receive(1003, 3, 3, b"def", 50, 1)
    followed.flow.receive(1000, 3, 3, b"abc", 60, 2)
    assert followed.consumer.told == [(0, b"abc", 60, 2), (0, b"def", 50, 1)]


# -- copies --


def test_first_copy_wins() -> None:
    followed = Followed()
    followed.receive(2, b"CD")
    followed.receive(0, b"abcdef")
    followed.receive(0, b"123456")
    assert followed.said == [b"abCDef"]
    assert followed.counters == (6, 8, 0, 8)


def test_copy_with_new_bytes_behind_it_adds_these() -> None:
    followed = Followed()
    followed.receive(0, b"abcd")
    followed.receive(2, b"cdef")
    assert followed.said == [b"abcdef"]
    assert followed.counters == (6, 2, 0, 0)


def test_copies_of_bytes_long_gone_are_not_compared() -> None:
    followed = Followed()
    followed.receive(0, b"abc")
    followed.receive(3, bytes(5000))
    followed.receive(0, b"xyz")
    assert followed.counters == (5003, 3, 0, 0)


@pytest.mark.parametrize("probe", [b"c", b"\0"])
def test_keep_alive_probe_is_no_retransmission(probe: bytes) -> None:
    followed = Followed()
    followed.receive(0, b"abc")
    followed.receive(2, probe)
    assert followed.counters == (3, 0, 0, 0)


def test_bytes_behind_a_cut_are_not_compared_with_those_before_it() -> None:
    followed = Followed()
    followed.receive(0, b"abc", 6)
    followed.receive(3, b"xyz")
    assert followed.said == [b"abc", 3]
    assert followed.counters == (6, 3, 3, 0)


# -- gaps --


def test_gap_is_reported_with_its_length() -> None:
    followed = Followed()
    followed.receive(3, b"def")
    followed.receive(8, b"ij")
    followed.flow.report_gaps_until(1006, 0, 0, closing=False)
    assert followed.said == [3, b"def"]
    followed.flow.report_gaps_until(1012, 0, 0, closing=False)
    assert followed.said == [3, b"def", 2, b"ij", 2]
    assert followed.counters == (5, 0, 7, 0)


def test_bytes_in_a_reported_gap_come_too_late() -> None:
    followed = Followed()
    followed.flow.report_gaps_until(1003, 0, 0, closing=False)
    followed.receive(0, b"abc")
    assert followed.said == [3]
    assert followed.counters == (0, 3, 3, 0)


@pytest.mark.parametrize(("closing", "said"), [(True, None), (False, 1)])
def test_one_unseen_number_is_a_fin_if_the_connection_closes(
    closing: bool, said: int | None
) -> None:
    followed = Followed()
    followed.flow.report_gaps_until(1001, 0, 0, closing=closing)
    assert followed.said == [said]
    assert followed.flow.finished is closing


def test_gap_is_only_counted_if_nobody_reads() -> None:
    followed = Followed()
    followed.outlet.wanted = Wanted.ENDS
    followed.flow.report_gaps_until(1003, 0, 0, closing=False)
    assert followed.said == []
    assert followed.flow.missing_bytes == 3


# -- the end --


def test_fin_ends_the_stream() -> None:
    followed = Followed()
    followed.receive(0, b"abc")
    followed.receive_fin(3)
    assert followed.said == [b"abc", None]
    assert followed.flow.next_sequence == 1004


def test_fin_waits_for_the_bytes_before_it() -> None:
    followed = Followed()
    followed.receive_fin(3)
    assert not followed.flow.is_contiguous
    followed.receive(0, b"abc")
    assert followed.said == [b"abc", None]


def test_fin_behind_a_gap_is_told_behind_it() -> None:
    followed = Followed()
    followed.receive_fin(3)
    followed.flow.finish(0, 0)
    assert followed.said == [3, None]


def test_bytes_behind_the_end_are_not_told() -> None:
    followed = Followed()
    followed.receive_fin(0)
    followed.receive(1, b"abc")
    followed.receive(5, b"abc")
    assert followed.said == [None]
    assert followed.flow.stream_bytes == 0


def test_retransmission_behind_the_end_is_counted() -> None:
    followed = Followed()
    followed.receive(0, b"abc")
    followed.receive_fin(3)
    followed.receive(0, b"abc")
    followed.receive_fin(3)
    assert followed.said == [b"abc", None]
    assert followed.counters == (3, 3, 0, 0)


def test_stream_ends_once() -> None:
    followed = Followed()
    for _ in range(2):
        followed.receive_fin(0)
        followed.flow.finish(0, 0)
    assert followed.said == [None]


# -- bounds --


def test_gap_is_reported_when_much_waits_behind_it() -> None:
    followed = Followed()
    size = 60_000
    count = MAX_WAITING_BYTES // (size + SEGMENT_OVERHEAD_BYTES)
    for number in range(count):
        followed.receive(10 + number * size, bytes(size))
    assert followed.said == []
    followed.receive(10 + count * size, bytes(size))
    assert followed.said == [10, bytes((count + 1) * size)]
    assert followed.room.taken_bytes == 0


def test_gap_is_reported_when_many_segments_wait_behind_it() -> None:
    followed = Followed()
    for number in range(MAX_WAITING_SEGMENTS + 1):
        followed.receive(10 + 2 * number, b"a")
    assert followed.said == [10, b"a"]


def test_large_segments_do_not_gather_behind_small_ones() -> None:
    followed = Followed()
    for number in range(MAX_WAITING_SEGMENTS - 1):
        followed.receive(10 + 2 * number, b"a")
    for number in range(100):
        followed.receive(10_000 + number * 70_000, bytes(65_000))
        assert followed.room.taken_bytes <= MAX_WAITING_BYTES


def test_segments_of_all_flows_share_a_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("captures.tcp.waiting.MAX_TOTAL_WAITING_BYTES", 10_000)
    room = WaitingRoom()
    flows = [Followed(room=room) for _ in range(100)]
    for followed in flows:
        followed.receive(10, bytes(500))
        assert room.taken_bytes <= 10_000
    for followed in flows:
        followed.flow.discard()
    assert room.taken_bytes == 0


@pytest.mark.parametrize("shape", ["backward", "forward", "gaps", "overlapping"])
def test_cost_is_linear_in_hostile_segments(
    shape: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = 0
    between = reassembly._Piece.between

    def counting(piece: reassembly._Piece, start: int, end: int) -> reassembly._Piece:
        nonlocal steps
        steps += 1
        return between(piece, start, end)

    monkeypatch.setattr(reassembly._Piece, "between", counting)
    count = 5000
    places = {
        "backward": [(2 * (count - number), 1) for number in range(count)],
        "forward": [(1 + number, 1) for number in range(count)],
        "gaps": [(1 + 2 * number, 1) for number in range(count)],
        "overlapping": [(1 + number % 50, 100) for number in range(count)],
    }[shape]
    followed = Followed()
    for start, length in places:
        followed.receive(start, bytes(length))
    followed.flow.finish(0, 0)
    assert steps <= 2 * count + sum(length for _, length in places)
