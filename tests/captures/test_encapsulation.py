from __future__ import annotations

import logging
import struct
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captures import Decoder, SegmentFilter
from tests.support.packets import (
    ACK,
    PSH,
    SeenSegment,
    batch_of,
    ethernet,
    frame,
    ipv4,
    ipv6,
    seen,
    tcp,
)

logging.getLogger("scapy").setLevel(logging.CRITICAL)

from scapy.contrib.erspan import ERSPAN_II, ERSPAN_III  # noqa: E402
from scapy.contrib.geneve import GENEVE  # noqa: E402
from scapy.contrib.gtp import GTP_U_Header, GTPPDUSessionContainer  # noqa: E402
from scapy.contrib.mpls import MPLS  # noqa: E402
from scapy.contrib.nsh import NSH  # noqa: E402
from scapy.layers.dot11 import Dot11, RadioTap  # noqa: E402
from scapy.layers.inet import ICMP, IP, UDP  # noqa: E402
from scapy.layers.inet6 import ICMPv6DestUnreach, IPv6  # noqa: E402
from scapy.layers.l2 import GRE, LLC, SNAP, Dot1AD, Dot1Q, Ether  # noqa: E402
from scapy.layers.l2tp import L2TP  # noqa: E402
from scapy.layers.ppp import HDLC, PPP, PPPoE  # noqa: E402
from scapy.layers.vxlan import VXLAN  # noqa: E402
from scapy.packet import Raw  # noqa: E402

if TYPE_CHECKING:
    from tests.support.captures import Packet

EHLO = b"EHLO client.example.com\r\n"
SEGMENT = tcp(EHLO, flags=PSH | ACK, sequence=1000, acknowledgment=2000)
IPV4, IPV6 = ipv4(SEGMENT), ipv6(SEGMENT)
EXPECTED = SeenSegment(
    order=1,
    source="192.0.2.1",
    destination="198.51.100.25",
    source_port=40_000,
    destination_port=25,
    sequence=1000,
    acknowledgment=2000,
    flags=PSH | ACK,
    data=EHLO,
    length=len(EHLO),
    vlan=-1,
)
DEEP = "tunnels nested too deeply"
EXPECTED_IPV6 = EXPECTED._replace(source="2001:db8::1", destination="2001:db8::25")


def ether(**fields: int) -> Ether:
    # without addresses, Scapy would ask the network for them
    return Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02", **fields)


OUTER = ether() / IP(src="203.0.113.1", dst="203.0.113.2")
OUTER_IPV6 = ether() / IPv6(src="2001:db8:1::1", dst="2001:db8:1::2")
INNER, INNER_IPV6 = IP(IPV4), IPv6(IPV6)
INNER_FRAME = ether() / INNER

ENCAPSULATIONS = {
    "MPLS": ether() / MPLS(label=16, s=1) / INNER,
    "MPLS, two labels": ether() / MPLS(label=16, s=0) / MPLS(label=17, s=1) / INNER,
    "PPPoE": ether(type=0x8864) / PPPoE() / PPP() / INNER,
    "GRE": OUTER / GRE() / INNER,
    "GRE with key": OUTER / GRE(key_present=1, key=7) / INNER,
    "GRE with checksum": OUTER / GRE(chksum_present=1) / INNER,
    "GRE with sequence number": OUTER / GRE(seqnum_present=1) / INNER,
    "GRE over IPv6": OUTER_IPV6 / GRE() / INNER,
    "Ethernet in GRE": OUTER / GRE(proto=0x6558) / INNER_FRAME,
    "IPv4 in IPv4": OUTER / INNER,
    "IPv4 in IPv6": OUTER_IPV6 / INNER,
    "VXLAN": OUTER / UDP(dport=4789) / VXLAN(vni=7) / INNER_FRAME,
    "VXLAN of early Linux": OUTER / UDP(dport=8472) / VXLAN(vni=7) / INNER_FRAME,
    "VXLAN over IPv6": OUTER_IPV6 / UDP(dport=4789) / VXLAN(vni=7) / INNER_FRAME,
    "Geneve": OUTER / UDP(dport=6081) / GENEVE(vni=7) / INNER_FRAME,
    "GTP-U": OUTER / UDP(dport=2152) / GTP_U_Header(teid=7) / INNER,
    "GTP-U of 5G": OUTER
    / UDP(dport=2152)
    / GTP_U_Header(teid=7)
    / GTPPDUSessionContainer(type=1, QFI=1)
    / INNER,
    "ERSPAN II": OUTER
    / GRE(proto=0x88BE, seqnum_present=1)
    / ERSPAN_II(session_id=7)
    / INNER_FRAME,
    "ERSPAN III": OUTER
    / GRE(proto=0x22EB, seqnum_present=1)
    / ERSPAN_III(session_id=7)
    / INNER_FRAME,
    "L2TP": OUTER / UDP(dport=1701) / L2TP(hdr=0, version=2) / PPP() / INNER,
    "NSH": ether(type=0x894F) / NSH(mdtype=2, nextproto=1) / INNER,
}


