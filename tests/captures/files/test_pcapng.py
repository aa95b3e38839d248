from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from captures import open_capture
from captures.files import pcapng as pcapng_module
from captures.files.pcapng import Pcapng
from tests.support import captures as support
from tests.support.captures import (
    START_NS,
    Packet,
    block,
    enhanced_packet,
    interface,
    obsolete_packet,
    packet,
    packets,
    pcapng,
    secrets,
    section,
    simple_packet,
)

if TYPE_CHECKING:
    from pathlib import Path

    from captures import CaptureError

TEN = packets(10)
IF_TSRESOL = 9
IF_TSOFFSET = 14


def read(path: Path, content: bytes) -> list[Packet]:
    path.write_bytes(content)
    return support.read(path)


def read_until_damage(path: Path, content: bytes) -> tuple[list[Packet], CaptureError]:
    path.write_bytes(content)
    return support.read_until_damage(path)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.pcapng"


@pytest.fixture(params=["<", ">"])
def order(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_packets_are_read_in_both_byte_orders(path: Path, order: str) -> None:
    assert read(path, pcapng(TEN, order=order)) == TEN


def test_sections_in_either_byte_order_follow_each_other(path: Path) -> None:
    content = b"".join(pcapng(TEN, order=each) for each in "<><<>>")
    assert read(path, content) == TEN * 6


def test_interface_numbers_begin_anew_in_each_section(path: Path, order: str) -> None:
    content = b"".join(
        section(order)
        + interface(order, link_type=link_type)
        + enhanced_packet(order, TEN[0])
        for link_type in (1, 113, 228)
    )
    assert [each.link_type for each in read(path, content)] == [1, 113, 228]


def test_interfaces_have_their_own_link_types(path: Path, order: str) -> None:
    content = section(order) + interface(order) + interface(order, link_type=101)
    content += enhanced_packet(order, TEN[0], number=1)
    content += enhanced_packet(order, TEN[1], number=0)
    content += interface(order, link_type=276)
    content += enhanced_packet(order, TEN[2], number=2)
    assert [each.link_type for each in read(path, content)] == [101, 1, 276]


@pytest.mark.parametrize(
    ("resolution", "ticks", "time_ns"),
    [
        (0, 1_700_000_000, START_NS),
        (3, 1_700_000_000_001, START_NS + 1_000_000),
        (6, 1_700_000_000_000_001, START_NS + 1_000),
        (9, START_NS + 1, START_NS + 1),
        (10, START_NS * 10 + 19, START_NS + 1),
        (0x80, 1_700_000_000, START_NS),
        (0x80 | 10, (1_700_000_000 << 10) + 512, START_NS + 500_000_000),
        (0x80 | 33, (1_700_000_000 << 33) + 3, START_NS),
        (0, 2**64 - 1, 2**63 - 1),
    ],
)
def test_timestamps_of_any_resolution_are_exact(
    path: Path, order: str, resolution: int, ticks: int, time_ns: int
) -> None:
    options = [(IF_TSRESOL, bytes([resolution]))]
    content = section(order) + interface(order, options=options)
    content += enhanced_packet(order, TEN[0], ticks=ticks)
    assert [each.time_ns for each in read(path, content)] == [time_ns]


def test_interfaces_have_their_own_resolutions(path: Path, order: str) -> None:
    nanoseconds = [(2, b"eth0"), (IF_TSRESOL, b"\x09"), (0, b""), (IF_TSRESOL, b"\x03")]
    content = section(order) + interface(order) + interface(order, options=nanoseconds)
    for i in range(4):
        ticks = (START_NS + i) if i % 2 else START_NS // 1000 + i
        content += enhanced_packet(order, TEN[i], number=i % 2, ticks=ticks)
    times = [each.time_ns - START_NS for each in read(path, content)]
    assert times == [0, 1, 2000, 3]


@pytest.mark.parametrize("offset", [-3600, 3600])
def test_time_offset_is_added(path: Path, order: str, offset: int) -> None:
    options = [(IF_TSOFFSET, struct.pack(order + "q", offset))]
    content = section(order) + interface(order, options=options)
    content += enhanced_packet(order, TEN[0])
    assert read(path, content)[0].time_ns == START_NS + offset * 10**9


@pytest.mark.parametrize(
    "options",
    [
        [(IF_TSRESOL, b"")],
        [(IF_TSOFFSET, b"\x01\x02")],
        [(IF_TSRESOL, b"\x06"), (0, b"")],
    ],
)
def test_option_of_odd_length_is_ignored(
    path: Path, options: list[tuple[int, bytes]]
) -> None:
    content = section() + interface(options=options) + enhanced_packet("<", TEN[0])
    assert read(path, content) == TEN[:1]


def test_simple_packet_takes_the_time_of_the_packet_before(
    path: Path, order: str
) -> None:
    content = section(order) + interface(order, snap_length=4)
    content += simple_packet(order, packet(0, b"abc"))
    content += enhanced_packet(order, packet(5, b"x"))
    content += simple_packet(order, packet(0, b"abcd", wire_length=9))
    content += simple_packet(order, packet(0, b"abcdefgh"))
    found = read(path, content)
    assert [each.data for each in found] == [b"abc", b"x", b"abcd", b"abcd"]
    assert [each.wire_length for each in found] == [3, 1, 9, 8]
    late = START_NS + 5_000_000
    assert [each.time_ns for each in found] == [0, late, late, late]


def test_simple_packet_takes_the_time_from_an_earlier_batch(path: Path) -> None:
    # too long to come into reach with the packet before
    path.write_bytes(pcapng(TEN) + simple_packet("<", packet(0, bytes(1000))))
    with open_capture(path, max_bytes=1) as reader:
        times = [batch.time_ns.tolist()[0] for batch in reader]
    assert len(times) == 11
    assert times[10] == TEN[9].time_ns


def test_simple_packet_without_snap_length_ends_with_its_block(
    path: Path, order: str
) -> None:
    content = section(order) + interface(order)
    content += simple_packet(order, packet(0, b"abcd", wire_length=1500))
    assert [each.data for each in read(path, content)] == [b"abcd"]


def test_obsolete_packet_blocks_are_read(path: Path, order: str) -> None:
    content = section(order) + interface(order) + interface(order, link_type=101)
    content += obsolete_packet(order, TEN[0], number=1)
    content += enhanced_packet(order, TEN[1])
    assert read(path, content) == [TEN[0]._replace(link_type=101), TEN[1]]


def test_other_blocks_are_skipped(path: Path, order: str) -> None:
    others = [0, 4, 5, 7, 11, 12, 0xBAD, 0x4000_0BAD, 0xFFFF_FFFF]
    content = section(order) + interface(order)
    for each in others:
        content += block(order, each, b"whatever") + block(order, each, b"")
        content += enhanced_packet(order, TEN[0])
    assert read(path, content) == TEN[:1] * len(others)


def test_secrets_are_kept(path: Path, order: str) -> None:
    content = section(order) + secrets(order, 0x544C534B, b"CLIENT_RANDOM 00 11\n")
    content += interface(order) + enhanced_packet(order, TEN[0])
    content += secrets(order, 7, b"more")
    path.write_bytes(content)
    with open_capture(path) as reader:
        assert reader.secrets == []
        assert len(list(reader)) == 1
    assert reader.secrets == [(0x544C534B, b"CLIENT_RANDOM 00 11\n"), (7, b"more")]


def test_secrets_over_the_limit_are_dropped(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pcapng_module, "_MAX_SECRETS_BYTES", 5)
    path.write_bytes(section() + secrets("<", 1, b"1234") + secrets("<", 2, b"5678"))
    with open_capture(path) as reader:
        assert list(reader) == []
    assert reader.secrets == [(1, b"1234")]


@pytest.mark.parametrize("size", [1, 3, 4, 11, 12, 50])
def test_cut_in_a_block_is_reported_after_the_packets_before(
    path: Path, order: str, size: int
) -> None:
    before = pcapng(TEN, order=order)
    found, error = read_until_damage(
        path, before + enhanced_packet(order, TEN[0])[:size]
    )
    assert found == TEN
    assert error.offset == len(before)
    assert "cut" in error.reason


@pytest.mark.parametrize("size", [1, 11, 12, 27])
def test_cut_in_a_section_header_is_reported(path: Path, order: str, size: int) -> None:
    before = pcapng(TEN, order=order)
    found, error = read_until_damage(path, before + section(order)[:size])
    assert found == TEN
    assert error.offset == len(before)
    assert "cut" in error.reason


def bad_blocks(order: str) -> list[bytes]:
    good = bytearray(enhanced_packet(order, TEN[0]))
    other_trailer = bytes(good[:-4]) + struct.pack(order + "I", len(good) + 4)
    captured_too_much = bytearray(good)
    struct.pack_into(order + "I", captured_too_much, 20, len(good) - 32 + 1)
    return [
        struct.pack(order + "II", 6, 0) + bytes(100),
        struct.pack(order + "II", 6, 2**32 - 4) + bytes(100),
        struct.pack(order + "II", 6, 33) + bytes(21) + struct.pack(order + "I", 33),
        other_trailer,
        bytes(captured_too_much),
        block(order, 6, bytes(16)),
        block(order, 3, b""),
        block(order, 1, b"1234"),
        block(order, 0x0A0D0D0A, struct.pack(order + "I", 0x1A2B3C4D)),
        block(order, 0x0A0D0D0A, b"magicmagicmagic!"),
        enhanced_packet(order, TEN[0], number=1),
        enhanced_packet(order, packet(0, bytes(262_145))),
        block(order, 0xBAD, bytes(16 * 1024 * 1024)),
    ]


@pytest.mark.parametrize("index", range(13))
def test_bad_block_is_reported_after_the_packets_before(
    path: Path, order: str, index: int
) -> None:
    before = pcapng(TEN, order=order)
    content = before + bad_blocks(order)[index] + enhanced_packet(order, TEN[1])
    found, error = read_until_damage(path, content)
    assert found == TEN
    assert error.offset == len(before)
    assert error.usable
    assert "cut" not in error.reason


@pytest.mark.parametrize(
    "content",
    [
        section() + enhanced_packet("<", TEN[0]),
        section() + simple_packet("<", TEN[0]),
        section() + enhanced_packet("<", TEN[0]) + interface(),
        pcapng([]) + section(">") + enhanced_packet(">", TEN[0]),
        pcapng([]) + section("<") + enhanced_packet("<", TEN[0]),
    ],
)
def test_packet_without_interface_is_reported(path: Path, content: bytes) -> None:
    found, error = read_until_damage(path, content)
    assert found == []
    assert not error.usable
    assert "interface" in error.reason


def test_wrong_byte_order_magic_is_reported(path: Path) -> None:
    found, error = read_until_damage(path, section().replace(b"\x4d\x3c", b"??"))
    assert found == []
    assert error.offset == 0
    assert "byte-order magic" in error.reason


def test_endless_changes_of_the_byte_order_are_reported(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pcapng_module, "_MAX_BYTE_ORDER_CHANGES", 3)
    found, error = read_until_damage(path, (section("<") + section(">")) * 10)
    assert found == []
    assert error.offset == 4 * 28
    assert "byte order" in error.reason


def test_section_in_the_other_byte_order_is_found_among_many_packets(
    path: Path,
) -> None:
    # enough for a walk in pieces, which can't see that the byte order changes:
    # the length of this section header is the same in both
    many = packets(4000, size=900)
    odd = bytearray(block(">", 0x0A0D0D0A, bytes(65_792 - 12)))
    struct.pack_into(">IHHq", odd, 8, 0x1A2B3C4D, 1, 0, -1)
    content = pcapng(many[:2000]) + bytes(odd) + interface(">")
    content += b"".join(enhanced_packet(">", each) for each in many[2000:])
    assert int.from_bytes(odd[4:8], "big") == int.from_bytes(odd[4:8], "little")
    assert read(path, content) == many


def test_interfaces_over_the_limit_are_unknown(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("captures.files.pcapng_interfaces._MAX_INTERFACES", 2)
    content = section() + interface() * 3
    content += enhanced_packet("<", TEN[0], number=1)
    content += enhanced_packet("<", TEN[0], number=2)
    found, error = read_until_damage(path, content)
    assert found == TEN[:1]
    assert "interface" in error.reason


def test_other_header_is_not_recognised() -> None:
    assert Pcapng.recognise(b"\x0a\x0d\x0d") is None
    assert Pcapng.recognise(bytes(28)) is None
