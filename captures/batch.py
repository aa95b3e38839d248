"""A block of captured packets as columns over one buffer."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

# A batch ends at whichever limit comes first: large enough to spread numpy's
# fixed cost per call over many packets, small enough to stay in the caches and
# to keep memory flat.
MAX_BATCH_PACKETS = 65_536
MAX_BATCH_BYTES = 16 * 1024 * 1024


@dataclass(slots=True)
class PacketBatch:
    """Packets in the order of their capture, or of several captures merged by time.

    Attributes:
        captures: names of all captures of the run, as the user gave them; the
            same tuple in every batch, so that an index stays valid.
        capture: (n,) uint32, which of `captures` each packet is from.
        buffer: (size,) uint8, a read-only view of the bytes that hold the
            packets: a window of a file, or a block read from a stream.
        offset: (n,) int64, where each packet's first byte is in `buffer`.
        captured_length: (n,) uint32, bytes of each packet in `buffer`.
        wire_length: (n,) uint32, bytes that each packet had on the wire.
        time_ns: (n,) int64, nanoseconds since the Unix epoch.
        link_type: (n,) uint16, LINKTYPE_ value (tcpdump.org/linktypes.html).
        frame: (n,) int64, number in its own capture, the first packet is 1.
        position: bytes of all inputs that were consumed up to the end of this
            batch (of the compressed input where it is compressed), for progress.
        mistimed: by frame ID, the times of packets whose own clock was wrong, which
            have another one in `time_ns`; perhaps of packets of other batches, too.
    """

    captures: tuple[str, ...]
    capture: npt.NDArray[np.uint32]
    buffer: npt.NDArray[np.uint8]
    offset: npt.NDArray[np.int64]
    captured_length: npt.NDArray[np.uint32]
    wire_length: npt.NDArray[np.uint32]
    time_ns: npt.NDArray[np.int64]
    link_type: npt.NDArray[np.uint16]
    frame: npt.NDArray[np.int64]
    position: int
    mistimed: Mapping[int, int] = field(default_factory=dict)

    @classmethod
    def empty(cls, captures: tuple[str, ...], position: int) -> PacketBatch:
        """A batch without packets."""
        return cls(
            captures=captures,
            capture=np.empty(0, np.uint32),
            buffer=np.empty(0, np.uint8),
            offset=np.empty(0, np.int64),
            captured_length=np.empty(0, np.uint32),
            wire_length=np.empty(0, np.uint32),
            time_ns=np.empty(0, np.int64),
            link_type=np.empty(0, np.uint16),
            frame=np.empty(0, np.int64),
            position=position,
        )

    def __len__(self) -> int:
        return len(self.offset)

    @property
    def frame_ids(self) -> npt.NDArray[np.int64]:
        """(n,) frame IDs (see `split_frame_id`)."""
        return frame_ids(self.capture, self.frame)

    def take(self, rows: Any) -> PacketBatch:
        """Some of the packets, by a slice, a mask or indices."""
        return replace(
            self,
            capture=self.capture[rows],
            offset=self.offset[rows],
            captured_length=self.captured_length[rows],
            wire_length=self.wire_length[rows],
            time_ns=self.time_ns[rows],
            link_type=self.link_type[rows],
            frame=self.frame[rows],
        )

    def made_of(
        self, packets: Sequence[bytes], made_by: Sequence[int], link_type: int
    ) -> PacketBatch:
        """A batch of other packets, at least one.

        Args:
            packets: their bytes, of which all were captured.
            made_by: which packet of this batch each is from; theirs are the frame
                numbers and times.
            link_type: of all of them.
        """
        length = np.array([len(packet) for packet in packets], dtype=np.uint32)
        end = np.cumsum(length, dtype=np.int64)
        return replace(
            self,
            capture=self.capture[made_by],
            buffer=np.frombuffer(b"".join(packets), dtype=np.uint8),
            offset=end - length,
            captured_length=length,
            wire_length=length,
            time_ns=self.time_ns[made_by],
            link_type=np.full(len(packets), link_type, dtype=np.uint16),
            frame=self.frame[made_by],
        )


# A frame ID tells a packet among those of all captures: which capture, and the
# packet's number there.
_FRAME_NUMBER_BITS = 40
_FRAME_NUMBER_MASK = (1 << _FRAME_NUMBER_BITS) - 1


def frame_ids(
    capture: npt.NDArray[np.uint32], frame: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """(n,) frame IDs of packets with these captures and numbers."""
    return (capture.astype(np.int64) << _FRAME_NUMBER_BITS) | frame


def split_frame_id(frame_id: int) -> tuple[int, int]:
    """The index of a packet's capture, and its number there."""
    return frame_id >> _FRAME_NUMBER_BITS, frame_id & _FRAME_NUMBER_MASK
