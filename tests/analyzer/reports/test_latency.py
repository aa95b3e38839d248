from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Any

import pytest

import analyzer
from analyzer.reports import latency_by_step, latency_by_verb
from tests.support.analyses import analysis_of, rows_of
from tests.support.deliveries import Delivery
from tests.support.traffic import PacketScript, write_pcap

if TYPE_CHECKING:
    from pathlib import Path


def slow_delivery(number: int, waits_ms: int) -> Delivery:
    """A delivery whose server takes its time when it has the message."""
    script = Delivery(number).sender().recipient("250 ok")
    script.client(b"DATA\r\n").wait(9).server(b"354 go on\r\n")
    script.client(b"Subject: a\r\n\r\na\r\n.\r\n").wait(waits_ms - 1)
    return script.server(b"250 ok\r\n")


def steps(capture: Path) -> dict[str, dict[str, Any]]:
    """How long the steps took at the only server of a capture."""
    analysis = analyzer.analyze(capture)
    rows = latency_by_step(analysis.exchanges, analysis.sessions)
    (_,) = set(zip(rows["server_ip"], rows["server_port"], strict=True))
    return {str(row["step"]): dict(row) for _, row in rows.iterrows()}


def test_latencies_of_a_verb_are_told_apart_by_protocol() -> None:
    office = analysis_of("office")
    protocols = {row["session_id"]: row["protocol"] for row in rows_of("office")}

    rows = latency_by_verb(office.exchanges, office.sessions)

    found: dict[tuple[str, str], list[float]] = {}
    for row in rows_of("office", "exchanges"):
        if row["answered"] and row["latency_s"] is not None:
            verb = "end of message" if row["kind"] == "message" else row["answered"]
            key = protocols[row["session_id"]], verb
            found.setdefault(key, []).append(row["latency_s"])
    told = rows.set_index(["protocol", "verb"])
    assert told["count"].to_dict() == {key: len(each) for key, each in found.items()}
    assert told["max"].to_dict() == {key: max(each) for key, each in found.items()}
    assert told["median"].to_dict() == pytest.approx(
        {key: median(each) for key, each in found.items()}
    )
    assert {("smtp", "STARTTLS"), ("imap", "STARTTLS")} <= set(found)


def test_slowest_verb_comes_first() -> None:
    office = analysis_of("office")

    rows = latency_by_verb(office.exchanges, office.sessions)

    assert rows["p95"].is_monotonic_decreasing
    assert (rows["median"] <= rows["p95"]).all()
    assert (rows["p95"] <= rows["max"]).all()
    assert rows.loc[0, "verb"] == "PASS"


def test_idle_is_not_slow() -> None:
    office = analysis_of("office")
    renamed = office.exchanges.replace({"answered": {"LOGIN": "IDLE"}})

    rows = latency_by_verb(renamed, office.sessions)

    assert not {"IDLE", "LOGIN"} & set(rows["verb"])
    assert rows["count"].sum() < (renamed["latency_s"].notna()).sum()


def test_server_takes_long_to_accept_messages_not_to_ask_for_them(
    tmp_path: Path,
) -> None:
    scripts = [slow_delivery(number, 35_000) for number in range(19)]
    path = write_pcap(tmp_path / "a.pcap", *scripts, slow_delivery(19, 60_000))

    analysis = analyzer.analyze(path)
    rows = latency_by_verb(analysis.exchanges, analysis.sessions)

    slowest = analysis.sessions.sort_values("slowest_s").iloc[-1]
    assert (slowest["slowest_verb"], slowest["slowest_s"]) == ("DATA", 60)
    worst, *_ = rows.to_dict("records")
    assert worst["verb"] == "end of message"
    assert (worst["count"], worst["median"], worst["max"]) == (20, 35, 60)
    assert worst["p95"] == pytest.approx(36.25)
    assert worst["session_id"] == slowest["session_id"]
    asked = rows[rows["verb"] == "DATA"].iloc[0]
    assert (asked["count"], asked["max"]) == (20, 0.01)
    assert steps(path)["end of message"]["median"] == 35


@pytest.mark.parametrize(
    ("capture", "count"), [("smtp-bdat-chunking", 2), ("lmtp-dovecot", 2)]
)
def test_last_chunk_and_each_recipient_are_ends_of_messages(
    capture: str, count: int
) -> None:
    analysis = analysis_of(capture)

    rows = latency_by_step(analysis.exchanges, analysis.sessions)

    ends = rows[rows["step"] == "end of message"]
    assert ends["count"].tolist() == [count]
    chunks = rows[rows["step"] == "BDAT"]["count"].tolist()
    assert chunks == ([4] if capture == "smtp-bdat-chunking" else [])


def test_steps_of_a_server_begin_with_its_greeting_and_tls() -> None:
    analysis = analysis_of("imap-starttls")
    (session,) = rows_of("imap-starttls")

    rows = latency_by_step(analysis.exchanges, analysis.sessions)

    told = {row["step"]: row for row in rows.to_dict("records")}
    assert told["banner"]["max"] == session["banner_delay_s"]
    assert told["TLS handshake"]["max"] == session["tls_handshake_s"]
    assert told["STARTTLS"]["session_id"] == session["session_id"]
    assert {row["service"] for row in told.values()} == {"imap"}


def test_refused_logins_are_told_apart_from_logins(tmp_path: Path) -> None:
    scripts = []
    for number, (wait_ms, reply) in enumerate(
        [(6999, b"-ERR no\r\n"), (9, b"+OK\r\n"), (29, b"+OK\r\n")]
    ):
        script = PacketScript(110, client_port=40_000 + number).server(b"+OK hi\r\n")
        script.client(b"USER ann\r\n").server(b"+OK\r\n").client(b"PASS a\r\n")
        scripts.append(script.wait(wait_ms).server(reply))

    told = steps(write_pcap(tmp_path / "a.pcap", *scripts))

    assert (told["login"]["count"], told["login"]["max"]) == (2, 0.03)
    assert (told["refused login"]["count"], told["refused login"]["max"]) == (1, 7)
    assert "PASS" not in told


def test_nothing_was_timed_where_there_is_no_mail() -> None:
    http = analysis_of("negative-http")

    assert latency_by_step(http.exchanges, http.sessions).empty
