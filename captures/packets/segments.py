"""TCP segments as columns."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence

Mask = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.int64]
Ports = npt.NDArray[np.uint16]

PORT_COUNT = 65_536

# the column `identity` of `Segments`
HAS_OPTIONS = np.uint64(1 << 16)
IDENTIFICATION_SHIFT = np.uint64(32)


class TcpFlag(IntEnum):
    """Control bits of the TCP header (RFC 9293 §3.1)."""

    FIN = 0x01
    SYN = 0x02
    RST = 0x04
    ACK = 0x10


@dataclass(slots=True)
class Segments:
    """TCP segments in capture order; all columns but `buffer` have one length.

    Attributes:
        buffer: (size,) uint8, what holds the payloads.
        source: (n, 2) uint64, address as two halves; IPv4 is IPv4-mapped
            (RFC 4291 §2.5.5.2).
        destination: (n, 2) uint64.
        source_port: (n,) uint16.
        destination_port: (n,) uint16.
        sequence: (n,) uint32, sequence number.
        acknowledgment: (n,) uint32.
        flags: (n,) uint8, `TcpFlag` bits.
        payload: (n,) int64, offset of the payload in `buffer`.
        captured: (n,) int64, payload bytes that were captured.
        length: (n,) int64, payload bytes that were on the wire.
        identity: (n,) uint64, what else tells copies of a packet from retransmissions:
            the IPv4 identification, shifted by `IDENTIFICATION_SHIFT`; without one,
            the checksum, and `HAS_OPTIONS` if that covers TCP options.
        vlan: (n,) int32, the outermost VLAN, -1 without one.
        interest: (n,) uint8, `captures.packets.interest.Interest` bits.
        time_ns: (n,) int64.
        frame: (n,) int64, frame ID (`captures.batch.split_frame_id`).
        order: (n,) int64, place in the batch.
    """

    buffer: npt.NDArray[np.uint8]
    source: npt.NDArray[np.uint64]
    destination: npt.NDArray[np.uint64]
    source_port: Ports
    destination_port: Ports
    sequence: npt.NDArray[np.uint32]
    acknowledgment: npt.NDArray[np.uint32]
    flags: npt.NDArray[np.uint8]
    payload: Indices
    captured: Indices
    length: Indices
    identity: npt.NDArray[np.uint64]
    vlan: npt.NDArray[np.int32]
    interest: npt.NDArray[np.uint8]
    time_ns: Indices
    frame: Indices
    order: Indices

    def __len__(self) -> int:
        return len(self.order)

    def take(self, rows: Mask | Indices) -> Segments:
        """Return the segments that a mask or indices choose."""
        columns = (getattr(self, name)[rows] for name in _COLUMNS)
        return Segments(self.buffer, *columns)

    def without_payload(self) -> Segments:
        """Return the same segments, as if no payload had been captured."""
        nothing = np.zeros(len(self), dtype=np.int64)
        return replace(self, payload=nothing, captured=nothing, buffer=_NO_BYTES)

    @classmethod
    def concat(cls, parts: Sequence[Segments]) -> Segments:
        """Concatenate several sets of segments of one buffer."""
        columns = (
            np.concatenate([getattr(part, name) for part in parts]) for name in _COLUMNS
        )
        return cls(parts[0].buffer, *columns)

    @classmethod
    def merge(cls, parts: Sequence[Segments]) -> Segments:
        """Merge several sets of one batch's segments, in capture order."""
        if len(parts) == 1:
            return parts[0]
        joined = cls.concat(parts)
        return joined.take(np.argsort(joined.order, kind="stable"))


_COLUMNS = tuple(column.name for column in fields(Segments) if column.name != "buffer")
_NO_BYTES = np.empty(0, dtype=np.uint8)
