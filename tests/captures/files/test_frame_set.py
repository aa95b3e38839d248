from __future__ import annotations

import numpy as np

from captures.batch import frame_id
from captures.files.frame_set import FrameSet


def ids(*places: tuple[int, int]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array([frame_id(*place) for place in places], np.int64)


def test_set_holds_what_was_added_and_nothing_else() -> None:
    frames = FrameSet()
    frames.add(ids((0, 1), (0, 9), (3, 1), (0, 5_000_000)))

    asked = ids((0, 1), (0, 2), (0, 9), (1, 1), (3, 1), (0, 5_000_000), (0, 5_000_001))
    assert frames.holds(asked).tolist() == [
        *(True, False, True, False, True, True, False)
    ]


def test_packets_are_counted_once_for_each_capture() -> None:
    frames = FrameSet()
    frames.add(ids((0, 1), (0, 1), (2, 7)))
    frames.add(ids((0, 1), (0, 3_000_000)))

    assert frames.counts() == {0: 2, 2: 1}


def test_nothing_is_in_an_empty_set() -> None:
    frames = FrameSet()
    frames.add(ids())

    assert not frames.holds(ids((0, 1))).any()
    assert frames.counts() == {}
