from __future__ import annotations

import pandas as pd
import pytest

from analyzer.reports import channel_of, over_time
from tests.support.analyses import analysis_of


def sessions_at(*seconds: float) -> pd.DataFrame:
    """Sessions like one of the office, at these times."""
    begin = pd.Timestamp("2026-11-23 15:00:00.25", tz="UTC")
    one = analysis_of("office").sessions.iloc[:1]
    start = pd.Series([begin + pd.Timedelta(seconds=each) for each in seconds])
    repeated = pd.concat([one] * len(seconds), ignore_index=True)
    return repeated.assign(start=start.astype(one["start"].dtype))


def test_every_session_is_in_one_step() -> None:
    sessions = analysis_of("office").sessions

    rows = over_time(sessions)

    assert rows["sessions"].sum() == len(sessions)
    counted = rows.groupby("channel")["sessions"].sum().to_dict()
    assert counted == channel_of(sessions).value_counts().to_dict()


def test_session_on_the_border_belongs_to_the_step_that_begins() -> None:
    rows = over_time(sessions_at(-0.25, 0.5, 0.75))

    assert rows["time"].dt.strftime("%H:%M:%S").tolist() == ["15:00:00", "15:00:01"]
    assert rows["sessions"].tolist() == [2, 1]


@pytest.mark.parametrize(
    ("span_s", "step"),
    [
        (0, "1s"),
        (60, "1s"),
        (61, "2s"),
        (3600, "1min"),
        (86_400, "30min"),
        (59 * 86_400, "1D"),
        (61 * 86_400, "2D"),
        (50 * 365 * 86_400, "305D"),
    ],
)
def test_step_suits_the_span(span_s: float, step: str) -> None:
    sessions = sessions_at(0, span_s)

    rows = over_time(sessions)

    assert set(rows["step_s"]) == {pd.Timedelta(step).total_seconds()}
    assert rows["sessions"].sum() == 2
