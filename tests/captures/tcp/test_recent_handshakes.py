from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest

from captures import Decoder, End, SegmentFilter
from captures.packets.expected_acks import MAX_ACK_PACKETS
from captures.tcp import recent_handshakes as handshakes
from captures.tcp.grouping import Rows
from captures.tcp.recent_handshakes import MEMORY_PACKETS, RecentHandshakes, Syn
from captures.tcp.timeouts import OPENING_TIMEOUT_NS
from tests.support.packets import ACK, SYN, batch_of, ethernet, frame, ipv4, tcp

if TYPE_CHECKING:
    from captures.tcp.endpoints import ConnectionKey

CLIENT, SERVER = "192.0.2.1", "198.51.100.25"


def syn(sequence: int, port: int = 40_000) -> bytes:
    segment = tcp(flags=SYN, sequence=sequence, ports=(port, 2525))
    return ethernet(ipv4(segment, (CLIENT, SERVER)))


def answer(sequence: int, acknowledgment: int, port: int = 40_000) -> bytes:
    segment = tcp(
        flags=SYN | ACK,
        sequence=sequence,
        acknowledgment=acknowledgment,
        ports=(2525, port),
    )
    return ethernet(ipv4(segment, (SERVER, CLIENT)))


OTHER = ethernet(ipv4(tcp()))


class Remembered:
    """Handshakes of a capture that is given batch by batch."""

    def __init__(self) -> None:
        self.recent = RecentHandshakes()
        self.clock_ns = 0
        self._decoder = Decoder(SegmentFilter([25]))

    def batch(self, *packets: bytes, others: int = 0) -> None:
        batch = batch_of([frame(each) for each in packets] or [frame(OTHER)])
        segments = self._decoder.decode(batch)
        clock = np.full(len(batch), self.clock_ns, dtype=np.int64)
        self.recent.remember(segments, clock)
        self.recent.end_batch(len(batch) + others)

    def find(self, port: int = 40_000, order: int = 0) -> list[Syn]:
        return self.recent.find(key(port), order, self.clock_ns)

    def numbers(self, port: int = 40_000, order: int = 0) -> list[int]:
        return [each.sequence for each in self.find(port, order)]


def key(port: int) -> ConnectionKey:
    batch = batch_of([frame(syn(0, port))])
    segments = Decoder(SegmentFilter([2525])).decode(batch)
    return Rows(segments, np.zeros(1, dtype=np.int64), {}).keys[0]


def test_handshake_is_found_in_order() -> None:
    remembered = Remembered()
    remembered.batch(syn(1000), answer(5000, 1001), syn(7, 40_001))
    first, second = remembered.find()
    assert (first.sequence, first.flags, first.source_is_lower) == (1000, SYN, True)
    assert (second.sequence, second.acknowledgment) == (5000, 1001)
    assert second.segment(End.RESPONDER).flags == SYN | ACK
    assert remembered.numbers(40_001) == [7]
    assert remembered.find(40_002) == []


def test_handshake_across_batches_is_found() -> None:
    remembered = Remembered()
    for number in range(40):
        remembered.batch(syn(number, 40_000 + number))
    for number in range(40):
        remembered.batch(answer(500 + number, number + 1, 40_000 + number))
    for number in range(40):
        assert remembered.numbers(40_000 + number) == [number, 500 + number]
    assert len(remembered.recent._memories) < 8


def test_last_syn_of_each_side_counts() -> None:
    remembered = Remembered()
    remembered.batch(syn(1000), syn(1000), syn(2000), syn(2000), answer(5000, 2001))
    # one that is sent again is of the same handshake
    assert remembered.numbers() == [2000, 2000, 5000]


def ack(sequence: int, acknowledgment: int, port: int = 40_000) -> bytes:
    segment = tcp(sequence=sequence, acknowledgment=acknowledgment, ports=(port, 2525))
    return ethernet(ipv4(segment, (CLIENT, SERVER)))


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_ack_that_completes_a_handshake_is_found(cut: int) -> None:
    packets = [syn(1000), answer(5000, 1001), ack(1001, 5001), ack(1001, 5001)]
    remembered = Remembered()
    remembered.batch(*packets[:cut])
    remembered.batch(*packets[cut:])
    assert remembered.numbers() == [1000, 5000, 1001]


