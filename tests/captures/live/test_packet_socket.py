"""What only the socket does; `test_live` has what both engines do."""

from __future__ import annotations

import fcntl
import os
import struct
from typing import NoReturn

import pytest
from scapy.arch import common

from captures import CaptureError, open_live
from captures.live import packet_socket as sockets
from captures.live.kernel_filter import NOTHING
from tests.support.namespaces import drain, ip, promiscuity, send
from tests.support.packets import ethernet, ipv4, ipv6, tcp

pytestmark = pytest.mark.usefixtures("network")

MAIL = ethernet(ipv4(tcp(b"220 ready\r\n")))
WEB = ethernet(ipv4(tcp(b"GET /", ports=(40_000, 80))))

# linux/if_tun.h, linux/if_arp.h
TUNSETIFF = 0x400454CA
TUNSETLINK = 0x400454CD
IFF_TUN, IFF_NO_PI = 1, 0x1000
ARPHRD_CAN = 280


class Tunnel:
    """An interface whose packets this process writes."""

    def __init__(self, hardware: int | None = None) -> None:
        self.descriptor = os.open("/dev/net/tun", os.O_RDWR)
        request = struct.pack("16sH22x", b"tun0", IFF_TUN | IFF_NO_PI)
        fcntl.ioctl(self.descriptor, TUNSETIFF, request)
        if hardware is not None:
            fcntl.ioctl(self.descriptor, TUNSETLINK, hardware)
        ip("link", "set", "tun0", "addrgenmode", "none")
        ip("link", "set", "tun0", "up")

    def __enter__(self) -> Tunnel:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.descriptor)

    def receive(self, packet: bytes) -> None:
        os.write(self.descriptor, packet)


needs_tun = pytest.mark.skipif(
    not os.access("/dev/net/tun", os.R_OK | os.W_OK),
    reason="no tunnels here, or not for this user",
)


@needs_tun
def test_packets_of_a_tunnel_begin_with_ip() -> None:
    packets = [ipv4(tcp(b"220")), ipv6(tcp(b"220"))]
    with Tunnel() as tunnel, open_live("tun0", ports=[25]) as live:
        for packet in [*packets, ipv4(tcp(ports=(80, 1024)))]:
            tunnel.receive(packet)
        seen = drain(live)
    assert [packet.data for packet in seen] == packets
    assert {packet.link_type for packet in seen} == {101}


@needs_tun
def test_unknown_link_layer_is_left_to_dumpcap() -> None:
    remedy = rf"\(type {ARPHRD_CAN}\): let dumpcap capture \(--engine dumpcap\)"
    with Tunnel(ARPHRD_CAN), pytest.raises(CaptureError, match=remedy):
        open_live("tun0", ports=[25])


def test_without_libpcap_all_packets_come_and_a_note(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object, **__: object) -> NoReturn:
        raise ImportError("libpcap is not available")

    monkeypatch.setattr(common, "compile_filter", fail)
    with open_live("vb", ports=[25]) as live:
        send("va", [MAIL, WEB])
        assert len(drain(live)) == 2
    assert len(live.notes) == 1
    assert "libpcap is not available" in live.notes[0]


def test_filter_that_the_kernel_refuses_leaves_all_packets_and_a_note(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    too_long = [*NOTHING] * 5000
    monkeypatch.setattr(sockets, "compile_filter", lambda *_: too_long)
    with open_live("vb", ports=[25]) as live:
        send("va", [MAIL, WEB])
        assert len(drain(live)) == 2
    assert "the kernel can't filter packets (" in live.notes[0]


def test_lost_packets_are_told_also_after_the_end() -> None:
    frames = [ethernet(ipv4(tcp(b"." * 1400)))] * 3000
    with open_live("vb", ports=[25], buffer_bytes=1) as live:
        assert live.drops() == 0
        send("va", [*frames, WEB])
        seen = drain(live)
        drops = live.drops()
    live.close()
    assert drops == live.drops() == len(frames) - len(seen) > 0


def test_capture_leaves_promiscuous_mode() -> None:
    with open_live("vb"):
        assert promiscuity("vb") == 1
    assert promiscuity("vb") == 0
