"""Packets whose time is far off that of the packets around them.

A wrong clock, a damaged file or a careless tool stamps single packets years too late
or too early. `correct_times` gives these the time of the packet before them, so that
they neither end other connections nor stretch their own. A jump is believed if the
capture goes on from there: after a quiet night, or in captures made months apart.

Only jumps by more than `JUMP_NS` are looked at, each with the `LOOKAHEAD` packets that
follow; everything else costs one comparison per packet. What is decided does not depend
on where batches end.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from captures.errors import CaptureError
from captures.files.timestamps import MAX_TIME_NS, MIN_TIME_NS, NS_PER_SECOND

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

    from captures.batch import PacketBatch
    from captures.files.timestamps import Times

# Less than the shortest time after which an open connection is given up.
JUMP_NS = 60 * NS_PER_SECOND
# A jump is wrong if the capture comes back within so many packets.
LOOKAHEAD = 256
# At its ends a capture can't come back: so few packets that are further away from all
# others than this are wrong.
_FEW = 4
_LONGEST_PAUSE_NS = 366 * 86_400 * NS_PER_SECOND


def correct_times(batches: Iterable[PacketBatch]) -> Generator[PacketBatch]:
    """Yield the packets of one capture, those with a wrong time in `mistimed`.

    Raises:
        CaptureError: as `batches` does, after all packets before the damage.
    """
    clock = _Clock()
    held: list[PacketBatch] = []
    try:
        for batch in batches:
            held.append(batch)
            yield from _release(held, clock, at_end=False)
    except CaptureError:
        yield from _release(held, clock, at_end=True)
        raise
    yield from _release(held, clock, at_end=True)


def _release(
    held: list[PacketBatch], clock: _Clock, *, at_end: bool
) -> Iterator[PacketBatch]:
    """Yield what is decided, and leave the rest in `held`."""
    if not held:
        return
    if len(held) == 1:
        times = held[0].time_ns
    else:
        times = np.concatenate([batch.time_ns for batch in held])
    steady, wrong = clock.read(times, at_end=at_end)
    at = 0
    batches, held[:] = list(held), []
    for batch in batches:
        count = min(len(batch), len(steady) - at)
        decided = batch
        if count < len(batch):
            held.append(batch.take(slice(count, None)))
            decided = batch.take(slice(count))
        if count:
            yield _correct_batch(decided, steady[at : at + count], wrong, at)
        at += count


def _correct_batch(
    batch: PacketBatch, steady: Times, wrong: list[int], first: int
) -> PacketBatch:
    rows = [index - first for index in wrong if first <= index < first + len(batch)]
    if not rows:
        return batch
    frames = batch.frame_ids[rows].tolist()
    claimed = batch.time_ns[rows].tolist()
    mistimed = dict(zip(frames, claimed, strict=True))
    return replace(batch, time_ns=steady, mistimed=mistimed)


class _Clock:
    """Follows the times of a capture."""

    def __init__(self) -> None:
        # the last time that was believed
        self._now: int | None = None
        # how far off the last wrong time was
        self._offset = 0

    def read(self, times: Times, *, at_end: bool) -> tuple[Times, list[int]]:
        """Judge times that follow those that were decided before.

        Args:
            times: (n,) int64.
            at_end: whether the capture ends with them.

        Returns:
            As many times from the first one on as can be decided, those that are
            wrong replaced; and the indices of these.
        """
        now, steady, decided = self._now, times.copy(), len(times)
        wrong: list[int] = []
        edges = [0, *_jumps(times), len(times)] if len(times) else []
        for first, end in pairwise(edges):
            time = int(times[first])
            # only at the beginning may what came before be wrong instead
            is_few = self._now is None and first <= _FEW
            if now is not None and abs(time - now) > JUMP_NS:
                is_wrong = self._is_wrong(times, first, end, now, at_end=at_end)
                if is_wrong is None:
                    decided = 0 if is_few else first
                    break
                if is_wrong:
                    self._offset = time - now
                    stop = first + _first_near(times[first:end], now)
                    steady[first:stop] = now
                    wrong += range(first, stop)
                    if stop == end:
                        continue
                if is_few and abs(time - now) > _LONGEST_PAUSE_NS:
                    steady[:first] = time
                    wrong = list(range(first))
            now = int(times[end - 1])
        if self._now is None and decided <= _FEW and not at_end:
            return steady[:0], []
        if decided:
            self._now = now
        return steady[:decided], wrong

    def _is_wrong(
        self, times: Times, first: int, end: int, now: int, *, at_end: bool
    ) -> bool | None:
        """Return whether the times from `first` to `end`, behind a jump, are wrong.

        Returns:
            `None` if it may still come back.
        """
        time = int(times[first])
        behind = times[first + 1 : first + 1 + LOOKAHEAD]
        lowest = max(now - JUMP_NS, MIN_TIME_NS)
        highest = min(now + _LONGEST_PAUSE_NS, MAX_TIME_NS)
        if time > now:
            highest = time - JUMP_NS
        if ((behind >= lowest) & (behind <= highest)).any():
            return True
        if len(behind) == LOOKAHEAD:
            return False
        if not at_end:
            return None
        is_known = abs(time - now - self._offset) <= JUMP_NS
        is_far = abs(time - now) > _LONGEST_PAUSE_NS
        is_last = end == len(times) and end - first <= _FEW
        return is_known or (is_far and is_last)


def _first_near(times: Times, now: int) -> int:
    """Return the index of the first time that is no jump from now, else the length."""
    lowest, highest = max(now - JUMP_NS, MIN_TIME_NS), min(now + JUMP_NS, MAX_TIME_NS)
    near = np.flatnonzero((times >= lowest) & (times <= highest))
    return int(near[0]) if len(near) else len(times)


def _jumps(times: Times) -> list[int]:
    """Return the indices of times that are far from the one before."""
    before, time = times[:-1], times[1:]
    # without overflow
    forward = np.minimum(before, MAX_TIME_NS - JUMP_NS) + JUMP_NS < time
    back = np.minimum(time, MAX_TIME_NS - JUMP_NS) + JUMP_NS < before
    jumps: list[int] = (np.flatnonzero(forward | back) + 1).tolist()
    return jumps
