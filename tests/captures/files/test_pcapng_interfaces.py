from __future__ import annotations

import struct

import numpy as np
import pytest

from captures.files.pcapng_interfaces import (
    Interfaces,
    PcapngInterface,
    parse_interface,
)


@pytest.mark.parametrize("order", ["<", ">"])
def test_description_is_parsed(order: str) -> None:
    body = struct.pack(order + "HHI", 113, 0, 96)
    body += struct.pack(order + "HH", 2, 3) + b"lo0\0"
    body += struct.pack(order + "HH", 9, 1) + b"\x89\0\0\0"
    body += struct.pack(order + "HHq", 14, 8, -5)
    body += struct.pack(order + "HH", 0, 0) + struct.pack(order + "HHI", 9, 4, 0)
    assert parse_interface(order, body) == PcapngInterface(113, 96, 0x89, -5)


@pytest.mark.parametrize("rest", [b"", b"\x09", b"\x09\0\x01\0", b"\x09\0\xff\xff"])
def test_cut_options_are_ignored(rest: bytes) -> None:
    body = struct.pack("<HHI", 1, 0, 0) + rest
    assert parse_interface("<", body) == PcapngInterface(1, 0, resolution=6, offset_s=0)


def look_up(interfaces: Interfaces, *packets: tuple[int, int]) -> list[int | None]:
    """Link types for packets of the form (row, number)."""
    rows, numbers = np.array(packets).T
    found = interfaces.look_up(rows, numbers.astype(np.uint32))
    return [int(each["link_type"]) if each["is_known"] else None for each in found]


def test_interface_is_known_after_its_description() -> None:
    interfaces = Interfaces()
    interfaces.begin_window()
    interfaces.add(3, PcapngInterface(1, 0))
    interfaces.add(5, PcapngInterface(101, 0))
    packets = (2, 0), (4, 0), (4, 1), (6, 1), (6, 2), (7, 0), (8, 2**32 - 1)
    assert look_up(interfaces, *packets) == [None, 1, None, 101, None, 1, None]


def test_section_forgets_the_interfaces_before_it() -> None:
    interfaces = Interfaces()
    interfaces.begin_window()
    interfaces.add(0, PcapngInterface(1, 0))
    interfaces.begin_section(2)
    interfaces.add(4, PcapngInterface(101, 0))
    packets = (1, 0), (3, 0), (5, 0), (5, 1)
    assert look_up(interfaces, *packets) == [1, None, 101, None]


def test_next_window_knows_the_current_section() -> None:
    interfaces = Interfaces()
    interfaces.begin_window()
    interfaces.add(0, PcapngInterface(1, 0))
    interfaces.begin_section(1)
    interfaces.add(2, PcapngInterface(101, 0))
    interfaces.begin_window()
    interfaces.add(1, PcapngInterface(113, 0))
    assert look_up(interfaces, (0, 0), (0, 1), (2, 1)) == [101, None, 113]
