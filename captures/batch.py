"""Captured packets as columns over one buffer."""

from __future__ import annotations

import abc
from collections import ChainMap
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    import numpy.typing as npt

# A batch ends at whichever limit comes first: large enough to spread numpy's
# fixed cost per call over many packets, small enough to stay in the caches and
# to keep memory flat.
MAX_BATCH_PACKETS = 65_536
MAX_BATCH_BYTES = 16 * 1024 * 1024


@dataclass(slots=True)
class PacketColumns:
    """Packets as columns over one buffer.

    Attributes:
        buffer: (size,) uint8, a read-only view of the bytes that hold the
            packets: a window of a file, or a block read from a stream.
        offset: (n,) int64, where each packet's first byte is in `buffer`.
        captured_length: (n,) uint32, bytes of each packet in `buffer`.
        wire_length: (n,) uint32, bytes that each packet had on the wire.
        time_ns: (n,) int64, nanoseconds since the Unix epoch.
        link_type: (n,) uint16, LINKTYPE_ value (tcpdump.org/linktypes.html).
    """

    buffer: npt.NDArray[np.uint8]
    offset: npt.NDArray[np.int64]
    captured_length: npt.NDArray[np.uint32]
    wire_length: npt.NDArray[np.uint32]
    time_ns: npt.NDArray[np.int64]
    link_type: npt.NDArray[np.uint16]

    @classmethod
    def of_packets(
        cls,
        packets: Sequence[bytes],
        wire_length: Sequence[int],
        time_ns: Sequence[int],
        link_type: Sequence[int],
    ) -> PacketColumns:
        """Put packets one behind the other; of each, what was captured of it."""
        captured_length = np.array([len(packet) for packet in packets], np.uint32)
        end = np.cumsum(captured_length, dtype=np.int64)
        return PacketColumns(
            buffer=np.frombuffer(b"".join(packets), np.uint8),
            offset=end - captured_length,
            captured_length=captured_length,
            wire_length=np.array(wire_length, np.uint32),
            time_ns=np.array(time_ns, np.int64),
            link_type=np.array(link_type, np.uint16),
        )

    def __len__(self) -> int:
        return len(self.offset)

    def take(self, rows: Any) -> Self:
        """Return some of the packets, chosen by a slice, a mask or indices."""
        return replace(
            self,
            offset=self.offset[rows],
            captured_length=self.captured_length[rows],
            wire_length=self.wire_length[rows],
            time_ns=self.time_ns[rows],
            link_type=self.link_type[rows],
        )


