"""Several captures as one, in time order.

Captures that follow each other, as those of a rotating ring do, are read one
after another, whatever order they are named in, and are opened only when their
turn comes. Where captures overlap their packets are merged one by one. Packets
of one capture keep their order: one that is older than its predecessor counts
as being as old as that. Equal times keep the order of the captures' first
packets, and then of their names.

A file that is damaged, or no capture at all, doesn't stop the others.

Cost: besides reading, the bytes of overlapping stretches are copied once. Memory: a
batch of each capture that overlaps with others, together little more than for one
capture alone, but at least 64 KiB for each.
"""

from __future__ import annotations

import os
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from captures.batch import (
    MAX_BATCH_BYTES,
    MAX_BATCH_PACKETS,
    BatchSource,
    PacketBatch,
)
from captures.errors import CaptureError, readable_name
from captures.files.clock import correct_times
from captures.files.opening import STANDARD_INPUT, ReadEngine, open_capture

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

    import numpy.typing as npt

    from captures.files.reader import CaptureReader

_SMALLEST_WINDOW = 64 * 1024
# From this many packets on, a run of one capture is worth a batch of its own,
# which needs no copy.
_LONG_RUN = 1024

# Time and rank: what packets are merged by. Ranks are distinct, so that packets
# of two captures never have the same key.
_Key = tuple[int, int]


class _Opened(NamedTuple):
    """What reads a capture, and its batches with steady times."""

    reader: CaptureReader
    batches: Generator[PacketBatch]

    def close(self) -> None:
        self.batches.close()
        self.reader.close()


@dataclass(slots=True)
class _Waiting:
    """A capture whose turn has not come.

    Attributes:
        index: of its name.
        first_time_ns: of its first packet.
        opened: it and its first batch, if it can't be opened a second time.
    """

    index: int
    first_time_ns: int
    opened: tuple[_Opened, PacketBatch] | None


class _Cursor:
    """A capture that is being read, and its packets that come next.

    Attributes:
        capture: what reads it.
        rank: its place among captures that have packets of the same time.
        position: bytes of its input that were passed on.
        secrets: how many of its secrets were passed on.
    """

    def __init__(self, capture: _Opened, rank: int, batch: PacketBatch) -> None:
        self.capture = capture
        self.rank = rank
        self.position = 0
        self.secrets = 0
        self._times = batch.time_ns[:1]
        self.take(batch)

    def take(self, batch: PacketBatch) -> None:
        """Go on with the next batch."""
        self._batch = batch
        self._at = 0
        times = np.maximum(batch.time_ns, self._times[-1])
        self._times = np.maximum.accumulate(times)

    @property
    def head(self) -> _Key:
        """Key of the next packet."""
        return int(self._times[self._at]), self.rank

    @property
    def end(self) -> _Key:
        """Key of the last packet that was read."""
        return int(self._times[-1]), self.rank

    @property
    def is_done(self) -> bool:
        """Whether all packets that were read were passed on."""
        return self._at == len(self._batch)

    def count_until(self, bound: _Key) -> int:
        """Return how many packets of the batch don't come after `bound`."""
        time, rank = bound
        later = np.searchsorted(
            self._times, time, side="right" if self.rank <= rank else "left"
        )
        return max(0, int(later) - self._at)

    def emit(self, count: int) -> tuple[npt.NDArray[np.int64], PacketBatch]:
        """Give the next packets, and the times to order them by."""
        rows = slice(self._at, self._at + count)
        self._at += count
        if self.is_done:
            self.position = self._batch.position
        return self._times[rows], self._batch.take(rows)


