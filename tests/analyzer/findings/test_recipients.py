from __future__ import annotations

from typing import TYPE_CHECKING

import analyzer
from analyzer.findings.facts import Facts
from analyzer.findings.recipients import Recipients, recipients
from analyzer.findings.settings import Own
from tests.support.abuse import OUTSIDE, Dialogue, mail
from tests.support.analyses import analysis_of
from tests.support.traffic import write_pcap

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.traffic import PacketScript


def recipients_of(folder: Path, *dialogues: PacketScript) -> Recipients:
    analysis = analyzer.analyze(write_pcap(folder / "a.pcap", *dialogues))
    return recipients(Facts(analysis.tables, Own()))


def test_recipients_are_told_by_what_postfix_says_of_each() -> None:
    analysis = analysis_of("smtp-pipelining-refused-recipients")
    named = recipients(Facts(analysis.tables, Own()))

    assert named.rows["address"].to_list() == [
        "tom@example.com",
        "nobody@example.com",
        "someone@example.org",
        "ines@example.com",
    ]
    assert set(named.rows["sender"]) == {"marta@example.net"}
    assert named.accepted.tolist() == [True, False, False, True]
    assert named.unknown.tolist() == [False, True, False, False]
    assert named.relay_refused.tolist() == [False, False, True, False]
    assert named.is_anonymous.all()


def test_sender_is_the_one_of_the_same_session(tmp_path: Path) -> None:
    stray = Dialogue(OUTSIDE, 25, seconds=5, client_port=41_000)
    stray.server(b"220 mx ESMTP\r\n").ask("HELO a", "250 mx")
    stray.ask("RCPT TO: Ann@Example.com", "503 5.5.1 Error: need MAIL command")
    named = recipients_of(tmp_path, mail(OUTSIDE, "A@b.example"), stray)

    assert named.rows["sender"].isna().to_list() == [False, True]
    assert named.rows["sender"][0] == "a@b.example"
    assert named.rows["address"].to_list() == ["ann@example.com"] * 2


def test_refusals_of_clients_are_not_those_of_recipients(tmp_path: Path) -> None:
    blocked = mail(
        OUTSIDE,
        recipients=["a@example.com", "b@example.com"],
        replies=[
            "554 Client host blocked, see relays.example.org",
            "550 5.7.1 Access denied",
        ],
    )
    named = recipients_of(tmp_path, blocked)

    assert not named.unknown.any()
    assert not named.relay_refused.any()


def test_who_logs_in_is_not_anonymous(tmp_path: Path) -> None:
    named = recipients_of(tmp_path, mail(OUTSIDE, user="ann@example.com"))

    assert named.is_anonymous.tolist() == [False]
