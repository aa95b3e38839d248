from __future__ import annotations

import struct
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captures.packets import fragments
from captures.packets.fragments import TIMEOUT_NS, Defragmenter, read_fragment
from tests.support.packets import ipv4, ipv6

PAYLOAD = bytes(range(200))
WHOLE = ipv4(PAYLOAD, identification=7)


def fragment(
    start: int, end: int, *, payload: bytes = PAYLOAD, number: int = 7
) -> bytes:
    """An IPv4 fragment with a part of a payload, which ends at its byte 200."""
    more = 0x2000 if end < 200 else 0
    return ipv4(payload[start:end], fragment=start // 8 | more, identification=number)


def fragment_ipv6(start: int, end: int, *, before: bytes = b"") -> bytes:
    header = struct.pack(">BBHI", 6, 0, start | (end < 200), 7)
    following = 60 if before else 44
    return ipv6(before + header + PAYLOAD[start:end], next_header=following)


def complete(*packets: bytes) -> list[bytes]:
    defragmenter = Defragmenter()
    received = [defragmenter.receive(packet, 0) for packet in packets]
    return [each for each in received if each is not None]


@st.composite
def cuttings(draw: st.DrawFn) -> list[tuple[int, int]]:
    """Ranges that cover all of the payload, in any order, and any others."""
    cuts = sorted(draw(st.sets(st.integers(1, 24), max_size=8)))
    edges = [0, *(8 * cut for cut in cuts), 200]
    ranges = list(pairwise(edges))
    others = draw(
        st.lists(st.tuples(st.integers(0, 24), st.integers(1, 25)), max_size=5)
    )
    ranges += [(8 * min(pair), 8 * max(pair)) for pair in others if pair[0] != pair[1]]
    shuffled: list[tuple[int, int]] = draw(st.permutations(ranges))
    return shuffled


@given(cuttings())
def test_fragments_are_put_together_in_any_order(ranges: list[tuple[int, int]]) -> None:
    assert complete(*(fragment(*each) for each in ranges))[0] == WHOLE


@given(cuttings())
def test_first_copy_of_every_byte_wins(ranges: list[tuple[int, int]]) -> None:
    expected = bytearray(200)
    seen: set[int] = set()
    packets = []
    for number, (start, end) in enumerate(ranges):
        packets.append(fragment(start, end, payload=bytes([number]) * 200))
        if len(seen) < 200:
            for at in set(range(start, end)) - seen:
                expected[at] = number
            seen |= set(range(start, end))
    assert complete(*packets)[0] == ipv4(bytes(expected), identification=7)


@given(cuttings())
def test_ipv6_fragments_are_put_together_in_any_order(
    ranges: list[tuple[int, int]],
) -> None:
    assert complete(*(fragment_ipv6(*each) for each in ranges))[0] == ipv6(PAYLOAD)


def test_headers_before_the_fragment_header_are_left_out() -> None:
    before = b"\x2c\1" + bytes(14)
    packets = [fragment_ipv6(*each, before=before) for each in ((0, 80), (80, 200))]
    assert complete(*packets) == [ipv6(PAYLOAD)]


def test_options_of_the_first_fragment_are_kept() -> None:
    first = ipv4(PAYLOAD[:80], fragment=0x2000, identification=7, options=b"\1" * 8)
    expected = ipv4(PAYLOAD, identification=7, options=b"\1" * 8)
    assert complete(fragment(80, 200), first) == [expected]


def test_duplicates_after_the_end_begin_another_datagram() -> None:
    defragmenter = Defragmenter()
    packets = [fragment(0, 80), fragment(80, 200)]
    for _ in range(2):
        assert [defragmenter.receive(each, 0) for each in packets] == [None, WHOLE]
    assert (defragmenter.dropped, defragmenter.pending) == (0, 0)


@pytest.mark.parametrize(
    "other",
    [
        fragment(80, 200, number=8),
        ipv4(
            PAYLOAD[80:], ("192.0.2.9", "198.51.100.25"), fragment=10, identification=7
        ),
        ipv4(PAYLOAD[80:], protocol=17, fragment=10, identification=7),
        fragment_ipv6(80, 200),
    ],
)
def test_fragments_of_different_datagrams_are_kept_apart(other: bytes) -> None:
    assert complete(fragment(0, 80), other) == []


def test_datagram_with_bytes_behind_its_end_is_never_complete() -> None:
    end = ipv4(PAYLOAD[:8], fragment=2, identification=7)
    behind = fragment(32, 40)
    first = fragment(0, 8)
    assert complete(end, behind, first, fragment(8, 16)) == []


def test_gap_is_not_made_up_for_by_bytes_behind_the_end() -> None:
    end = ipv4(PAYLOAD[8:16], fragment=1, identification=7)
    assert complete(fragment(24, 32), end) == []


def test_fragment_that_is_too_late_begins_again() -> None:
    defragmenter = Defragmenter()
    assert defragmenter.receive(fragment(0, 80), 0) is None
    assert defragmenter.receive(fragment(80, 200), TIMEOUT_NS + 1) is None
    assert (defragmenter.dropped, defragmenter.pending) == (1, 1)
    assert defragmenter.receive(fragment(0, 80), TIMEOUT_NS + 2) == WHOLE


def test_datagram_too_long_for_any_packet_is_given_up() -> None:
    defragmenter = Defragmenter()
    for start in range(0, 65_536, 8192):
        more = 0x2000 if start < 57_344 else 0
        packet = ipv4(bytes(8192), fragment=start // 8 | more)
        assert defragmenter.receive(packet, 0) is None
    assert (defragmenter.dropped, defragmenter.pending) == (8, 0)


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        fragment(0, 80)[:19],
        fragment(0, 80)[:50],
        b"\x44" + fragment(0, 80)[1:],
        fragment(0, 80)[:2] + b"\0\x10" + fragment(0, 80)[4:],
        fragment_ipv6(0, 80)[:39],
        fragment_ipv6(0, 80)[:60],
        ipv6(b"\x3c\0" + bytes(6), next_header=60),
        ipv6((b"\x3c\0" + bytes(6)) * 20, next_header=60),
        b"\x50" + bytes(60),
    ],
)
def test_what_is_cut_or_no_fragment_is_given_up(packet: bytes) -> None:
    defragmenter = Defragmenter()
    assert defragmenter.receive(packet, 0) is None
    assert (defragmenter.dropped, defragmenter.pending) == (1, 0)


