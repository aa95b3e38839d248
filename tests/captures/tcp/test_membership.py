from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from captures import Decoder, Endpoint, open_capture
from captures.tcp.membership import KnownConnection, Membership
from tests.support.traffic import PacketScript, write_pcap

if TYPE_CHECKING:
    from pathlib import Path

CLIENT = Endpoint(0xFFFF_C000_0265, 40_000)
SERVER = Endpoint(0xFFFF_C633_6419, 25)
FOREVER = 2**62


def talk(start_ms: int = 0, client_port: int = 40_000) -> PacketScript:
    """Eight packets."""
    script = PacketScript(25, client_port=client_port, start_ms=start_ms)
    return script.server(b"220 x\r\n").client(b"QUIT\r\n").close()


def found(
    path: Path, *connections: KnownConnection, max_packets: int = 100
) -> list[int]:
    membership = Membership(connections)
    decoder = Decoder(membership.segment_filter)
    with open_capture(path, max_packets=max_packets) as batches:
        return sorted(
            frame
            for batch in batches
            for frame in membership.find(decoder.decode(batch)).frame.tolist()
        )


def known(first: int, end_ns: int = FOREVER, *, wanted: bool = True) -> KnownConnection:
    return KnownConnection(CLIENT, SERVER, [first], end_ns, wanted)


@pytest.mark.parametrize("max_packets", [1, 3, 100])
def test_packets_of_one_connection_are_told_from_others(
    tmp_path: Path, max_packets: int
) -> None:
    path = write_pcap(tmp_path / "a.pcap", talk(), talk(client_port=40_001))

    assert found(path, known(1), max_packets=max_packets) == list(range(1, 17, 2))


@pytest.mark.parametrize("max_packets", [1, 3, 100])
def test_connection_ends_where_another_one_begins(
    tmp_path: Path, max_packets: int
) -> None:
    path = write_pcap(tmp_path / "a.pcap", talk(), talk(start_ms=8), talk(start_ms=16))
    first, last = known(1), known(17)
    between = known(9, wanted=False)

    assert found(path, first, between, last, max_packets=max_packets) == [
        *range(1, 9),
        *range(17, 25),
    ]


def test_what_comes_before_the_first_packet_or_behind_the_last_is_left_out(
    tmp_path: Path,
) -> None:
    path = write_pcap(tmp_path / "a.pcap", talk())
    end_ns = talk().packets[5].time_ns

    assert found(path, known(3, end_ns)) == [3, 4, 5, 6]


def test_without_connections_there_are_no_packets(tmp_path: Path) -> None:
    assert found(write_pcap(tmp_path / "a.pcap", talk())) == []


def test_key_is_the_same_for_both_directions() -> None:
    there, back = known(1), KnownConnection(SERVER, CLIENT, [1], 0)

    assert there.key == back.key
