"""The pcap format of libpcap (draft-ietf-opsawg-pcap).

Read: both byte orders, timestamps in microseconds and nanoseconds, and the
"modified" format of old Linux libpcaps with its longer record header. Not
used: the version (2.4 for 25 years), the time zone and the snap length, which
some writers set lower than what they then capture.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import numpy as np

from captures.batch import PacketColumns
from captures.files.record_walk import (
    MAX_CAPTURED_LENGTH,
    Mask,
    Positions,
    RecordFormat,
    Scan,
    first_failure,
    gather,
    unaligned,
)
from captures.files.timestamps import NS_PER_SECOND

if TYPE_CHECKING:
    import numpy.typing as npt

_FILE_HEADER_LENGTH = 24

# magic number -> nanoseconds per unit of the fraction, bytes of a record header
_VARIANTS = {
    0xA1B2C3D4: (1000, 16),
    0xA1B23C4D: (1, 16),
    0xA1B2CD34: (1000, 24),
}

_DAY = 86_400

_TOO_LONG = (
    f"the next packet claims more than {MAX_CAPTURED_LENGTH:,} bytes, which no packet "
    "has: the file is damaged from here on; copy or capture it again"
)


class Pcap(RecordFormat):
    """One pcap file."""

    name = "pcap"
    header_length = _FILE_HEADER_LENGTH
    length_at = 8
    smallest_length = 0

    def __init__(self, order: str, header: bytes) -> None:
        magic, _, _, _, _, _, network = struct.unpack_from(order + "IHHiIII", header)
        self.order = order
        self._ns_per_unit, self.smallest = _VARIANTS[magic]
        # The upper bits say how long the frame check sequence is.
        self._link_type = network & 0xFFFF
        self._record_wire = np.dtype(
            [
                ("seconds", order + "u4"),
                ("fraction", order + "u4"),
                ("captured_length", order + "u4"),
                ("wire_length", order + "u4"),
            ]
        )

    @classmethod
    def recognise(cls, header: bytes) -> Pcap | None:
        """Make a reader of the file that begins with `header`, if it is a pcap."""
        if len(header) < _FILE_HEADER_LENGTH:
            return None
        for order in "<>":
            if struct.unpack_from(order + "I", header)[0] in _VARIANTS:
                return cls(order, header)
        return None

    @property
    def resolution(self) -> int:
        """Digits of a second's fraction, as pcapng has them (`if_tsresol`)."""
        return 9 if self._ns_per_unit == 1 else 6

    def scan(self, data: npt.NDArray[np.uint8], start: int, stop: int) -> Scan:
        """Read the records that begin from `start` on, before `stop`."""
        positions, end = self.walk(data, start, stop)
        records = gather(data, self._record_wire, positions)
        damage = self._damage_at(data, end)
        if failure := first_failure((_is_too_long(records), _TOO_LONG)):
            index, damage = failure
            end = int(positions[index])
            positions, records = positions[:index], records[:index]
        packets = PacketColumns(
            buffer=data,
            offset=positions + self.smallest,
            captured_length=records["captured_length"].astype(np.uint32),
            wire_length=records["wire_length"].astype(np.uint32),
            time_ns=records["seconds"].astype(np.int64) * NS_PER_SECOND
            + records["fraction"].astype(np.int64) * self._ns_per_unit,
            link_type=np.full(len(positions), self._link_type, np.uint16),
        )
        return Scan(packets, end, damage)

    def _damage_at(self, data: npt.NDArray[np.uint8], end: int) -> str | None:
        record = unaligned(data, self._record_wire)[end : end + 1]
        return _TOO_LONG if _is_too_long(record).any() else None

    def walk_plainly(
        self, data: npt.NDArray[np.uint8], start: int, stop: int
    ) -> tuple[list[int], int]:
        """Find the complete records from `start` on, one at a time."""
        size, smallest, position = len(data), self.smallest, start
        length_at = unaligned(data, self.order + "u4")[self.length_at :].item
        last = min(stop, size - smallest + 1)
        positions: list[int] = []
        append = positions.append
        while position < last:
            following = position + smallest + length_at(position)
            if following > size:
                break
            append(position)
            position = following
        return positions, position

    def first_words(self, words: npt.NDArray[Any], start: int) -> tuple[int, int]:
        """Expect seconds from a day before those at `start` to a week after them."""
        low = max(0, int(words[start]) - _DAY)
        return low, min(8 * _DAY, 0xFFFF_FFFF - low)

    def are_plausible(self, words: npt.NDArray[Any], positions: Positions) -> Mask:
        """Return whether fraction and lengths at `positions` are those of records."""
        captured = words[positions + 8]
        return (
            (words[positions + 4] < NS_PER_SECOND)
            & (captured <= MAX_CAPTURED_LENGTH)
            & (captured <= words[positions + 12])
        )


def _is_too_long(records: npt.NDArray[Any]) -> Mask:
    mask: Mask = records["captured_length"] > MAX_CAPTURED_LENGTH
    return mask
