from __future__ import annotations

from ipaddress import ip_network
from typing import TYPE_CHECKING

from analyzer.findings.settings import Own, Settings
from tests.support.abuse import OUTSIDE, Dialogue, found, mail

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.traffic import PacketScript

DIRECT, MASS = "direct-to-mx", "mass-mailing"
DESK = "10.0.0.9"


def deliveries(
    count: int, helo: str, client_ip: str = DESK, seconds: float = 1
) -> list[PacketScript]:
    """A client says hello to many servers."""
    return [
        Dialogue(
            client_ip,
            25,
            seconds=seconds * number,
            server_ip=f"198.51.100.{number}",
        )
        .server(b"220 mx.example.org ESMTP\r\n")
        .client(b"EHLO %s\r\n" % helo.encode().replace(b"#", b"%d" % number))
        .server(b"250 mx.example.org\r\n")
        for number in range(count)
    ]


def test_desk_that_connects_to_many_servers_sends_directly(tmp_path: Path) -> None:
    for helo in ("DESKTOP-7", "[10.0.0.9]", "host#.example.com", "pc.local"):
        (finding,) = found(tmp_path, DIRECT, deliveries(12, helo))
        assert (finding["severity"], finding["confidence"]) == ("medium", "likely")
        assert (finding["client_ip"], finding["session_count"]) == (DESK, 12)


def test_few_servers_are_silent(tmp_path: Path) -> None:
    assert found(tmp_path, DIRECT, deliveries(9, "DESKTOP-7")) == []
    assert found(tmp_path, DIRECT, deliveries(12, "DESKTOP-7", seconds=900)) == []


def test_who_only_reads_greetings_is_silent(tmp_path: Path) -> None:
    greeted = [
        Dialogue(DESK, 25, seconds=number, server_ip=f"198.51.100.{number}").server(
            b"220 mx.example.org ESMTP\r\n"
        )
        for number in range(12)
    ]

    assert found(tmp_path, DIRECT, greeted) == []


def test_host_that_is_called_a_server_is_info(tmp_path: Path) -> None:
    (finding,) = found(tmp_path, DIRECT, deliveries(12, "out.example.com"))

    assert (finding["severity"], finding["confidence"]) == ("info", "possible")


def test_mail_server_is_silent(tmp_path: Path) -> None:
    receives = mail(OUTSIDE, server_ip=DESK)
    sends = deliveries(12, "mx")

    assert found(tmp_path, DIRECT, [receives, *sends]) == []
    said = Settings(Own(servers=frozenset((DESK,))))
    assert found(tmp_path, DIRECT, sends, said) == []


def test_outsider_that_sends_to_own_servers_is_silent(tmp_path: Path) -> None:
    said = Settings(Own((ip_network("198.51.100.0/24"),)))

    assert found(tmp_path, DIRECT, deliveries(12, "x", OUTSIDE), said) == []


def people(count: int, first: int = 0) -> list[str]:
    return [f"p{number}@example.org" for number in range(first, first + count)]


def test_account_that_writes_to_many_is_told(tmp_path: Path) -> None:
    # from two places
    mailing = [
        mail(OUTSIDE, recipients=people(60), user="Ann@example.com", port=587),
        mail(DESK, recipients=people(60, 60), user="ann@example.com", seconds=60),
    ]

    findings = found(tmp_path, MASS, mailing)

    assert {each["account"] for each in findings} == {"ann@example.com"}
    assert {each["client_ip"] for each in findings} == {OUTSIDE, DESK}


def test_desk_that_writes_to_many_is_told(tmp_path: Path) -> None:
    (finding,) = found(tmp_path, MASS, [mail(DESK, recipients=people(100))])

    assert (finding["client_ip"], finding["account"]) == (DESK, None)


def test_same_people_again_are_not_many(tmp_path: Path) -> None:
    again = [mail(DESK, recipients=people(30), seconds=n) for n in range(5)]

    assert found(tmp_path, MASS, again) == []


def test_servers_that_write_to_many_are_silent(tmp_path: Path) -> None:
    outside = mail(OUTSIDE, recipients=people(120))
    own = mail(DESK, recipients=people(120), server_ip=OUTSIDE, seconds=5)
    receives = mail(OUTSIDE, server_ip=DESK, seconds=9)

    assert found(tmp_path, MASS, [outside]) == []
    assert found(tmp_path, MASS, [own, receives]) == []
