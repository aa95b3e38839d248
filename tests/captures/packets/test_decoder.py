from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captures import Decoder, SegmentFilter
from captures.packets.interest import Interest
from tests.support.captures import Packet, read
from tests.support.packets import (
    ACK,
    PSH,
    SYN,
    SeenSegment,
    batch_of,
    ethernet,
    frame,
    ipv4,
    ipv6,
    seen,
    tcp,
)
from tests.support.scapy_decoder import ScapyDecoder

DATA = Path(__file__).parents[2] / "data"
DEMO = Path(__file__).parents[3] / "analyzer" / "data" / "office.pcap"
CAPTURES = [*sorted(DATA.glob("*.pcap*")), DEMO]

EHLO = b"EHLO client.example.com\r\n"
SEGMENT = tcp(EHLO, flags=PSH | ACK, sequence=1000, acknowledgment=2000)
EXPECTED = SeenSegment(
    order=0,
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
EXPECTED_IPV6 = EXPECTED._replace(source="2001:db8::1", destination="2001:db8::25")


def keep_all() -> Decoder:
    return Decoder(SegmentFilter(range(65_536)))


def decode(*packets: Packet, decoder: Decoder | None = None) -> list[SeenSegment]:
    batch = batch_of(packets)
    return seen((decoder or keep_all()).decode(batch))


# -- other decoders --


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.name)
def test_capture_is_decoded_as_scapy_does_packet_for_packet(path: Path) -> None:
    packets = read(path)

    found = decode(*packets)

    assert found == ScapyDecoder().decode(packets)
    assert len(found) > 5


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.name)
def test_every_batch_size_gives_the_same_segments(path: Path) -> None:
    packets = read(path)
    whole = decode(*packets)

    for size in (1, 7):
        decoder = keep_all()
        parts: list[SeenSegment] = []
        for first in range(0, len(packets), size):
            found = decode(*packets[first : first + size], decoder=decoder)
            parts += [each._replace(order=each.order + first) for each in found]
        assert parts == whole


POOL = [
    Packet(0, ethernet(ipv4(SEGMENT)), 80),
    Packet(0, ethernet(ipv4(SEGMENT), 5, 6), 90),
    Packet(0, ethernet(ipv4(SEGMENT, options=bytes(8))), 90),
    Packet(0, ethernet(ipv6(SEGMENT)), 100),
    Packet(0, ethernet(ipv6(b"\x06\0" + bytes(6) + SEGMENT, next_header=60)), 110),
    Packet(0, ethernet(ipv6(b"\x06\0\0\0\0\0\0\1" + SEGMENT, next_header=44)), 110),
    Packet(0, ipv4(tcp(EHLO, options=bytes(12))), 70, 101),
    Packet(0, b"\2\0\0\0" + ipv4(SEGMENT), 70, 0),
    Packet(0, bytes(14) + b"\x08\0" + ipv4(SEGMENT), 90, 113),
    Packet(0, b"\x86\xdd" + bytes(18) + ipv6(SEGMENT), 120, 276),
    Packet(0, ethernet(ipv4(b"\0\0\x08\0" + ipv4(SEGMENT), protocol=47)), 110),
    Packet(0, ethernet(ipv4(SEGMENT[:24], fragment=0x2000)), 60),
    Packet(0, ethernet(ipv4(SEGMENT[24:], fragment=3)), 60),
    *(each for path in CAPTURES[::12] for each in read(path)[:3]),
]


@st.composite
def damaged(draw: st.DrawFn) -> Packet:
    packet = draw(st.sampled_from(POOL))
    data = bytearray(packet.data)
    for _ in range(draw(st.integers(0, 3))):
        data[draw(st.integers(0, min(len(data), 80) - 1))] = draw(st.integers(0, 255))
    cut = draw(st.one_of(st.just(len(data)), st.integers(0, len(data))))
    return packet._replace(data=bytes(data[:cut]))


@settings(max_examples=200, deadline=None)
@given(st.lists(damaged(), min_size=1, max_size=8))
def test_damaged_packet_is_decoded_alone_as_amid_others(packets: list[Packet]) -> None:
    # alone, a byte behind the packet would be behind the buffer: an IndexError
    alone, decoder = [], keep_all()
    for order, packet in enumerate(packets):
        found = decode(packet, decoder=decoder)
        alone += [each._replace(order=order) for each in found]

    batch = batch_of(packets, between=b"\xff" * 9)
    amid = seen(keep_all().decode(batch))

    assert amid == alone


