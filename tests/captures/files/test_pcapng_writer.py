from __future__ import annotations

import io
import subprocess
from typing import TYPE_CHECKING

from captures.files.pcapng_writer import SECTION, PcapngWriter, RawInterface, RawPacket
from tests.support.captures import packets, read

if TYPE_CHECKING:
    from pathlib import Path

COMMENT, IF_TSRESOL = 1, 9


def test_packets_are_read_back(tmp_path: Path) -> None:
    expected = packets(20)
    path = tmp_path / "a.pcapng"
    with path.open("wb") as file:
        writer = PcapngWriter(file)
        nanoseconds = ((IF_TSRESOL, b"\x09"),)
        places = [
            writer.add_interface(RawInterface(1, 0)),
            writer.add_interface(RawInterface(1, 0, nanoseconds)),
        ]
        for at, each in enumerate(expected):
            ticks = each.time_ns // (1000, 1)[at % 2]
            packet = RawPacket(0, ticks, each.wire_length, each.data)
            writer.add_packet(places[at % 2], packet)

    assert read(path) == expected


def test_wireshark_reads_comments_and_times(tmp_path: Path) -> None:
    path = tmp_path / "a.pcapng"
    with path.open("wb") as file:
        writer = PcapngWriter(file)
        place = writer.add_interface(RawInterface(101, 64, ((IF_TSRESOL, b"\x09"),)))
        options = ((COMMENT, b"look here"),)
        data = bytes.fromhex("4500001400000000400600007f0000017f000001")
        writer.add_packet(place, RawPacket(0, 1_000_000_001, 99, data, options))
    shown = subprocess.run(
        [
            *("tshark", "-r", str(path), "-T", "fields"),
            *("-e", "frame.time_epoch", "-e", "frame.comment", "-e", "frame.len"),
        ],
        capture_output=True,
        check=True,
        text=True,
    ).stdout

    assert shown.split("\t") == ["1.000000001", "look here", "99\n"]


def test_capture_without_packets_is_a_section() -> None:
    file = io.BytesIO()
    PcapngWriter(file)

    assert file.getvalue() == SECTION
    assert len(SECTION) == 44