def decode(*packets: Packet, decoder: Decoder | None = None) -> list[SeenSegment]:
    batch = batch_of(packets)
    decoder = decoder or Decoder(SegmentFilter(range(65_536)))
    return seen(batch, *decoder.decode(batch))


def amid(packet: Packet) -> list[SeenSegment]:
    """What is decoded of a packet that is amid others; its order is 1."""
    other = frame(ethernet(ipv4(tcp())))
    first, *found, last = decode(other, packet, other)
    assert (first.order, last.order) == (0, 2)
    return found


@pytest.mark.parametrize("name", ENCAPSULATIONS)
def test_packet_is_found_inside(name: str) -> None:
    assert amid(frame(bytes(ENCAPSULATIONS[name]))) == [EXPECTED]


@pytest.mark.parametrize("name", ENCAPSULATIONS)
def test_tunnel_in_a_vlan_has_the_vlan_of_the_tunnel(name: str) -> None:
    data = bytes(ENCAPSULATIONS[name])
    tagged = data[:12] + b"\x81\0\0\x05" + data[12:]
    assert amid(frame(tagged)) == [EXPECTED._replace(vlan=5)]


@pytest.mark.parametrize(
    "packet",
    [
        OUTER / INNER_IPV6,
        OUTER_IPV6 / INNER_IPV6,
        ether() / MPLS(label=16, s=1) / INNER_IPV6,
        ether(type=0x8864) / PPPoE() / PPP() / INNER_IPV6,
        OUTER / GRE() / INNER_IPV6,
        OUTER / UDP(dport=4789) / VXLAN() / ether() / INNER_IPV6,
    ],
    ids=lambda packet: packet.summary(),
)
def test_ipv6_is_found_inside(packet: object) -> None:
    assert amid(frame(bytes(packet))) == [EXPECTED_IPV6]  # type: ignore[call-overload]


@pytest.mark.parametrize(
    ("link_type", "packet"),
    [
        (9, PPP() / INNER),
        (9, HDLC() / PPP() / INNER),
        (105, Dot11(type=2, FCfield=1) / LLC() / SNAP() / INNER),
        (127, RadioTap() / Dot11(type=2, FCfield=1) / LLC() / SNAP() / INNER),
        (
            127,
            RadioTap() / Dot11(type=2, subtype=8) / bytes(2) / LLC() / SNAP() / INNER,
        ),
    ],
    ids=["PPP", "PPP in HDLC", "802.11", "radiotap", "radiotap, QoS"],
)
def test_rare_link_layer_is_stripped(link_type: int, packet: object) -> None:
    data = bytes(packet)  # type: ignore[call-overload]
    assert amid(frame(data, link_type)) == [EXPECTED]


