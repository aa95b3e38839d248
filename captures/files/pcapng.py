"""The pcapng format (draft-ietf-opsawg-pcapng).

Read: several sections in either byte order, each with interfaces of their own
link type and timestamp resolution; Enhanced, Simple and (obsolete) Packet
Blocks; Decryption Secrets Blocks, whose contents are passed on. Skipped by
their length: all other blocks (names, statistics, custom ones) and all options
but those of timestamps. Checked: the length at both ends of a block.

Memory: besides the columns of a window, the descriptions of 262,144 interfaces
and 64 MiB of secrets at most.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import TYPE_CHECKING, Any

import numpy as np

from captures.batch import PacketColumns
from captures.files import timestamps
from captures.files.pcapng_interfaces import Interfaces, parse_interface
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

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt


class BlockType(IntEnum):
    """The blocks that are read (§4 and appendix A)."""

    INTERFACE_DESCRIPTION = 1
    PACKET = 2
    SIMPLE_PACKET = 3
    ENHANCED_PACKET = 6
    DECRYPTION_SECRETS = 10
    # the same in both byte orders
    SECTION_HEADER = 0x0A0D0D0A


BYTE_ORDER_MAGIC = 0x1A2B3C4D

# Wireshark's limit too. It bounds what of a stream must be held to go on.
MAX_BLOCK_LENGTH = 16 * 1024 * 1024
_MAX_BYTE_ORDER_CHANGES = 1_000
_MAX_SECRETS_BYTES = 64 * 1024 * 1024

# Tables by kind: the block type, or one of two kinds for those above 10.
_OTHER, _SECTION = 11, 12
_SMALLEST_LENGTH = np.array([12, 20, 32, 16, 12, 12, 32, 12, 12, 12, 20, 12, 28])
_IS_PACKET = np.isin(np.arange(13), [2, 3, 6])
_IS_DESCRIPTION = np.isin(np.arange(13), [1, 10, _SECTION])

_DAMAGED = "the file is damaged from here on; copy or capture it again"
_BAD_MAGIC = f"a section header without the byte-order magic: {_DAMAGED}"
_BAD_LENGTH = f"the next block has an impossible length: {_DAMAGED}"
_BAD_TRAILER = f"the lengths at both ends of the next block differ: {_DAMAGED}"
_BAD_PACKET = f"the next packet does not fit into its block: {_DAMAGED}"
_TOO_LONG = f"the next packet is longer than any packet can be: {_DAMAGED}"
_TOO_MANY_ORDERS = f"the byte order changes too often: {_DAMAGED}"
_NO_INTERFACE = (
    "the next packet is from an interface that no block before it describes: part "
    "of the file is missing; copy or capture it again"
)


class Pcapng(RecordFormat):
    """One pcapng file."""

    name = "pcapng"
    header_length = 0
    smallest = 12
    length_at = 4
    smallest_length = 12

    def __init__(self) -> None:
        self.secrets: list[tuple[int, bytes]] = []
        self._secrets_bytes = 0
        self._order_changes = 0
        self._interfaces = Interfaces()
        self._last_time_ns = np.int64(0)
        self._set_order("<")

    @classmethod
    def recognise(cls, header: bytes) -> Pcapng | None:
        """Make a reader of the file that begins with `header`, if it is a pcapng."""
        if header[:4] == BlockType.SECTION_HEADER.to_bytes(4, "little"):
            return cls()
        return None

    def scan(self, data: npt.NDArray[np.uint8], start: int, stop: int) -> Scan:
        """Read the blocks that begin from `start` on, before `stop`."""
        self.adopt_byte_order(data, start)
        positions, end = self.walk(data, start, stop)
        damage = self._damage_at(data, end)
        kinds, lengths = self._block_headers(data, positions)
        words = unaligned(data, self.order + "u4")
        if failure := first_failure(
            ((lengths % 4 != 0) | (lengths > MAX_BLOCK_LENGTH), _BAD_LENGTH),
            (words[positions + lengths - 4] != lengths, _BAD_TRAILER),
            (lengths < _SMALLEST_LENGTH[kinds], _BAD_LENGTH),
        ):
            index, damage = failure
            end = int(positions[index])
            positions, kinds, lengths = (
                positions[:index],
                kinds[:index],
                lengths[:index],
            )

        self._read_descriptions(data, positions, lengths, kinds)
        rows = np.flatnonzero(_IS_PACKET[kinds])
        positions, kinds, lengths = positions[rows], kinds[rows], lengths[rows]
        packets = self._gather_packets(data, positions, kinds)
        interfaces = self._interfaces.look_up(rows, packets["interface"])
        header_length = _measure_simple_packets(packets, interfaces, kinds, lengths)
        captured_length = packets["captured_length"]
        count = len(rows)
        if failure := first_failure(
            (~interfaces["is_known"], _NO_INTERFACE),
            (captured_length > lengths - header_length - 4, _BAD_PACKET),
            (captured_length > MAX_CAPTURED_LENGTH, _TOO_LONG),
        ):
            count, damage = failure
            end = int(positions[count])
        columns = PacketColumns(
            buffer=data,
            offset=(positions + header_length)[:count],
            captured_length=captured_length[:count].astype(np.uint32),
            wire_length=packets["wire_length"][:count].astype(np.uint32),
            time_ns=self._times(packets[:count], interfaces[:count], kinds[:count]),
            link_type=interfaces["link_type"][:count].copy(),
        )
        return Scan(columns, end, damage)

    # -- the walk --

    def walk_plainly(
        self, data: npt.NDArray[np.uint8], start: int, stop: int
    ) -> tuple[list[int], int]:
        """Find the complete blocks from `start` on, one at a time.

        The walk ends at a section in the other byte order.
        """
        size, smallest, position = len(data), self.smallest, start
        view = data.data
        read = struct.Struct(self.order + "II").unpack_from
        last = min(stop, size - smallest + 1)
        positions: list[int] = []
        append = positions.append
        while position < last:
            block_type, length = read(view, position)
            following = position + length
            if length < smallest or following > size:
                break
            if (
                block_type == BlockType.SECTION_HEADER
                and self._order_of(data, position) != self.order
            ):
                break
            append(position)
            position = following
        return positions, position

    def first_words(self, words: npt.NDArray[Any], start: int) -> tuple[int, int]:
        """Look for Enhanced Packet Blocks alone: others are rare."""
        return BlockType.ENHANCED_PACKET, 0

    def are_plausible(self, words: npt.NDArray[Any], positions: Positions) -> Mask:
        """Return whether types and lengths at `positions` are those of packets."""
        length = words[positions + self.length_at].astype(np.int64)
        trailer = np.minimum(positions + length - 4, len(words) - 1)
        mask: Mask = (
            (words[positions] == BlockType.ENHANCED_PACKET)
            & (length >= _SMALLEST_LENGTH[BlockType.ENHANCED_PACKET])
            & (length <= MAX_BLOCK_LENGTH)
            & (words[trailer] == length)
        )
        return mask

    def are_walkable(self, words: npt.NDArray[Any], positions: Positions) -> bool:
        """Return whether all sections at `positions` are in this byte order."""
        sections = positions[words[positions] == BlockType.SECTION_HEADER]
        return bool((words[sections + 8] == BYTE_ORDER_MAGIC).all())

    # -- sections, interfaces, secrets --

    def _set_order(self, order: str) -> None:
        self.order = order
        word = order + "u4"
        self._block_wire = np.dtype([("type", word), ("length", word)])
        self._packet_wire = np.dtype(
            [
                ("type", word),
                ("length", word),
                ("interface", word),
                ("ticks_high", word),
                ("ticks_low", word),
                ("captured_length", word),
                ("wire_length", word),
            ]
        )

    def _order_of(self, data: npt.NDArray[np.uint8], position: int) -> str | None:
        """Return the byte order that the section header at `position` announces."""
        magic = bytes(data[position + 8 : position + 12])
        if magic == BYTE_ORDER_MAGIC.to_bytes(4, "little"):
            return "<"
        return ">" if magic == BYTE_ORDER_MAGIC.to_bytes(4, "big") else None

    def adopt_byte_order(self, data: npt.NDArray[np.uint8], start: int) -> None:
        """Read on in the byte order of the section that begins here, if one does."""
        if not _is_section_header(data, start):
            return
        order = self._order_of(data, start)
        if order not in {self.order, None} and self._may_change_order():
            self._order_changes += 1
            self._set_order(str(order))

    def _may_change_order(self) -> bool:
        # Each change costs a scan; no true capture has more than a few.
        return self._order_changes < _MAX_BYTE_ORDER_CHANGES

    def _damage_at(self, data: npt.NDArray[np.uint8], end: int) -> str | None:
        """Say what is wrong with the header of the block that ended the walk."""
        if len(data) - end < self.smallest:
            return None
        if _is_section_header(data, end):
            order = self._order_of(data, end)
            if order is None:
                return _BAD_MAGIC
            if order != self.order:
                return None if self._may_change_order() else _TOO_MANY_ORDERS
        length = unaligned(data, self.order + "u4")[end + self.length_at]
        is_possible = self.smallest <= length <= MAX_BLOCK_LENGTH and length % 4 == 0
        return None if is_possible else _BAD_LENGTH

    def _read_descriptions(
        self,
        data: npt.NDArray[np.uint8],
        positions: Positions,
        lengths: Positions,
        kinds: npt.NDArray[np.intp],
    ) -> None:
        """Read the blocks that say how to read others, in their order."""
        self._interfaces.begin_window()
        rows = np.flatnonzero(_IS_DESCRIPTION[kinds])
        columns = (
            rows,
            kinds[rows],
            positions[rows] + 8,
            (positions + lengths)[rows] - 4,
        )
        view = data.data
        for row, kind, start, end in zip(
            *(column.tolist() for column in columns), strict=True
        ):
            if kind == _SECTION:
                self._interfaces.begin_section(row)
            elif kind == BlockType.DECRYPTION_SECRETS:
                self._keep_secrets(bytes(view[start:end]))
            elif self._interfaces.has_room:
                interface = parse_interface(self.order, bytes(view[start:end]))
                self._interfaces.add(row, interface)

    def _keep_secrets(self, body: bytes) -> None:
        """Read the body of a Decryption Secrets Block (§4.7)."""
        secrets_type, length = struct.unpack_from(self.order + "II", body)
        data = body[8 : 8 + length]
        self._secrets_bytes += len(data)
        if self._secrets_bytes <= _MAX_SECRETS_BYTES:
            self.secrets.append((secrets_type, data))

    # -- columns --

    def block_types(
        self, data: npt.NDArray[np.uint8], positions: Positions
    ) -> tuple[npt.NDArray[np.uint32], Positions]:
        """Return types and lengths of the blocks at `positions`."""
        blocks = gather(data, self._block_wire, positions)
        return blocks["type"].astype(np.uint32), blocks["length"].astype(np.int64)

    def _block_headers(
        self, data: npt.NDArray[np.uint8], positions: Positions
    ) -> tuple[npt.NDArray[np.intp], Positions]:
        """Return kinds and lengths of the blocks at `positions`."""
        types, lengths = self.block_types(data, positions)
        kinds = np.minimum(types, _OTHER).astype(np.intp)
        kinds[types == BlockType.SECTION_HEADER] = _SECTION
        return kinds, lengths

    def _gather_packets(
        self,
        data: npt.NDArray[np.uint8],
        positions: Positions,
        kinds: npt.NDArray[np.intp],
    ) -> npt.NDArray[Any]:
        """Gather the fields of all packet blocks, as far as they have them.

        Returns:
            (n,) records of the Enhanced Packet Block's layout.
        """
        is_simple = kinds == BlockType.SIMPLE_PACKET
        if not is_simple.any():
            packets = gather(data, self._packet_wire, positions)
        else:
            packets = np.zeros(len(positions), self._packet_wire)
            packets[~is_simple] = gather(data, self._packet_wire, positions[~is_simple])
            words = unaligned(data, self.order + "u4")
            packets["wire_length"][is_simple] = words[positions[is_simple] + 8]
        is_obsolete = kinds == BlockType.PACKET
        if is_obsolete.any():
            # Its interface has 16 bits; a count of drops takes the other 16.
            numbers = unaligned(data, self.order + "u2")
            packets["interface"][is_obsolete] = numbers[positions[is_obsolete] + 8]
        return packets

    def _times(
        self,
        packets: npt.NDArray[Any],
        interfaces: npt.NDArray[Any],
        kinds: npt.NDArray[np.intp],
    ) -> timestamps.Times:
        """Return the time of each packet, in nanoseconds since the epoch."""
        ticks = packets["ticks_high"].astype(np.uint64) << np.uint64(32)
        ticks |= packets["ticks_low"]
        times = np.empty(len(packets), np.int64)
        for resolution, rows in _equal(interfaces["resolution"]):
            times[rows] = timestamps.to_nanoseconds(ticks[rows], resolution)
        if interfaces["offset_s"].any():
            times = timestamps.shift(times, interfaces["offset_s"])
        is_simple = kinds == BlockType.SIMPLE_PACKET
        if is_simple.any():
            # It has no time: take that of the last packet that has one.
            row = np.where(is_simple, 0, np.arange(1, len(times) + 1))
            times = np.append(self._last_time_ns, times)[np.maximum.accumulate(row)]
        if len(times):
            self._last_time_ns = times[-1]
        return times


def _is_section_header(data: npt.NDArray[np.uint8], position: int) -> bool:
    magic = BlockType.SECTION_HEADER.to_bytes(4, "little")
    # without 12 bytes there is no byte order to read yet
    return len(data) - position >= 12 and bytes(data[position : position + 4]) == magic


def _measure_simple_packets(
    packets: npt.NDArray[Any],
    interfaces: npt.NDArray[Any],
    kinds: npt.NDArray[np.intp],
    lengths: Positions,
) -> Positions:
    """Fill in how much of the packets in Simple Packet Blocks was captured.

    §4.4: the snap length of the section's first interface, if it has one,
    tells packet from padding.

    Returns:
        (n,) int64, bytes of each block before its packet.
    """
    is_simple = kinds == BlockType.SIMPLE_PACKET
    if is_simple.any():
        wire_length = packets["wire_length"][is_simple].astype(np.int64)
        snap_length = interfaces["snap_length"][is_simple].astype(np.int64)
        snap_length[snap_length == 0] = MAX_CAPTURED_LENGTH
        room = lengths[is_simple] - 16
        packets["captured_length"][is_simple] = np.minimum(
            np.minimum(wire_length, snap_length), room
        )
    return np.where(is_simple, 12, 28)


def _equal(values: npt.NDArray[Any]) -> Iterator[tuple[int, Any]]:
    """Yield each distinct value, and an index of the rows that have it."""
    distinct = np.unique(values)
    for value in distinct.tolist():
        yield value, slice(None) if len(distinct) == 1 else values == value
