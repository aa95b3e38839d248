"""Connections for tests: their packets, and what consumers are told of them."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from captures import (
    Connection,
    ConnectionTable,
    Decoder,
    End,
    Ending,
    SegmentFilter,
    Wanted,
)
from captures.tcp.grouping import ALL, Partition
from tests.support.captures import START_NS, Packet
from tests.support.packets import ACK, FIN, SYN, batch_of, ethernet, ipv4, tcp
from tests.support.streams import Recorder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

MAIL_PORTS = (25, 110, 143)
SECOND_NS = 1_000_000_000
ADDRESSES = ("192.0.2.1", "198.51.100.25")


class Account(NamedTuple):
    """All that a consumer was told of one connection."""

    ports: tuple[int, int]
    told: tuple[tuple[End, bytes | int | None, int, int], ...]
    times: tuple[int | None, ...]
    ending: Ending | None
    vlan: int
    frames: tuple[int, int]
    counters: tuple[tuple[int, ...], ...]


class Followed:
    """A connection table, and what its consumers were told."""

    def __init__(
        self,
        make: Callable[[Connection], Recorder] | None = None,
        *,
        ports: Iterable[int] = MAIL_PORTS,
        partition: Partition = ALL,
    ) -> None:
        self.decoder = Decoder(SegmentFilter(ports, [b"220 ", b"+OK "], [b"EHLO"]))
        self.consumers: list[tuple[Connection, Recorder]] = []
        self.table = ConnectionTable(self._make_consumer, partition=partition)
        self._make = make or (lambda _: Recorder())
        self._frames = 0

    def process(self, packets: Sequence[Packet]) -> None:
        batch = batch_of(packets, first=self._frames + 1)
        self._frames += len(packets)
        segments = self.decoder.decode(batch, self.table.followed_ports)
        self.table.process(batch, segments)

    def accounts(self) -> list[Account]:
        """What was told of all connections, in the order of their first packets."""
        return sorted(
            (_account(*each) for each in self.consumers),
            key=lambda account: (account.frames, account.ports),
        )

    def _make_consumer(self, connection: Connection) -> Recorder:
        consumer = self._make(connection)
        self.consumers.append((connection, consumer))
        return consumer


def _account(connection: Connection, consumer: Recorder) -> Account:
    # a consumer that wants no more is not told the end
    assert (consumer.closed is not None) is (consumer.wanted is not Wanted.NOTHING)
    account = Account(
        (connection.originator.port, connection.responder.port),
        tuple(consumer.told),
        (
            connection.start_ns,
            connection.end_ns,
            connection.handshake.syn_ns,
            connection.handshake.syn_ack_ns,
            connection.handshake.established_ns,
        ),
        connection.ending,
        connection.vlan,
        (connection.first_frame, connection.last_frame),
        tuple(
            (
                flow.packets,
                flow.stream_bytes,
                flow.retransmitted_bytes,
                flow.conflicting_bytes,
                flow.missing_bytes,
            )
            for flow in connection.flows
        ),
    )
    if consumer.wanted is not Wanted.NOTHING:
        return account
    # nobody asks for the numbers of what is not mail
    return account._replace(
        times=(), ending=None, frames=(connection.first_frame, 0), counters=()
    )


def follow(
    packets: Sequence[Packet],
    *cuts: int,
    make: Callable[[Connection], Recorder] | None = None,
) -> list[Account]:
    """Follow packets in batches that end at `cuts`."""
    followed = Followed(make)
    edges = [0, *sorted(cuts), len(packets)]
    for at, end in pairwise(edges):
        followed.process(packets[at:end])
    followed.table.close()
    assert not followed.table.followed_ports.any()
    assert followed.table._room.taken_bytes == 0
    return followed.accounts()


class Talk:
    """Packets of one connection; each side's data is sent where its stream is."""

    def __init__(self, client_port: int = 40_000, server_port: int = 25) -> None:
        self.ports = (client_port, server_port)
        self.next = [1000, 5000]
        self.packets: list[Packet] = []
        self.time_ns = START_NS

    def send(
        self, end: int, data: bytes = b"", flags: int = ACK, *, seconds: float = 0.001
    ) -> Talk:
        self.time_ns += int(seconds * SECOND_NS)
        source, other = (1, 0) if end else (0, 1)
        segment = tcp(
            data,
            flags=flags,
            sequence=self.next[end],
            acknowledgment=self.next[1 - end] if flags & ACK else 0,
            ports=(self.ports[source], self.ports[other]),
        )
        packet = ethernet(ipv4(segment, (ADDRESSES[source], ADDRESSES[other])))
        self.packets.append(Packet(self.time_ns, packet, len(packet)))
        self.next[end] += len(data) + bool(flags & SYN) + bool(flags & FIN)
        return self

    def shake_hands(self) -> Talk:
        return self.send(0, flags=SYN).send(1, flags=SYN | ACK).send(0)

    def greet(self) -> Talk:
        return self.send(1, b"220 mail.example.com\r\n").send(0, b"EHLO a\r\n")

    def close(self) -> Talk:
        return self.send(0, flags=FIN | ACK).send(1, flags=FIN | ACK).send(0)


def told(account: Account) -> list[tuple[int, object]]:
    return [(int(end), what) for end, what, _, _ in account.told]
