"""What shows that STARTTLS was taken out, and what does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.findings import committed, found, judgements
from tests.support.starttls import (
    NO_OFFER,
    begin_tls,
    greet,
    hello,
    log_in,
    upgrade,
)
from tests.support.traffic import SERVER, PacketScript

if TYPE_CHECKING:
    from pathlib import Path


class FromElsewhere(PacketScript):
    """Another client."""

    client_ip = "203.0.113.9"


def test_firewall_writes_over_the_keyword() -> None:
    (finding,) = committed("smtp-starttls-stripped", "starttls-stripped")

    assert judgements([finding]) == [("high", "likely")]
    (evidence,) = finding["evidence"]
    assert (evidence["frame"], evidence["side"]) == (8, "server")


def test_firewall_writes_over_the_keyword_of_pop3(tmp_path: Path) -> None:
    def listed(keyword: bytes) -> PacketScript:
        dialogue = PacketScript(110).server(b"+OK hi\r\n").client(b"CAPA\r\n")
        return dialogue.server(b"+OK\r\nTOP\r\n" + keyword + b"\r\n.\r\n").close()

    assert found(tmp_path, "starttls-stripped", listed(b"XXXA"))
    assert not found(tmp_path, "starttls-stripped", listed(b"X-TENDED"))


def test_firewall_writes_over_the_list_in_a_greeting_of_imap(tmp_path: Path) -> None:
    greeting = b"* OK [CAPABILITY IMAP4rev1 XXXXXXXX AUTH=PLAIN] hi\r\n"
    dialogue = PacketScript(143).server(greeting).client(b"a LOGIN ann secret\r\n")

    (finding,) = found(tmp_path, "starttls-stripped", dialogue.server(b"a OK in\r\n"))

    assert finding["evidence"][0]["frame"] == 4


def test_firewall_writes_over_the_greeting(tmp_path: Path) -> None:
    dialogue = PacketScript(25).server(b"220 ********************0*2******\r\n")
    dialogue.client(b"EHLO mx\r\n").server(b"500 what?\r\n")
    dialogue.client(b"HELO mx\r\n").server(b"250 mx\r\n").close()

    (finding,) = found(tmp_path, "starttls-stripped", dialogue)

    (evidence,) = finding["evidence"]
    assert (evidence["frame"], evidence["seen"][:4]) == (4, "****")


def test_greeting_repeats_what_the_client_said_before_it(tmp_path: Path) -> None:
    dialogue = PacketScript(25).client(b"POST\r\nmxmx\r\nHELO a\r\n")
    dialogue.server(b"220 mxmxmxmx\r\n500 what?\r\n500 what?\r\n250 mx\r\n").close()

    assert not found(tmp_path, "starttls-stripped", dialogue)


def test_server_does_not_know_what_it_offers(tmp_path: Path) -> None:
    dialogue = hello().client(b"STARTTLS\r\n").server(b"502 what?\r\n").close()
    (finding,) = found(tmp_path, "starttls-stripped", dialogue)
    assert finding["evidence"][0]["frame"] == 8

    dialogue = hello(NO_OFFER).client(b"STARTTLS\r\n").server(b"502 what?\r\n").close()
    assert not found(tmp_path, "starttls-stripped", dialogue)


def test_client_is_not_offered_what_it_was_offered_before(tmp_path: Path) -> None:
    before = upgrade()
    without = log_in(NO_OFFER, start_ms=1000, client_port=40_001)
    after = upgrade(start_ms=2000, client_port=40_002)

    found_later = found(tmp_path, "starttls-stripped", before, without)
    found_between = found(tmp_path, "starttls-stripped", before, without, after)

    assert judgements(found_later) == [("high", "possible")]
    assert judgements(found_between) == [("high", "likely")]
    assert found_between[0]["session_count"] == 1


def test_server_that_never_offered_starttls_was_not_stripped(tmp_path: Path) -> None:
    assert not found(tmp_path, "starttls-stripped", log_in(NO_OFFER))


def test_server_that_offers_to_others_only_was_not_stripped(tmp_path: Path) -> None:
    others = begin_tls(
        greet(FromElsewhere(587)).client(b"STARTTLS\r\n").server(b"220 go\r\n")
    )

    without = log_in(NO_OFFER, start_ms=1000)

    assert not found(tmp_path, "starttls-stripped", others.close(), without)


def test_offer_may_be_in_a_gap(tmp_path: Path) -> None:
    without = PacketScript(587, start_ms=1000, client_port=40_001)
    without.server(b"220 mx\r\n").client(b"EHLO desk\r\n")
    without.lose(SERVER, 20).server(b"250-mx\r\n250 SIZE 1000\r\n")

    assert not found(tmp_path, "starttls-stripped", upgrade(), without.close())


def test_server_offers_no_starttls_behind_a_login(tmp_path: Path) -> None:
    offered = PacketScript(143).server(b"* OK [CAPABILITY IMAP4rev1 STARTTLS] hi\r\n")
    logged_in = PacketScript(143, start_ms=1000, client_port=40_001)
    logged_in.server(b"* OK hi\r\n").client(b"a LOGIN ann secret\r\n")
    logged_in.server(b"a OK in\r\n").client(b"b CAPABILITY\r\n")
    logged_in.server(b"* CAPABILITY IMAP4rev1 IDLE\r\nb OK done\r\n")

    assert not found(tmp_path, "starttls-stripped", offered.close(), logged_in.close())
