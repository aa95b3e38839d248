from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from captures.files.pcap import Pcap
from tests.support import captures as support
from tests.support.captures import (
    MICROSECONDS,
    MODIFIED,
    NANOSECONDS,
    Packet,
    packet,
    packets,
    pcap,
    record,
)

if TYPE_CHECKING:
    from pathlib import Path

    from captures import CaptureError

TEN = packets(10)


def read(path: Path, content: bytes) -> list[Packet]:
    path.write_bytes(content)
    return support.read(path)


def read_until_damage(path: Path, content: bytes) -> tuple[list[Packet], CaptureError]:
    path.write_bytes(content)
    return support.read_until_damage(path)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.pcap"


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("magic", [MICROSECONDS, NANOSECONDS, MODIFIED])
def test_packets_are_read_in_every_variant(path: Path, order: str, magic: int) -> None:
    assert read(path, pcap(TEN, order=order, magic=magic)) == TEN


def test_nanoseconds_are_kept(path: Path) -> None:
    exact = packet(0, b"x")._replace(time_ns=1_700_000_000_123_456_789)
    assert read(path, pcap([exact], magic=NANOSECONDS)) == [exact]


def test_last_second_of_unsigned_time_is_read(path: Path) -> None:
    latest = packet(0, b"x")._replace(time_ns=(2**32 - 1) * 10**9)
    assert read(path, pcap([latest])) == [latest]


def test_fraction_beyond_a_second_is_added(path: Path) -> None:
    content = pcap([]) + struct.pack("<IIII", 1, 2**32 - 1, 1, 1) + b"x"
    assert read(path, content)[0].time_ns == 10**9 + (2**32 - 1) * 1000


def test_frame_check_sequence_bits_are_no_link_type(path: Path) -> None:
    content = pcap([packet(0, b"x")], network=0xF400_0071)
    assert read(path, content)[0].link_type == 0x71


def test_packet_longer_than_the_snap_length_is_read(path: Path) -> None:
    long = packet(0, bytes(262_144))
    assert read(path, pcap([long], snap_length=96)) == [long]


def test_wire_length_is_told_from_captured_length(path: Path) -> None:
    snapped = packet(0, b"abc", wire_length=1500)
    assert read(path, pcap([snapped])) == [snapped]


def test_empty_packets_are_packets(path: Path) -> None:
    empty = [packet(i) for i in range(3)]
    assert read(path, pcap(empty)) == empty


def test_capture_without_packets_has_no_batches(path: Path) -> None:
    assert read(path, pcap([])) == []


@pytest.mark.parametrize("cut", [1, 50, 60, 70, 75])
def test_cut_in_a_record_is_reported_after_the_packets_before(
    path: Path, cut: int
) -> None:
    last = pcap(TEN[:9])
    found, error = read_until_damage(path, pcap(TEN)[:-cut])
    assert found == TEN[:9]
    assert error.offset == len(last)
    assert error.usable
    assert "cut" in error.reason


@pytest.mark.parametrize("length", [262_145, 2**31, 2**32 - 1])
def test_impossible_length_is_reported_after_the_packets_before(
    path: Path, length: int
) -> None:
    bad = struct.pack("<IIII", 1_700_000_000, 0, length, length)
    found, error = read_until_damage(path, pcap(TEN) + bad + bytes(40))
    assert found == TEN
    assert error.offset == len(pcap(TEN))
    assert "damaged" in error.reason


def test_impossible_length_is_reported_although_the_bytes_are_there(
    path: Path,
) -> None:
    content = pcap(TEN) + record(packet(0, bytes(262_145))) + record(packet(1, b"x"))
    found, error = read_until_damage(path, content)
    assert found == TEN
    assert error.offset == len(pcap(TEN))


def test_damage_in_the_first_record_leaves_nothing_usable(path: Path) -> None:
    found, error = read_until_damage(path, pcap([]) + b"\xff" * 100)
    assert found == []
    assert error.offset == 24
    assert not error.usable


@pytest.mark.parametrize(
    "content", [b"", b"\xd4\xc3\xb2\xa1", pcap([])[:23], bytes(24)]
)
def test_header_that_is_cut_or_other_is_not_recognised(content: bytes) -> None:
    assert Pcap.recognise(content) is None
