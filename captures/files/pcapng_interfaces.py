"""The interfaces that a pcapng section describes (draft-ietf-opsawg-pcapng §4.2).

Packets name their interface by its number in the section. Here the numbers of
a whole window of blocks are looked up at once.

Memory: 262,144 interfaces at most; packets of any further one have no
interface.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

_MAX_INTERFACES = 262_144
_MICROSECONDS = 6


class OptionCode(IntEnum):
    """The options that are read or written, by their names there (§3.5, §4.2)."""

    END = 0
    IF_TSRESOL = 9
    IF_FCSLEN = 13
    IF_TSOFFSET = 14


class PcapngInterface(NamedTuple):
    """What an Interface Description Block says (§4.2); units as on the wire."""

    link_type: int
    snap_length: int
    resolution: int = _MICROSECONDS
    offset_s: int = 0
    is_known: bool = True


_INTERFACE = np.dtype(
    [
        ("link_type", np.uint16),
        ("snap_length", np.uint32),
        ("resolution", np.uint8),
        ("offset_s", np.int64),
        ("is_known", np.bool_),
    ]
)
_UNKNOWN_INTERFACE = PcapngInterface(0, 0, is_known=False)


class Interfaces:
    """The interfaces of a window's blocks, and since which block they are known.

    A new section forgets those of the section before, but in a window there may
    be packets of both.
    """

    def __init__(self) -> None:
        self._described: list[PcapngInterface] = []
        # where in the list the current section begins
        self._section = 0

    def begin_window(self) -> None:
        """Forget what only blocks of earlier windows can refer to."""
        del self._described[: self._section]
        self._section = 0
        # row of a block, and the state after it: section, end of the list
        self._changes = [(-1, 0, len(self._described))]

    def begin_section(self, row: int) -> None:
        """Count from 0 again, for the blocks after `row`."""
        self._section = len(self._described)
        self._changes.append((row, self._section, self._section))

    @property
    def has_room(self) -> bool:
        """Whether one more interface may be added."""
        return len(self._described) < _MAX_INTERFACES

    def add(self, row: int, interface: PcapngInterface) -> None:
        """Know the next interface, for the blocks after `row`."""
        self._described.append(interface)
        self._changes.append((row, self._section, len(self._described)))

    def look_up(
        self, rows: npt.NDArray[np.intp], interface: npt.NDArray[Any]
    ) -> npt.NDArray[Any]:
        """Describe the interface of each packet.

        Args:
            rows: (n,) which block each packet is.
            interface: (n,) uint32, the number that the block gives.

        Returns:
            (n,) records as `_INTERFACE`, not `is_known` where there is none.
        """
        since, section, end = np.array(self._changes, np.int64).T
        state = np.searchsorted(since, rows) - 1
        number = section[state] + interface
        unknown = len(self._described)
        number = np.where(number < end[state], number, unknown)
        return np.array([*self._described, _UNKNOWN_INTERFACE], _INTERFACE)[number]


def parse_interface(order: str, body: bytes) -> PcapngInterface:
    """Read the body of an Interface Description Block, of 8 bytes at least."""
    link_type, _, snap_length = struct.unpack_from(order + "HHI", body)
    options = dict(parse_options(order, body, 8))
    resolution = options.get(OptionCode.IF_TSRESOL, b"")
    offset = options.get(OptionCode.IF_TSOFFSET, b"")
    return PcapngInterface(
        link_type,
        snap_length,
        resolution[0] if resolution else _MICROSECONDS,
        struct.unpack(order + "q", offset)[0] if len(offset) == 8 else 0,
    )


def parse_options(
    order: str, body: bytes, position: int
) -> Iterator[tuple[int, bytes]]:
    """Yield code and value of each option (§3.5); cut ones end the list."""
    read = struct.Struct(order + "HH").unpack_from
    while position + 4 <= len(body):
        code, length = read(body, position)
        if code == OptionCode.END:
            return
        yield code, body[position + 4 : position + 4 + length]
        # values are padded to 32 bits
        position += 4 + (length + 3 & ~3)
