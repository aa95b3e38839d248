"""What a wrong clock does to the tables: next to nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import analyzer
from tests.support.analyses import rows
from tests.support.captures import NANOSECONDS, Packet, pcap
from tests.support.traffic import PacketScript, merged

if TYPE_CHECKING:
    from pathlib import Path

YEAR_NS = 365 * 86_400 * 1_000_000_000
TIMES = ("start", "end", "duration_s")
DELAYS = ("tcp_rtt_s", "banner_delay_s", "login_delay_s")
# without the latency that is unknown now
OTHERS = ("session_id", "anomalies", "capture", "slowest_verb", "slowest_s")


def traffic() -> list[Packet]:
    """Two sessions at the same time, then a third one."""
    login = PacketScript(110).server(b"+OK hi\r\n").client(b"USER bob\r\n")
    login.server(b"+OK\r\n").client(b"PASS x\r\n").server(b"+OK\r\n").close()
    mail = PacketScript(25, client_port=40_001).server(b"220 mx\r\n")
    mail.client(b"EHLO a\r\n").server(b"250 mx\r\n").client(b"QUIT\r\n")
    later = PacketScript(143, client_port=40_002, start_ms=50)
    return merged(login, mail.server(b"221 bye\r\n").close(), later.close())


def analyzed(path: Path, packets: list[Packet]) -> dict[int, dict[str, Any]]:
    """The sessions by client port."""
    path.write_bytes(pcap(packets, magic=NANOSECONDS))
    analysis = analyzer.analyze(path)
    latencies = analysis.exchanges["latency_s"]
    assert (latencies.dropna() <= 0.002).all()
    return {row["client_port"]: row for row in rows(analysis)}


@pytest.mark.parametrize("years", [48, -48, 236])
def test_packet_with_a_wrong_clock_changes_no_session(
    years: int, tmp_path: Path
) -> None:
    right = traffic()
    expected = analyzed(tmp_path / "right.pcap", right)
    for place, packet in enumerate(right):
        packets = right.copy()
        time_ns = max(packet.time_ns + years * YEAR_NS, 0)
        packets[place] = packet._replace(time_ns=min(time_ns, (1 << 32) * 10**9 - 1))

        found = analyzed(tmp_path / "wrong.pcap", packets)

        assert found.keys() == expected.keys()
        told = [port for port, row in found.items() if row["anomalies"]]
        assert len(told) == 1
        assert found[told[0]]["anomalies"] == ["wrong_clock"]
        for port, row in found.items():
            for name, value in row.items():
                if name in DELAYS:
                    assert value in {expected[port][name], None}
                elif name not in {*TIMES, *OTHERS}:
                    assert value == expected[port][name], name
            assert abs(row["duration_s"] - expected[port]["duration_s"]) < 0.051
            assert abs((row["start"] - expected[port]["start"]).total_seconds()) < 0.051


def test_anomaly_says_what_the_clock_said(tmp_path: Path) -> None:
    packets = traffic()
    packets[5] = packets[5]._replace(time_ns=0)
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap(packets))

    (anomaly,) = analyzer.analyze(path).tables["anomalies"].to_pylist()

    assert (anomaly["code"], anomaly["frame"]) == ("wrong_clock", 6)
    assert anomaly["detail"] == "the packet's own time is 1970-01-01 00:00:00 UTC"
    assert anomaly["time"].year == 2023


@pytest.mark.parametrize("place", [3, 10])
def test_captures_are_merged_in_spite_of_a_wrong_clock(
    place: int, tmp_path: Path
) -> None:
    packets = traffic()
    # one direction in each, as a tap gives them
    paths = [tmp_path / "a.pcap", tmp_path / "b.pcap"]
    sides: list[list[Packet]] = [[], []]
    for packet in packets:
        sides[packet.data[26:30] == packets[0].data[26:30]].append(packet)
    side = sides[1]
    side[place] = side[place]._replace(time_ns=4_000_000_000_000_000_000)
    for path, half in zip(paths, sides, strict=True):
        path.write_bytes(pcap(half, magic=NANOSECONDS))

    found = rows(analyzer.analyze(paths))

    assert [row["complete"] for row in found] == [True] * 3
    assert {row["auth_result"] for row in found} == {"success", None}


def test_wrong_clock_in_the_middle_of_a_transfer_is_told(tmp_path: Path) -> None:
    talk = PacketScript(143).server(b"* PREAUTH hi\r\n").client(b"a NOOP\r\n")
    for _ in range(300):
        talk.server(b"* 1 EXISTS\r\n")
    packets = talk.server(b"a OK\r\n").close().packets
    packets[100] = packets[100]._replace(time_ns=0)
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap(packets))

    (row,) = rows(analyzer.analyze(path))

    assert (row["anomalies"], row["server_packets"]) == (["wrong_clock"], 304)
    assert row["duration_s"] < 0.4
