"""The packets of a capture as it holds them, by their numbers.

Where a reader makes columns of packets, for what is in them, this returns single ones
with all that a capture says of them: interface, time in its own units, options. It is
for captures that were read before: what is damaged behind the packets that are asked
for is not noticed.

Cost: as that of reading, and some microseconds for each packet that is asked for.
Memory: a window of the capture, and the descriptions of its interfaces.
"""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from captures.errors import CaptureError
from captures.files import timestamps
from captures.files.opening import open_source
from captures.files.pcap import Pcap
from captures.files.pcapng import MAX_BLOCK_LENGTH, BlockType, Pcapng
from captures.files.pcapng_interfaces import OptionCode, parse_interface, parse_options
from captures.files.pcapng_writer import Option, RawInterface, RawPacket

if TYPE_CHECKING:
    import numpy.typing as npt

    from captures.files.record_walk import Positions

_WINDOW_BYTES = 1 << 20
CHANGED = (
    "it is not what it was when it was read before: read a copy that nobody changes"
)
# bytes before the packet in a block
_ENHANCED, _SIMPLE = 28, 12
# options with numbers of so many bytes (§4.2, §4.3), which have a byte order
_NUMBERS_OF_INTERFACES = {8: 8, 14: 8, 16: 8, 17: 8}
_NUMBERS_OF_PACKETS = {2: 4, 4: 8, 5: 8, 6: 4}
# draft-ietf-opsawg-pcap §4: the length of the frame check sequence is known
_HAS_FCS = 0x0400_0000


class _Window(NamedTuple):
    """The packets of a piece of a capture.

    Attributes:
        data: the piece.
        positions: (n,) where the record of each packet begins.
        section: (n,) which of all interfaces was the first of its section.
    """

    data: npt.NDArray[np.uint8]
    positions: Positions
    section: Positions


class _Records(Protocol):
    """One format, record by record.

    Attributes:
        interfaces: all that were described so far.
    """

    interfaces: list[RawInterface]

    def scan(
        self, data: npt.NDArray[np.uint8], start: int, stop: int
    ) -> tuple[_Window, int]:
        """Find the packets of a piece, and where the next piece begins."""

    def read(self, window: _Window, at: int, time_ns: int) -> RawPacket:
        """Read a packet of a piece, by its place there."""


