from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from captures import Decoder, Endpoint, PacketBatch, SegmentFilter
from captures.tcp.endpoints import connection_key, endpoints, ports
from captures.tcp.grouping import ALL, Partition, Rows
from tests.support.packets import batch_of, ethernet, frame, ipv4, ipv6, tcp

if TYPE_CHECKING:
    from tests.support.captures import Packet

HOSTS = ("192.0.2.1", "192.0.2.2", "198.51.100.25")


def rows_of(batch: PacketBatch, partition: Partition = ALL) -> Rows:
    segments = Decoder(SegmentFilter([25])).decode(batch)
    clock = np.arange(len(batch), dtype=np.int64) * 10
    return Rows(segments, clock, {}, partition)


def packet(source: int, destination: int, port: int, number: int) -> Packet:
    segment = tcp(b"%d" % number, sequence=number, ports=(port, 25))
    return frame(ethernet(ipv4(segment, (HOSTS[source], HOSTS[destination]))))


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 2), st.sampled_from([25, 40_000])),
        max_size=30,
    ),
    st.integers(1, 3),
)
def test_rows_of_a_connection_are_together_and_in_order(
    segments: list[tuple[int, int, int]], of: int
) -> None:
    batch = batch_of([packet(*each, at) for at, each in enumerate(segments)])
    grouped: dict[frozenset[tuple[int, int]], list[int]] = {}
    for at, (source, destination, port) in enumerate(segments):
        pair = frozenset([(source, port), (destination, 25)])
        grouped.setdefault(pair, []).append(at)

    found = []
    for number in range(of):
        rows = rows_of(batch, Partition(number, of))
        assert len(set(rows.keys)) == len(rows.keys)
        start = 0
        for stop in rows.stops:
            found.append(rows.sequence[start:stop])
            assert rows.order[start:stop] == rows.sequence[start:stop]
            for at in range(start, stop):
                assert rows.data(at) == b"%d" % rows.sequence[at]
                assert rows.clock[at] == 10 * rows.order[at]
            start = stop

    assert sorted(found) == sorted(grouped.values())


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(40_000, 40_003)),
        max_size=30,
    ),
    st.integers(1, 3),
)
def test_shares_may_follow_hosts(segments: list[tuple[int, int, int]], of: int) -> None:
    batch = batch_of([packet(*each, at) for at, each in enumerate(segments)])
    found = 0
    hosts = []
    for number in range(of):
        rows = rows_of(batch, Partition(number, of, by_hosts=True))
        starts = [0, *rows.stops[:-1]][: len(rows.stops)]
        assert [rows.order[at] for at in starts] == sorted(
            rows.order[at] for at in starts
        )
        found += len(rows.order)
        hosts.append({key[:4] for key in rows.keys})
    assert found == len(segments)
    assert sum(map(len, hosts)) == len(set().union(*hosts))


def test_key_tells_both_endpoints_lower_first() -> None:
    there = frame(ethernet(ipv4(tcp(ports=(40_000, 25)), (HOSTS[1], HOSTS[0]))))
    back = frame(ethernet(ipv4(tcp(ports=(25, 40_000)), (HOSTS[0], HOSTS[1]))))
    rows = rows_of(batch_of([there, back]))
    (key,) = rows.keys
    assert ports(key) == (25, 40_000)
    lower, higher = endpoints(key)
    assert lower == Endpoint(0xFFFF_C000_0201, 25)
    assert higher == Endpoint(0xFFFF_C000_0202, 40_000)
    assert rows.source_is_lower == [False, True]
    assert connection_key(higher, lower) == connection_key(lower, higher) == key


def test_ports_tell_the_ends_of_a_connection_of_a_host_with_itself() -> None:
    addresses = ("2001:db8::1", "2001:db8::1")
    packets = [
        frame(ethernet(ipv6(tcp(ports=pair), addresses)))
        for pair in ((40_000, 25), (25, 40_000), (25, 25))
    ]
    rows = rows_of(batch_of(packets))
    assert sorted(map(ports, rows.keys)) == [(25, 25), (25, 40_000)]
    lower, higher = endpoints(max(rows.keys))
    assert lower.address == higher.address == 0x2001_0DB8 << 96 | 1


def test_payload_inside_a_tunnel_is_found() -> None:
    inner = ipv4(tcp(b"inside"), (HOSTS[0], HOSTS[2]))
    tunnel = frame(ethernet(ipv4(b"\0\0\x08\0" + inner, protocol=47)))
    rows = rows_of(batch_of([packet(0, 2, 40_000, 7), tunnel]))
    assert [rows.data(at) for at in range(2)] == [b"7", b"inside"]


def test_nothing_of_interest_makes_no_rows() -> None:
    packets = [frame(ethernet(ipv4(tcp(b"x", ports=(1, 2)))))]
    rows = rows_of(batch_of(packets))
    assert (rows.keys, rows.sequence) == ([], [])
