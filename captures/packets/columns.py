"""Packets as columns on their way up the layers, and how their bytes are read."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from captures.packets.segments import Indices, Mask

# (n,) what each packet goes on with, see `captures.packets.kinds`
Kinds = npt.NDArray[np.int32]


class Gather:
    """Reads integers at any byte offset of a buffer, many at once.

    `byte`, `be16`, `be32` and `be64` must not be asked for what is behind the end of
    the buffer; `byte_before` and `be16_before` may, and give 0 for what is not there.
    """

    def __init__(self, buffer: npt.NDArray[np.uint8]) -> None:
        self.byte = buffer
        self.be16 = self._every_offset(">u2")
        self.be32 = self._every_offset(">u4")
        self.be64 = self._every_offset(">u8")

    def _every_offset(self, dtype: str) -> npt.NDArray[np.unsignedinteger]:
        """View the buffer as one (unaligned) integer for every byte offset."""
        width = np.dtype(dtype).itemsize
        count = max(self.byte.size - width + 1, 0)
        return np.ndarray((count,), dtype, buffer=self.byte.data, strides=(1,))

    def byte_before(self, end: Indices, at: Indices) -> Indices:
        """Return the (n,) bytes at `at`, 0 where the packet has ended."""
        return _read_before(self.byte, end, at, 1)

    def be16_before(self, end: Indices, at: Indices) -> Indices:
        """Return the (n,) 16-bit integers at `at`, 0 where the packet has ended."""
        return _read_before(self.be16, end, at, 2)


def _read_before(
    values: npt.NDArray[np.unsignedinteger], end: Indices, at: Indices, width: int
) -> Indices:
    result = np.zeros(len(at), dtype=np.int64)
    inside = np.flatnonzero(at + width <= end)
    result[inside] = values[at[inside]]
    return result


@dataclass(slots=True)
class Packets:
    """Packets on their way up the layers; all columns have the same length.

    Attributes:
        index: (n,) place in the batch.
        start: (n,) offset of the next layer's first byte.
        end: (n,) offset behind the last captured byte.
        wire_end: (n,) where the end would be, had all of it been captured.
        vlan: (n,) int32, the outermost VLAN so far, -1 without one.
        depth: (n,) int8, how many tunnels they are in.
        ip_header: (n,) offset of the IP header that was read last.
    """

    index: Indices
    start: Indices
    end: Indices
    wire_end: Indices
    vlan: npt.NDArray[np.int32]
    depth: npt.NDArray[np.int8]
    ip_header: Indices

    def __len__(self) -> int:
        return len(self.index)

    def take(self, rows: Mask | Indices) -> Packets:
        """Return the packets that a mask or indices choose."""
        if rows.dtype == np.bool_ and rows.all():
            return self
        return Packets(*(getattr(self, f.name)[rows] for f in fields(self)))

    def holding(self, size: int) -> Mask:
        """Return which packets have at least `size` captured bytes left."""
        return self.end - self.start >= size

    def inside(self, start: Indices, wire_end: Indices | None = None) -> Packets:
        """Return what begins at `start`, and ends before `wire_end`."""
        if wire_end is None:
            return replace(self, start=start)
        end = np.minimum(self.end, wire_end)
        return replace(self, start=start, end=end, wire_end=wire_end)


class Inside(NamedTuple):
    """What follows a header of packets.

    Attributes:
        kind: (n,) of what follows, or one for all.
        start: (n,) where it begins; behind the packet's end if the header is cut.
        wire_end: (n,) where it ends on the wire, if this header tells.
        vlan: (n,) the VLANs, if this header tells.
    """

    kind: Kinds | int
    start: Indices
    wire_end: Indices | None = None
    vlan: npt.NDArray[np.int32] | None = None


Peel = Callable[[Gather, Packets], Inside]


class Encapsulation(NamedTuple):
    """One header that a packet may begin with.

    Attributes:
        name: what messages call it.
        header_bytes: how many bytes `peel` may read without asking.
        peel: says what is inside; packets that don't hold the header are not asked
            for.
    """

    name: str
    header_bytes: int
    peel: Peel


def concat(parts: Sequence[Packets]) -> Packets:
    """Join packets from several places, in capture order."""
    if len(parts) == 1:
        return parts[0]
    columns = (
        np.concatenate([getattr(part, f.name) for part in parts])
        for f in fields(Packets)
    )
    together = Packets(*columns)
    return together.take(np.argsort(together.index, kind="stable"))


def followed_by(kind: int, header_bytes: int) -> Peel:
    """Peel a header of fixed length, followed by one kind of packet."""
    return lambda _, packets: Inside(kind, packets.start + header_bytes)


def one_by_one(peel: Callable[[memoryview], tuple[int, int]]) -> Peel:
    """Peel packets in plain Python, for what is rare.

    Args:
        peel: given the captured bytes, says the kind of what is inside, and how many
            bytes before it. An `IndexError` or `struct.error` means that the header
            is cut.
    """

    def peel_all(gather: Gather, packets: Packets) -> Inside:
        data = gather.byte.data
        kind = np.zeros(len(packets), dtype=np.int32)
        start = packets.start.copy()
        rows = zip(packets.start.tolist(), packets.end.tolist(), strict=True)
        for at, (first, end) in enumerate(rows):
            try:
                kind[at], skipped = peel(data[first:end])
            except (IndexError, struct.error):
                skipped = end + 1 - first
            start[at] += skipped
        return Inside(kind, start)

    return peel_all