class MergedCaptures(BatchSource):
    """Several captures: an iterator of their packets, and a context manager.

    Attributes:
        names: of all captures, as the user gave them, as readable text.
        size: bytes of all inputs that can be read, as far as known.
        problems: what was wrong with captures so far.
        notes: what the user should know of how captures are read.
        secrets: type and data of the TLS secrets that were found so far.
    """

    def __init__(
        self,
        paths: Iterable[str | os.PathLike[str]],
        *,
        engine: ReadEngine,
        max_packets: int,
        max_bytes: int,
        on_problem: Callable[[CaptureError], None] | None,
    ) -> None:
        self._paths = [os.fspath(path) for path in paths]
        self.names = tuple(map(readable_name, self._paths))
        self.size = 0
        self.problems: list[CaptureError] = []
        self.notes: list[str] = []
        self.secrets: list[tuple[int, bytes]] = []
        self._engine = engine
        self._max_packets = max_packets
        self._max_bytes = max_bytes
        self._on_problem = on_problem
        self._position = 0
        self._active: list[_Cursor] = []
        captures = [self._peek_first_packet(index) for index in range(len(self.names))]
        waiting = [capture for capture in captures if capture is not None]
        # the sort is stable: captures of the same time stay in their order
        self._waiting = deque(
            sorted(waiting, key=lambda capture: capture.first_time_ns)
        )
        self._rank = 0
        self._batches = self._merge()

    def __next__(self) -> PacketBatch:
        """Get the next packets."""
        return next(self._batches)

    def close(self) -> None:
        """Close all captures; batches that were read stay valid."""
        self._batches.close()
        for cursor in self._active:
            cursor.capture.close()
        for capture in self._waiting:
            if capture.opened:
                capture.opened[0].close()

    # -- opening --

    def _peek_first_packet(self, index: int) -> _Waiting | None:
        """Find out when a capture begins; `None` if it has no packet."""
        is_single = len(self.names) == 1
        opened = self._open(index, self._max_bytes if is_single else _SMALLEST_WINDOW)
        batch = self._next_batch(opened) if opened else None
        if opened is None or batch is None:
            return None
        reader = opened.reader
        self.size += reader.size or 0
        capture = _Waiting(index, int(batch.time_ns[0]), (opened, batch))
        if not is_single and reader.size is not None and reader.name != STANDARD_INPUT:
            opened.close()
            capture.opened = None
        return capture

    def _open(
        self, index: int, max_bytes: int, *, again: bool = False
    ) -> _Opened | None:
        try:
            reader = open_capture(
                self._paths[index],
                engine=self._engine,
                max_packets=self._max_packets,
                max_bytes=max_bytes,
                again=again,
            )
        except CaptureError as error:
            self._report(error)
            return None
        reader.captures = self.names
        reader.capture = index
        return _Opened(reader, correct_times(reader))

    def _next_batch(self, capture: _Opened) -> PacketBatch | None:
        """Read on; close the capture if there is no more."""
        try:
            batch = next(capture.batches, None)
        except CaptureError as error:
            self._report(error)
            batch = None
        note = capture.reader.note
        if note and note not in self.notes:
            self.notes.append(note)
        if batch is None:
            capture.close()
        return batch

    def _report(self, error: CaptureError) -> None:
        self.problems.append(error)
        if self._on_problem:
            self._on_problem(error)

    # -- merging --

    def _merge(self) -> Generator[PacketBatch]:
        while self._waiting or self._active:
            self._start_captures()
            if not self._active:
                continue
            run = [cursor.emit(count) for cursor, count in self._next_run()]
            # What the cursors refer to may go when they read on, not before.
            yield from self._cut(run[0][1] if len(run) == 1 else _interleave(run))
            self._refill()

    def _start_captures(self) -> None:
        """Open the captures that have packets among the next ones."""
        while self._waiting:
            first = self._waiting[0].first_time_ns, self._rank
            if self._active and first > min(cursor.end for cursor in self._active):
                return
            self._start(self._waiting.popleft())

    def _start(self, capture: _Waiting) -> None:
        opened: _Opened | None
        batch: PacketBatch | None
        if capture.opened:
            opened, batch = capture.opened
        else:
            window = self._window(len(self._active) + 1)
            opened = self._open(capture.index, window, again=True)
            batch = self._next_batch(opened) if opened else None
        if opened and batch:
            cursor = _Cursor(opened, self._rank, batch)
            self._rank += 1
            self._active.append(cursor)
            self._take_secrets(cursor)
            self._share_memory()

    def _window(self, count: int) -> int:
        return min(self._max_bytes, max(_SMALLEST_WINDOW, self._max_bytes // count))

    def _share_memory(self) -> None:
        for cursor in self._active:
            cursor.capture.reader.max_bytes = self._window(len(self._active))

    def _next_run(self) -> list[tuple[_Cursor, int]]:
        """Choose the next packets, and how many of each capture, by rank."""
        first, *others = sorted(self._active, key=lambda cursor: cursor.head)
        if others:
            count = first.count_until(others[0].head)
            if count >= _LONG_RUN:
                return [(first, count)]
        # What a capture has after this may come later than what wasn't read yet.
        bound = min(cursor.end for cursor in self._active)
        counts = [(cursor, cursor.count_until(bound)) for cursor in self._active]
        return [(cursor, count) for cursor, count in counts if count]

    def _refill(self) -> None:
        """Get the next batch of each capture whose last one was passed on."""
        for cursor in [cursor for cursor in self._active if cursor.is_done]:
            batch = self._next_batch(cursor.capture)
            self._take_secrets(cursor)
            if batch:
                cursor.take(batch)
            else:
                self._active.remove(cursor)
                self._position += cursor.position
                self._share_memory()

    def _take_secrets(self, cursor: _Cursor) -> None:
        secrets = cursor.capture.reader.secrets
        self.secrets += secrets[cursor.secrets :]
        cursor.secrets = len(secrets)

    def _cut(self, batch: PacketBatch) -> Generator[PacketBatch]:
        batch.position = self._position + sum(
            cursor.position for cursor in self._active
        )
        for first in range(0, len(batch), self._max_packets):
            yield batch.take(slice(first, first + self._max_packets))


def open_captures(
    paths: Iterable[str | os.PathLike[str]],
    *,
    engine: ReadEngine = ReadEngine.AUTO,
    max_packets: int = MAX_BATCH_PACKETS,
    max_bytes: int = MAX_BATCH_BYTES,
    on_problem: Callable[[CaptureError], None] | None = None,
) -> MergedCaptures:
    """Open several captures as one, in time order.

    Args:
        paths: where they are, in any order; "-" is standard input. What is
            named twice is read twice.
        engine: what reads them, see `open_capture`.
        max_packets: most packets of a batch.
        max_bytes: about how many bytes of captures a batch holds at most.
        on_problem: is told at once when a capture can't be read, or not to its
            end. The others are read nonetheless.
    """
    return MergedCaptures(
        paths,
        engine=engine,
        max_packets=max_packets,
        max_bytes=max_bytes,
        on_problem=on_problem,
    )


def _interleave(run: list[tuple[npt.NDArray[np.int64], PacketBatch]]) -> PacketBatch:
    """Merge batches by the times of their packets into one with its own buffer."""
    # stable: batches are in the order of their ranks
    order = np.argsort(np.concatenate([times for times, _ in run]), kind="stable")
    return PacketBatch.concat([batch for _, batch in run]).take(order)