@given(st.binary(max_size=120), st.sampled_from([b"", b"\x45", b"\x60"]))
def test_any_bytes_can_be_read(data: bytes, start: bytes) -> None:
    found = read_fragment(start + data)
    assert found is None or found.offset % 8 == 0


# -- bounds --


def test_oldest_datagram_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fragments, "MAX_DATAGRAMS", 3)
    defragmenter = Defragmenter()
    for number in range(5):
        defragmenter.receive(fragment(0, 80, number=number), 0)
    assert (defragmenter.dropped, defragmenter.pending) == (2, 3)
    assert defragmenter.receive(fragment(80, 200, number=4), 0) is not None
    assert defragmenter.receive(fragment(80, 200, number=0), 0) is None


def test_small_fragments_count_for_what_they_take(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fragments, "MAX_TOTAL_BYTES", 10_000)
    defragmenter = Defragmenter()
    for number in range(100):
        for start in range(0, 64, 16):
            defragmenter.receive(fragment(start, start + 1, number=number), 0)
    assert defragmenter.pending <= 10_000 // 128
    assert defragmenter.dropped + defragmenter.pending == 400


def test_memory_is_free_again_in_the_end() -> None:
    defragmenter = Defragmenter()
    for number in range(2000):
        defragmenter.receive(fragment(0, 80, number=number), 0)
        if number % 2:
            defragmenter.receive(fragment(80, 200, number=number), 0)
    for number in range(0, 2000, 2):
        defragmenter.receive(fragment(80, 200, number=number), 0)
    while defragmenter._datagrams:
        defragmenter._evict(next(iter(defragmenter._datagrams)))
    assert defragmenter._memory == 0
