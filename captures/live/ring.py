"""The memory that the kernel writes packets into (`TPACKET_V3`, packet(7)).

The kernel fills one block after the other, and hands over a block that is full, or
has waited long enough. It is copied and given back at once, so that packets are
lost only if the reader pauses for longer than it takes to fill all blocks. What is
in the copy are frames, each behind a header that says where the next one begins.

Cost: a copy of each byte, and one step in Python per packet to find its header.
"""

from __future__ import annotations

import mmap
import struct
from socket import PACKET_OUTGOING
from typing import TYPE_CHECKING, Any

import numpy as np

from captures.batch import PacketColumns
from captures.files.record_walk import gather
from captures.files.timestamps import NS_PER_SECOND

if TYPE_CHECKING:
    import socket

    import numpy.typing as npt

# linux/if_packet.h
_SOL_PACKET = 263
_PACKET_RX_RING = 5
_PACKET_STATISTICS = 6
_PACKET_VERSION = 10
_TPACKET_V3 = 2
_TP_STATUS_KERNEL = 0
_TP_STATUS_USER = 1
_TP_STATUS_VLAN_VALID = 1 << 4
_TP_STATUS_VLAN_TPID_VALID = 1 << 6
_TPACKET_REQ3 = struct.Struct("7I")
_TPACKET_STATS_V3 = struct.Struct("3I")

# tpacket_block_desc and the tpacket_hdr_v1 inside
_BLOCK = np.dtype(
    {
        "names": ["status", "packets", "first", "length"],
        "formats": ["u4", "u4", "u4", "u4"],
        "offsets": [8, 12, 16, 20],
        "itemsize": 48,
    }
)
# tpacket3_hdr, and the sockaddr_ll behind
_FRAME = np.dtype(
    {
        "names": [
            "next",
            "seconds",
            "nanoseconds",
            "captured",
            "length",
            "status",
            "start",
            "vlan_tci",
            "vlan_tpid",
            "packet_type",
        ],
        "formats": [*["u4"] * 6, "u2", "u4", "u2", "u1"],
        "offsets": [0, 4, 8, 12, 16, 20, 24, 32, 36, 58],
        "itemsize": 60,
    }
)

# a block holds the longest frame there is, a "big TCP" segment of 512 KiB
_BLOCK_BYTES = 1 << 20
# of packets, one of `captures.batch.MAX_BATCH_PACKETS` at most
_BLOCKS_AT_ONCE = 8
# the kernel wants it, but has no use for it in this version of the ring
_FRAME_BYTES = 2048
# so long a packet waits for others to fill its block
RETIRE_S = 0.1

_ETHERTYPE_VLAN = 0x8100
_MAC_ADDRESSES = np.arange(12)
_TAG = np.arange(4)


