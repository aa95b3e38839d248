from __future__ import annotations

import os
from pathlib import Path
from threading import Thread

import pytest
from click.testing import CliRunner

from analyzer.cli import main
from captures import CaptureError, Decoder, ReadEngine, SegmentFilter, open_capture
from tests.support.captures import (
    START_NS,
    Packet,
    enhanced_packet,
    interface,
    pcap,
    read,
    section,
)
from tests.support.packets import SeenSegment, frame, seen

SESSION = Path(__file__).parents[2] / "data" / "smtp-aiosmtpd.pcap"
TOKEN_RING, USER = 6, 147


def in_token_ring(packet: Packet) -> Packet:
    """The same packet on a Token Ring (IEEE 802.5), which only tshark reads."""
    header = b"\x10\x40" + packet.data[:12] + b"\xaa\xaa\x03\0\0\0"
    data = header + packet.data[12:]
    longer = len(data) - len(packet.data)
    return packet._replace(data=data, wire_length=packet.wire_length + longer)


def segments(
    path: Path, *, engine: ReadEngine = ReadEngine.AUTO, max_packets: int = 65_536
) -> list[SeenSegment]:
    """All TCP segments of a capture."""
    decoder = Decoder(SegmentFilter(range(65_536)))
    found: list[SeenSegment] = []
    with open_capture(path, engine=engine, max_packets=max_packets) as reader:
        for batch in reader:
            first = int(batch.frame[0]) - 1
            rows = seen(decoder.decode(batch))
            found += [each._replace(order=each.order + first) for each in rows]
    return found


def mixed(packets: list[Packet]) -> bytes:
    """A pcapng in which every third packet is from a Token Ring."""
    blocks = [section(), interface(), interface(link_type=TOKEN_RING)]
    for number, packet in enumerate(packets):
        foreign = number % 3 == 1
        content = in_token_ring(packet) if foreign else packet
        blocks.append(enhanced_packet("<", content, number=int(foreign)))
    return b"".join(blocks)


@pytest.mark.parametrize("max_packets", [1, 7, 65_536])
def test_capture_of_a_foreign_link_type_is_read(
    tmp_path: Path, max_packets: int
) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap(map(in_token_ring, read(SESSION)), network=TOKEN_RING))
    assert segments(path, max_packets=max_packets) == segments(SESSION)


@pytest.mark.parametrize("max_packets", [1, 7, 65_536])
def test_interface_of_a_foreign_link_type_is_read(
    tmp_path: Path, max_packets: int
) -> None:
    path = tmp_path / "a.pcapng"
    path.write_bytes(mixed(read(SESSION)))
    assert segments(path, max_packets=max_packets) == segments(SESSION)


def test_entries_of_a_log_do_not_shift_packets(tmp_path: Path) -> None:
    """Which tshark numbers like packets."""
    log = b"__REALTIME_TIMESTAMP=1\nMESSAGE=hello\n"
    blocks = mixed(read(SESSION))
    entry = len(log) + -len(log) % 4 + 12
    block = (9).to_bytes(4, "little") + entry.to_bytes(4, "little")
    block += log + bytes(-len(log) % 4) + entry.to_bytes(4, "little")
    header = len(section()) + 2 * len(interface())
    path = tmp_path / "a.pcapng"
    path.write_bytes(blocks[:header] + block * 3 + blocks[header:])
    assert segments(path) == segments(SESSION)


def test_user_is_told_that_tshark_reads_along(tmp_path: Path) -> None:
    path = tmp_path / "a.pcapng"
    path.write_bytes(mixed(read(SESSION)))
    result = CliRunner().invoke(main, ["analyze", str(path)])
    assert result.exit_code == 0
    assert "read through tshark, too" in result.stderr
    assert result.stdout.startswith("1 mail session")


def test_everything_else_is_read_without_tshark(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.pcapng"
    path.write_bytes(mixed(read(SESSION)))
    monkeypatch.setenv("PATH", os.devnull)
    result = CliRunner().invoke(main, ["analyze", str(path)])
    assert result.exit_code == 1
    assert "link type 6 unknown); tshark may know it (Debian" in result.stderr
    assert result.stdout.startswith("1 mail session")


def test_what_tshark_does_not_know_either_is_said(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap([frame(b"\1\2\3\4" * 9, USER)], network=USER))
    with open_capture(path) as reader:
        next(reader)
        with pytest.raises(CaptureError, match="packets of link type 147"):
            next(reader)


def test_mailtap_alone_leaves_foreign_packets_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "a.pcapng"
    path.write_bytes(mixed(read(SESSION)))
    found = segments(path, engine=ReadEngine.NATIVE)
    assert [each for each in segments(SESSION) if each.order % 3 != 1] == found


def test_capture_without_foreign_packets_needs_no_tshark(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr("captures.files.opening._open_with_tshark", fail)
    assert segments(SESSION)


def test_capture_from_a_pipe_cannot_be_read_by_tshark(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    packets = [Packet(START_NS, b"x" * 60, 60, TOKEN_RING)]
    content = pcap(packets, network=TOKEN_RING)
    writer = Thread(target=path.write_bytes, args=(content,))
    writer.start()
    with open_capture(path) as reader:
        (batch,) = reader
    writer.join()
    assert batch.link_type.tolist() == [TOKEN_RING]