@dataclass(slots=True)
class PacketBatch(PacketColumns):
    """Packets in the order of their capture, or of several captures merged by time.

    Attributes:
        captures: names of all captures of the run, as the user gave them; the
            same tuple in every batch, so that an index stays valid.
        capture: (n,) uint32, which of `captures` each packet is from.
        frame: (n,) int64, number in its own capture, the first packet is 1.
        position: bytes of all inputs that were consumed up to the end of this
            batch (of the compressed input where it is compressed), for progress.
        mistimed: by frame ID, the times of packets whose own clock was wrong, which
            have another one in `time_ns`; perhaps of packets of other batches, too.
    """

    captures: tuple[str, ...]
    capture: npt.NDArray[np.uint32]
    frame: npt.NDArray[np.int64]
    position: int
    mistimed: Mapping[int, int] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        packets: PacketColumns,
        frame: Sequence[int] | npt.NDArray[np.int64],
        *,
        captures: tuple[str, ...],
        capture: int = 0,
        position: int,
    ) -> PacketBatch:
        """Make a batch of one capture's packets; the class explains the arguments."""
        return cls(
            buffer=packets.buffer,
            offset=packets.offset,
            captured_length=packets.captured_length,
            wire_length=packets.wire_length,
            time_ns=packets.time_ns,
            link_type=packets.link_type,
            captures=captures,
            capture=np.full(len(packets), capture, np.uint32),
            frame=np.asarray(frame, np.int64),
            position=position,
        )

    @classmethod
    def empty(cls, captures: tuple[str, ...], position: int) -> PacketBatch:
        """Return a batch without packets."""
        nothing = PacketColumns.of_packets([], [], [], [])
        return cls.of(nothing, [], captures=captures, position=position)

    @classmethod
    def concat(cls, batches: Sequence[PacketBatch]) -> PacketBatch:
        """Concatenate several batches, none of them empty.

        The new one has a buffer of its own, with no more than the packets, and is as
        far as the first.
        """
        blocks, offsets, size = [], [], 0
        for batch in batches:
            first = int(batch.offset[0])
            end = int(batch.offset[-1]) + int(batch.captured_length[-1])
            blocks.append(batch.buffer[first:end])
            offsets.append(batch.offset + (size - first))
            size += end - first
        buffer = np.concatenate(blocks)
        buffer.flags.writeable = False
        return cls(
            buffer=buffer,
            offset=np.concatenate(offsets),
            captured_length=np.concatenate(
                [batch.captured_length for batch in batches]
            ),
            wire_length=np.concatenate([batch.wire_length for batch in batches]),
            time_ns=np.concatenate([batch.time_ns for batch in batches]),
            link_type=np.concatenate([batch.link_type for batch in batches]),
            captures=batches[0].captures,
            capture=np.concatenate([batch.capture for batch in batches]),
            frame=np.concatenate([batch.frame for batch in batches]),
            position=batches[0].position,
            mistimed=dict(ChainMap(*(dict(batch.mistimed) for batch in batches))),
        )

    @property
    def frame_ids(self) -> npt.NDArray[np.int64]:
        """(n,) frame IDs (see `split_frame_id`)."""
        return frame_ids(self.capture, self.frame)

    def take(self, rows: Any) -> PacketBatch:
        """Return some of the packets, chosen by a slice, a mask or indices."""
        # a dataclass with slots is another class than the one that `super()` knows
        batch = PacketColumns.take(self, rows)
        batch.capture, batch.frame = self.capture[rows], self.frame[rows]
        return batch

    def with_packets(self, packets: Sequence[bytes], link_type: int) -> PacketBatch:
        """Return the same rows with other packets, complete and of this link type."""
        sizes = [len(packet) for packet in packets]
        columns = PacketColumns.of_packets(
            packets, sizes, self.time_ns.tolist(), [link_type] * len(packets)
        )
        return replace(
            self,
            buffer=columns.buffer,
            offset=columns.offset,
            captured_length=columns.captured_length,
            wire_length=columns.wire_length,
            link_type=columns.link_type,
        )


# A frame ID tells a packet among those of all captures: which capture, and the
# packet's number there.
_FRAME_NUMBER_BITS = 40
_FRAME_NUMBER_MASK = (1 << _FRAME_NUMBER_BITS) - 1


def frame_ids(
    capture: npt.NDArray[np.uint32], frame: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Return the (n,) frame IDs of packets, given their captures and numbers."""
    return (capture.astype(np.int64) << _FRAME_NUMBER_BITS) | frame


def frame_id(capture: int, number: int) -> int:
    """Return the frame ID of one packet."""
    return capture << _FRAME_NUMBER_BITS | number


def split_frame_id(frame_id: int) -> tuple[int, int]:
    """Return the index of a packet's capture, and its number there."""
    return frame_id >> _FRAME_NUMBER_BITS, frame_id & _FRAME_NUMBER_MASK


class BatchSource(abc.ABC):
    """A source of batches of packets: an iterator of them, and a context manager."""

    def __iter__(self) -> Self:
        return self

    @abc.abstractmethod
    def __next__(self) -> PacketBatch:
        """Get the next packets."""

    @abc.abstractmethod
    def close(self) -> None:
        """Let go of what packets come from; batches that were read stay valid."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
