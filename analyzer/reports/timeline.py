"""When sessions began."""

from __future__ import annotations

import math

import pandas as pd

from analyzer.reports.channel import channel_of

_MAX_BINS = 60
_DAY_S = 86_400
# what people count time in: seconds, minutes, hours, a day
_WIDTHS_S = (
    *(1, 2, 5, 10, 15, 30),
    *(60, 120, 300, 600, 900, 1800),
    *(3600, 7200, 10_800, 21_600, 43_200),
    _DAY_S,
)


def over_time(sessions: pd.DataFrame) -> pd.DataFrame:
    """Count sessions by the time they began and by channel, in some 60 steps.

    Returns:
        One row per `time`, at which a step begins, and `channel` that has sessions:
        `time`, `step_s` (how long all steps are), `channel`, `sessions`.
    """
    step_s = _step_seconds(sessions)
    step_ns = step_s * 1_000_000_000
    # Arrow's timestamps are slow to floor, and a step of ours may be 17 days
    start_ns = sessions["start"].astype("int64[pyarrow]").astype("int64")
    facts = pd.DataFrame(
        {
            # no time is earlier, not even that of a step
            "time": pd.to_datetime(
                (start_ns // step_ns * step_ns).clip(lower=pd.Timestamp.min.value),
                utc=True,
            ),
            "channel": channel_of(sessions),
        }
    )
    counted = facts.groupby(["time", "channel"]).size()
    rows = counted.rename("sessions").reset_index()
    rows.insert(1, "step_s", step_s)
    return rows


def _step_seconds(sessions: pd.DataFrame) -> int:
    """Choose how long steps are: whole days if a day is too short."""
    if sessions.empty:
        return _WIDTHS_S[0]
    # as numbers of any size: a Timedelta holds 292 years
    first, last = sessions["start"].min(), sessions["start"].max()
    span_s = (last.value - first.value) / 1_000_000_000
    wanted_s = span_s / _MAX_BINS
    days = math.ceil(wanted_s / _DAY_S)
    return next((width for width in _WIDTHS_S if width >= wanted_s), days * _DAY_S)
