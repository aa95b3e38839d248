from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import pytest

from captures import (
    Attempt,
    Connection,
    ConnectionTable,
    Decoder,
    End,
    Ending,
    SegmentFilter,
)
from captures.tcp import table as connection_table
from captures.tcp.timeouts import OPENING_TIMEOUT_NS
from tests.support.connections import Talk, follow, told
from tests.support.packets import ACK, FIN, RST, SYN, batch_of
from tests.support.streams import Recorder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.support.captures import Packet

Counted = tuple[int, Ending, tuple[int, int]]


class Table:
    """A connection table that counts attempts, and makes connections of the others."""

    def __init__(self, wants: Callable[[Attempt], bool] = lambda _: True) -> None:
        self.counted: list[Counted] = []
        self.connections: list[Connection] = []
        self._wants = wants
        self._frames = 0
        self._decoder = Decoder(SegmentFilter([25, 110]))
        self.table = ConnectionTable(self._make, count_attempt=self._count)

    def process(self, packets: Sequence[Packet]) -> Table:
        batch = batch_of(packets, first=self._frames + 1)
        self._frames += len(packets)
        self.table.process(batch, self._decoder.decode(batch))
        return self

    def close(self) -> Table:
        self.table.close()
        return self

    def _make(self, connection: Connection) -> Recorder:
        self.connections.append(connection)
        return Recorder()

    def _count(self, attempt: Attempt) -> bool:
        if not self._wants(attempt):
            return False
        port = attempt.originator.port
        self.counted.append((port, attempt.ending, attempt.packets))
        return True


def syn(port: int = 40_000) -> Talk:
    return Talk(port).send(0, flags=SYN)


def test_flood_of_syns_makes_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_table, "MAX_ATTEMPTS", 100)
    table = Table()
    for first in range(1, 5001, 500):
        table.process([syn(first + at).packets[0] for at in range(500)])
        gc.collect()
        alive = sum(isinstance(each, Attempt) for each in gc.get_objects())
        assert alive <= 100
    table.close()
    assert table.connections == []
    assert len({port for port, *_ in table.counted}) == len(table.counted) == 5000
    assert {ending for _, ending, _ in table.counted} == {Ending.UNANSWERED}


@pytest.mark.parametrize(
    ("talk", "ending", "packets"),
    [
        (syn(), Ending.UNANSWERED, (1, 0)),
        (syn().send(0, flags=RST), Ending.UNANSWERED, (2, 0)),
        (syn().send(1, flags=RST | ACK), Ending.REFUSED, (1, 1)),
        (syn().send(1, flags=SYN | ACK), Ending.OPEN, (1, 1)),
        # a scan that only wants to know who answers
        (syn().send(1, flags=SYN | ACK).send(0, flags=RST), Ending.RESET, (2, 1)),
    ],
)
def test_attempt_is_counted_once_by_its_end(
    talk: Talk, ending: Ending, packets: tuple[int, int]
) -> None:
    table = Table().process(talk.packets).close()
    assert table.counted == [(40_000, ending, packets)]
    assert table.connections == []
    # who wants no count gets the same as a connection
    table = Table(lambda _: False).process(talk.packets).close()
    (connection,) = table.connections
    assert connection.ending is ending
    assert tuple(flow.packets for flow in connection.flows) == packets


def test_repeated_syn_is_the_same_attempt_up_to_its_timeout() -> None:
    talk = syn()
    for seconds in (1, 3, 7):
        talk.next[0] = 1000
        talk.send(0, flags=SYN, seconds=seconds)
    talk.next[0] = 1000
    talk.send(0, flags=SYN, seconds=OPENING_TIMEOUT_NS / 1e9 + 1)
    for cut in range(1, 5):
        table = Table().process(talk.packets[:cut]).process(talk.packets[cut:]).close()
        assert [packets for *_, packets in table.counted] == [(4, 0), (1, 0)]


def test_other_syn_is_another_attempt() -> None:
    talk = syn()
    talk.next[0] = 77_000
    table = Table().process(talk.send(0, flags=SYN).packets).close()
    assert [packets for *_, packets in table.counted] == [(1, 0), (1, 0)]


def test_answered_attempt_times_out() -> None:
    table = Table().process(syn().send(1, flags=SYN | ACK).packets)
    later = Talk(50_000, 9)
    table.process(later.send(0, seconds=121).packets)
    assert table.counted == [(40_000, Ending.TIMEOUT, (1, 1))]


@pytest.mark.parametrize("flags", [ACK, FIN | ACK])
def test_attempt_becomes_a_connection_with_all_its_packets(flags: int) -> None:
    talk = syn()
    talk.next[0] = 1000
    talk.send(0, flags=SYN, seconds=1)
    talk.send(1, flags=SYN | ACK).send(0, flags=flags)
    for cut in range(1, 4):
        table = Table().process(talk.packets[:cut]).process(talk.packets[cut:]).close()
        (connection,) = table.connections
        assert table.counted == []
        assert connection.handshake.syn_ns == talk.packets[0].time_ns
        assert connection.handshake.syn_ack_ns == talk.packets[2].time_ns
        assert connection.handshake.acknowledged_ns == talk.packets[3].time_ns


def test_data_in_a_syn_is_no_mere_attempt() -> None:
    (account,) = follow(Talk().send(0, b"EHLO", SYN).packets)
    assert told(account)[0] == (End.ORIGINATOR, b"EHLO")


def test_refused_attempt_that_has_a_row_is_told_at_once() -> None:
    table = Table(lambda _: False).process(syn().send(1, flags=RST | ACK).packets)
    (connection,) = table.connections
    assert connection.outlet.consumer.ending is Ending.REFUSED  # type: ignore[attr-defined]
    table.close()
    assert connection.ending is Ending.REFUSED


def test_refused_attempt_that_has_a_row_is_over_when_its_time_is() -> None:
    talk = syn().send(1, flags=RST | ACK)
    talk.send(0, b"EHLO a\r\n", seconds=OPENING_TIMEOUT_NS / 1e9 + 1)
    for cut in range(1, 4):
        table = Table(lambda _: False).process(talk.packets[:cut])
        table.process(talk.packets[cut:]).close()
        packets = [connection.flows[0].packets for connection in table.connections]
        assert packets == [1, 1]


def test_refused_attempt_that_has_a_row_is_over_with_another_syn() -> None:
    talk = syn().send(1, flags=RST | ACK)
    talk.next[0] = 77_000
    talk.shake_hands().greet()
    for cut in range(1, 4):
        table = Table(lambda _: False).process(talk.packets[:cut])
        table.process(talk.packets[cut:]).close()
        endings = [connection.ending for connection in table.connections]
        assert endings == [Ending.REFUSED, Ending.OPEN]
