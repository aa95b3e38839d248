from __future__ import annotations

import numpy as np
import pytest

from captures import SegmentFilter
from captures.packets.interest import Candidates, Interest, port_table

FILTER = SegmentFilter([25, 110], [b"220 ", b"+OK "], [b"EHLO"])


def interest(source: int, destination: int, payload: bytes = b"") -> Interest:
    first_four = int.from_bytes(payload[:4].ljust(4, b"\0"), "big")
    (found,) = FILTER.interest(
        np.array([source], dtype=np.uint16),
        np.array([destination], dtype=np.uint16),
        np.array([first_four], dtype=np.uint32),
    ).tolist()
    return Interest(found)


def candidates(*segments: tuple[int, int, Interest]) -> Candidates:
    source, destination, bits = zip(*segments, strict=True)
    return Candidates(
        np.array(source, dtype=np.uint16),
        np.array(destination, dtype=np.uint16),
        np.array(bits, dtype=np.uint8),
    )


@pytest.mark.parametrize(
    ("source", "destination", "payload", "expected"),
    [
        (40_000, 80, b"GET ", Interest.NONE),
        (40_000, 25, b"", Interest.TO_MAIL_PORT),
        (110, 40_000, b"", Interest.FROM_MAIL_PORT),
        (25, 110, b"", Interest.MAIL_PORT),
        (2525, 40_000, b"220 mail", Interest.SERVER_BEGINNING),
        (2525, 40_000, b"+ok ", Interest.SERVER_BEGINNING),
        (40_000, 2525, b"ehLO ", Interest.CLIENT_BEGINNING),
        (40_000, 2525, b"EHL", Interest.NONE),
        (40_000, 25, b"EHLO", Interest.TO_MAIL_PORT | Interest.CLIENT_BEGINNING),
    ],
)
def test_port_and_beginning_are_of_interest(
    source: int, destination: int, payload: bytes, expected: Interest
) -> None:
    assert interest(source, destination, payload) == expected


def test_filter_without_beginnings_knows_ports_only() -> None:
    only = SegmentFilter([25])
    ports = np.array([25, 80], dtype=np.uint16)
    found = only.interest(ports, ports[::-1], np.zeros(2, dtype=np.uint32))
    assert found.tolist() == [Interest.FROM_MAIL_PORT, Interest.TO_MAIL_PORT]


def test_followed_ports_are_of_interest_in_pairs() -> None:
    batch = candidates(
        (40_000, 2525, Interest.NONE),
        (2525, 40_000, Interest.NONE),
        (40_000, 80, Interest.NONE),
    )
    SegmentFilter([25]).mark_followed([batch], port_table([40_000, 2525]))
    assert batch.interest.tolist() == [
        Interest.FOLLOWED_PORTS,
        Interest.FOLLOWED_PORTS,
        0,
    ]


def test_beginning_on_a_mail_port_needs_no_following() -> None:
    beginning = Interest.FROM_MAIL_PORT | Interest.SERVER_BEGINNING
    batch = candidates((25, 40_000, beginning), (40_000, 40_000, Interest.NONE))
    SegmentFilter([25]).mark_followed([batch], None)
    assert batch.interest.tolist() == [beginning, Interest.NONE]


def test_handshakes_off_the_mail_ports_are_looked_at() -> None:
    hello, other = bytes.fromhex("160301020001"), bytes.fromhex("160303005a02")
    payloads = [hello, hello, other, b"220 mx", bytes.fromhex("170303020001")]
    shown = []

    def may_hide_mail(payload: bytes) -> bool:
        shown.append(payload)
        return payload == hello

    looking = SegmentFilter([25], may_hide_mail=may_hide_mail)
    bits = np.zeros(5, dtype=np.uint8)
    bits[1] = Interest.TO_MAIL_PORT
    first_four = [int.from_bytes(each[:4], "big") for each in payloads]
    looking.look_at_handshakes(
        bits, np.array(first_four, dtype=np.uint32), payloads.__getitem__
    )

    assert shown == [hello, other]
    assert bits.tolist() == [Interest.CLIENT_BEGINNING, Interest.TO_MAIL_PORT, 0, 0, 0]


def test_port_table_marks_its_values() -> None:
    assert np.flatnonzero(port_table([0, 25, 65_535])).tolist() == [0, 25, 65_535]
