"""A set of packets, by their frame IDs.

Memory: a bit for each packet of a capture, in chunks of 128 KiB that are made when the
first of their packets is added.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from captures.batch import split_frame_id

if TYPE_CHECKING:
    import numpy.typing as npt

# bits of the number within a chunk
_CHUNK_BITS = 20
_CHUNK_BYTES = 1 << (_CHUNK_BITS - 3)
_IN_CHUNK = (1 << _CHUNK_BITS) - 1


class FrameSet:
    """Packets of one or more captures."""

    def __init__(self) -> None:
        self._chunks: dict[int, npt.NDArray[np.uint8]] = {}

    def add(self, frame_ids: npt.NDArray[np.int64]) -> None:
        """Add packets."""
        for chunk, rows, byte, bit in self._places(frame_ids):
            bits = self._chunks.get(chunk)
            if bits is None:
                bits = self._chunks[chunk] = np.zeros(_CHUNK_BYTES, np.uint8)
            np.bitwise_or.at(bits, byte[rows], bit[rows])

    def holds(self, frame_ids: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Return (n,) bool, which of some packets are in the set."""
        result = np.zeros(len(frame_ids), np.bool_)
        for chunk, rows, byte, bit in self._places(frame_ids):
            bits = self._chunks.get(chunk)
            if bits is not None:
                result[rows] = (bits[byte[rows]] & bit[rows]) != 0
        return result

    def counts(self) -> dict[int, int]:
        """Return how many there are of each capture, by its index."""
        counts: dict[int, int] = {}
        for chunk, bits in self._chunks.items():
            capture, _ = split_frame_id(chunk << _CHUNK_BITS)
            counts[capture] = counts.get(capture, 0) + int(np.unpackbits(bits).sum())
        return counts

    @staticmethod
    def _places(
        frame_ids: npt.NDArray[np.int64],
    ) -> list[
        tuple[int, npt.NDArray[np.intp], npt.NDArray[np.int64], npt.NDArray[np.uint8]]
    ]:
        """Return the chunks that hold packets, with their rows, bytes and bits."""
        chunks = frame_ids >> _CHUNK_BITS
        within = frame_ids & _IN_CHUNK
        byte = within >> 3
        bit = np.uint8(1) << (within & 7).astype(np.uint8)
        return [
            (chunk, np.flatnonzero(chunks == chunk), byte, bit)
            for chunk in np.unique(chunks).tolist()
        ]
