"""The walk over the records of a capture file.

A record says how long it is, and so where the next one begins: a chain that
seems to need one step after the other. It needn't. A window of the file is cut
into pieces, the beginning of a record is guessed in each by looking for a few
plausible records in a row, and all pieces are walked at once. If the walk of
every piece ends exactly where the next one was guessed to begin, all guesses
are proven right, as the first piece begins at a known record. Otherwise nothing
is lost but the attempt, and the window is walked one record at a time.

Cost: linear in the bytes, for any input: a window is walked at most twice.
Memory: eight bytes per record of a window, and as much again while it is walked.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from captures.batch import PacketColumns

Positions = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

# What libpcap and Wireshark take for the longest packet of common link types.
MAX_CAPTURED_LENGTH = 262_144

_PIECE_BYTES = 128 * 1024
# Wider than an Ethernet packet with its record header. Where packets are larger
# there are few of them, and the plain walk is quick enough.
_SEARCHED_BYTES = 1600
_PLAUSIBLE_IN_A_ROW = 4
# With fewer pieces than this, numpy's fixed cost per step exceeds that of the
# plain walk.
_FEWEST_PIECES = 16


@dataclass(frozen=True, slots=True)
class Scan:
    """The packets of one window, and how far the window could be read.

    Attributes:
        packets: in the scanned data.
        end: where the first record begins that isn't part of the scan.
        damage: what is wrong with that record; `None` if it is merely not
            complete yet, or not part of the window.
    """

    packets: PacketColumns
    end: int
    damage: str | None


class RecordFormat(ABC):
    """A capture format: how its records chain, and what they hold.

    Attributes:
        name: name of the format.
        header_length: bytes before the first record.
        secrets: (type, data) of the TLS secrets that the capture brings along.
        order: byte order, "<" or ">", of all numbers of a record.
        smallest: bytes of the smallest record.
        length_at: where in a record its 32-bit length is.
        smallest_length: what the length field of the smallest record says.
    """

    name: str
    header_length: int
    secrets: Sequence[tuple[int, bytes]] = ()
    order: str
    smallest: int
    length_at: int
    smallest_length: int

    # bytes to walk plainly, because guesses about them proved wrong
    _distrusted_bytes = 0

    @abstractmethod
    def scan(self, data: npt.NDArray[np.uint8], start: int, stop: int) -> Scan:
        """Read the records that begin from `start` on, before `stop`.

        Args:
            data: (size,) uint8, what is known of the capture.
            start: where a record begins.
            stop: no record that begins here or later is read.
        """

    @abstractmethod
    def walk_plainly(
        self, data: npt.NDArray[np.uint8], start: int, stop: int
    ) -> tuple[list[int], int]:
        """Walk as `walk` does, one record at a time."""

    @abstractmethod
    def first_words(self, words: npt.NDArray[Any], start: int) -> tuple[int, int]:
        """Return the least first 32 bits of records near `start`, and their range."""

    @abstractmethod
    def are_plausible(self, words: npt.NDArray[Any], positions: Positions) -> Mask:
        """Return whether what is at `positions` looks like records."""

    def are_walkable(self, words: npt.NDArray[Any], positions: Positions) -> bool:
        """Return whether a walk may pass over all records at `positions`."""
        return True

    def walk(
        self, data: npt.NDArray[np.uint8], start: int, stop: int
    ) -> tuple[Positions, int]:
        """Find the complete records that begin from `start` on, before `stop`.

        Returns:
            (n,) int64 positions of the records, and where the walk ended: at
            the first record that isn't complete, can't be walked over, or
            begins at `stop` or later.
        """
        proven = self._walk_in_lockstep(data, start, min(stop, len(data)))
        # the last guess was proven, and is the first record of the last piece
        last = int(proven[-1]) if len(proven) else start
        rest, end = self.walk_plainly(data, last, stop)
        self._distrusted_bytes = max(0, self._distrusted_bytes - (end - start))
        return np.concatenate((proven[:-1], np.array(rest, np.int64))), end

    def _walk_in_lockstep(
        self, data: npt.NDArray[np.uint8], start: int, stop: int
    ) -> Positions:
        """Walk all pieces at once, up to and with the first record of the last.

        Returns:
            (n,) int64 positions, none if the pieces are too few or were wrong.
        """
        nothing = np.empty(0, np.int64)
        if self._distrusted_bytes:
            return nothing
        words = unaligned(data, self.order + "u4")
        guesses = self._guess(data, words, start, stop)
        if len(guesses) <= _FEWEST_PIECES:
            return nothing
        positions = self._walk_pieces(data, words, guesses)
        if positions is None or not self.are_walkable(words, positions):
            # Input that is made to mislead costs one attempt per byte, not more.
            self._distrusted_bytes = stop - start
            return nothing
        return positions

    def _guess(
        self,
        data: npt.NDArray[np.uint8],
        words: npt.NDArray[Any],
        start: int,
        stop: int,
    ) -> Positions:
        """Guess the first record of each piece; `start` is that of the first.

        A piece without a plausible record is left to the piece before it.
        """
        pieces = (stop - start) // _PIECE_BYTES
        if pieces <= _FEWEST_PIECES:
            return np.empty(0, np.int64)
        low, span = self.first_words(words, start)
        searched: npt.NDArray[Any] = np.ndarray(
            (pieces - 1, _SEARCHED_BYTES),
            words.dtype,
            data,
            offset=start + _PIECE_BYTES,
            strides=(_PIECE_BYTES, 1),
        )
        # unsigned: what is below the lowest value wraps around to far above it
        piece, column = np.nonzero(searched - np.uint32(low) <= np.uint32(span))
        candidate = start + (piece + 1) * _PIECE_BYTES + column
        position = candidate
        for _ in range(_PLAUSIBLE_IN_A_ROW):
            good = np.flatnonzero(position + self.smallest <= stop)
            good = good[self.are_plausible(words, position[good])]
            piece, candidate, position = piece[good], candidate[good], position[good]
            position = position + self._sizes(words, position)
        first_of_piece = np.diff(piece, prepend=-1) > 0
        return np.concatenate(([start], candidate[first_of_piece]))

    def _walk_pieces(
        self, data: npt.NDArray[np.uint8], words: npt.NDArray[Any], guesses: Positions
    ) -> Positions | None:
        """Walk from each guess to the next one; `None` if a piece misses it."""
        positions = [guesses[-1:]]
        position, target = guesses[:-1], guesses[1:]
        while len(position) >= _FEWEST_PIECES:
            positions.append(position)
            position = position + self._sizes(words, position)
            is_active = position < target
            if not is_active.all():
                if (position > target).any():
                    return None
                position, target = position[is_active], target[is_active]
        for start, stop in zip(position.tolist(), target.tolist(), strict=True):
            rest, end = self.walk_plainly(data, start, stop)
            if end != stop:
                return None
            positions.append(np.array(rest, np.int64))
        return np.sort(np.concatenate(positions))

    def _sizes(self, words: npt.NDArray[Any], positions: Positions) -> Positions:
        """Return how many bytes the records at `positions` have.

        A length that is too small wraps around to a huge one, so that a walk
        always goes on and misses its target.
        """
        length = words[positions + self.length_at]
        if self.smallest_length:
            length = length - np.uint32(self.smallest_length)
        return length.astype(np.int64) + self.smallest


def unaligned(data: npt.NDArray[np.uint8], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """View `data` as values that may begin at any byte, overlapping each other.

    Returns:
        A view whose index is the byte offset; it holds the offsets at which a
        whole value is in `data`.
    """
    item = np.dtype(dtype)
    count = max(0, len(data) - item.itemsize + 1)
    return np.ndarray((count,), item, data, strides=(1,))


def gather(
    data: npt.NDArray[np.uint8], dtype: np.dtype[Any], positions: Positions
) -> npt.NDArray[Any]:
    """Copy the structured values at `positions`.

    numpy copies raw bytes whole, but structured values field by field, which
    takes four times as long.
    """
    values: npt.NDArray[Any] = unaligned(data, f"V{dtype.itemsize}")[positions]
    return values.view(dtype)


def first_failure(*checks: tuple[Mask, str]) -> tuple[int, str] | None:
    """Find the first item that fails one of some checks.

    Args:
        checks: (n,) bool of the items that fail, and what is wrong with them.

    Returns:
        The item's index and what is wrong with it; `None` if nothing is.
    """
    failures = [(int(mask.argmax()), reason) for mask, reason in checks if mask.any()]
    return min(failures, key=lambda failure: failure[0], default=None)
