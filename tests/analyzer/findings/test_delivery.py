"""Rules about mail that servers refuse, with real servers where there are captures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import analyzer
from analyzer.findings.registry import rules
from tests.support.analyses import analysis_of
from tests.support.deliveries import HOUR_MS, Delivery
from tests.support.findings import committed, findings_of
from tests.support.traffic import PacketScript, write_pcap

if TYPE_CHECKING:
    from pathlib import Path

RULES = (
    *("delivery-refused", "greylisted", "mailbox-full", "message-too-large"),
    "rate-limited",
)
ASKED = [rules()[name] for name in RULES]


def found(folder: Path, *deliveries: PacketScript) -> list[dict[str, Any]]:
    for each in deliveries:
        each.client(b"QUIT\r\n").server(b"221 bye\r\n").close()
    analysis = analyzer.analyze(write_pcap(folder / "a.pcap", *deliveries))
    return findings_of(analysis, rules=ASKED)


def told(findings: list[dict[str, Any]]) -> list[tuple[str, str | None]]:
    return [(each["rule"], each["kind"]) for each in findings]


def test_refusals_are_told_by_server_and_cause() -> None:
    findings = committed("smtp-pipelining-refused-recipients", "delivery-refused")

    relay, unknown = sorted(findings, key=lambda each: each["severity"], reverse=True)
    assert (relay["kind"], relay["severity"], relay["confidence"]) == (
        *("relay-denied", "low", "likely"),
    )
    assert (unknown["kind"], unknown["severity"], unknown["confidence"]) == (
        *("recipient-unknown", "info", "proven"),
    )
    (evidence,) = unknown["evidence"]
    assert evidence["side"] == "server"
    assert evidence["seen"].startswith("550 5.1.1 <nobody@example.com>")


def test_postfix_refuses_what_comes_first_or_is_too_much() -> None:
    findings = findings_of(analysis_of("smtp-refusals"), rules=ASKED)

    told = {
        each["rule"]: (each["severity"], each["confidence"], each["session_count"])
        for each in findings
    }
    assert told == {
        "greylisted": ("info", "proven", 1),
        "message-too-large": ("low", "proven", 1),
        "rate-limited": ("low", "likely", 2),
    }


def test_mail_that_was_accepted_is_no_finding() -> None:
    for name in ("smtp-two-messages", "smtp-submission-plain-auth-login"):
        assert findings_of(analysis_of(name), rules=ASKED) == []


def test_mailbox_that_is_full_is_told_by_its_address() -> None:
    (finding,) = committed("lmtp-aiosmtpd", "mailbox-full")

    assert finding["account"] == "full@example.com"
    assert finding["evidence"][0]["seen"] == "452 4.2.2 mailbox full"


def test_imap_server_refuses_message_over_quota(tmp_path: Path) -> None:
    script = PacketScript(143).server(b"* OK hi\r\n")
    script.client(b"a LOGIN ann secret\r\n").server(b"a OK in\r\n")
    script.client(b"b APPEND Sent {10}\r\n").server(b"b NO [OVERQUOTA] too much\r\n")

    (finding,) = found(tmp_path, script)

    assert (finding["rule"], finding["account"]) == ("mailbox-full", "ann")


def test_server_that_is_full_is_no_full_mailbox(tmp_path: Path) -> None:
    delivery = Delivery().sender("452 4.3.1 Insufficient system storage")

    assert told(found(tmp_path, delivery)) == [("delivery-refused", "server-trouble")]


def test_message_is_too_large(tmp_path: Path) -> None:
    delivery = Delivery().sender("552 5.3.4 Message size exceeds fixed limit")

    (finding,) = found(tmp_path, delivery)

    assert (finding["rule"], finding["confidence"]) == ("message-too-large", "proven")


@pytest.mark.parametrize("reply", ["421 4.7.0 Too many connections", "450 4.7.28 no"])
def test_client_is_limited(reply: str, tmp_path: Path) -> None:
    assert told(found(tmp_path, Delivery().sender(reply))) == [("rate-limited", None)]


def test_too_many_recipients_are_no_rate(tmp_path: Path) -> None:
    delivery = Delivery().sender().recipient("452 4.5.3 Too many recipients")

    (finding,) = found(tmp_path, delivery)

    assert (finding["kind"], finding["severity"]) == ("too-many-recipients", "info")


def test_greylisted_mail_that_comes_again_is_info(tmp_path: Path) -> None:
    first = Delivery().sender().recipient("450 4.2.0 Greylisted for 300 seconds")
    # from another host of the same sender
    second = (
        Delivery(1, at_ms=600_000, client="192.0.2.102").sender().recipient("250 ok")
    )
    second.message("250 queued")

    (finding,) = found(tmp_path, first, second)

    assert (finding["rule"], finding["severity"], finding["confidence"]) == (
        *("greylisted", "info", "proven"),
    )
    assert finding["evidence"][0]["seen"].startswith("accepted 600 s later: 450 4.2.0")


def test_mail_that_is_taken_the_second_time_was_greylisted(tmp_path: Path) -> None:
    first = Delivery().sender().recipient("451 4.7.1 Please try again later")
    second = Delivery(1, at_ms=600_000).sender().recipient("250 ok")

    (finding,) = found(tmp_path, first, second)

    assert (finding["rule"], finding["confidence"]) == ("greylisted", "likely")


def test_greylisted_mail_that_never_comes_again_is_low(tmp_path: Path) -> None:
    first = Delivery().sender().recipient("451 4.7.1 Greylisted")
    other = Delivery(1, at_ms=5 * HOUR_MS).sender().recipient("250 ok", "ines")

    (finding,) = found(tmp_path, first, other)

    assert (finding["severity"], finding["confidence"]) == ("low", "likely")
    assert finding["evidence"][0]["seen"].startswith("not tried again: 451")


def test_strangers_success_does_not_hide_that_mail_is_lost(tmp_path: Path) -> None:
    first = Delivery().sender().recipient("451 4.7.1 Greylisted")
    stranger = Delivery(1, at_ms=5 * HOUR_MS, client="203.0.113.9")
    stranger.sender().recipient("250 ok")

    (finding,) = found(tmp_path, first, stranger)

    assert finding["evidence"][0]["seen"].startswith("not tried again")


def test_trouble_of_the_server_is_no_greylisting(tmp_path: Path) -> None:
    first = Delivery().sender().recipient("451 4.3.0 queue file write error")
    second = Delivery(1, at_ms=600_000).sender().recipient("250 ok")

    assert told(found(tmp_path, first, second)) == [
        ("delivery-refused", "server-trouble")
    ]


def test_message_is_greylisted_at_its_end(tmp_path: Path) -> None:
    first = Delivery().sender().recipient("250 ok").message("451 Greylisted")
    second = Delivery(1, at_ms=600_000).sender().recipient("250 ok")
    second.message("250 queued")

    (finding,) = found(tmp_path, first, second)

    assert finding["evidence"][0]["seen"] == "accepted 600 s later: 451 Greylisted"
