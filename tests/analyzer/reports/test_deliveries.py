from __future__ import annotations

from typing import TYPE_CHECKING, Any

import analyzer
from analyzer.reports import deliveries
from tests.support.analyses import analysis_of
from tests.support.deliveries import Delivery
from tests.support.traffic import write_pcap

if TYPE_CHECKING:
    from pathlib import Path

    from analyzer import Analysis


def told(analysis: Analysis) -> list[dict[str, Any]]:
    """The report as rows, without what is missing."""
    rows = deliveries(analysis.messages, analysis.exchanges, analysis.sessions)
    return [dict(row.dropna()) for _, row in rows.iterrows()]


def causes(analysis: Analysis) -> dict[tuple[str, str | None], int]:
    """How often each outcome had each cause."""
    return {(row["outcome"], row.get("cause")): row["count"] for row in told(analysis)}


def test_refusals_of_postfix_are_told_by_cause() -> None:
    assert causes(analysis_of("smtp-refusals")) == {
        ("accepted", None): 2,
        ("deferred", "rate-limited"): 2,
        ("deferred", "greylisted"): 1,
        ("refused", "message-too-large"): 1,
    }


def test_message_is_accepted_for_some_recipients_and_refused_for_others() -> None:
    assert causes(analysis_of("smtp-pipelining-refused-recipients")) == {
        ("accepted", None): 1,
        ("refused", "recipient-unknown"): 1,
        ("refused", "relay-denied"): 1,
    }


def test_last_refusal_is_told_with_its_session(tmp_path: Path) -> None:
    scripts = [
        Delivery(number, at_ms=number * 1000).sender().recipient(reply)
        for number, reply in enumerate(
            ["550 5.1.1 who?", "550 5.1.1 nobody", "250 ok", "450 4.2.2 full"]
        )
    ]
    scripts[2].message("554 5.6.0 spam")
    analysis = analyzer.analyze(write_pcap(tmp_path / "a.pcap", *scripts))
    sessions = analysis.sessions["session_id"]

    rows = {row["cause"]: row for row in told(analysis)}

    assert rows["recipient-unknown"]["count"] == 2
    assert rows["recipient-unknown"]["last_error"] == "550 5.1.1 nobody"
    assert rows["recipient-unknown"]["session_id"] == sessions[1]
    assert rows["content"]["last_error"] == "554 5.6.0 spam"
    assert rows["mailbox-full"]["outcome"] == "deferred"


def test_what_follows_from_a_refusal_is_no_cause(tmp_path: Path) -> None:
    script = Delivery().sender("550 5.7.1 go away")
    script.client(b"RCPT TO:<tom@example.com>\r\n").server(b"503 5.5.1 MAIL first\r\n")

    assert causes(analyzer.analyze(write_pcap(tmp_path / "a.pcap", script))) == {
        ("refused", "policy"): 1
    }


def test_refused_ehlo_is_a_try_if_helo_follows(tmp_path: Path) -> None:
    tried = Delivery()
    tried.client(b"EHLO a\r\n").server(b"502 5.5.1 what?\r\n")
    tried.client(b"HELO a\r\n").server(b"250 hi\r\n").sender().recipient("250 ok")
    tried.message("250 ok")

    assert causes(analyzer.analyze(write_pcap(tmp_path / "a.pcap", tried))) == {
        ("accepted", None): 1
    }


def test_message_that_breaks_off_is_cut(tmp_path: Path) -> None:
    script = Delivery().sender().recipient("250 ok")
    script.client(b"DATA\r\n").server(b"354 go on\r\n").client(b"Subject: a\r\n")

    capture = write_pcap(tmp_path / "a.pcap", script.close())

    assert causes(analyzer.analyze(capture)) == {("cut", None): 1}


def test_retrieved_mail_is_no_delivery() -> None:
    assert causes(analysis_of("pop3-user-pass")) == {}
