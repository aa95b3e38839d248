from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pandas as pd
import pytest

import analyzer
from analyzer.html.page import render_page
from analyzer.reports import (
    by_verdict,
    failed,
    server_certificates,
    tls_clients,
    weak_tls,
)
from analyzer.sessions.protection import VERDICTS
from tests.support.analyses import analysis_of, decrypted, rows_of
from tests.support.tls import wire
from tests.support.traffic import PacketScript, write_pcap

if TYPE_CHECKING:
    from pathlib import Path

WEAK = {
    "protection": "weak-tls",
    "role": "access",
    "server_ip": "192.0.2.10",
    "server_port": 993,
    "tls_weaknesses": [],
    "cert_status": None,
    "cert_name_matches": None,
}


def test_every_session_has_a_verdict_and_a_role() -> None:
    rows = by_verdict(analysis_of("office").sessions)

    expected = Counter(row["protection"] for row in rows_of("office"))
    assert dict(zip(rows["verdict"], rows["sessions"], strict=True)) == expected
    assert rows["verdict"].tolist() == [each for each in VERDICTS if each in expected]
    roles = rows[["relay", "submission", "access"]]
    assert roles.sum(axis="columns").tolist() == rows["sessions"].tolist()


@pytest.mark.parametrize("report", [by_verdict, weak_tls])
def test_nothing_is_made_of_nothing(report: object) -> None:
    sessions = analysis_of("negative-http").sessions
    assert callable(report)
    assert report(sessions).empty


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"tls_weaknesses": ["old-version=TLSv1.0"]}, ["old-version=TLSv1.0"]),
        ({"cert_status": "expired"}, ["cert-expired"]),
        ({"cert_status": "invalid"}, ["cert-invalid"]),
        ({"cert_status": "untrusted-root"}, []),
        ({"cert_name_matches": False}, ["cert-name-mismatch"]),
        ({"cert_name_matches": True}, []),
        ({"cert_name_matches": False, "role": "relay"}, []),
        (
            {"tls_weaknesses": ["old-version=TLSv1.0", "short-key=RSA 1024"]},
            ["old-version=TLSv1.0", "short-key=RSA 1024"],
        ),
        (
            {
                "tls_weaknesses": ["old-version=TLSv1.0", "short-key=RSA 1024"],
                "role": "relay",
            },
            ["old-version=TLSv1.0"],
        ),
        ({"tls_weaknesses": ["x"], "protection": "protected"}, []),
    ],
)
def test_weak_sessions_say_why(changes: dict[str, object], expected: list[str]) -> None:
    sessions = pd.DataFrame([WEAK | changes])

    assert weak_tls(sessions)["weakness"].tolist() == expected


def test_weaknesses_are_counted_by_server() -> None:
    old = {"tls_weaknesses": ["old-version=TLSv1.0"]}
    other = old | {"server_ip": "192.0.2.20"}
    sessions = pd.DataFrame([WEAK | each for each in (other, old, old)])

    assert weak_tls(sessions).to_numpy().tolist() == [
        ["old-version=TLSv1.0", "192.0.2.10", 993, 2],
        ["old-version=TLSv1.0", "192.0.2.20", 993, 1],
    ]


def test_certificates_are_those_of_servers() -> None:
    analysis = decrypted("office")

    (row,) = server_certificates(analysis.certificates, analysis.sessions).to_dict(
        "records"
    )

    shown = analysis.sessions["cert_sha256"].notna().sum()
    assert row["name"] == "mail.example.com"
    assert row["key"] == "RSA 2048"
    assert row["status"] == "untrusted-root"
    assert row["sessions"] == shown > 1
    assert row["session_id"] in set(analysis.sessions["session_id"])
    assert row["servers"].startswith("192.0.2.10:110, ")
    last = max(session["end"] for session in rows_of("office"))
    assert row["days_left"] == (row["not_after"] - last).days


def test_certificate_that_is_over_has_days_below_zero() -> None:
    analysis = analysis_of("tls10")
    (session,) = rows_of("tls10")
    later = pd.Series(
        [pd.Timestamp("2200-01-01", tz="UTC")], dtype="timestamp[ns, tz=UTC][pyarrow]"
    )
    for end, sign in ((analysis.sessions["end"], 1), (later, -1)):
        (row,) = server_certificates(
            analysis.certificates, analysis.sessions.assign(end=end)
        ).to_dict("records")

        assert row["days_left"] * sign > 0
        assert row["session_id"] == session["session_id"]


def test_certificates_of_no_session_are_left_out() -> None:
    analysis = analysis_of("pop3-user-pass")

    assert server_certificates(analysis.certificates, analysis.sessions).empty


def test_certificate_that_can_not_be_read_is_a_certificate(tmp_path: Path) -> None:
    hello = wire.SERVER_HELLO + wire.certificate_message(b"garbage", b"more")
    dialogue = PacketScript(993).client(wire.CLIENT_HELLO).server(hello)
    dialogue.server(wire.handshake_record(14, b"")).client(
        wire.CHANGE_CIPHER_SPEC + wire.FINISHED
    ).server(wire.CHANGE_CIPHER_SPEC + wire.FINISHED).close()
    analysis = analyzer.analyze(write_pcap(tmp_path / "a.pcap", dialogue))

    (row,) = server_certificates(analysis.certificates, analysis.sessions).to_dict(
        "records"
    )
    assert (row["status"], row["sessions"]) == ("unreadable", 1)
    assert "cert-unreadable" in list(weak_tls(analysis.sessions)["weakness"])
    assert analysis.sessions["cert_name_matches"].isna().all()
    assert "unreadable" in render_page(analysis)


@pytest.mark.parametrize("name", ["role", "tls_weaknesses", "cert_status"])
def test_what_is_missing_says_nothing(name: str) -> None:
    sessions = pd.DataFrame([WEAK | {"tls_weaknesses": ["x"]} | {name: None}])
    assert len(weak_tls(sessions)) == (name != "tls_weaknesses")


def test_handshake_that_failed_says_what_the_alert_meant() -> None:
    (row,) = failed(analysis_of("imap-untrusted-certificate").sessions).to_dict(
        "records"
    )

    assert row["failure"] == "tls-failed"
    assert row["last_error"].startswith("client fatal unknown_ca")


def test_clients_are_listed_by_the_tls_they_use_the_oldest_first() -> None:
    sessions = pd.concat(
        [analysis_of(name).sessions for name in ("office", "tls10")], ignore_index=True
    )

    rows = tls_clients(sessions)

    oldest = rows.iloc[0]
    assert (oldest["tls_version"], oldest["client_ip"]) == ("TLSv1.0", "192.0.2.150")
    assert oldest["deprecated"]
    assert rows["deprecated"].sum() == 1
    expected = Counter(
        (row["tls_version"], row["client_ip"])
        for row in rows_of("office")
        if row["tls_established"]
    )
    others = rows.iloc[1:]
    keys = zip(others["tls_version"], others["client_ip"], strict=True)
    assert dict(zip(keys, others["sessions"], strict=True)) == expected