@pytest.mark.parametrize("packet", POOL[:11])
def test_packet_cut_anywhere_is_decoded_as_far_as_it_goes(packet: Packet) -> None:
    ((*_, whole),) = [decode(packet)]

    for size in range(len(packet.data)):
        cut = packet._replace(data=packet.data[:size])
        for found in decode(cut):
            missing = len(packet.data) - size
            assert found == whole._replace(
                data=whole.data[: max(0, len(whole.data) - missing)]
            )


# -- link layers --


@pytest.mark.parametrize(
    ("link_type", "header"),
    [
        (0, b"\2\0\0\0"),
        (1, bytes(12) + b"\x08\0"),
        (12, b""),
        (14, b""),
        (101, b""),
        (108, b"\0\0\0\2"),
        (113, bytes(14) + b"\x08\0"),
        (228, b""),
        (276, b"\x08\0" + bytes(18)),
    ],
)
def test_link_layer_is_stripped(link_type: int, header: bytes) -> None:
    assert decode(frame(header + ipv4(SEGMENT), link_type)) == [EXPECTED]


def test_link_types_of_a_batch_differ() -> None:
    found = decode(
        frame(ipv4(SEGMENT), 101),
        frame(ethernet(ipv4(SEGMENT))),
        frame(ipv6(SEGMENT), 229),
        frame(bytes(14) + b"\x08\0" + ipv4(SEGMENT), 113),
        frame(ethernet(ipv6(SEGMENT))),
    )
    assert found == [
        EXPECTED,
        EXPECTED._replace(order=1),
        EXPECTED_IPV6._replace(order=2),
        EXPECTED._replace(order=3),
        EXPECTED_IPV6._replace(order=4),
    ]


def test_snap_carries_an_ethertype() -> None:
    snap = b"\xaa\xaa\x03\0\0\0\x08\0" + ipv4(SEGMENT)
    data = bytes(12) + struct.pack(">H", len(snap)) + snap
    assert decode(frame(data + bytes(4))) == [EXPECTED]


def test_snap_of_another_organization_is_left_alone() -> None:
    snap = b"\xaa\xaa\x03\0\0\x0c\x08\0" + ipv4(SEGMENT)
    decoder = keep_all()
    data = bytes(12) + struct.pack(">H", len(snap)) + snap
    assert decode(frame(data), decoder=decoder) == []
    assert not decoder.finish()


@pytest.mark.parametrize("tags", [[100], [100, 200], [0x6064], [100] * 8])
def test_outermost_tag_names_the_vlan(tags: list[int]) -> None:
    assert decode(frame(ethernet(ipv4(SEGMENT), *tags))) == [
        EXPECTED._replace(vlan=100)
    ]


@pytest.mark.parametrize("ethertype", [0x88A8, 0x9100])
def test_tag_may_be_a_service_tag(ethertype: int) -> None:
    tags = struct.pack(">HHHH", ethertype, 7, 0x8100, 8)
    data = bytes(12) + tags + b"\x08\0" + ipv4(SEGMENT)
    assert decode(frame(data)) == [EXPECTED._replace(vlan=7)]


# -- IP --


def test_padding_of_the_frame_is_no_payload() -> None:
    (found,) = decode(frame(ethernet(ipv4(tcp(flags=ACK))) + bytes(6)))
    assert (found.data, found.length) == (b"", 0)


@pytest.mark.parametrize("options", [4, 20, 40])
def test_options_are_skipped(options: int) -> None:
    segment = tcp(
        EHLO,
        flags=PSH | ACK,
        sequence=1000,
        acknowledgment=2000,
        options=bytes(options),
    )
    assert decode(frame(ipv4(segment, options=bytes(options)), 101)) == [EXPECTED]


def test_extension_headers_are_skipped() -> None:
    # hop-by-hop, routing of 24 bytes, destination options, an atomic fragment
    headers = b"\x2b\0" + bytes(6) + b"\x3c\2" + bytes(22) + b"\x2c\0" + bytes(6)
    headers += b"\x06\0\0\0\0\0\0\x09"
    packet = ipv6(headers + SEGMENT, next_header=0)
    assert decode(frame(packet, 101)) == [EXPECTED_IPV6]


@pytest.mark.parametrize("packet", [ipv4(SEGMENT), ipv6(SEGMENT)])
def test_length_of_0_is_left_by_segmentation_offload(packet: bytes) -> None:
    data = bytearray(packet)
    at = 2 if data[0] >> 4 == 4 else 4
    data[at : at + 2] = bytes(2)
    (found,) = decode(frame(bytes(data), 101))
    assert (found.data, found.length) == (EHLO, len(EHLO))


def test_snap_length_cuts_payload() -> None:
    packet = ipv4(SEGMENT)
    (found,) = decode(frame(packet[:44], 101, wire_length=len(packet)))
    assert (found.data, found.length) == (EHLO[:4], len(EHLO))


