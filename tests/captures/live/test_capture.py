"""What both engines promise: packets of an interface, and errors with a remedy."""

from __future__ import annotations

import signal
import threading
import time
from typing import TYPE_CHECKING

import pytest

from captures import CaptureError, Engine, open_capture, open_live
from tests.support.captures import unpack
from tests.support.namespaces import (
    ROOT,
    add_pair,
    as_real_root,
    collect,
    drain,
    ip,
    send,
    wait_for_packets,
)
from tests.support.packets import ethernet, ipv4, ipv6, tcp

if TYPE_CHECKING:
    from tests.support.captures import Packet

pytestmark = pytest.mark.usefixtures("network")

both_engines = pytest.mark.parametrize(
    # root starts dumpcap as another user
    "engine",
    [Engine.SOCKET, pytest.param(Engine.DUMPCAP, marks=as_real_root)],
)

MAIL = ethernet(ipv4(tcp(b"220 ready\r\n")))
TAGGED = ethernet(ipv4(tcp(b"EHLO\r\n")), 42)


def frames_of(name: str) -> list[bytes]:
    with open_capture(ROOT / "tests" / "data" / name) as reader:
        return [packet.data for batch in reader for packet in unpack(batch)]


def numbered(count: int) -> list[bytes]:
    return [ethernet(ipv4(tcp(b"%d" % number))) for number in range(count)]


def data_of(packets: list[Packet]) -> list[bytes]:
    return [packet.data for packet in packets]


@as_real_root
@pytest.mark.parametrize("name", ["smtp-relay-plain.pcap", "vlan-tagged.pcap"])
@pytest.mark.parametrize("interface", ["va", "vb"])
def test_engines_see_the_same_frames(interface: str, name: str) -> None:
    """On `va` they go out as they are, on `vb` the kernel takes tags off."""
    frames = [*frames_of(name), *frames_of("qinq.pcap")]
    with (
        open_live(interface, engine=Engine.SOCKET) as ours,
        open_live(interface, engine=Engine.DUMPCAP) as dumpcap,
    ):
        send("va", frames)
        seen, expected = drain(ours), drain(dumpcap)

    assert data_of(seen) == data_of(expected) == frames
    for ours_, theirs in zip(seen, expected, strict=True):
        assert ours_._replace(time_ns=0) == theirs._replace(time_ns=0)
        assert abs(ours_.time_ns - theirs.time_ns) < 1_000_000


@both_engines
def test_packets_of_other_ports_are_left_out(engine: Engine) -> None:
    web = ethernet(ipv4(tcp(b"GET / HTTP/1.1\r\n", ports=(40_000, 80))))
    with open_live("vb", ports=[25, 143], engine=engine) as live:
        send("va", [web, MAIL, web, TAGGED])
        assert data_of(drain(live)) == [MAIL, TAGGED]
        assert live.notes == []


@both_engines
def test_longest_segment_is_captured_whole(engine: Engine) -> None:
    # as long as the MTU of `lo` allows, longer than Scapy takes frames to be
    frame = ethernet(ipv6(tcp(b"." * (65_536 - 40 - 20))))
    with open_live("lo", ports=[25], engine=engine) as live:
        send("lo", [frame])
        assert data_of(drain(live)) == [frame]


@both_engines
def test_packet_on_loopback_is_seen_once(engine: Engine) -> None:
    with open_live("lo", engine=engine) as live:
        send("lo", [MAIL])
        assert data_of(drain(live)) == [MAIL]


@both_engines
def test_pause_is_an_empty_batch(engine: Engine) -> None:
    with open_live("vb", engine=engine) as live:
        assert len(next(live)) == 0
        send("va", [MAIL])
        assert data_of(wait_for_packets(live)) == [MAIL]
        assert len(next(live)) == 0


@both_engines
def test_frames_are_numbered_and_named(engine: Engine) -> None:
    with open_live("vb", engine=engine) as live:
        assert (live.name, live.engine, live.captures) == ("vb", engine, ("vb",))
        send("va", [MAIL] * 3)
        first = next(batch for batch in live if len(batch))
        send("va", [MAIL] * 2)
        second = next(batch for batch in live if len(batch))
    assert [*first.frame.tolist(), *second.frame.tolist()] == [1, 2, 3, 4, 5]
    assert first.captures == second.captures == ("vb",)
    assert second.position > first.position
    assert not first.buffer.flags.writeable


