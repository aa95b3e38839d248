from __future__ import annotations

import ipaddress
import re

import pytest

from analyzer.sessions.identity import (
    address_number,
    address_text,
    community_id,
    packed_address,
    session_id,
)
from captures import Connection, Endpoint
from captures.tcp.waiting import WaitingRoom
from tests.support.analyses import CAPTURES, rows_of


def endpoint(address: str, port: int) -> Endpoint:
    parsed = ipaddress.ip_address(address)
    mapped = 0xFFFF << 32 if parsed.version == 4 else 0
    return Endpoint(mapped | int(parsed), port)


def test_community_id_is_that_of_other_tools() -> None:
    ends = endpoint("128.232.110.120", 34855), endpoint("66.35.250.204", 80)

    assert community_id(*ends) == "1:LQU9qZlK+B5F3KDmev6m5PMibrg="


@pytest.mark.parametrize("addresses", [("192.0.2.9", "192.0.2.10"), ("::9", "::10")])
def test_community_id_is_the_same_both_ways(addresses: tuple[str, str]) -> None:
    ends = endpoint(addresses[0], 50_000), endpoint(addresses[1], 25)

    assert community_id(*ends) == community_id(*ends[::-1])


@pytest.mark.parametrize(
    "text",
    ["192.0.2.1", "255.255.255.255", "2001:db8::1", "::1", "::", "fe80::1:2:3:4"],
)
def test_address_is_written_as_it_is_usual(text: str) -> None:
    address = endpoint(text, 25).address

    assert address_text(address) == text
    assert address_number(text) == address
    assert packed_address(address) == ipaddress.ip_address(text).packed


def connection(client: str, port: int, server: str, start_ns: int) -> Connection:
    ends = endpoint(client, port), endpoint(server, 25)
    made = Connection(*ends, WaitingRoom(), lambda _: None)  # type: ignore[arg-type, return-value]
    made.start_ns = start_ns
    return made


def test_session_id_differs_by_ends_and_start() -> None:
    known = [
        connection("192.0.2.1", 40_000, "192.0.2.2", 1),
        connection("192.0.2.1", 40_001, "192.0.2.2", 1),
        connection("192.0.2.3", 40_000, "192.0.2.2", 1),
        connection("192.0.2.1", 40_000, "192.0.2.2", 2),
        connection("2001:db8::1", 40_000, "2001:db8::2", 1),
    ]

    names = {session_id(each) for each in known}

    assert len(names) == len(known)
    assert all(re.fullmatch("[0-9a-f]{16}", name) for name in names)
    assert session_id(known[0]) == session_id(
        connection("192.0.2.1", 40_000, "192.0.2.2", 1)
    )


def test_session_ids_are_unique_in_all_captures() -> None:
    for name in CAPTURES:
        names = [row["session_id"] for row in rows_of(name)]
        assert len(set(names)) == len(names)