@pytest.mark.parametrize(
    "other", [ack(1001, 5002), ack(1002, 5001), ack(1001, 5001, 40_001)]
)
def test_other_ack_is_not_of_the_handshake(other: bytes) -> None:
    remembered = Remembered()
    remembered.batch(syn(1000), answer(5000, 1001), other)
    assert remembered.numbers() == [1000, 5000]


@pytest.mark.parametrize(("packets", "found"), [(-2, 3), (-1, 2)])
def test_ack_must_come_soon(packets: int, found: int) -> None:
    remembered = Remembered()
    others = [OTHER] * (MAX_ACK_PACKETS + packets)
    remembered.batch(syn(1000), answer(5000, 1001), *others, OTHER, ack(1001, 5001))
    assert len(remembered.find()) == found


def test_ack_captured_before_what_it_acknowledges_does_not_count() -> None:
    remembered = Remembered()
    remembered.batch(syn(1000), ack(1001, 5001), answer(5000, 1001))
    assert remembered.numbers() == [1000, 5000]


def test_answer_captured_first_is_of_the_same_handshake() -> None:
    remembered = Remembered()
    remembered.batch(answer(5000, 1001), syn(1000))
    assert remembered.numbers() == [5000, 1000]


def test_answer_to_another_syn_does_not_count() -> None:
    remembered = Remembered()
    remembered.batch(syn(1000), answer(5000, 1001))
    remembered.batch(syn(9000))
    assert remembered.numbers() == [9000]


def test_syn_behind_the_packet_does_not_count() -> None:
    remembered = Remembered()
    batch = batch_of([frame(syn(1000)), frame(OTHER), frame(syn(2000))])
    segments = Decoder(SegmentFilter([25])).decode(batch)
    remembered.recent.remember(segments, np.zeros(3, dtype=np.int64))
    assert remembered.numbers(order=0) == []
    assert remembered.numbers(order=1) == [1000]
    assert remembered.numbers(order=3) == [2000]


@pytest.mark.parametrize(("packets", "found"), [(-2, [1000]), (-1, [])])
def test_syn_is_forgotten_after_many_packets(packets: int, found: list[int]) -> None:
    remembered = Remembered()
    remembered.batch(syn(1000), others=MEMORY_PACKETS + packets)
    assert remembered.numbers() == found


@pytest.mark.parametrize(("later_ns", "found"), [(0, [1000]), (1, [])])
def test_syn_is_forgotten_after_some_time(later_ns: int, found: list[int]) -> None:
    remembered = Remembered()
    remembered.batch(syn(1000))
    remembered.clock_ns = OPENING_TIMEOUT_NS + later_ns
    assert remembered.numbers() == found


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handshakes, "MEMORY_PACKETS", 100)
    remembered = Remembered()
    most = 0
    for number in range(0, 4000, 4):
        remembered.batch(*(syn(number, 1000 + number + at) for at in range(4)))
        sizes = [len(each.serial) for each in remembered.recent._memories]
        assert all(a >= 2 * b for a, b in pairwise(sizes))
        most = max(most, sum(sizes))
    assert most < 500


def test_connections_with_the_same_digest_are_kept_apart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("captures.tcp.grouping._MIX", (np.uint64(0),) * 5)
    remembered = Remembered()
    remembered.batch(syn(1, 40_000), syn(2, 40_001), answer(3, 2, 40_000))
    assert remembered.numbers(40_000) == [1, 3]
    assert remembered.numbers(40_001) == [2]


def test_cost_of_a_search_does_not_grow_with_hostile_syns(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked_at = 0
    read = handshakes._syn

    def counting(memory: handshakes._Memory, at: int) -> Syn:
        nonlocal looked_at
        looked_at += 1
        return read(memory, at)

    monkeypatch.setattr(handshakes, "_syn", counting)
    remembered = Remembered()
    remembered.batch(*[syn(1000)] * 2000)
    assert set(remembered.numbers()) == {1000}
    assert looked_at <= handshakes.MAX_LOOKED_AT
