from __future__ import annotations

import pandas as pd
import pytest

from analyzer.reports import transfer_rates
from analyzer.tables import schema
from tests.support.analyses import CAPTURES, analysis_of, rows_of
from tests.support.tables import frame_of


def test_messages_are_told_apart_by_their_direction() -> None:
    messages = frame_of(
        schema.MESSAGES,
        {"direction": "retrieved", "size_bytes": 10, "bytes_per_s": 5.0},
        {"direction": "retrieved", "size_bytes": 30, "bytes_per_s": 60.0},
        {"direction": "retrieved", "size_bytes": 50, "outcome": "partial"},
        {"direction": "relayed", "size_bytes": 70},
    )

    first, second = transfer_rates(messages).to_dict("records")

    assert first == {
        "direction": "retrieved",
        "messages": 3,
        "in_part": 1,
        "bytes": 90,
        "median_bytes": 30,
        "median_bytes_per_s": 32.5,
        "lowest_bytes_per_s": 5.0,
    }
    assert (second["direction"], second["median_bytes"]) == ("relayed", 70)
    assert pd.isna(second["median_bytes_per_s"])
    assert pd.isna(second["lowest_bytes_per_s"])


@pytest.mark.parametrize("name", CAPTURES)
def test_no_message_is_lost(name: str) -> None:
    rows = transfer_rates(analysis_of(name).messages)

    sizes = [row["size_bytes"] for row in rows_of(name, "messages")]
    assert rows["messages"].sum() == len(sizes)
    assert rows["bytes"].sum() == sum(sizes)
