from __future__ import annotations

import pandas as pd
import pytest

from analyzer.reports.exposure import exposure
from analyzer.reports.ways import Ways, ways
from tests.support.tables import TLS, sessions_of


@pytest.mark.parametrize(
    ("known", "offered", "seen"),
    [
        (Ways(is_implicit=True), "TLS", "TLS on this port"),
        (
            Ways(steps={"offered": 2, "accepted": 1}),
            "STARTTLS",
            "STARTTLS offered to it in 1 session and to others in 2 sessions",
        ),
        (
            Ways(ports={993: 2, 1993: 1}, more_ports=7),
            "port 993, port 1993, 7 more ports",
            "TLS on port 993 in 2 sessions; TLS on port 1993 in 1 session",
        ),
        (
            Ways(steps={"refused": 1, "not-offered": 2}),
            "STARTTLS refused",
            "STARTTLS refused in 1 session; STARTTLS not offered in 2 sessions",
        ),
        (
            Ways(steps={"not-offered": 1}),
            "none seen",
            "STARTTLS not offered in 1 session",
        ),
        (Ways(steps={"unknown": 3}), "unknown", "nothing"),
    ],
)
def test_ways_are_said_with_what_was_seen(known: Ways, offered: str, seen: str) -> None:
    assert known.offered == offered
    assert known.seen_by(min(known.starttls, 1)) == seen


def test_server_with_many_ports_has_few_of_them_named() -> None:
    ports = range(1000, 1040)
    facts = exposure(
        sessions_of(*(TLS | {"server_port": port, "role": "access"} for port in ports))
    )
    rows = pd.DataFrame({"server_port": [1002, 2000]})
    rows = rows.assign(
        server_ip="198.51.100.25", protocol="imap", role="access", implicit=0
    )

    first, second = ways(facts, rows)

    assert list(first.ports) == [1000, 1001, 1003, 1004, 1005]
    assert first.more_ports == 34
    assert list(second.ports) == [1000, 1001, 1002, 1003, 1004]
    assert second.more_ports == 35
