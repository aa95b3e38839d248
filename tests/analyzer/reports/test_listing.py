from __future__ import annotations

import pytest

from analyzer.reports import by_service, channel_of, failed, listing
from tests.support.analyses import analysis_of


def test_all_sessions_are_listed_in_the_order_of_time() -> None:
    sessions = analysis_of("office").sessions

    rows = listing(sessions, limit=100)

    assert set(rows["session_id"]) == set(sessions["session_id"])
    assert rows["start"].is_monotonic_increasing


def test_listed_figures_are_those_of_the_reports() -> None:
    sessions = analysis_of("office").sessions

    rows = listing(sessions, limit=100)

    services = by_service(sessions)
    assert rows["bytes"].sum() == services["bytes"].sum()
    assert rows["messages"].sum() == services["messages"].sum()
    assert rows["failure"].notna().sum() == failed(sessions)["sessions"].sum()
    assert sorted(rows["channel"]) == sorted(channel_of(sessions))
    assert sorted(rows["protection"]) == sorted(sessions["protection"])


@pytest.mark.parametrize("limit", [1, 11])
def test_exposed_sessions_are_kept_where_not_all_can_be(limit: int) -> None:
    sessions = analysis_of("office").sessions
    assert sessions["credentials_exposed"].sum() == 11

    rows = listing(sessions, limit=limit)

    exposed = sessions.loc[sessions["credentials_exposed"], "session_id"]
    assert len(rows) == limit
    assert set(rows["session_id"]) <= set(exposed)
    assert rows["start"].is_monotonic_increasing
