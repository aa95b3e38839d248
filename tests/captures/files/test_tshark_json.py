from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from captures import Decoder, ReadEngine, SegmentFilter, open_capture
from captures.files.timestamps import MAX_TIME_NS, MIN_TIME_NS
from captures.files.tshark_json import Frame, parse_frame, parse_time
from captures.link_types import UNKNOWN_LINK_TYPE
from tests.support.captures import (
    START_NS,
    Packet,
    block,
    enhanced_packet,
    interface,
    packet,
    pcap,
    section,
    simple_packet,
    unpack,
)
from tests.support.packets import ethernet, ipv4, ipv6, tcp

if TYPE_CHECKING:
    from pathlib import Path

    from captures import PacketBatch

MAIL = ipv4(tcp(b"220 ready\r\n", ports=(25, 40_000)))
MAIL_IPV6 = ipv6(tcp(b"220 ready\r\n", ports=(25, 40_000)))
LLC_SNAP = b"\xaa\xaa\x03\0\0\0\x08\0"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "capture"


def read_batch(path: Path) -> PacketBatch:
    """The only batch of a capture, through tshark."""
    with open_capture(path, engine=ReadEngine.TSHARK) as reader:
        (batch,) = reader
    return batch


def read_packet(path: Path, data: bytes, link_type: int) -> Packet:
    """What becomes of a packet with a link type."""
    path.write_bytes(pcap([packet(0, data)], network=link_type))
    (found,) = unpack(read_batch(path))
    return found


@pytest.mark.parametrize(
    ("link_type", "data"),
    [
        (0, b"\2\0\0\0" + MAIL),
        (1, ethernet(MAIL)),
        (101, MAIL),
        (108, b"\0\0\0\2" + MAIL),
        (113, bytes(14) + b"\x08\0" + MAIL),
        (228, MAIL),
        (229, MAIL_IPV6),
        (276, b"\x08\0" + bytes(18) + MAIL),
    ],
)
def test_known_link_layer_is_handed_on_as_it_is(
    path: Path, link_type: int, data: bytes
) -> None:
    assert read_packet(path, data, link_type) == packet(0, data, link_type=link_type)


@pytest.mark.parametrize(
    ("link_type", "data", "start", "inner"),
    [
        pytest.param(9, b"\xff\3\0\x21" + MAIL, 4, 101, id="ppp"),
        pytest.param(9, b"\xff\3\0\x57" + MAIL_IPV6, 4, 101, id="ppp-ipv6"),
        pytest.param(104, b"\x0f\0\x08\0" + MAIL, 4, 101, id="cisco-hdlc"),
        pytest.param(107, b"\x18\x41\3\xcc" + MAIL, 4, 101, id="frame-relay"),
        pytest.param(
            105, b"\x08\0" + bytes(22) + LLC_SNAP + MAIL, 32, 101, id="802.11"
        ),
        pytest.param(
            197,
            (START_NS // 10**9 << 32).to_bytes(8, "little")
            + b"\x02\0\0\x58\0\0\0\x45\0\0"
            + ethernet(MAIL, 7),
            18,
            1,
            id="erf-ethernet",
        ),
    ],
)
def test_frame_or_ip_packet_is_found_in_other_link_layers(
    path: Path, link_type: int, data: bytes, start: int, inner: int
) -> None:
    found = read_packet(path, data, link_type)
    assert found.data.startswith(data[start:])
    assert found.link_type == inner


def test_outermost_packet_of_a_tunnel_is_found(path: Path) -> None:
    tunnel = ipv4(MAIL, protocol=4)
    assert read_packet(path, b"\xff\3\0\x21" + tunnel, 9).data == tunnel


def test_packet_cut_by_the_snap_length_keeps_its_length(path: Path) -> None:
    data = b"\xff\3\0\x21" + MAIL
    path.write_bytes(pcap([packet(0, data[:50], len(data))], network=9))
    (found,) = unpack(read_batch(path))
    assert found == packet(0, MAIL[:46], len(MAIL), 101)


def test_fragment_is_handed_on_as_it_is(path: Path) -> None:
    whole = tcp(bytes(64))
    first = ipv4(whole[:40], fragment=0x2000)
    last = ipv4(whole[40:], fragment=5)
    head = b"\xff\3\0\x21"
    path.write_bytes(pcap([packet(0, head + first), packet(1, head + last)], network=9))
    assert [each.data for each in unpack(read_batch(path))] == [first, last]


def test_packet_without_ip_is_counted_as_undecoded(path: Path) -> None:
    # USB, as Linux captures it
    assert read_packet(path, bytes(64), 189).link_type == UNKNOWN_LINK_TYPE
    decoder = Decoder(SegmentFilter({25}))
    decoder.decode(read_batch(path))
    assert decoder.finish() == {"link layer unknown, or without IP inside": 1}


def test_packet_that_is_not_in_the_frame_as_it_is_counts_as_unknown() -> None:
    # as after decryption, or put together from several frames
    about = {"encap_type": 99, "number": 7, "len": 64, "time_epoch": "1.5"}
    frame = parse_frame(
        {
            "frame_raw": ["00" * 64, 0, 64, 0, 1],
            "frame": {f"frame.{name}": value for name, value in about.items()},
            "ip_raw": [MAIL[:20].hex(), 0, 20, 0, 1],
        }
    )
    assert frame == Frame(7, 1_500_000_000, UNKNOWN_LINK_TYPE, 64, bytes(64))


def test_layer_of_a_packet_that_has_it_twice_is_the_outer_one() -> None:
    data = MAIL[:20] + MAIL
    about = {"encap_type": "99", "number": "1", "len": "71", "time_epoch": "0.0"}
    frame = parse_frame(
        {
            "frame_raw": [data.hex(), 0, len(data), 0, 1],
            "frame": {f"frame.{name}": value for name, value in about.items()},
            "ip_raw": [[MAIL[:20].hex(), 0, 20, 0, 1], [MAIL[:20].hex(), 20, 20, 0, 1]],
        }
    )
    assert frame
    assert frame.data == data


def test_entry_of_a_log_is_no_packet(path: Path) -> None:
    entry = block("<", 9, b"__REALTIME_TIMESTAMP=1700000000000000\nMESSAGE=hi\n\n\n")
    mail = enhanced_packet("<", packet(0, ethernet(MAIL)))
    path.write_bytes(section() + interface() + entry + mail)
    batch = read_batch(path)
    assert unpack(batch) == [packet(0, ethernet(MAIL))]
    assert batch.frame.tolist() == [2]


def test_packet_without_a_time_or_bytes_is_read(path: Path) -> None:
    empty = packet(0, b"")._replace(time_ns=0)
    path.write_bytes(section() + interface() + simple_packet("<", empty))
    assert unpack(read_batch(path)) == [empty]


@pytest.mark.parametrize(
    ("text", "time_ns"),
    [
        ("1795447597.969742001", 1_795_447_597_969_742_001),
        ("1795447597.969742", 1_795_447_597_969_742_000),
        ("-1.500000000", -1_500_000_000),
        ("-0.500000000", -500_000_000),
        ("2026-11-23T15:26:37.969742001Z", 1_795_447_597_969_742_001),
        ("18446744073709.551615000", MAX_TIME_NS),
        ("-18446744073709.551615000", MIN_TIME_NS),
    ],
)
def test_time_is_exact(text: str, time_ns: int) -> None:
    assert parse_time(text) == time_ns
