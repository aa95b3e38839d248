from __future__ import annotations

import contextlib
import socket
import time
from typing import TYPE_CHECKING

import pytest

from captures.link_types import LinkType
from captures.live.ring import RETIRE_S, PacketRing
from tests.support.namespaces import send
from tests.support.packets import ethernet, ipv4, tcp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from captures.batch import PacketColumns

pytestmark = pytest.mark.usefixtures("network")

ETH_P_ALL = 3
SMALLEST = 2 << 20
LARGE = 1400


@contextlib.contextmanager
def ring_of(
    interface: str, size: int = SMALLEST, *, skips_outgoing: bool = False
) -> Iterator[PacketRing]:
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as receiver:
        receiver.bind((interface, ETH_P_ALL))
        yield PacketRing(
            receiver,
            size,
            link_type=LinkType.ETHERNET,
            skips_outgoing=skips_outgoing,
        )


def unpack(frames: PacketColumns) -> list[bytes]:
    return [
        frames.buffer[at : at + length].tobytes()
        for at, length in zip(
            frames.offset.tolist(), frames.captured_length.tolist(), strict=True
        )
    ]


def take_all(ring: PacketRing) -> list[bytes]:
    """All frames that were sent, by the time that their blocks were handed over."""
    taken: list[bytes] = []
    end = time.monotonic() + 3 * RETIRE_S
    while time.monotonic() < end:
        if frames := ring.take():
            taken += unpack(frames)
    return taken


def numbered(count: int, size: int = 0) -> list[bytes]:
    return [
        ethernet(ipv4(tcp((b"%d" % number).ljust(size, b".")), ("192.0.2.1",) * 2))
        for number in range(count)
    ]


def test_nothing_is_taken_before_anything_came() -> None:
    with ring_of("vb") as ring:
        assert ring.take() is None


def test_frames_of_many_blocks_keep_their_order() -> None:
    frames = numbered(1500, LARGE)
    taken: list[bytes] = []
    with ring_of("vb", 8 << 20) as ring:
        for _ in range(4):
            send("va", frames)
            taken += take_all(ring)
        assert ring.drops() == 0
    assert taken == frames * 4


def test_blocks_are_used_again_and_again() -> None:
    frames = numbered(200, LARGE)
    taken: list[bytes] = []
    with ring_of("vb") as ring:
        for _ in range(5):
            send("va", frames)
            taken += take_all(ring)
        assert ring.drops() == 0
    assert taken == frames * 5


def test_frames_without_room_are_counted() -> None:
    frames = numbered(3000, LARGE)
    with ring_of("vb") as ring:
        send("va", frames)
        taken = take_all(ring)
        drops = ring.drops()
        # what was counted stays so
        assert ring.drops() == drops
    assert taken == frames[: len(taken)]
    assert 0 < len(taken) < len(frames)
    assert drops == len(frames) - len(taken)


def test_drops_before_the_ring_are_not_counted() -> None:
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as receiver:
        receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 0)
        receiver.bind(("vb", ETH_P_ALL))
        send("va", numbered(100, LARGE))
        ring = PacketRing(
            receiver, SMALLEST, link_type=LinkType.ETHERNET, skips_outgoing=False
        )
        assert ring.drops() == 0
        assert take_all(ring) == []


def test_outgoing_frames_are_skipped_where_they_come_back() -> None:
    frames = numbered(3)
    with ring_of("lo") as twice, ring_of("lo", skips_outgoing=True) as once:
        send("lo", frames)
        assert len(take_all(twice)) == 6
        assert take_all(once) == frames


@pytest.mark.parametrize("ethertype", [b"\x81\x00", b"\x88\xa8"])
def test_tag_is_put_back_among_untagged_frames(ethertype: bytes) -> None:
    plain = numbered(1)[0]
    tags = [ethertype + bytes((0x20 | number, number)) for number in range(3)]
    tagged = [plain[:12] + tag + plain[12:] for tag in tags]
    frames = [plain, tagged[0], tagged[1], plain, tagged[2], plain]
    with ring_of("vb") as ring:
        send("va", frames)
        assert take_all(ring) == frames


def test_copy_does_not_change_when_blocks_are_used_again() -> None:
    with ring_of("vb") as ring:
        send("va", numbered(10))
        taken = None
        while taken is None:
            taken = ring.take()
        for _ in range(3):
            send("va", numbered(1000, LARGE))
            take_all(ring)
    assert unpack(taken) == numbered(10)


def test_time_is_that_of_the_clock() -> None:
    before = time.time_ns()
    with ring_of("vb") as ring:
        send("va", numbered(2))
        taken = None
        while taken is None:
            taken = ring.take()
    first, second = taken.time_ns.tolist()
    assert before <= first <= second <= time.time_ns()
