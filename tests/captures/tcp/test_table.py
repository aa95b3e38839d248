from __future__ import annotations

import gc
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captures import Connection, End, Ending
from captures.tcp import deadlines
from captures.tcp import table as connection_table
from captures.tcp.grouping import Partition
from captures.tcp.timeouts import CLOSED_TIMEOUT_NS, IDLE_TIMEOUT_NS, OPENING_TIMEOUT_NS
from tests.support import tshark
from tests.support.captures import Packet, read
from tests.support.connections import SECOND_NS, Followed, Talk, follow, told
from tests.support.packets import ACK, FIN, PSH, RST, SYN
from tests.support.streams import Recorder

DATA = Path(__file__).parents[2] / "data"


DEMO = Path(__file__).parents[3] / "analyzer" / "data" / "office.pcap"


CAPTURES = [*sorted(DATA.glob("*.pcap*")), DEMO]


# -- every batch size gives the same --


@st.composite
def traffic(draw: st.DrawFn) -> list[Packet]:
    """Some connections at once: on mail ports and elsewhere, damaged, long silent."""
    packets: list[Packet] = []
    for number in range(draw(st.integers(1, 4))):
        port = draw(st.sampled_from([25, 143, 2525]))
        talk = Talk(40_000 + draw(st.integers(0, 1)), port)
        talk.time_ns += number * draw(st.sampled_from([0, SECOND_NS, 61 * SECOND_NS]))
        talk.next = [draw(st.sampled_from([1000, 2000, (1 << 32) - 20])), 5000]
        if draw(st.integers(0, 3)):
            talk.shake_hands()
        if draw(st.integers(0, 3)):
            talk.greet()
        for _ in range(draw(st.integers(0, 12))):
            data = draw(st.sampled_from([b"", b"", b"a", b"bcd", b"220 x", b"EHLO"]))
            seconds = draw(st.sampled_from([0.001] * 8 + [61, 121, 7201]))
            flags = draw(st.sampled_from([ACK] * 9 + [PSH | ACK, FIN | ACK, RST, SYN]))
            talk.send(draw(st.integers(0, 1)), data, flags, seconds=seconds)
            if not draw(st.integers(0, 9)):
                # what follows is a retransmission, or comes behind a gap
                talk.next[draw(st.integers(0, 1))] += draw(st.integers(-4, 4))
        if draw(st.booleans()):
            talk.close()
        packets += talk.packets
    packets.sort(key=lambda packet: packet.time_ns)
    for _ in range(draw(st.integers(0, 4))):
        last = max(len(packets) - 1, 0)
        at, other = draw(st.integers(0, last)), draw(st.integers(0, last))
        if packets:
            packets.insert(at, packets.pop(other))
    is_cut = draw(st.booleans())
    if packets and is_cut:
        at = draw(st.integers(0, len(packets) - 1))
        packets[at] = packets[at]._replace(data=packets[at].data[:-2])
    return packets


@settings(max_examples=100, deadline=None)
@given(
    traffic(),
    st.sets(st.integers(0, 60), max_size=5),
    st.integers(1, 12),
    st.booleans(),
)
def test_every_split_into_batches_gives_the_same(
    packets: list[Packet], cuts: set[int], count: int, unwanted: bool
) -> None:
    def make(connection: Connection) -> Recorder:
        # which connections stop being read depends on the traffic alone
        if connection.originator.port % 2:
            return Recorder()
        return (
            Recorder(unwanted_after=count) if unwanted else Recorder(read_until=count)
        )

    # packet by packet, nothing is ever taken in bulk
    expected = follow(packets, *range(1, len(packets)), make=make)

    assert follow(packets, make=make) == expected
    inside = [cut for cut in cuts if cut < len(packets)]
    assert follow(packets, *inside, make=make) == expected


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.name)
def test_captures_are_followed_the_same_in_every_batch_size(path: Path) -> None:
    packets = read(path)
    expected = follow(packets)
    assert follow(packets, *range(1, len(packets))) == expected
    assert follow(packets, *range(7, len(packets), 7)) == expected


