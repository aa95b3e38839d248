"""What the kernel lets through, in packets that really pass an interface."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from captures import Engine, open_capture, open_live
from captures.live.kernel_filter import compile_filter, filter_expression
from tests.support.captures import unpack
from tests.support.namespaces import ROOT, as_real_root, drain, send
from tests.support.packets import ethernet, ipv4, ipv6, tcp

if TYPE_CHECKING:
    from collections.abc import Callable

MAIL_PORTS = [25, 143, 993]
AUTHENTICATION = b"\6\4" + bytes(22)
FOREIGN = tcp(b"GET /", ports=(40_000, 80))


def fragment_header(next_header: int, offset: int) -> bytes:
    """RFC 8200 §4.5."""
    return struct.pack(">BBHI", next_header, 0, offset << 3, 7)


def udp() -> bytes:
    """A datagram from a mail port (RFC 768)."""
    return struct.pack(">HHHH", 40_000, 25, 8, 0)


WANTED: dict[str, bytes] = {
    "to the server": ipv4(tcp(b"EHLO")),
    "to the client": ipv4(tcp(b"220", ports=(25, 40_000))),
    "another mail port": ipv4(tcp(ports=(40_000, 993))),
    "IPv6": ipv6(tcp(b"220", ports=(143, 40_000))),
    "IPv4 with options": ipv4(tcp(b"220"), options=b"\1" * 8),
    "first fragment": ipv4(tcp(b"220"), fragment=0x2000),
    "later fragment": ipv4(b"....", fragment=3),
    "IPv6 first fragment": ipv6(fragment_header(6, 0) + tcp(b"220"), next_header=44),
    "IPv6 later fragment": ipv6(fragment_header(6, 9) + b"...", next_header=44),
    "AH": ipv4(AUTHENTICATION + tcp(b"220"), protocol=51),
    "AH in IPv6": ipv6(AUTHENTICATION + tcp(b"220"), next_header=51),
    "IPv6 options": ipv6(b"\6" + bytes(7) + tcp(b"220"), next_header=60),
}
UNWANTED: dict[str, bytes] = {
    "web": ipv4(FOREIGN),
    "web over IPv6": ipv6(FOREIGN),
    "UDP": ipv4(udp(), protocol=17),
    "later fragment of UDP": ipv4(udp(), protocol=17, fragment=3),
}
both_engines = pytest.mark.parametrize(
    "engine", ["socket", pytest.param("dumpcap", marks=as_real_root)]
)


@pytest.mark.usefixtures("network")
@both_engines
# where frames go out they have their tags, where they arrive the kernel took one
@pytest.mark.parametrize("interface", ["va", "vb"])
def test_mail_passes_with_any_tags(engine: Engine, interface: str) -> None:
    tags: list[Callable[[bytes], bytes]] = [
        ethernet,
        lambda packet: ethernet(packet, 42),
        lambda packet: ethernet(packet, 42, 43),
    ]
    wanted = [tag(packet) for tag in tags for packet in WANTED.values()]
    unwanted = [tag(packet) for tag in tags for packet in UNWANTED.values()]
    with open_live(interface, ports=MAIL_PORTS, engine=engine) as live:
        send("va", [*wanted, *unwanted, *wanted[:1]])
        seen = [packet.data for packet in drain(live)]
    assert seen == [*wanted, wanted[0]]


@pytest.mark.usefixtures("network")
@both_engines
@pytest.mark.parametrize("name", ["vlan-tagged", "qinq", "ip-fragments"])
def test_real_mail_passes(name: str, engine: Engine) -> None:
    with open_capture(ROOT / "tests" / "data" / f"{name}.pcap") as reader:
        frames = [packet.data for batch in reader for packet in unpack(batch)]
    with open_live("vb", ports=[*MAIL_PORTS, 587], engine=engine) as live:
        send("va", frames)
        assert [packet.data for packet in drain(live)] == frames


def test_link_layer_without_tags_is_not_asked_for_them() -> None:
    assert "vlan" in filter_expression([25], 1)
    assert "vlan" not in filter_expression([25], 101)
    assert "vlan" not in filter_expression([25], None)
    assert compile_filter([25], 101)


def test_filter_takes_whole_packets() -> None:
    returned = {each.operand for each in compile_filter([25], 1) if each.code == 6}
    assert returned == {0, 0x7FFFFFFF}
