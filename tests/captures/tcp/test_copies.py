from __future__ import annotations

import struct
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from captures import Connection, ConnectionTable, Decoder, SegmentFilter
from tests.support.connections import Talk
from tests.support.packets import ACK, FIN, SYN, batch_of
from tests.support.streams import Recorder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.support.captures import Packet

MICROSECOND_NS = 1_000
MILLISECOND_NS = 1_000_000


def numbered(packets: Sequence[Packet], first: int = 7) -> list[Packet]:
    """The same packets, each with an IPv4 identification of its own."""
    return [
        each._replace(
            data=each.data[:18] + struct.pack(">H", first + number) + each.data[20:]
        )
        for number, each in enumerate(packets)
    ]


def twice(packets: Sequence[Packet], delay_ns: int, *, reach: int = 1) -> list[Packet]:
    """Every packet once more, some packets later; with another VLAN, MAC and TTL."""
    found: list[tuple[int, int, Packet]] = []
    for number, each in enumerate(packets):
        found.append((number, 0, each))
        data = b"\x02\0\0\0\0\x09" + each.data[6:12] + b"\x81\0\0\x07" + each.data[12:]
        data = data[:26] + b"\x3f" + data[27:]
        later = each._replace(time_ns=each.time_ns + delay_ns, data=data)
        found.append((number + reach - 1, 1, later._replace(wire_length=len(data))))
    return [each for _, _, each in sorted(found, key=lambda item: item[:2])]


def conversation() -> list[Packet]:
    talk = Talk().shake_hands().greet()
    for number in range(30):
        talk.send(0, b"NOOP %d\r\n" % number).send(1, b"250 ok\r\n")
    return talk.send(0, b"QUIT\r\n", FIN | ACK).send(1, flags=FIN | ACK).packets


def connection_of(
    packets: Sequence[Packet], *cuts: int
) -> tuple[Connection, list[tuple[int, object]]]:
    """The only connection of a capture, and what was said in it."""
    found: list[tuple[Connection, Recorder]] = []

    def make(connection: Connection) -> Recorder:
        found.append((connection, Recorder()))
        return found[-1][1]

    decoder, table = Decoder(SegmentFilter([25])), ConnectionTable(make)
    edges = [0, *cuts, len(packets)]
    for first, end in pairwise(edges):
        batch = batch_of(packets[first:end], first=first + 1)
        table.process(batch, decoder.decode(batch))
    table.close()
    ((connection, recorder),) = found
    return connection, [(int(end), what) for end, what, *_ in recorder.told]


@pytest.mark.parametrize("reach", [1, 2, 3])
@pytest.mark.parametrize("delay_ns", [0, 30 * MICROSECOND_NS, 2 * MILLISECOND_NS])
def test_switch_that_mirrors_twice_retransmits_nothing(
    delay_ns: int, reach: int
) -> None:
    once = numbered(conversation())
    _, expected = connection_of(once)
    packets = twice(once, delay_ns, reach=reach)
    for cuts in ((), range(1, len(packets)), range(5, len(packets), 5)):
        connection, said = connection_of(packets, *cuts)
        assert said == expected
        assert connection.copied_packets == len(once)
        assert sum(flow.packets for flow in connection.flows) == 2 * len(once)
        assert [flow.retransmitted_bytes for flow in connection.flows] == [0, 0]


@pytest.mark.parametrize("copies", [2, 5])
def test_packet_may_be_captured_more_than_twice(copies: int) -> None:
    once = numbered(conversation())
    packets = [each for each in once for _ in range(copies)]
    connection, _ = connection_of(packets)
    assert connection.copied_packets == (copies - 1) * len(once)


def test_copy_of_a_fin_with_data_behind_a_gap_ends_nothing_early() -> None:
    talk = Talk().shake_hands().greet()
    talk.send(0, b"NOOP\r\n").send(0, b"QUIT\r\n", FIN | ACK)
    packets = numbered(talk.packets)
    late = packets.pop(-2)
    _, said = connection_of([*packets, packets[-1], late])
    assert [what for end, what in said if end == 0][-3:] == [
        b"NOOP\r\n",
        b"QUIT\r\n",
        None,
    ]


def test_retransmission_has_another_identification() -> None:
    packets = numbered(conversation())
    again = numbered([packets[5]], first=900)[0]
    packets.insert(6, again._replace(time_ns=again.time_ns + MICROSECOND_NS))
    connection, _ = connection_of(packets)
    assert connection.copied_packets == 0
    assert sum(flow.retransmitted_bytes for flow in connection.flows) == 8


def test_retransmission_comes_later() -> None:
    packets = numbered(conversation())
    again = packets[5]._replace(time_ns=packets[5].time_ns + 200 * MILLISECOND_NS)
    connection, _ = connection_of([*packets[:12], again, *packets[12:]])
    assert connection.copied_packets == 0
    assert sum(flow.retransmitted_bytes for flow in connection.flows) == 8


@pytest.mark.parametrize(("delay_ns", "copied"), [(900, 1), (1000 * 1000, 0)])
def test_without_an_identification_only_the_time_tells(
    delay_ns: int, copied: int
) -> None:
    packets = conversation()
    again = packets[5]._replace(time_ns=packets[5].time_ns + delay_ns)
    connection, _ = connection_of([*packets[:6], again, *packets[6:]])
    assert connection.copied_packets == copied


def test_repeated_acknowledgments_are_no_copies() -> None:
    talk = Talk().shake_hands().greet()
    packets = numbered(talk.send(1).send(1).send(1).packets)
    assert connection_of(packets)[0].copied_packets == 0


def test_attempts_may_be_captured_twice() -> None:
    packets = twice(numbered(Talk().send(0, flags=SYN).packets), MICROSECOND_NS)
    connection, _ = connection_of(packets)
    assert connection.copied_packets == 1
    assert connection.flows[0].packets == 2