@pytest.mark.parametrize("path", CAPTURES[::8], ids=lambda path: path.name)
def test_what_is_taken_in_bulk_is_taken_as_one_by_one(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def make(connection: Connection) -> Recorder:
        return Recorder(read_until=1 + connection.originator.port % 9)

    packets = read(path)
    in_bulk = follow(packets, make=make)
    monkeypatch.setattr(Connection, "is_settled", False)
    assert follow(packets, make=make) == in_bulk


def test_shares_have_every_connection_once() -> None:
    packets = [
        packet
        for number in range(50)
        for packet in Talk(40_000 + number).shake_hands().greet().packets
    ]
    partitions = [Followed(partition=Partition(number, 3)) for number in range(3)]
    found = []
    for followed in partitions:
        followed.process(packets)
        followed.table.close()
        found += followed.accounts()
    assert all(len(each.consumers) > 5 for each in partitions)
    assert sorted(found, key=lambda account: account.frames) == follow(packets)


def test_hashes_that_collide_keep_connections_apart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    talks = [Talk(40_000 + number).shake_hands().greet().close() for number in (0, 1)]
    packets = [
        each for pair in zip(*(t.packets for t in talks), strict=True) for each in pair
    ]
    expected = follow(packets)
    monkeypatch.setattr("captures.tcp.grouping._MIX", (np.uint64(0),) * 5)
    assert follow(packets) == expected
    assert len(expected) == 2


# -- other tools --


# tshark leaves these streams as they are in the capture: cut off, or with gaps
WITH_HOLES = {"smtp-capture-loss.pcap", "smtp-snaplen.pcap"}


def test_streams_are_those_that_tshark_follows() -> None:
    paths = [each for each in CAPTURES if each.name not in WITH_HOLES]
    ours = []
    for path in paths:
        followed = Followed(ports=range(65_536))
        followed.process(read(path))
        followed.table.close()
        ours += [
            {consumer.stream(End.ORIGINATOR), consumer.stream(End.RESPONDER)}
            for _, consumer in followed.consumers
        ]

    theirs = [{*each.sent.values()} for each in tshark.follow(paths, [], "tcp")]
    assert sorted(map(sorted, ours)) == sorted(map(sorted, theirs))
    assert len(theirs) > 100


# -- who is who --


def test_who_sends_the_syn_is_the_originator() -> None:
    (account,) = follow(Talk().shake_hands().packets)
    assert account.ports == (40_000, 25)


def test_who_answers_a_syn_is_the_responder() -> None:
    talk = Talk(40_000, 143).shake_hands()
    (account,) = follow(talk.packets[1:])
    assert account.ports == (40_000, 143)


@pytest.mark.parametrize("end", End)
def test_without_a_handshake_the_mail_port_is_the_responder(end: End) -> None:
    (account,) = follow(Talk().send(end, b"x").packets)
    assert account.ports == (40_000, 25)


@pytest.mark.parametrize(("end", "data"), [(1, b"220 a\r\n"), (0, b"EHLO a\r\n")])
def test_elsewhere_the_beginning_tells_who_is_who(end: int, data: bytes) -> None:
    (account,) = follow(Talk(40_000, 2525).send(end, data).packets)
    assert account.ports == (40_000, 2525)


def test_vlan_of_the_first_packet_counts() -> None:
    talk = Talk().shake_hands()
    first = talk.packets[0]
    tagged = first.data[:12] + b"\x81\0\0\x07" + first.data[12:]
    packets = [first._replace(data=tagged), *talk.packets[1:]]
    assert follow(packets)[0].vlan == 7


# -- connections elsewhere --


def test_connection_elsewhere_is_followed_from_its_handshake_on() -> None:
    talk = Talk(40_000, 2525).shake_hands().greet().close()
    (account,) = follow(talk.packets)
    assert told(account) == [
        (1, b"220 mail.example.com\r\n"),
        (0, b"EHLO a\r\n"),
        (0, None),
        (1, None),
    ]
    syn, syn_ack, ack = (packet.time_ns for packet in talk.packets[:3])
    assert account.times[2:] == (syn, syn_ack, ack)
    assert [packets for packets, *_ in account.counters] == [5, 3]
    assert account.times[0] == syn
    assert account.frames[0] == 1
    assert account.ending is Ending.CLOSED


def test_connection_elsewhere_without_a_beginning_is_left_alone() -> None:
    talk = Talk(40_000, 2525).shake_hands().send(0, b"GET / HTTP/1.1\r\n").close()
    assert follow(talk.packets) == []


def test_answer_to_an_earlier_syn_is_not_part_of_the_handshake() -> None:
    earlier = Talk(40_000, 2525).shake_hands().close()
    later = Talk(40_000, 2525)
    later.next, later.time_ns = [90_000, 70_000], earlier.time_ns
    later.send(0, flags=SYN)
    later.next[1] += 1
    later.send(0).greet()
    (account,) = follow(earlier.packets + later.packets)
    assert account.times[2:4] == (later.packets[0].time_ns, None)
    assert [len(each) for each in (account.told,)] == [4]


def test_followed_ports_are_counted_down_for_the_unwanted_too() -> None:
    packets = [
        packet
        for number in range(20)
        for packet in Talk(40_000 + number, 2525).shake_hands().greet().packets
    ]
    followed = Followed(lambda _: Recorder(unwanted_after=1))
    followed.process(packets)
    assert not followed.table.followed_ports.any()
    assert len(followed.consumers) == 20


# -- what is not mail --


@pytest.mark.parametrize("port", [25, 2525])
def test_what_is_not_mail_is_not_looked_at_again(port: int) -> None:
    talk = Talk(40_000, port).shake_hands()
    for _ in range(200):
        talk.greet().send(0, seconds=10)
    accounts = follow(talk.packets, 300, make=lambda _: Recorder(unwanted_after=3))
    assert [len(account.told) for account in accounts] == [3]


def test_next_syn_on_a_mail_port_is_looked_at() -> None:
    first, second = Talk().shake_hands().greet(), Talk()
    # the same packets at the same time would be copies
    second.time_ns = first.time_ns + SECOND_NS
    second.shake_hands().greet()
    make = iter([Recorder(unwanted_after=1), Recorder()])
    accounts = follow(first.packets + second.packets, make=lambda _: next(make))
    assert [len(account.told) for account in accounts] == [1, 4]


def test_unwanted_connection_is_looked_at_again_after_a_while() -> None:
    talk = Talk().shake_hands().greet().send(1, b"220 again", seconds=61)
    make = iter([Recorder(unwanted_after=1), Recorder()])
    accounts = follow(talk.packets, make=lambda _: next(make))
    assert [len(account.told) for account in accounts] == [1, 3]


# -- the end --


@pytest.mark.parametrize("cut", [(), (8,)])
def test_port_is_used_again(cut: tuple[int, ...]) -> None:
    first = Talk().shake_hands().greet().close()
    second = Talk()
    second.next, second.time_ns = [90_000, 70_000], first.time_ns
    second.shake_hands().greet()
    accounts = follow(first.packets + second.packets, *cut)
    assert [account.ending for account in accounts] == [Ending.CLOSED, Ending.OPEN]
    assert [len(account.told) for account in accounts] == [4, 4]


def test_port_is_used_again_without_an_end() -> None:
    first = Talk().shake_hands().greet()
    second = Talk()
    second.next = [90_000, 70_000]
    second.shake_hands().greet()
    packets = first.packets + second.packets
    for cuts in ((), (len(first.packets),)):
        endings = [account.ending for account in follow(packets, *cuts)]
        assert endings == [Ending.TIMEOUT, Ending.OPEN]


@pytest.mark.parametrize(
    ("packets", "timeout_ns"),
    [
        (Talk().send(0, flags=SYN).packets, OPENING_TIMEOUT_NS),
        (Talk().shake_hands().greet().packets, IDLE_TIMEOUT_NS),
        (Talk().shake_hands().greet().close().packets, CLOSED_TIMEOUT_NS),
    ],
)
def test_silent_connection_expires(packets: list[Packet], timeout_ns: int) -> None:
    followed = Followed()
    followed.process(packets)
    other = Talk(50_000, 9).send(0).packets[0]
    last = packets[-1].time_ns
    followed.process([other._replace(time_ns=last + timeout_ns)])
    # of a mere attempt there is no consumer yet
    assert [consumer for _, consumer in followed.consumers if consumer.closed] == []
    followed.process([other._replace(time_ns=last + timeout_ns + 1)])
    assert [consumer.closed is not None for _, consumer in followed.consumers] == [True]


@pytest.mark.parametrize("flags", [FIN | ACK, RST | ACK])
def test_consumer_learns_at_once_that_both_streams_ended(flags: int) -> None:
    followed = Followed()
    talk = Talk().shake_hands().greet()
    followed.process(talk.packets)
    ((_, consumer),) = followed.consumers
    endings = [consumer.ending]

    followed.process(talk.send(0, flags=flags).send(1, flags=flags).packets[-2:])
    endings.append(consumer.ending)

    assert endings == [None, Ending.RESET if flags & RST else Ending.CLOSED]
    assert consumer.closed is None


def test_connection_expires_without_another_packet() -> None:
    followed = Followed()
    talk = Talk().shake_hands().greet().close()
    followed.process(talk.packets)
    ((_, consumer),) = followed.consumers
    was_closed = []

    for silent_ns in (CLOSED_TIMEOUT_NS, CLOSED_TIMEOUT_NS + 1):
        followed.table.advance(talk.time_ns + silent_ns)
        was_closed.append(consumer.closed is not None)

    assert was_closed == [False, True]


def test_time_that_goes_back_ends_nothing() -> None:
    talk = Talk().shake_hands().greet().send(0, b"b", seconds=-9000).close()
    assert len(follow(talk.packets)) == 1


# -- bounds --


def test_oldest_connection_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_table, "MAX_CONNECTIONS", 3)
    talks = [Talk(40_000 + number).shake_hands() for number in range(5)]
    followed = Followed()
    for talk in talks:
        followed.process(talk.packets)
    is_over = [consumer.closed is not None for _, consumer in followed.consumers]
    assert is_over == [True, True, False, False, False]
    assert followed.table.evicted == 2
    followed.process(talks[4].greet().packets[3:])
    followed.table.close()
    assert len(followed.consumers[4][1].told) == 4


