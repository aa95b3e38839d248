from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.abuse import found, login

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.traffic import PacketScript

RULE = "account-shared"


def from_networks(
    networks: int, user: str = "info", seconds: float = 0
) -> list[PacketScript]:
    return [
        login(f"10.0.{number}.9", seconds + 600 * number, user, accepted=True)
        for number in range(networks)
    ]


def test_account_used_from_many_networks_is_shared(tmp_path: Path) -> None:
    (finding,) = found(tmp_path, RULE, from_networks(5, "Info@Example.com"))

    assert finding["account"] == "info@example.com"
    assert finding["session_count"] == 5
    assert finding["evidence"][0]["seen"] == "from 10.0.0.9, USER"


def test_user_with_some_devices_is_silent(tmp_path: Path) -> None:
    assert found(tmp_path, RULE, from_networks(4)) == []


def test_addresses_of_one_network_are_one(tmp_path: Path) -> None:
    one = [login(f"192.0.2.{n + 30}", n, "info", accepted=True) for n in range(9)]

    assert found(tmp_path, RULE, one) == []


def test_networks_that_were_refused_do_not_count(tmp_path: Path) -> None:
    refused = [login(f"10.1.{n}.9", n, "info") for n in range(9)]

    assert found(tmp_path, RULE, [*from_networks(2), *refused]) == []


def test_same_name_on_several_servers_is_not_shared(tmp_path: Path) -> None:
    apart = [
        login(f"10.0.{n}.9", n, "info", accepted=True, server_ip=f"192.0.2.{n}")
        for n in range(9)
    ]

    assert found(tmp_path, RULE, apart) == []


def test_many_shared_accounts_hide_none(tmp_path: Path) -> None:
    crowd = [
        each
        for number in range(22)
        for each in from_networks(5, f"user{number}", number)
    ]

    accounts = {each["account"] for each in found(tmp_path, RULE, crowd)}

    assert accounts == {f"user{number}" for number in range(22)}
