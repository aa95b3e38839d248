from __future__ import annotations

from ipaddress import ip_network
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

import analyzer
from analyzer.findings.facts import Facts
from analyzer.findings.levels import Confidence
from analyzer.findings.own import Ownership, domain_of, is_private
from analyzer.findings.settings import Own
from tests.support.abuse import ELSEWHERE, OUTSIDE, SERVER, login
from tests.support.traffic import write_pcap

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.traffic import PacketScript

FOREIGN = "198.51.100.200"


def ownership(
    folder: Path, *dialogues: PacketScript, own: Own | None = None
) -> Ownership:
    analysis = analyzer.analyze(write_pcap(folder / "a.pcap", *dialogues))
    return Ownership(Facts(analysis.tables, own or Own()))


def test_private_and_documentation_networks_are_told_apart() -> None:
    private = ["10.1.2.3", "172.31.0.1", "192.168.0.1", "100.64.0.1", "fd00::1"]
    public = ["192.0.2.1", "198.51.100.1", "2001:db8::1", "172.32.0.1", "100.128.0.1"]

    assert is_private(private).all()
    assert not is_private(pd.Series([*public, None])).any()


def test_domain_is_behind_the_last_at() -> None:
    addresses = pd.Series(["ann@Example.COM", '"a@b"@c.example', "ann", None, "<a@d>"])

    assert domain_of(addresses).to_list() == [
        "example.com",
        "c.example",
        pd.NA,
        pd.NA,
        "d",
    ]


def test_server_that_accepts_logins_is_inferred_to_be_own(tmp_path: Path) -> None:
    own = ownership(tmp_path, login(OUTSIDE, 0, accepted=True))

    assert own.servers.tolist() == [True]
    assert own.clients.tolist() == [False]
    assert own.domains == {"example.com"}
    assert own.confidence is Confidence.POSSIBLE


def test_refused_logins_make_no_server_own(tmp_path: Path) -> None:
    own = ownership(tmp_path, login(OUTSIDE, 0))

    assert not own.servers.any()
    assert own.domains == own.login_servers == frozenset()


def test_server_of_others_into_which_own_users_log_in_is_not_own(
    tmp_path: Path,
) -> None:
    own = ownership(tmp_path, login("10.0.0.9", 0, accepted=True, server_ip=FOREIGN))

    assert own.clients.tolist() == [True]
    assert not own.servers.any()
    assert own.domains == frozenset()


def test_what_users_say_is_taken_for_all_there_is(tmp_path: Path) -> None:
    said = Own((ip_network("203.0.113.0/24"),), frozenset(("example.org",)))
    own = ownership(
        tmp_path,
        login(OUTSIDE, 0, accepted=True),
        login(ELSEWHERE, 5, accepted=True, server_ip="10.0.0.1"),
        own=said,
    )

    assert own.clients.tolist() == [True, False]
    assert not own.servers.any()
    assert own.domains == {"example.org"}
    assert own.confidence is Confidence.LIKELY


def test_named_server_is_own_though_it_is_in_no_own_network(tmp_path: Path) -> None:
    said = Own(servers=frozenset((SERVER,)))
    own = ownership(tmp_path, login(OUTSIDE, 0), own=said)

    assert own.servers.tolist() == [True]


def test_names_below_an_own_domain_are_own(tmp_path: Path) -> None:
    own = ownership(tmp_path, own=Own(domains=frozenset(("example.com",))))
    long = "a." * 40_000 + "example.com"
    domains = pd.Series(["example.com", "b.example.com", "anexample.com", None, long])

    found = own.has_domain(domains, np.zeros(5, np.int64))

    assert found.tolist() == [True, True, False, False, True]


def test_inferred_domain_is_own_for_the_server_that_lets_it_in_alone(
    tmp_path: Path,
) -> None:
    own = ownership(
        tmp_path,
        login(OUTSIDE, 0, accepted=True),
        login(OUTSIDE, 5, "bob@example.net", accepted=True, server_ip=FOREIGN),
    )
    domains = pd.Series(["example.com", "example.net", "b.example.net"])

    assert own.has_domain(domains, np.array([0, 0, 0])).tolist() == [True, False, False]
    assert own.has_domain(domains, np.array([1, 1, 1])).tolist() == [False, True, True]
    assert own.domains == {"example.com", "example.net"}


def test_client_that_logs_in_at_a_server_is_a_user_of_it(tmp_path: Path) -> None:
    own = ownership(
        tmp_path,
        login(OUTSIDE, 0, accepted=True),
        login(OUTSIDE, 5),
        login(ELSEWHERE, 9),
    )

    assert own.users.tolist() == [True, True, False]