class PacketRing:
    """The blocks that the kernel shares with a packet socket.

    Packets that the socket received before are forgotten, and so are their drops.
    """

    def __init__(
        self,
        packet_socket: socket.socket,
        size: int,
        *,
        link_type: int,
        skips_outgoing: bool,
    ) -> None:
        """Set the ring up.

        Args:
            packet_socket: a bound AF_PACKET socket.
            size: about how many bytes all blocks have.
            link_type: LINKTYPE_ value of what the socket receives.
            skips_outgoing: whether to take only what comes in.
        """
        count = max(2, size // _BLOCK_BYTES)
        size = count * _BLOCK_BYTES
        request = _TPACKET_REQ3.pack(
            _BLOCK_BYTES,
            count,
            _FRAME_BYTES,
            size // _FRAME_BYTES,
            round(RETIRE_S * 1000),
            0,
            0,
        )
        packet_socket.setsockopt(_SOL_PACKET, _PACKET_VERSION, _TPACKET_V3)
        packet_socket.setsockopt(_SOL_PACKET, _PACKET_RX_RING, request)
        # unmapped with the last view of it
        memory = mmap.mmap(packet_socket.fileno(), size)
        self._blocks = np.frombuffer(memory, np.uint8).reshape(count, _BLOCK_BYTES)
        self._headers: npt.NDArray[Any] = np.ndarray(
            (count,), _BLOCK, memory, strides=(_BLOCK_BYTES,)
        )
        self._socket = packet_socket
        self._link_type = link_type
        self._skips_outgoing = skips_outgoing
        # the block that the kernel hands over next
        self._next = 0
        self._drops = 0
        self._new_drops()

    def drops(self) -> int:
        """Return how many packets found no room so far."""
        self._drops += self._new_drops()
        return self._drops

    def take(self) -> PacketColumns | None:
        """Take the frames of the blocks that were handed over, if there are any."""
        ready = self._ready_blocks()
        if not ready:
            return None
        headers = self._headers[ready].copy()
        # Frames begin at multiples of 8, in the copy as in the blocks.
        sizes = headers["length"].astype(np.int64) + 7 & ~7
        buffer = np.concatenate(
            [
                self._blocks[block, :size]
                for block, size in zip(ready, sizes.tolist(), strict=True)
            ]
        )
        self._headers["status"][ready] = _TP_STATUS_KERNEL
        self._next = (ready[-1] + 1) % len(self._headers)
        firsts = np.cumsum(sizes) - sizes + headers["first"]
        positions = _walk(buffer, firsts.tolist(), headers["packets"].tolist())
        return self._decode(buffer, positions)

    def _ready_blocks(self) -> list[int]:
        count = len(self._headers)
        ready = []
        for step in range(min(_BLOCKS_AT_ONCE, count)):
            block = (self._next + step) % count
            if not self._headers["status"][block] & _TP_STATUS_USER:
                break
            ready.append(block)
        return ready

    def _decode(
        self, buffer: npt.NDArray[np.uint8], positions: npt.NDArray[np.int64]
    ) -> PacketColumns:
        """Decode the headers at `positions`."""
        frames = gather(buffer, _FRAME, positions)
        if self._skips_outgoing:
            wanted = frames["packet_type"] != PACKET_OUTGOING
            frames, positions = frames[wanted], positions[wanted]
        offset = positions + frames["start"]
        tagged = np.flatnonzero(frames["status"] & _TP_STATUS_VLAN_VALID)
        if len(tagged):
            _restore_tags(buffer, offset, frames, tagged)
        buffer.flags.writeable = False
        seconds = frames["seconds"].astype(np.int64)
        return PacketColumns(
            buffer=buffer,
            offset=offset,
            captured_length=frames["captured"],
            wire_length=frames["length"],
            time_ns=seconds * NS_PER_SECOND + frames["nanoseconds"],
            link_type=np.full(len(frames), self._link_type, np.uint16),
        )

    def _new_drops(self) -> int:
        """Return the drops since this was last asked."""
        statistics = self._socket.getsockopt(
            _SOL_PACKET, _PACKET_STATISTICS, _TPACKET_STATS_V3.size
        )
        _, drops, _ = _TPACKET_STATS_V3.unpack(statistics)
        return int(drops)


def _walk(
    buffer: npt.NDArray[np.uint8], firsts: list[int], counts: list[int]
) -> npt.NDArray[np.int64]:
    """Find the headers of all frames of some blocks."""
    words = buffer.data.cast("I")
    positions = []
    for first, count in zip(firsts, counts, strict=True):
        position = first
        for _ in range(count):
            positions.append(position)
            position += words[position >> 2]
    return np.array(positions, np.int64)


def _restore_tags(
    buffer: npt.NDArray[np.uint8],
    offset: npt.NDArray[np.int64],
    frames: npt.NDArray[Any],
    tagged: npt.NDArray[np.intp],
) -> None:
    """Put back the outermost VLAN tags, which the kernel moved to the headers.

    The MAC addresses move by four bytes, over the end of the header, which is not
    needed any more.
    """
    start = offset[tagged] - 4
    buffer[start[:, None] + _MAC_ADDRESSES] = buffer[
        start[:, None] + 4 + _MAC_ADDRESSES
    ]
    has_tpid = frames["status"][tagged] & _TP_STATUS_VLAN_TPID_VALID
    tag = np.empty((len(tagged), 2), ">u2")
    tag[:, 0] = np.where(has_tpid, frames["vlan_tpid"][tagged], _ETHERTYPE_VLAN)
    tag[:, 1] = frames["vlan_tci"][tagged]
    buffer[start[:, None] + 12 + _TAG] = tag.view(np.uint8)
    offset[tagged] = start
    frames["captured"][tagged] += 4
    frames["length"][tagged] += 4
