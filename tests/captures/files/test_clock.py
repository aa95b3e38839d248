from __future__ import annotations

from itertools import pairwise, product
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from captures import CaptureError, PacketBatch
from captures.files.clock import LOOKAHEAD, correct_times
from captures.files.timestamps import MAX_TIME_NS, MIN_TIME_NS
from tests.support.captures import START_NS, Packet
from tests.support.packets import batch_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SECOND_NS = 1_000_000_000
DAY_NS = 86_400 * SECOND_NS
YEAR_NS = 365 * DAY_NS
EPOCH = -START_NS


def batches_of(times: Sequence[int], *cuts: int) -> Iterator[PacketBatch]:
    """Packets at these times after `START_NS`, in batches that end at `cuts`."""
    packets = [
        Packet(max(MIN_TIME_NS, min(START_NS + each, MAX_TIME_NS)), b"x", 1)
        for each in times
    ]
    for first, end in pairwise([0, *cuts, len(packets)]):
        yield batch_of(packets[first:end], first=first + 1)


def steady(times: Sequence[int], *cuts: int) -> tuple[list[int], dict[int, int]]:
    """The times after `START_NS`, and by number those of packets with a wrong one."""
    found: list[int] = []
    mistimed: dict[int, int] = {}
    numbers: list[int] = []
    for batch in correct_times(batches_of(times, *cuts)):
        found += (batch.time_ns - START_NS).tolist()
        numbers += batch.frame.tolist()
        mistimed.update({k: v - START_NS for k, v in batch.mistimed.items()})
    assert numbers == list(range(1, len(times) + 1))
    return found, mistimed


def seconds(*times: float) -> list[int]:
    return [int(each * SECOND_NS) for each in times]


def ticking(count: int, first_s: float = 0) -> list[int]:
    """Packets a second apart."""
    return [int((first_s + each) * SECOND_NS) for each in range(count)]


@pytest.mark.parametrize(
    ("place", "off"),
    [
        *product([0, 1, 7, 19], [48 * YEAR_NS, -48 * YEAR_NS, EPOCH]),
        # at the ends, that may be a pause
        *product([1, 7, 18], [3600 * SECOND_NS, -3600 * SECOND_NS]),
    ],
)
def test_packet_with_a_wrong_clock_has_the_time_of_its_neighbour(
    place: int, off: int
) -> None:
    times = ticking(20)
    wrong = times.copy()
    wrong[place] += off

    found, mistimed = steady(wrong)

    expected = times.copy()
    expected[place] = times[place - 1] if place else times[1]
    assert found == expected
    assert mistimed == {place + 1: wrong[place]}


def test_several_clocks_are_wrong_in_several_ways() -> None:
    times = ticking(40)
    for place, off in (
        (3, YEAR_NS * 60),
        (4, -YEAR_NS * 50),
        (5, DAY_NS),
        (20, DAY_NS),
    ):
        times[place] += off
    found, mistimed = steady(times)
    assert max(found) == 39 * SECOND_NS
    assert found == sorted(found)
    assert sorted(mistimed) == [4, 5, 6, 21]


def test_interfaces_with_different_clocks_keep_the_pace_of_one() -> None:
    times = [each + (number // 3 % 2) * 5 * YEAR_NS for number, each in
             enumerate(ticking(60))]  # fmt: skip
    found, mistimed = steady(times)
    assert max(found) < 60 * SECOND_NS
    assert found == sorted(found)
    assert len(mistimed) == 30


@pytest.mark.parametrize("pause_s", [61, 9 * 3600, 90 * 86_400])
@pytest.mark.parametrize("behind", [1, 3, 300])
def test_pause_is_a_pause(pause_s: float, behind: int) -> None:
    times = ticking(30) + ticking(behind, 30 + pause_s)
    assert steady(times) == (times, {})


def test_captures_put_together_years_apart_are_believed() -> None:
    times = ticking(300) + ticking(300, 10 * 31_536_000) + ticking(300, -31_536_000)
    assert steady(times) == (times, {})


def test_few_packets_between_captures_years_apart_are_believed() -> None:
    times = ticking(5) + ticking(1, 5 * 31_536_000) + ticking(20, 14 * 31_536_000)
    assert steady(times) == (times, {})


def test_quiet_capture_is_believed() -> None:
    times = [each * 3600 for each in ticking(700)]
    assert steady(times) == (times, {})


def test_clock_that_was_set_back_is_believed() -> None:
    times = ticking(300) + ticking(300, -7200)
    assert steady(times) == (times, {})


def test_wrong_clock_is_known_again_at_the_end() -> None:
    times = ticking(40)
    for place in (10, 39):
        times[place] += 3 * 3600 * SECOND_NS
    assert sorted(steady(times)[1]) == [11, 40]


def test_damage_comes_behind_all_packets_before_it() -> None:
    def damaged() -> Iterator[PacketBatch]:
        yield from batches_of(ticking(3))
        raise CaptureError("a.pcap", "damaged", usable=True)

    batches = correct_times(damaged())
    assert len(next(batches)) == 3
    with pytest.raises(CaptureError):
        next(batches)


def test_nothing_is_held_that_is_certain() -> None:
    times = ticking(400)
    batches = correct_times(batches_of(times, 100, 200, 300))
    assert [len(batch) for batch in batches] == [100] * 4


@given(
    st.lists(
        st.one_of(
            st.integers(0, 300 * SECOND_NS),
            st.sampled_from([EPOCH, MAX_TIME_NS, MIN_TIME_NS, 9 * YEAR_NS, DAY_NS]),
        ),
        max_size=60,
    ),
    st.sets(st.integers(1, 59), max_size=8),
)
@example([0, MAX_TIME_NS] * 2, {1, 2, 3})
def test_every_split_into_batches_gives_the_same_times(
    times: list[int], cuts: set[int]
) -> None:
    expected = steady(times)
    inside = sorted(cut for cut in cuts if cut < len(times))
    assert steady(times, *inside) == expected
    assert steady(times, *range(1, len(times))) == expected


def test_splits_inside_of_the_lookahead_give_the_same_times() -> None:
    times = ticking(100) + ticking(LOOKAHEAD - 1, 99_999_999) + ticking(100, 400)
    expected = steady(times)
    assert len(expected[1]) == LOOKAHEAD - 1
    assert steady(times, 99, 150, 300) == expected
    assert np.all(np.diff(expected[0]) >= 0)


def test_clock_that_comes_back_by_small_steps_is_believed_once_it_is_near() -> None:
    times = seconds(100, 1, 60, 61, 120, 121)
    for size in range(1, len(times)):
        found, mistimed = steady(times, *range(size, len(times), size))
        assert found == seconds(100, 100, 60, 61, 120, 121)
        assert mistimed == {2: SECOND_NS}
