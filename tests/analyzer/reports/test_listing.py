from __future__ import annotations

from analyzer.reports import worries
from analyzer.reports.listing import MOST_WORRIES
from tests.support.analyses import analysis_of
from tests.support.tables import sessions_of


def test_exposed_sessions_are_the_most_worrying() -> None:
    sessions = analysis_of("office").sessions
    is_exposed = sessions["credentials_exposed"].fillna(value=False)

    worry = worries(sessions)

    assert worry[is_exposed].min() > worry[~is_exposed].max() > 0
    assert worry.min() == 0


def test_worse_signs_outweigh_all_others_together() -> None:
    odd = {"anomalies": ["cut_short"], "failure": "login failed"}
    old = odd | {"tls_version": "TLSv1.0"}
    sessions = sessions_of(
        {}, odd, old, {"credentials_exposed": True}, old | {"credentials_exposed": True}
    )

    worry = worries(sessions).tolist()

    assert worry == sorted(worry)
    assert worry[0] == 0
    assert worry[-1] <= MOST_WORRIES