@pytest.mark.parametrize("port", [25, 2525])
def test_newest_connection_is_not_the_one_that_makes_room(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_table, "MAX_CONNECTIONS", 2)
    packets: list[Packet] = []
    for number in range(2):
        packets += Talk(40_000 + number).shake_hands().greet().packets
    # the deadlines of both are now later than that of any new connection
    late = Talk(39_000, port)
    late.time_ns += 200 * SECOND_NS
    packets += late.shake_hands().greet().packets
    followed = Followed()
    for packet in packets:
        followed.process([packet])
    followed.table.close()
    connection, consumer = followed.consumers[-1]
    assert connection.originator.port == 39_000
    assert len(consumer.told) == 4


def test_connection_that_made_room_is_told_nothing_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection_table, "MAX_CONNECTIONS", 2)
    talks = [Talk(40_000 + number).shake_hands() for number in range(8)]
    followed = Followed()
    followed.process([packet for talk in talks for packet in talk.packets])
    for talk in talks:
        del talk.packets[:]
        talk.greet().close()
    packets = [packet for talk in talks for packet in talk.packets]
    random.Random(1).shuffle(packets)
    # the recorder looks after that itself
    followed.process(packets)
    followed.table.close()
    assert followed.table.evicted > 6


def test_connections_that_are_over_are_not_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(deadlines, "_SPARE", 50)
    followed = Followed()
    for number in range(300):
        talk = Talk()
        talk.next = [100_000 * number, 5000]
        followed.process(talk.shake_hands().close().packets)
        followed.consumers.clear()
    gc.collect()
    alive = sum(isinstance(each, Connection) for each in gc.get_objects())
    assert alive < 100
    assert len(followed.table._deadlines) < 100


@pytest.mark.parametrize("processes", [1, 2])
def test_unwanted_connections_are_remembered_up_to_a_bound(
    processes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("captures.tcp.other_ports.MAX_UNWANTED", 10)
    partition = Partition(0, processes)
    followed = Followed(lambda _: Recorder(unwanted_after=1), partition=partition)
    for number in range(60):
        followed.process(Talk(40_000 + number).shake_hands().greet().packets)
    assert len(followed.table._unwanted) == 10 // processes


def test_empty_batch_is_nothing() -> None:
    assert follow([]) == []