@pytest.mark.parametrize(
    "packet",
    [
        ether() / Dot1Q(vlan=5) / INNER,
        ether() / Dot1AD(vlan=5) / Dot1Q(vlan=6) / INNER,
        OUTER.copy(),
        ether() / Dot1Q(vlan=5) / LLC() / SNAP() / INNER,
    ],
    ids=lambda packet: packet.summary(),
)
def test_plain_packet_needs_no_scapy(
    packet: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("captures.encapsulation._Scapy", None)
    found = amid(frame(bytes(packet)))  # type: ignore[call-overload]
    assert all(each == EXPECTED._replace(vlan=5) for each in found)


# -- nesting --


def test_tunnels_are_nested() -> None:
    gre = GRE() / IP(src="203.0.113.3", dst="203.0.113.4") / INNER
    vxlan = OUTER / UDP(dport=4789) / VXLAN(vni=7) / ether() / Dot1Q(vlan=9)
    assert amid(frame(bytes(vxlan / OUTER[IP] / gre))) == [EXPECTED]


def test_fragments_of_a_tunnel_carry_one_packet() -> None:
    whole = bytes((OUTER / GRE() / INNER)[IP])
    first, second = fragments(whole, 48)
    found = decode(
        frame(ethernet(second, 5)), frame(ethernet(first, 5)), frame(ethernet(IPV4))
    )
    assert found == [EXPECTED._replace(vlan=5), EXPECTED._replace(order=2)]


def test_fragments_inside_a_tunnel_are_put_together() -> None:
    tunnel = ether() / Dot1Q(vlan=5) / OUTER[IP] / GRE(proto=0x0800)
    parts = fragments(IPV4, 16)
    found = decode(*(frame(bytes(tunnel / Raw(part))) for part in parts))
    assert found == [EXPECTED._replace(order=len(parts) - 1, vlan=5)]


def test_fragments_of_a_tunnel_inside_a_tunnel_are_put_together() -> None:
    tunnel = OUTER / GRE(proto=0x0800)
    parts = fragments(ipv4(IPV4, protocol=4), 48)
    found = decode(*(frame(bytes(tunnel / Raw(part))) for part in parts))
    assert found == [EXPECTED]


def test_ipv6_fragments_of_a_tunnel_inside_a_tunnel_are_put_together() -> None:
    parts = [
        ipv6(struct.pack(">BBHI", 41, 0, at | more, 7) + IPV6[at:end], next_header=44)
        for at, end, more in ((0, 48, 1), (48, None, 0))
    ]
    tunnel = OUTER / GRE(proto=0x86DD)
    found = decode(*(frame(bytes(tunnel / Raw(part))) for part in parts))
    assert found == [EXPECTED_IPV6]


def test_tunnels_of_many_depths_are_in_capture_order() -> None:
    tunnel = frame(bytes(OUTER / GRE() / INNER))
    plain = frame(ethernet(IPV4))
    halves = [frame(ethernet(each)) for each in fragments(bytes(INNER), 24)]
    found = decode(tunnel, plain, *halves, tunnel, plain)
    assert [each.order for each in found] == [0, 1, 3, 4, 5]


@pytest.mark.parametrize(("depth", "is_found"), [(1, True), (2, True), (3, False)])
def test_nesting_of_fragments_in_tunnels_ends(depth: int, is_found: bool) -> None:
    packets = [IPV4]
    for level in range(depth):
        packets = [
            ipv4(part, protocol=4)
            for number, packet in enumerate(packets)
            for part in fragments(packet, 32, 100 * level + number)
        ]
    decoder = Decoder(SegmentFilter(range(65_536)))
    found = decode(*(frame(ethernet(each)) for each in packets), decoder=decoder)
    assert found == [EXPECTED._replace(order=len(packets) - 1)] * is_found
    assert (DEEP in decoder.finish()) is not is_found


def test_packet_in_hundreds_of_tunnels_is_given_up() -> None:
    packet = IPV4
    for _ in range(2000):
        packet = ipv4(packet, protocol=4)
    decoder = Decoder(SegmentFilter(range(65_536)))
    assert decode(frame(ethernet(packet)), decoder=decoder) == []
    assert decoder.finish() == {DEEP: 1}


# -- what is not inside --


@pytest.mark.parametrize(
    "packet",
    [
        OUTER / ICMP(type=3, code=1) / Raw(IPV4),
        OUTER / ICMP(type=11) / Raw(bytes(OUTER[IP] / INNER)),
        OUTER_IPV6 / ICMPv6DestUnreach() / Raw(IPV6),
        OUTER / GRE() / IP() / ICMP(type=3, code=1) / Raw(IPV4),
        OUTER / GRE() / IPv6() / ICMPv6DestUnreach() / Raw(IPV6),
    ],
    ids=lambda packet: packet.summary(),
)
def test_packet_that_an_icmp_error_quotes_is_not_taken(packet: object) -> None:
    assert amid(frame(bytes(packet))) == []  # type: ignore[call-overload]


@pytest.mark.parametrize(
    ("packet", "reason"),
    [
        (OUTER / GRE(proto=0x88B5) / Raw(b"x"), "GRE without IP inside"),
        (OUTER / UDP(dport=4789) / Raw(b"x"), "UDP without IP inside"),
        (ether() / MPLS(s=1) / Raw(b"x"), "MPLS without IP inside"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_tunnel_without_a_packet_is_counted(packet: object, reason: str) -> None:
    decoder = Decoder(SegmentFilter(range(65_536)))
    assert decode(frame(bytes(packet)), decoder=decoder) == []  # type: ignore[call-overload]
    assert decoder.finish() == {reason: 1}


def test_packet_that_scapy_fails_on_is_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object) -> None:
        raise RecursionError

    monkeypatch.setattr(IP, "do_dissect", fail)
    decoder = Decoder(SegmentFilter(range(65_536)))
    assert decode(frame(ethernet(ipv4(IPV4, protocol=4))), decoder=decoder) == []
    assert decoder.finish() == {"packet that Scapy can't dissect": 1}


def test_snap_length_cuts_the_packet_inside() -> None:
    data = bytes(OUTER / GRE() / INNER)
    found = amid(frame(data[:-10], wire_length=len(data)))
    assert found == [EXPECTED._replace(data=EHLO[:-10])]


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(ENCAPSULATIONS)), st.data())
def test_damaged_tunnel_does_no_harm(name: str, data: st.DataObject) -> None:
    content = bytearray(bytes(ENCAPSULATIONS[name]))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(12, len(content) - 1))] = data.draw(
            st.integers(0, 255)
        )
    cut = data.draw(st.integers(14, len(content)))
    assert len(amid(frame(bytes(content[:cut]), wire_length=len(content)))) <= 1


def fragments(packet: bytes, size: int, identification: int = 77) -> list[bytes]:
    """An IPv4 packet without options in fragments."""
    payload = packet[20:]
    parts = [payload[at : at + size] for at in range(0, len(payload), size)]
    last = len(parts) - 1
    addresses = (
        ".".join(str(byte) for byte in packet[12:16]),
        ".".join(str(byte) for byte in packet[16:20]),
    )
    return [
        ipv4(
            part,
            addresses,
            protocol=packet[9],
            fragment=number * size // 8 | (0x2000 if number < last else 0),
            identification=identification,
        )
        for number, part in enumerate(parts)
    ]
