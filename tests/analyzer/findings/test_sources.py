from __future__ import annotations

from analyzer.findings.facts import Facts
from analyzer.findings.settings import Own
from analyzer.findings.sources import client_sources, source_names
from tests.support.findings import sessions_of

CLIENTS = (
    "192.0.2.7",
    "192.0.2.8",
    "2001:db8::1",
    "2001:db8::2",
    "2001:db8:0:1::1",
    "2001:db8:0:2::1",
    "2001:db8:0:2::1",
)


def test_source_is_an_ipv4_address_or_an_ipv6_network() -> None:
    numbers = client_sources(Facts(sessions_of(*CLIENTS), Own()))

    assert len(set(numbers.tolist())) == 5
    assert numbers[2] == numbers[3] != numbers[4]


def test_source_is_named_by_its_network_only_if_it_has_several_addresses() -> None:
    facts = Facts(sessions_of(*CLIENTS), Own())

    names = source_names(facts, facts.sessions.all())

    assert names.to_list() == [
        "192.0.2.7",
        "192.0.2.8",
        "2001:db8::/64",
        "2001:db8::/64",
        "2001:db8:0:1::1",
        "2001:db8:0:2::1",
        "2001:db8:0:2::1",
    ]
    some = facts.sessions.all().iloc[2:3]
    assert source_names(facts, some).to_list() == ["2001:db8::1"]
