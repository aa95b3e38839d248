from __future__ import annotations

from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

import pytest

from analyzer.findings.settings import Own, Settings
from tests.support.abuse import (
    ELSEWHERE,
    OUTSIDE,
    SERVER,
    Dialogue,
    found,
    login,
    mail,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.traffic import PacketScript

OPEN, PROBING, ENUMERATION = "open-relay", "relay-probing", "address-enumeration"
SAID = Settings(
    Own(
        (ip_network("192.0.2.0/24"),),
        frozenset(("example.com",)),
        frozenset((SERVER,)),
    )
)
DENIED = "554 5.7.1 <a>: Relay access denied"
UNKNOWN = "550 5.1.1 <a>: Recipient address rejected: User unknown"
VICTIM = "victim@example.org"


@pytest.fixture
def of(tmp_path: Path) -> Callable[..., list[dict[str, Any]]]:
    def find(
        rule: str, *dialogues: PacketScript, settings: Settings | None = None
    ) -> list[dict[str, Any]]:
        return found(tmp_path, rule, dialogues, settings)

    return find


def test_server_that_takes_mail_from_outside_for_others_is_open(of: Any) -> None:
    relayed = mail(OUTSIDE, recipients=[VICTIM])

    (finding,) = of(OPEN, relayed, settings=SAID)

    assert (finding["severity"], finding["confidence"]) == ("critical", "likely")
    assert (finding["server_ip"], finding["server_port"]) == (SERVER, 25)
    (evidence,) = finding["evidence"]
    assert evidence["seen"] == (
        "MAIL FROM:<ines@example.net> RCPT TO:<victim@example.org>: 250 2.1.5 Ok"
    )
    assert of(OPEN, relayed) == []


def test_server_that_takes_what_it_may_is_not_open(of: Any) -> None:
    ordinary = [
        mail(OUTSIDE, recipients=["ann@example.com", "ben@sub.example.com"]),
        mail(OUTSIDE, recipients=[VICTIM], seconds=1, user="ann@example.com"),
        mail("192.0.2.77", recipients=[VICTIM], seconds=2),
        mail(ELSEWHERE, recipients=[VICTIM], seconds=3, replies=[DENIED]),
        mail("192.0.2.77", recipients=[VICTIM], seconds=4, server_ip=ELSEWHERE),
    ]

    assert of(OPEN, *ordinary, settings=SAID) == []


def test_client_that_logs_in_with_pop_before_is_a_user(of: Any) -> None:
    before = login(OUTSIDE, 0, accepted=True)
    submitted = mail(OUTSIDE, recipients=[VICTIM], seconds=5)

    assert of(OPEN, before, submitted, settings=SAID) == []


def test_session_whose_start_was_not_seen_proves_nothing(of: Any) -> None:
    late = Dialogue(OUTSIDE, 25)
    late.packets.clear()
    late.ask("MAIL FROM:<a@example.net>", "250 Ok").ask(f"RCPT TO:<{VICTIM}>", "250 Ok")

    assert of(OPEN, late, settings=SAID) == []


def test_server_that_relays_for_one_sender_only_is_proven_open(of: Any) -> None:
    refused = mail(OUTSIDE, recipients=[VICTIM], replies=[DENIED])
    taken = mail(OUTSIDE, "ann@example.com", [VICTIM], seconds=9)

    (finding,) = of(OPEN, refused, taken)

    assert (finding["severity"], finding["confidence"]) == ("critical", "proven")
    assert of(OPEN, refused, mail(ELSEWHERE, recipients=[VICTIM], seconds=9)) == []


def relayed_on(domains: int) -> list[PacketScript]:
    """Mail from outside that the server sends on to servers of other domains."""
    return [
        each
        for number in range(domains)
        for each in (
            mail(OUTSIDE, recipients=[f"a@d{number}.example"], seconds=20 * number),
            mail(
                SERVER,
                recipients=[f"a@d{number}.example"],
                seconds=20 * number + 3,
                server_ip=f"198.51.100.{number + 1}",
            ),
        )
    ]


def test_server_that_sends_on_to_many_domains_is_possibly_open(of: Any) -> None:
    (finding,) = of(OPEN, *relayed_on(3))

    assert (finding["severity"], finding["confidence"]) == ("high", "possible")
    assert (finding["server_ip"], finding["session_count"]) == (SERVER, 3)


@pytest.mark.parametrize(
    ("named", "meant"),
    [
        ("victim%example.org@example.com", VICTIM),
        ("@example.com:victim@example.org", VICTIM),
        ("@mx.example.com,@example.com:victim@example.org", VICTIM),
        ('"victim@example.org"@example.com', VICTIM),
        ("example.org!victim@example.com", VICTIM),
        ("victim@[198.51.100.1]", "victim@[198.51.100.1]"),
    ],
)
def test_server_that_follows_what_no_backup_mx_would_is_proven_open(
    of: Any, named: str, meant: str
) -> None:
    taken = mail(OUTSIDE, recipients=[named])
    sent_on = mail(SERVER, recipients=[meant], seconds=3, server_ip="198.51.100.1")

    (finding,) = of(OPEN, taken, sent_on)

    assert (finding["severity"], finding["confidence"]) == ("critical", "proven")
    assert of(OPEN, taken) == []
    elsewhere = mail(ELSEWHERE, recipients=[meant], seconds=3, server_ip="198.51.100.1")
    assert of(OPEN, taken, elsewhere) == []


def test_odd_address_of_an_own_domain_is_not_relayed(of: Any) -> None:
    taken = mail(OUTSIDE, recipients=["ann%example.com@mx.example.com"])
    inside = mail(
        SERVER, recipients=["ann@example.com"], seconds=3, server_ip="198.51.100.1"
    )

    assert of(OPEN, taken, inside, settings=SAID) == []


def test_backup_mx_is_silent(of: Any) -> None:
    refused = mail(ELSEWHERE, recipients=[VICTIM], seconds=900, replies=[DENIED])

    assert of(OPEN, *relayed_on(2)) == []
    assert of(OPEN, *relayed_on(5), refused) == []


def test_client_that_tries_to_relay_in_many_ways_is_probing(of: Any) -> None:
    tries = [
        mail(OUTSIDE, recipients=[f"a@d{n}.example"], seconds=n, replies=[DENIED])
        for n in range(3)
    ]
    odd = mail(OUTSIDE, recipients=["a%b.example@example.com"], replies=[DENIED])

    for dialogues in (tries, [odd]):
        (finding,) = of(PROBING, *dialogues)
        assert (finding["severity"], finding["confidence"]) == ("low", "likely")
        assert finding["client_ip"] == OUTSIDE


def test_single_refusal_to_relay_is_info(of: Any) -> None:
    stale = [
        mail(OUTSIDE, f"s{n}@example.net", [VICTIM], seconds=n, replies=[DENIED])
        for n in range(5)
    ]

    (finding,) = of(PROBING, *stale)

    assert finding["severity"] == "info"
    inside = mail("10.0.0.9", recipients=[VICTIM], replies=[DENIED])
    assert of(PROBING, inside) == []


def enumeration(verb: str, names: int) -> Dialogue:
    dialogue = Dialogue(OUTSIDE, 25).server(b"220 mx ESMTP\r\n")
    dialogue.client(b"HELO a\r\n").server(b"250 mx\r\n")
    for number in range(names):
        dialogue.client(b"%s user%d\r\n" % (verb.encode(), number % 40))
        dialogue.server(b"252 2.0.0 user\r\n")
    return dialogue


def test_many_names_asked_for_are_enumeration(of: Any) -> None:
    (finding,) = of(ENUMERATION, enumeration("VRFY", 12))

    assert finding["client_ip"] == OUTSIDE
    assert finding["evidence"][0]["seen"] == "VRFY user0: 252"
    assert of(ENUMERATION, enumeration("EXPN", 5)) == []


def test_many_unknown_recipients_are_enumeration(of: Any) -> None:
    named = [f"user{number}@example.com" for number in range(24)]
    tried = mail(OUTSIDE, recipients=named, replies=["250 Ok"] * 2 + [UNKNOWN] * 22)

    (finding,) = of(ENUMERATION, tried)

    assert finding["evidence"][0]["seen"].endswith("User unknown")


def test_mailing_list_with_dead_addresses_is_silent(of: Any) -> None:
    named = [f"user{number}@example.com" for number in range(80)]
    replies = ["250 Ok"] * 50 + [UNKNOWN] * 30

    assert of(ENUMERATION, mail(OUTSIDE, recipients=named, replies=replies)) == []


def test_client_that_is_refused_for_all_does_not_enumerate(of: Any) -> None:
    named = [f"user{number}@example.com" for number in range(30)]
    blocked = mail(OUTSIDE, recipients=named, replies=["550 5.7.1 Blocked"] * 30)

    assert of(ENUMERATION, blocked) == []
