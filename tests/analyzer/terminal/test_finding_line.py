from __future__ import annotations

import datetime as dt
from typing import Any

from analyzer.terminal.finding_line import describe_finding

FINDING: dict[str, Any] = {
    "last_seen": dt.datetime(2026, 11, 28, 5, 33, 10, tzinfo=dt.UTC),
    "severity": "high",
    "title": "Password in plaintext",
    "rule": "plaintext-password",
    "account": "ann@example.com",
    "client_ip": "192.0.2.7",
    "server_ip": "2001:db8::25",
    "server_port": 143,
    "session_count": 3,
}


def test_line_says_how_bad_it_is_and_whom_it_concerns() -> None:
    assert describe_finding(FINDING) == (
        "05:33:10  HIGH      Password in plaintext: ann@example.com 192.0.2.7 "
        "> [2001:db8::25]:143  [plaintext-password]"
    )


def test_many_clients_are_counted() -> None:
    crowd = FINDING | {"account": None, "client_ip": None}

    assert ": 3 sessions > [2001:db8::25]:143" in describe_finding(crowd)


def test_account_controls_no_terminal() -> None:
    assert "\x1b" not in describe_finding(FINDING | {"account": "\x1b[2J"})