class RawRecords:
    """The packets of one capture.

    Args:
        path: the capture, which mailtap reads by itself.

    Raises:
        CaptureError: it can't be read, or not without tshark.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._name = os.fspath(path)
        self._source, record_format, _ = open_source(path, _WINDOW_BYTES, again=True)
        self._records: _Records
        if isinstance(record_format, Pcap):
            self._records = _PcapRecords(record_format, self._source.head(24))
        else:
            assert isinstance(record_format, Pcapng)
            self._records = _PcapngRecords(record_format)
        self._done = record_format.header_length
        self._window: _Window | None = None
        # numbers of packets up to here are of earlier windows
        self._before = 0

    def packet(self, number: int, time_ns: int) -> tuple[RawInterface, RawPacket]:
        """Return a packet and its interface.

        Args:
            number: that of the packet, not less than the one that was asked for last.
            time_ns: when it came, in case that it has no time itself.

        Raises:
            CaptureError: it is not there any more.
        """
        while self._window is None or number > self._before + len(
            self._window.positions
        ):
            self._advance()
        try:
            packet = self._records.read(
                self._window, number - self._before - 1, time_ns
            )
            return self._records.interfaces[packet.interface], packet
        except (struct.error, IndexError) as error:
            raise self._changed() from error

    def close(self) -> None:
        """Close the capture."""
        self._source.close()

    def _advance(self) -> None:
        """Get the next window."""
        source, before = self._source, self._done
        stop = source.advance(before)
        is_stuck = source.base == before and len(source.data) > 2 * MAX_BLOCK_LENGTH
        if stop is None or source.problem or (is_stuck and not self._has_packets()):
            raise self._changed()
        if self._window is not None:
            self._before += len(self._window.positions)
        base = source.base
        self._window, end = self._records.scan(source.data, before - base, stop - base)
        self._done = base + end

    def _has_packets(self) -> bool:
        return self._window is not None and bool(len(self._window.positions))

    def _changed(self) -> CaptureError:
        return CaptureError(self._name, CHANGED, usable=True)


class _PcapRecords:
    """The records of a pcap file: one interface, and no options."""

    def __init__(self, record_format: Pcap, header: bytes) -> None:
        self._format = record_format
        order = record_format.order
        snap_length, network = struct.unpack_from(order + "II", header, 16)
        options: list[Option] = []
        resolution = record_format.resolution
        if resolution != RawInterface(0, 0).resolution:
            options.append((OptionCode.IF_TSRESOL, bytes([resolution])))
        if network & _HAS_FCS:
            # in the file in units of 16 bits
            options.append((OptionCode.IF_FCSLEN, bytes([(network >> 28) * 16 & 0xFF])))
        self._read_header = struct.Struct(order + "IIII").unpack_from
        self._per_second = 10**resolution
        self.interfaces = [
            RawInterface(network & 0xFFFF, snap_length, tuple(options), resolution)
        ]

    def scan(
        self, data: npt.NDArray[np.uint8], start: int, stop: int
    ) -> tuple[_Window, int]:
        """Find the packets of a piece, and where the next piece begins."""
        positions, end = self._format.walk(data, start, stop)
        return _Window(data, positions, np.zeros(len(positions), np.int64)), end

    def read(self, window: _Window, at: int, _time_ns: int) -> RawPacket:
        """Read a packet of a piece, by its place there."""
        position = int(window.positions[at])
        seconds, fraction, captured, wire = self._read_header(
            window.data.data, position
        )
        start = position + self._format.smallest
        data = window.data[start : start + captured].tobytes()
        return RawPacket(0, seconds * self._per_second + fraction, wire, data)


class _PcapngRecords:
    """The blocks of a pcapng file, which may have several sections."""

    def __init__(self, record_format: Pcapng) -> None:
        self._format = record_format
        self.interfaces: list[RawInterface] = []
        self._section = 0

    def scan(
        self, data: npt.NDArray[np.uint8], start: int, stop: int
    ) -> tuple[_Window, int]:
        """Find the packets of a piece, and where the next piece begins."""
        self._format.adopt_byte_order(data, start)
        positions, end = self._format.walk(data, start, stop)
        types, lengths = self._format.block_types(data, positions)
        section = np.full(len(positions), self._section, np.int64)
        described = np.flatnonzero(
            (types == BlockType.INTERFACE_DESCRIPTION)
            | (types == BlockType.SECTION_HEADER)
        )
        for row in described.tolist():
            if types[row] == BlockType.SECTION_HEADER:
                self._section = len(self.interfaces)
                section[row:] = self._section
            else:
                begin, length = int(positions[row]), int(lengths[row])
                self._describe(data[begin + 8 : begin + length - 4].tobytes())
        packets = np.flatnonzero(
            (types == BlockType.PACKET)
            | (types == BlockType.SIMPLE_PACKET)
            | (types == BlockType.ENHANCED_PACKET)
        )
        return _Window(data, positions[packets], section[packets]), end

    def _describe(self, body: bytes) -> None:
        order = self._format.order
        parsed = parse_interface(order, body)
        options = _little_endian(order, body, 8, _NUMBERS_OF_INTERFACES)
        self.interfaces.append(
            RawInterface(
                parsed.link_type,
                parsed.snap_length,
                options,
                parsed.resolution,
                parsed.offset_s,
            )
        )

    def read(self, window: _Window, at: int, time_ns: int) -> RawPacket:
        """Read a packet of a piece, by its place there."""
        order, data = self._format.order, window.data
        position = int(window.positions[at])
        block_type, length = struct.unpack_from(order + "II", data.data, position)
        block = data[position : position + length - 4].tobytes()
        if block_type == BlockType.SIMPLE_PACKET:
            return self._read_simple(int(window.section[at]), block, time_ns)
        if block_type == BlockType.PACKET:
            # its interface has 16 bits; a count of drops takes the other 16
            number, *rest = struct.unpack_from(order + "H2xIIII", block, 8)
        else:
            number, *rest = struct.unpack_from(order + "IIIII", block, 8)
        high, low, captured, wire = rest
        end = _ENHANCED + captured
        return RawPacket(
            int(window.section[at]) + number,
            high << 32 | low,
            wire,
            block[_ENHANCED:end],
            _little_endian(order, block, end + -captured % 4, _NUMBERS_OF_PACKETS),
        )

    def _read_simple(self, section: int, block: bytes, time_ns: int) -> RawPacket:
        """Read a packet of a section's first interface, without a time (§4.4)."""
        [wire] = struct.unpack_from(self._format.order + "I", block, 8)
        interface = self.interfaces[section]
        most = min(wire, interface.snap_length or wire, len(block) - _SIMPLE)
        ticks = timestamps.to_ticks(time_ns, interface.resolution, interface.offset_s)
        return RawPacket(section, ticks, wire, block[_SIMPLE : _SIMPLE + most])


def _little_endian(
    order: str, body: bytes, position: int, numbers: dict[int, int]
) -> tuple[Option, ...]:
    """Read options; numbers among them are turned around if need be.

    Args:
        order: byte order of the section.
        body: of the block.
        position: where the options begin.
        numbers: the codes of options that are numbers, and how long these are.
    """
    return tuple(
        (
            code,
            value[::-1] if order == ">" and numbers.get(code) == len(value) else value,
        )
        for code, value in parse_options(order, body, position)
    )
