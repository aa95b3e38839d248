from __future__ import annotations

import logging
import struct
import tracemalloc
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captures import Decoder, SegmentFilter
from tests.support import tshark
from tests.support.captures import enhanced_packet, interface, section
from tests.support.encapsulations import (
    LINKS,
    LLC_SNAP,
    QOS_WIFI,
    TAGS,
    TEREDO,
    TUNNELS,
    WIFI,
    Wrap,
    carried,
    datagram,
    gre,
    macsec,
    pppoe,
)
from tests.support.encapsulations import frame as packed_frame
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
from scapy.layers.l2 import GRE, LLC, SNAP, Dot1Q, Ether  # noqa: E402
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
UNCLEAR = "tunnel without IP or Ethernet inside"
WRAPPED: dict[str, tuple[int, Wrap]] = {
    **{name: (1, wrap) for name, wrap in {**TUNNELS, **TAGS}.items()},
    **{f"{name} capture": each for name, each in LINKS.items()},
}
EXPECTED_IPV6 = EXPECTED._replace(source="2001:db8::1", destination="2001:db8::25")


def ether(**fields: int) -> Ether:
    # without addresses, Scapy would ask the network for them
    return Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02", **fields)


OUTER = ether() / IP(src="203.0.113.1", dst="203.0.113.2")
OUTER_IPV6 = ether() / IPv6(src="2001:db8:1::1", dst="2001:db8:1::2")
INNER, INNER_IPV6 = IP(IPV4), IPv6(IPV6)
INNER_FRAME = ether() / INNER

