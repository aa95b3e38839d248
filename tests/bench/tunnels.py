"""Measures packets in tunnels: `python -m tests.bench.tunnels [PACKETS]`.

First what a packet costs in each encapsulation, then what attackers would send: time
for 10 MB, peak of the memory that decoding takes, and what is counted as undecoded.
"""

from __future__ import annotations

import random
import sys
import time
import tracemalloc
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from captures import Decoder, SegmentFilter
from tests.support.encapsulations import (
    LINKS,
    TAGS,
    TEREDO,
    TUNNELS,
    carried,
    datagram,
    frame,
)
from tests.support.packets import batch_of, ipv4, ipv6, tcp
from tests.support.packets import frame as packet

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.captures import Packet

MB = 1_000_000
SEGMENT = tcp(b"EHLO client.example.com\r\n" * 40)
PLAIN = ipv4(SEGMENT)
_ATTACK_BYTES = 10 * MB


def every_kind() -> dict[str, Packet]:
    """A packet in each encapsulation."""
    by_ethernet = {**TUNNELS, **TAGS}
    return {
        "Ethernet alone": packet(frame(PLAIN, 0x0800)),
        **{name: packet(wrap(PLAIN)) for name, wrap in by_ethernet.items()},
        **{name: packet(wrap(ipv6(SEGMENT))) for name, wrap in TEREDO.items()},
        **{
            f"{name} capture": packet(wrap(PLAIN), link_type)
            for name, (link_type, wrap) in LINKS.items()
        },
    }


def nested(choose: Callable[[], str], depth: int) -> Packet:
    """A packet in so many tunnels, as far as they fit."""
    data = PLAIN
    for _ in range(depth):
        outer = TUNNELS[choose()](data)
        if len(outer) < 65_000 and outer[12:14] == b"\x08\0":
            data = outer[14:]
    return packet(frame(data, 0x0800))


def attacks() -> dict[str, Callable[[int], Packet]]:
    """What packets of an attack are, by their numbers."""
    chance = random.Random(1)  # the same every time
    names = sorted(TUNNELS)
    slow = ["802.11 in CAPWAP", "TZSP with tags", "L2TPv3 with cookie"]
    bottomless = nested(lambda: "IP in IP", 3000)
    return {
        "IP in IP, 3,000 deep": lambda _: bottomless,
        "rare tunnels, 8 deep": lambda _: nested(lambda: chance.choice(slow), 8),
        "any tunnels, 8 deep": lambda _: nested(lambda: chance.choice(names), 8),
        "any tunnels, 30 deep": lambda _: nested(lambda: chance.choice(names), 30),
        "every EtherType": lambda n: packet(frame(bytes(20), n & 0xFFFF)),
        "noise on tunnel ports": lambda _: packet(
            datagram(chance.randbytes(60), chance.choice((1701, 2152, 4789, 37_008)))
        ),
        "tags without end": lambda _: packet(
            frame(b"\0\1\x81\0" * 350, 0x8100),
        ),
        "padding in TZSP": lambda _: packet(
            datagram(b"\1\0\0\1" + bytes(1400), 37_008)
        ),
        "fragments that nothing follows": lambda n: packet(
            frame(ipv4(bytes(8), fragment=0x2000, identification=n & 0xFFFF), 0x0800)
        ),
        "GRE with routes without end": lambda _: packet(
            carried(b"\x40\0\x08\0" + bytes(4) + b"\x08\0\0\0" * 350, 47)
        ),
    }


def measure(packets: list[Packet], *, is_traced: bool = False) -> tuple[float, Decoder]:
    """Decode packets; get seconds, or the peak of memory in MB."""
    batch, decoder = batch_of(packets), Decoder(SegmentFilter([25]))
    if is_traced:
        tracemalloc.start()
        decoder.decode(batch)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak / MB, decoder
    began = time.perf_counter()
    decoder.decode(batch)
    return time.perf_counter() - began, decoder


def main() -> None:
    """Measure all, and print two tables."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    console = Console(width=120)
    kinds = Table("packet in", "µs", title="Each encapsulation", title_justify="left")
    for name, each in every_kind().items():
        seconds = min(measure([each] * count)[0] for _ in range(3))
        kinds.add_row(name, f"{seconds / count * 1e6:.2f}")
    console.print(kinds)
    table = Table("attack", "packets", "s for 10 MB", "peak MB", "undecoded")
    for name, make in attacks().items():
        packets: list[Packet] = []
        size = 0
        while size < _ATTACK_BYTES and len(packets) < 6 * count:
            packets.append(make(len(packets)))
            size += len(packets[-1].data)
        seconds, decoder = measure(packets)
        peak, _ = measure(packets, is_traced=True)
        table.add_row(
            name,
            f"{len(packets):,}",
            f"{seconds / size * _ATTACK_BYTES:.2f}",
            f"{peak:.1f}",
            f"{decoder.finish().total():,}",
        )
    console.print(table)


if __name__ == "__main__":
    main()
