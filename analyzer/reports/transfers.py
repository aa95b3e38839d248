"""How fast messages crossed the wire."""

from __future__ import annotations

import pandas as pd

from dissectors.events import Delivery


def transfer_rates(messages: pd.DataFrame) -> pd.DataFrame:
    """Measure how many messages went which way, and how fast.

    Returns:
        One row per `direction`, the most bytes first: the number of `messages`, of
        those of which only header fields or parts were fetched (`in_part`), and of
        their `bytes`; their median size as `median_bytes`; and the median and the
        lowest rate as `median_bytes_per_s` and `lowest_bytes_per_s`, null if none
        took more than a packet.
    """
    facts = messages[["direction"]].assign(
        size_bytes=messages["size_bytes"].astype("int64"),
        bytes_per_s=messages["bytes_per_s"].astype("float64"),
        in_part=(messages["outcome"] == Delivery.PARTIAL).fillna(value=False),
    )
    grouped = facts.groupby("direction")
    rows = pd.DataFrame(
        {
            "messages": grouped.size(),
            "in_part": grouped["in_part"].sum(),
            "bytes": grouped["size_bytes"].sum(),
            "median_bytes": grouped["size_bytes"].median().round().astype("int64"),
            "median_bytes_per_s": grouped["bytes_per_s"].median(),
            "lowest_bytes_per_s": grouped["bytes_per_s"].min(),
        }
    )
    return rows.sort_values("bytes", ascending=False, kind="stable").reset_index()
