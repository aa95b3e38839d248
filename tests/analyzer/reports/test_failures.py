from __future__ import annotations

from collections import Counter

import pytest

from analyzer.reports import failures_by_host
from tests.support.analyses import analysis_of, rows_of


@pytest.mark.parametrize(
    ("side", "keys"),
    [
        ("client", ("client_ip",)),
        ("server", ("server_ip", "server_port", "service")),
    ],
)
def test_failures_are_counted_by_host(side: str, keys: tuple[str, ...]) -> None:
    every: Counter[tuple[str, ...]] = Counter()
    failed: Counter[tuple[str, ...]] = Counter()
    for session in rows_of("office"):
        host = tuple(session[key] for key in keys)
        every[host] += 1
        failed[host] += session["failure"] is not None

    rows = failures_by_host(analysis_of("office").sessions, side)

    assert rows["failed"].is_monotonic_decreasing
    told = rows.set_index(list(keys) if len(keys) > 1 else "client_ip")
    counts = dict(told["failed"])
    if side == "client":
        counts = {(host,): count for host, count in counts.items()}
    assert counts == +failed
    assert rows["sessions"].tolist() == [every[host] for host in counts]
    assert (rows["failed_share"] * rows["sessions"]).tolist() == rows["failed"].tolist()


def test_last_failure_of_a_client_is_told_with_its_session() -> None:
    sessions = {row["session_id"]: row for row in rows_of("smtp-refusals")}

    (row,) = failures_by_host(analysis_of("smtp-refusals").sessions, "client").to_dict(
        "records"
    )

    last = max(
        (each for each in sessions.values() if each["failure"]),
        key=lambda each: each["end"],
    )
    assert (row["session_id"], row["last_error"]) == (
        last["session_id"],
        last["failure_detail"],
    )
    assert (row["failed"], row["sessions"], row["peers"]) == (4, 6, 1)
    kinds = Counter(each["failure"] for each in sessions.values() if each["failure"])
    assert row["failure"] == kinds.most_common(1)[0][0]


@pytest.mark.parametrize("side", ["client", "server"])
def test_nobody_failed(side: str) -> None:
    assert failures_by_host(analysis_of("smtp-two-messages").sessions, side).empty