@both_engines
def test_stop_hands_on_what_is_buffered(engine: Engine) -> None:
    frames = numbered(5000)
    with open_live("vb", ports=[25], engine=engine) as live:
        send("va", frames)
        assert data_of(drain(live)) == frames
        with pytest.raises(StopIteration):
            next(live)
        assert live.drops() == 0


@both_engines
def test_signal_handler_stops_a_capture_that_waits(engine: Engine) -> None:
    with open_live("vb", engine=engine) as live:
        before = signal.signal(signal.SIGALRM, lambda *_: live.stop())
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        try:
            assert [len(batch) for batch in live if len(batch)] == []
        finally:
            signal.signal(signal.SIGALRM, before)


@both_engines
def test_batches_outlive_the_capture(engine: Engine) -> None:
    with open_live("vb", engine=engine) as live:
        send("va", [TAGGED])
        batch = next(batch for batch in live if len(batch))
    live.close()
    assert data_of(unpack(batch)) == [TAGGED]


@both_engines
def test_closed_capture_gives_nothing(engine: Engine) -> None:
    live = open_live("vb", engine=engine)
    live.close()
    assert list(live) == []


outages = pytest.mark.parametrize(
    ("commands", "reason"),
    [
        (["link set vb down"], "the interface went down"),
        (["link delete vb"], "the interface was removed"),
        (["link set vb name vx"], "the interface is called vx now"),
        # as long as it takes to do it, nobody looks
        (["link delete vb", "link add vb type veth", "link set vb up"], "was removed"),
    ],
)


@both_engines
@outages
def test_outage_is_told_after_the_packets(
    engine: Engine, commands: list[str], reason: str
) -> None:
    found: list[Packet] = []
    with open_live("vb", engine=engine) as live:
        send("va", [MAIL, TAGGED])
        found += wait_for_packets(live)
        for command in commands:
            ip(*command.split())
        with pytest.raises(CaptureError, match=f"^vb: .*{reason}") as caught:
            collect(live, found)
    assert data_of(found) == [MAIL, TAGGED]
    assert caught.value.usable


@both_engines
def test_renamed_interface_is_noticed_while_packets_go_on(engine: Engine) -> None:
    found: list[Packet] = []
    is_over = threading.Event()

    def go_on() -> None:
        while not is_over.is_set():
            send("va", [MAIL])
            time.sleep(0.01)

    sender = threading.Thread(target=go_on)
    sender.start()
    with open_live("vb", engine=engine) as live:
        found += wait_for_packets(live)
        ip("link", "set", "vb", "name", "vx")
        began = time.monotonic()
        with pytest.raises(CaptureError, match="called vx now"):
            collect(live, found)
    is_over.set()
    sender.join()
    assert time.monotonic() - began < 5
    assert set(data_of(found)) == {MAIL}


def test_packets_that_wait_in_the_ring_precede_the_outage() -> None:
    frames = numbered(2000)
    found: list[Packet] = []
    with open_live("vb", engine=Engine.SOCKET) as live:
        send("va", frames)
        ip("link", "set", "vb", "down")
        with pytest.raises(CaptureError, match="went down"):
            collect(live, found)
    assert data_of(found) == frames


@both_engines
def test_outage_without_any_packet_leaves_nothing_usable(engine: Engine) -> None:
    with open_live("vb", engine=engine) as live:
        ip("link", "set", "vb", "down")
        with pytest.raises(CaptureError) as caught:
            list(live)
    assert not caught.value.usable


@both_engines
def test_interface_that_is_down_is_refused(engine: Engine) -> None:
    ip("link", "set", "vb", "down")
    with pytest.raises(CaptureError, match="ip link set vb up") as caught:
        open_live("vb", engine=engine)
    assert not caught.value.usable


@both_engines
@pytest.mark.parametrize("name", ["eht0", "-", "TCP@192.0.2.1:1", "x" * 40, "", "e\0"])
def test_unknown_interface_is_answered_with_those_known(
    engine: Engine, name: str
) -> None:
    with pytest.raises(CaptureError, match="no such interface; there are: lo, v") as e:
        open_live(name, engine=engine)
    assert not e.value.usable


def test_interface_that_was_made_later_is_found() -> None:
    with open_live("vb"):
        add_pair("vc", "vd")
    with open_live("vd") as live:
        send("vc", [MAIL])
        assert data_of(drain(live)) == [MAIL]
