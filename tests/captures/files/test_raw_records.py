from __future__ import annotations

import gzip
import struct
from typing import TYPE_CHECKING

import pytest

from captures import CaptureError
from captures.files.pcapng_writer import PcapngWriter, RawInterface, RawPacket
from captures.files.raw_records import RawRecords
from tests.support.captures import (
    MODIFIED,
    NANOSECONDS,
    START_NS,
    block,
    enhanced_packet,
    interface,
    obsolete_packet,
    packets,
    pcap,
    pcapng,
    read,
    secrets,
    section,
    simple_packet,
)

if TYPE_CHECKING:
    from pathlib import Path

TEN = packets(10)
IF_TSRESOL, IF_TSOFFSET, IF_FCSLEN, IF_NAME = 9, 14, 13, 2
EPB_FLAGS, COMMENT = 2, 1
Raw = tuple[RawInterface, RawPacket]


def raw(path: Path, content: bytes, *numbers: int) -> list[Raw]:
    """Packets of a capture by their numbers, as it holds them."""
    path.write_bytes(content)
    records = RawRecords(path)
    try:
        return [records.packet(number, START_NS) for number in numbers]
    finally:
        records.close()


def copied(path: Path, content: bytes, count: int) -> bytes:
    """A capture of all packets of another one."""
    target = path.with_suffix(".copy")
    with target.open("wb") as file:
        writer, known = PcapngWriter(file), dict[int, int]()
        for described, packet in raw(path, content, *range(1, count + 1)):
            if packet.interface not in known:
                known[packet.interface] = writer.add_interface(described)
            writer.add_packet(known[packet.interface], packet)
    return target.read_bytes()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.cap"


@pytest.fixture(params=["<", ">"])
def order(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize("size", [60, 200_000])
def test_packets_are_found_by_their_numbers(path: Path, order: str, size: int) -> None:
    """Also if they are in other windows."""
    many = packets(20, size=size)
    for content in (pcap(many, order=order), pcapng(many, order=order)):
        found = raw(path, content, 1, 2, 7, 7, 20)
        expected = [many[number - 1].data for number in (1, 2, 7, 7, 20)]
        assert [packet.data for _, packet in found] == expected


@pytest.mark.parametrize("magic", [MODIFIED, NANOSECONDS])
def test_times_of_pcap_keep_their_resolution(
    path: Path, order: str, magic: int
) -> None:
    [(described, packet)] = raw(path, pcap(TEN, order=order, magic=magic), 3)

    per_second = 1_000_000_000 if magic == NANOSECONDS else 1_000_000
    assert described.resolution == (9 if magic == NANOSECONDS else 6)
    assert packet.ticks * (1_000_000_000 // per_second) == TEN[2].time_ns


def test_length_of_the_frame_check_sequence_is_kept(path: Path) -> None:
    [(described, _)] = raw(path, pcap(TEN, network=1 | 0x2400_0000), 1)

    assert described.link_type == 1
    assert dict(described.options)[IF_FCSLEN] == bytes([32])


def test_all_that_is_said_of_an_interface_is_kept(path: Path, order: str) -> None:
    options = [
        (IF_NAME, b"eth0"),
        (IF_TSRESOL, b"\x83"),
        (IF_TSOFFSET, struct.pack(order + "q", 3600)),
    ]
    content = section(order) + interface(
        order, link_type=101, snap_length=99, options=options
    )
    content += enhanced_packet(order, TEN[0], ticks=1 << 40)
    [(described, packet)] = raw(path, content, 1)

    assert described == RawInterface(
        101,
        99,
        (
            (IF_NAME, b"eth0"),
            (IF_TSRESOL, b"\x83"),
            (IF_TSOFFSET, struct.pack("<q", 3600)),
        ),
        0x83,
        3600,
    )
    assert packet.ticks == 1 << 40
    assert read_copy(path, content) == read(path)


def read_copy(path: Path, content: bytes, count: int = 1) -> object:
    copy = copied(path, content, count)
    place = path.with_suffix(".again")
    place.write_bytes(copy)
    return read(place)


def test_options_of_packets_are_kept(path: Path, order: str) -> None:
    body = struct.pack(order + "IIIII", 0, 0, 7, 3, 3) + b"abc\0"
    body += struct.pack(order + "HHI", EPB_FLAGS, 4, 0x0102_0304)
    body += struct.pack(order + "HH", COMMENT, 5) + b"hello\0\0\0" + bytes(4)
    content = section(order) + interface(order) + block(order, 6, body)

    [(_, packet)] = raw(path, content, 1)

    assert packet.options == (
        (EPB_FLAGS, struct.pack("<I", 0x0102_0304)),
        (COMMENT, b"hello"),
    )
    again = copied(path, content, 1)
    assert raw(path, again, 1) == [(RawInterface(1, 0), packet)]


def test_other_blocks_of_packets_are_copied_as_enhanced_ones(
    path: Path, order: str
) -> None:
    content = section(order) + interface(order) + interface(order, link_type=101)
    content += obsolete_packet(order, TEN[0], number=1) + simple_packet(order, TEN[1])

    (first, obsolete), (second, simple) = raw(path, content, 1, 2)

    assert (first.link_type, obsolete.data) == (101, TEN[0].data)
    assert obsolete.ticks == TEN[0].time_ns // 1000
    # without a time of its own
    assert (second.link_type, simple.data) == (1, TEN[1].data)
    assert simple.ticks == START_NS // 1000


def test_simple_packet_is_no_longer_than_the_snap_length(path: Path) -> None:
    content = section() + interface(snap_length=7) + simple_packet("<", TEN[0])
    [(_, packet)] = raw(path, content, 1)

    assert packet.data == TEN[0].data[:7]
    assert packet.wire_length == len(TEN[0].data)


def test_sections_have_interfaces_of_their_own(path: Path) -> None:
    content = b"".join(
        section(order) + interface(order, link_type=kind) + enhanced_packet(order, one)
        for order, kind, one in zip("<>><", (1, 101, 113, 276), TEN, strict=False)
    )
    found = raw(path, content, 1, 2, 3, 4)

    assert [described.link_type for described, _ in found] == [1, 101, 113, 276]
    assert [packet.interface for _, packet in found] == [0, 1, 2, 3]
    assert read_copy(path, content, 4) == read(path)


def test_other_blocks_are_not_copied(path: Path) -> None:
    content = section() + interface() + secrets("<", 1, b"CLIENT_RANDOM")
    content += enhanced_packet("<", TEN[0])

    assert b"CLIENT_RANDOM" not in copied(path, content, 1)


def test_compressed_capture_is_read(path: Path) -> None:
    [(_, packet)] = raw(path, gzip.compress(pcapng(TEN)), 9)

    assert packet.data == TEN[8].data


@pytest.mark.parametrize(
    "content", [pcap(TEN[:3]), pcapng(TEN[:3]), pcapng(TEN)[:200], pcapng(TEN)[:-3]]
)
def test_packet_that_is_gone_is_an_error(path: Path, content: bytes) -> None:
    with pytest.raises(CaptureError, match="not what it was"):
        raw(path, content, 10)


def test_capture_that_only_tshark_knows_is_refused(path: Path) -> None:
    with pytest.raises(CaptureError):
        raw(path, b"no capture at all, but long enough", 1)
