from __future__ import annotations

from ipaddress import ip_address, ip_network

import numpy as np
import pytest

from analyzer.findings.addresses import Addresses

TEXTS = [
    "192.0.2.1",
    "192.0.2.255",
    "192.0.3.1",
    "2001:db8::1",
    "2001:db8:0:ffff::9",
    "2001:db8:1::1",
    "::ffff:192.0.2.1",
    "::1",
    "127.0.0.1",
    "0.0.0.0",
    "::",
]


def test_networks_are_those_of_so_long_a_prefix() -> None:
    numbers = Addresses(TEXTS).networks(v4=24, v6=48)

    assert numbers[0] == numbers[1] != numbers[2]
    assert numbers[3] == numbers[4] != numbers[5]
    # all that begin with :: are of one network, which is not that of 0.0.0.0
    assert len({numbers[each] for each in (6, 7, 10)}) == 1
    assert numbers[9] != numbers[10]


@pytest.mark.parametrize(
    "network",
    [
        "192.0.2.0/24",
        "192.0.2.1/32",
        "0.0.0.0/0",
        "::/0",
        "2001:db8::/32",
        "2001:db8:1::/48",
        "::1/128",
        "127.0.0.0/8",
    ],
)
def test_addresses_are_in_the_networks_that_the_library_says(network: str) -> None:
    known = ip_network(network)
    expected = [ip_address(text) in known for text in TEXTS]

    assert Addresses(TEXTS).are_in([known]).tolist() == expected


def test_addresses_in_any_of_several_networks_count() -> None:
    networks = [ip_network("192.0.2.0/24"), ip_network("2001:db8::/32")]

    assert Addresses(TEXTS).are_in(networks).sum() == 5
    assert not Addresses(TEXTS).are_in([]).any()


def test_nothing_is_in_no_network() -> None:
    assert Addresses([]).are_in([ip_network("::/0")]).tolist() == []
    assert Addresses([]).networks(v4=24, v6=48).dtype == np.int64


def test_what_is_no_address_is_refused() -> None:
    with pytest.raises(OSError, match="illegal"):
        Addresses(["192.0.2"])