def test_snap_length_cuts_header_behind_the_flags() -> None:
    packet = ipv4(SEGMENT)
    (found,) = decode(frame(packet[:34], 101, wire_length=len(packet)))
    assert found == EXPECTED._replace(data=b"")


# -- what can't be decoded --


@pytest.mark.parametrize(
    ("data", "link_type", "reason"),
    [
        (bytes(13), 1, "frame cut"),
        (bytes(12) + b"\x81\0\0", 1, "frame cut"),
        (b"", 101, "IP header cut"),
        (ipv4(SEGMENT)[:19], 101, "IP header cut"),
        (ipv6(SEGMENT)[:39], 101, "IP header cut"),
        (b"\x50" + bytes(40), 101, "IP version unknown"),
        (b"\x44" + ipv4(SEGMENT)[1:], 101, "IP header invalid"),
        (ipv4(SEGMENT)[:33], 101, "TCP header cut"),
        (ipv4(SEGMENT[:12] + b"\x40" + SEGMENT[13:]), 101, "TCP header invalid"),
        (ipv4(SEGMENT[:12] + b"\xf0" + SEGMENT[13:]), 101, "TCP header invalid"),
        (bytes(20), 65_000, "link type 65000 unknown"),
        (ipv4(SEGMENT[:24], fragment=0x2000), 101, "IP fragment without the others"),
    ],
)
def test_what_cannot_be_decoded_is_counted(
    data: bytes, link_type: int, reason: str
) -> None:
    decoder = keep_all()
    wire_length = 100 if "cut" in reason else 0
    good = frame(ethernet(ipv4(SEGMENT)))
    packets = good, frame(data, link_type, wire_length=wire_length), good
    assert [each.order for each in decode(*packets, decoder=decoder)] == [0, 2]
    assert decoder.finish() == {reason: 1}


def test_what_is_not_tcp_is_left_alone() -> None:
    decoder = keep_all()
    arp = bytes(12) + b"\x08\x06" + bytes(28)
    udp = ethernet(ipv4(struct.pack(">HHHH", 53, 53, 8, 0), protocol=17))
    packets = frame(arp), frame(udp), frame(ethernet(ipv4(b"", protocol=17)))
    assert decode(*packets, decoder=decoder) == []
    assert not decoder.finish()


def test_empty_batch_has_no_segments() -> None:
    assert decode() == []


# -- what may be mail --


def interests(*packets: Packet) -> list[tuple[int, Interest]]:
    decoder = Decoder(SegmentFilter([25], [b"220 "], [b"EHLO"]))
    segments = decoder.decode(batch_of(packets))
    return [
        (order, Interest(bits))
        for order, bits in zip(
            segments.order.tolist(), segments.interest.tolist(), strict=True
        )
    ]


def test_only_what_may_be_mail_is_kept() -> None:
    found = interests(
        frame(ethernet(ipv4(tcp(b"GET /", ports=(40_000, 80))))),
        frame(ethernet(ipv4(tcp(flags=SYN, ports=(40_000, 81))))),
        frame(ethernet(ipv4(tcp(ports=(25, 40_000))))),
        frame(ethernet(ipv4(tcp(ports=(40_000, 25))))),
    )
    assert found == [
        (1, Interest.NONE),
        (2, Interest.FROM_MAIL_PORT),
        (3, Interest.TO_MAIL_PORT),
    ]


def test_beginning_elsewhere_has_its_ports_followed_in_all_of_the_batch() -> None:
    greeting = tcp(b"220 mail.example.com\r\n", ports=(2525, 40_000))
    found = interests(
        frame(ethernet(ipv4(tcp(b"x", ports=(40_000, 2525))))),
        frame(ethernet(ipv4(greeting))),
        frame(ethernet(ipv6(tcp(b"y", ports=(40_000, 2525))))),
        frame(ethernet(ipv4(tcp(b"z", ports=(40_001, 2525))))),
    )
    assert found == [
        (0, Interest.FOLLOWED_PORTS),
        (1, Interest.SERVER_BEGINNING | Interest.FOLLOWED_PORTS),
        (2, Interest.FOLLOWED_PORTS),
    ]


def test_beginning_inside_a_tunnel_is_followed_outside_too() -> None:
    inner = ipv4(tcp(b"EHLO example.com\r\n", ports=(40_000, 2525)))
    found = interests(
        frame(ethernet(ipv4(tcp(b"x", ports=(2525, 40_000))))),
        frame(ethernet(ipv4(b"\0\0\x08\0" + inner, protocol=47))),
    )
    assert found == [
        (0, Interest.FOLLOWED_PORTS),
        (1, Interest.CLIENT_BEGINNING | Interest.FOLLOWED_PORTS),
    ]