BY_SCAPY = {
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


def keep_all() -> Decoder:
    return Decoder(SegmentFilter(range(65_536)))


def decode(*packets: Packet, decoder: Decoder | None = None) -> list[SeenSegment]:
    batch = batch_of(packets)
    return seen((decoder or keep_all()).decode(batch))


def amid(packet: Packet) -> list[SeenSegment]:
    """What is decoded of a packet that is amid others; its order is 1."""
    other = frame(ethernet(ipv4(tcp())))
    first, *found, last = decode(other, packet, other)
    assert (first.order, last.order) == (0, 2)
    return found


@pytest.mark.parametrize("name", BY_SCAPY)
def test_packet_is_found_in_what_scapy_makes(name: str) -> None:
    assert amid(frame(bytes(BY_SCAPY[name]))) == [EXPECTED]


@pytest.mark.parametrize("name", BY_SCAPY)
def test_tunnel_in_a_vlan_has_the_vlan_of_the_tunnel(name: str) -> None:
    data = bytes(BY_SCAPY[name])
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


@pytest.mark.parametrize("ip", [IPV4, IPV6], ids=["IPv4", "IPv6"])
@pytest.mark.parametrize("name", WRAPPED)
def test_packet_is_found_inside(name: str, ip: bytes) -> None:
    link_type, wrap = WRAPPED[name]
    expected = EXPECTED if ip is IPV4 else EXPECTED_IPV6
    decoder = keep_all()
    (found,) = decode(frame(wrap(ip), link_type), decoder=decoder)
    vlan = 5 if name == "VLAN" else -1
    assert found == expected._replace(order=0, vlan=vlan)
    assert not decoder.finish()


@pytest.mark.parametrize("name", TEREDO)
def test_packet_is_found_in_teredo(name: str) -> None:
    assert amid(frame(TEREDO[name](IPV6))) == [EXPECTED_IPV6]


@pytest.mark.parametrize("name", [*TUNNELS, *TAGS])
def test_tags_of_many_kinds_are_before_any_tunnel(name: str) -> None:
    _, wrap = WRAPPED[name]
    data = wrap(IPV4)
    tags = b"\x88\xa8\0\x05\x89\x09\1\1\0\1\0\7\x81\0\0\x06\x89\x26\0\1\0\2\x81\0\0\7"
    assert amid(frame(data[:12] + tags + data[12:])) == [EXPECTED._replace(vlan=5)]


@pytest.mark.parametrize("inner", TAGS)
@pytest.mark.parametrize("outer", TAGS)
def test_tags_are_mixed(outer: str, inner: str) -> None:
    behind = TAGS[inner](IPV4)
    data = TAGS[outer](IPV4).replace(b"\x08\0" + IPV4, behind[12:])
    vlan = 5 if "VLAN" in {outer, inner} else -1
    assert amid(frame(data)) == [EXPECTED._replace(vlan=vlan)]


def test_tag_inside_a_tunnel_names_the_vlan() -> None:
    vxlan = OUTER / UDP(dport=4789) / VXLAN(vni=7)
    inner = vxlan / ether() / Dot1Q(vlan=9) / INNER
    assert amid(frame(bytes(inner))) == [EXPECTED._replace(vlan=9)]


def test_integrity_check_value_of_macsec_is_no_payload() -> None:
    """What segmentation offload leaves has no length but that of the frame."""
    offloaded = IPV4[:2] + bytes(2) + IPV4[4:]
    (found,) = amid(frame(TAGS["MACsec"](offloaded)))
    assert (found.data, found.length) == (EHLO, len(EHLO))


# -- against tshark --

# what tshark 4.0 has no dissector for, or only if it is told to
UNKNOWN_TO_TSHARK = {
    *("old IP in IP", "VXLAN of early Linux", "GUE", "GUE, bare", "HP mirror"),
    *("L2TPv3 over IP", "L2TPv3 over IP with cookie", "L2TPv3", "L2TPv3 with cookie"),
    *("HDLC in L2TPv3", "802.11 in CAPWAP", "MPLS pseudo-wire", "FabricPath"),
    *("MPLS pseudo-wire without control word", "DSA", "Broadcom", "MPLS capture"),
    *(
        "MPLS pseudo-wire to an address like IP",
        "NFLOG of a big-endian machine capture",
    ),
    *("netANALYZER capture", "transparent netANALYZER capture"),
}


@pytest.fixture(scope="module")
def known_to_tshark(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Names of encapsulations in which tshark finds the payload."""
    link_types = sorted({link_type for link_type, _ in WRAPPED.values()})
    blocks = [section(), *(interface(link_type=each) for each in link_types)]
    for link_type, wrap in WRAPPED.values():
        number = link_types.index(link_type)
        blocks.append(enhanced_packet("<", frame(wrap(IPV4)), number=number))
    path = tmp_path_factory.mktemp("tshark") / "a.pcapng"
    path.write_bytes(b"".join(blocks))
    names = list(WRAPPED)
    return {
        names[int(packet["frame.number"][0]) - 1]
        for packet in tshark.decode(path, ("frame.number", "tcp.payload", "ip.src"))
        if packet["tcp.payload"] == [EHLO.hex()]
        and packet["ip.src"][-1] == EXPECTED.source
    }


def test_tshark_finds_the_same_packet_inside(known_to_tshark: set[str]) -> None:
    assert set(WRAPPED) - UNKNOWN_TO_TSHARK <= known_to_tshark


# -- nesting --


def test_tunnels_are_nested() -> None:
    gre = GRE() / IP(src="203.0.113.3", dst="203.0.113.4") / INNER
    vxlan = OUTER / UDP(dport=4789) / VXLAN(vni=7) / ether() / Dot1Q(vlan=9)
    assert amid(frame(bytes(vxlan / OUTER[IP] / gre))) == [EXPECTED._replace(vlan=9)]


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


@pytest.mark.parametrize(("depth", "is_found"), [(1, True), (8, True), (9, False)])
def test_nesting_of_fragments_in_tunnels_ends(depth: int, is_found: bool) -> None:
    packets = [IPV4]
    for level in range(depth):
        # fragments of all but every third packet, or there would be too many
        size = 48 if level % 3 == 0 else 65_528
        packets = [
            ipv4(part, protocol=4)
            for number, packet in enumerate(packets)
            for part in fragments(packet, size, 100 * level + number)
        ]
    decoder = keep_all()
    found = decode(*(frame(ethernet(each)) for each in packets), decoder=decoder)
    assert found == [EXPECTED._replace(order=len(packets) - 1)] * is_found
    assert (DEEP in decoder.finish()) is not is_found


def nested(wrap: Wrap, depth: int) -> bytes:
    """A packet in so many tunnels of a kind."""
    packet = IPV4
    for _ in range(depth - 1):
        # an IP packet again, without the frame around it
        packet = wrap(packet)[14:]
    return wrap(packet)


@pytest.mark.parametrize(
    "name", [name for name, wrap in TUNNELS.items() if wrap(IPV4)[12:14] == b"\x08\0"]
)
def test_packet_in_eight_tunnels_is_found_and_in_nine_counted(name: str) -> None:
    if name == "AH in transport mode":
        name = "AH in tunnel mode"
    wrap = TUNNELS[name]
    assert amid(frame(nested(wrap, 8))) == [EXPECTED]
    decoder = keep_all()
    assert decode(frame(nested(wrap, 9)), decoder=decoder) == []
    assert decoder.finish() == {DEEP: 1}


@pytest.mark.parametrize("name", sorted(TAGS))
def test_tags_without_end_are_given_up(name: str) -> None:
    data = TAGS[name](IPV4)
    tag = data[12 : data.index(IPV4) - 2]
    decoder = keep_all()
    endless = frame(data[:12] + tag * 7000 + data[12:])
    assert decode(endless, decoder=decoder) == []
    assert decoder.finish() == {DEEP: 1}


def test_packet_in_thousands_of_tunnels_costs_no_memory() -> None:
    packet = IPV4
    while len(packet) < 60_000:
        packet = ipv4(packet, protocol=4)
    batch = batch_of([frame(ethernet(packet))] * 30)
    decoder = keep_all()
    decoder.decode(batch)
    tracemalloc.start()
    segments = decoder.decode(batch)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(segments) == 0
    assert peak < 100_000
    assert decoder.finish() == {DEEP: 60}


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
    ("data", "reason"),
    [
        (gre(0, "", 0x88B5)(IPV4), "EtherType 0x88b5 unknown"),
        (packed_frame(IPV4, 0x1234), "EtherType 0x1234 unknown"),
        (carried(IPV4, 253), "IP protocol 253 unknown"),
        (carried(IPV4, 50), "ESP, encrypted"),
        (datagram(b"\0\0\0\7" + IPV4, 4500), "ESP, encrypted"),
        (carried(IPV4, 108), "IPComp, compressed"),
        (macsec(0x0C)(IPV4), "MACsec, encrypted"),
        (macsec(0x2C, "020000000001 0001")(IPV4), "MACsec, encrypted"),
        (packed_frame(b"\0\0\x01\x40xxxx", 0x8847), UNCLEAR),
        (packed_frame(b"\0\0\x01", 0x8847), "MPLS cut"),
        (pppoe(b"\xfd" + IPV4), "PPP, compressed or encrypted"),
        (datagram(b"\1" + IPV4, 5247), "CAPWAP, encrypted"),
        (datagram(bytes.fromhex("00100280 00010000") + IPV4, 5247), "CAPWAP fragment"),
        (datagram(bytes.fromhex("01000002 01") + IPV4, 37_008), UNCLEAR),
    ],
)
def test_tunnel_without_a_packet_is_counted(data: bytes, reason: str) -> None:
    if reason.startswith("PPP,"):
        data = data.replace(b"\0\x57\xfd", b"\0\xfd\xfd")
    decoder = keep_all()
    assert decode(frame(data), decoder=decoder) == []
    assert decoder.finish() == {reason: 1}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x08\x41" + WIFI[2:] + LLC_SNAP + b"\x08\0" + IPV4, "802.11, encrypted"),
        (b"\x08\x05" + WIFI[2:] + LLC_SNAP + b"\x08\0" + IPV4, "802.11 fragment"),
        (QOS_WIFI[:24] + b"\x80\0" + LLC_SNAP + b"\x08\0" + IPV4, "802.11 aggregate"),
        (WIFI[:20], "802.11 cut"),
    ],
)
def test_frame_of_a_radio_that_cannot_be_read_is_counted(
    data: bytes, reason: str
) -> None:
    decoder = keep_all()
    assert decode(frame(data, 105, wire_length=200), decoder=decoder) == []
    assert decoder.finish() == {reason: 1}


@pytest.mark.parametrize(
    ("data", "link_type"),
    [
        # ARP, LLDP, spanning tree, 802.1X, loop detection
        (packed_frame(bytes(28), 0x0806), 1),
        (packed_frame(bytes(46), 0x88CC), 1),
        (packed_frame(b"\x42\x42\x03" + bytes(35), 38), 1),
        (packed_frame(bytes(46), 0x888E), 1),
        (packed_frame(bytes(46), 0x9000), 1),
        # the same in a tunnel
        (datagram(b"\x08" + bytes(7) + packed_frame(bytes(28), 0x0806), 4789), 1),
        # control messages of PPPoE, PPP, L2TP, GTP-U, PPTP, CAPWAP, IKE, GRE, Geneve
        (packed_frame(b"\x11\x09" + bytes(20), 0x8863), 1),
        (b"\xc0\x21\1\1\0\4", 9),
        (datagram(bytes.fromhex("c8020014 00070000 00000000") + bytes(8), 1701), 1),
        (datagram(bytes.fromhex("32010004 00000000 00010000"), 2152), 1),
        (carried(bytes.fromhex("2081880b 00000007 00000001"), 47), 1),
        (datagram(bytes.fromhex("00100208 00000000") + bytes(20), 5247), 1),
        (datagram(bytes(4) + b"IKE" * 9, 4500), 1),
        (datagram(b"\xff", 4500), 1),
        (carried(bytes(4), 47), 1),
        # something else that has the port of a tunnel
        *(
            (datagram(b"\xd7\x01\x81\x80 name.example.com" + bytes(40), port), 1)
            for port in (1701, 2268, 3544, 4341, 4789, 5247, 6080, 6081, 7932)
        ),
        *(
            (datagram(b"\xd7\x01\x81\x80 name.example.com" + bytes(40), port), 1)
            for port in (2152, 8472, 12_222, 30_030, 37_008)
        ),
        (datagram(b"?", 4789), 1),
        # management and empty frames of radios
        (b"\x80\0" + bytes(40), 105),
        (b"\x48\x01" + bytes(30), 105),
    ],
)
def test_nothing_is_said_of_what_is_no_mail(data: bytes, link_type: int) -> None:
    decoder = keep_all()
    assert decode(frame(data, link_type), decoder=decoder) == []
    assert not decoder.finish()


def test_reasons_are_no_more_than_can_be_read() -> None:
    decoder = keep_all()
    packets = [frame(packed_frame(IPV4, number)) for number in range(0xE000, 0xF000)]
    assert decode(*packets, decoder=decoder) == []
    reasons = decoder.finish()
    assert reasons.total() == 0x1000
    assert len(reasons) <= 65


@pytest.mark.parametrize("name", WRAPPED)
def test_tunnel_cut_anywhere_is_decoded_as_far_as_it_goes(name: str) -> None:
    link_type, wrap = WRAPPED[name]
    data = wrap(IPV4)
    (whole,) = decode(frame(data, link_type))
    cuts = [
        frame(data[:size], link_type, wire_length=len(data))
        for size in range(len(data))
    ]
    decoder = keep_all()
    found = decode(*cuts, decoder=decoder)
    # nothing is lost without a word, unless the ports of a UDP header are cut off
    without_ports = 8 if link_type == 1 and data[23] == 17 else 0
    assert len(found) + decoder.finish().total() == len(cuts) - without_ports
    for each in found:
        assert whole.data.startswith(each.data)
        assert each._replace(data=whole.data, order=0) == whole


def test_snap_length_cuts_the_packet_inside() -> None:
    data = bytes(OUTER / GRE() / INNER)
    found = amid(frame(data[:-10], wire_length=len(data)))
    assert found == [EXPECTED._replace(data=EHLO[:-10])]


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(WRAPPED)), st.data())
def test_damaged_tunnel_does_no_harm(name: str, data: st.DataObject) -> None:
    link_type, wrap = WRAPPED[name]
    content = bytearray(wrap(IPV4))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(content)))
    packet = frame(bytes(content[:cut]), link_type, wire_length=len(content))
    assert decode(packet) == [each._replace(order=0) for each in amid(packet)]


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
