"""Where messages went: the same Message-ID submitted, relayed, fetched.

Each server that takes a message adds a Received field (RFC 5321 §4.4), so their number
says which transfer came first, even where clocks of captures differ. Fetching comes
last. A copy that a client stores, as of what it sent, is no hop.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from dissectors.events import Delivery, Direction

JOURNEY_COLUMNS = (
    *("message_id", "hop", "time", "delay_s", "clocks_differ", "direction"),
    *("client_ip", "server_ip", "server_port", "service", "outcome", "incomplete"),
    *("size_bytes", "subject", "from", "to", "session_id", "capture", "frame"),
)
_OF_MESSAGES = [
    *("message_id", "time", "direction", "outcome", "incomplete", "size_bytes"),
    *("subject", "from", "to", "session_id", "capture", "frame", "received"),
]
_OF_SESSIONS = ["session_id", "client_ip", "server_ip", "server_port", "service"]
_NOT_TAKEN = (Delivery.REFUSED, Delivery.CUT)
_TRANSPORTS = (Direction.SUBMITTED, Direction.RELAYED)


def journeys(messages: pd.DataFrame, sessions: pd.DataFrame) -> pd.DataFrame:
    """Follow messages from hop to hop, by their Message-ID.

    Returns:
        One row per transfer of a message, those with the same `message_id` together
        and in order, and the messages by when they were first seen: the number of the
        `hop`, from 1 (the same for transfers that could come next, as to several
        recipients; null for a stored copy); when it was over (`time`), and how long
        after the hop before (`delay_s`; null for the first). Where it was over before
        that hop, `clocks_differ` says so, and there is no delay. The rest is that of
        the message and of its session. Those without an ID come last, each with hop 1:
        nothing tells where they went.
    """
    rows = messages[_OF_MESSAGES].merge(sessions[_OF_SESSIONS], on="session_id")
    rows = rows.assign(hop=_hops(rows)).reset_index(drop=True)
    rows = rows.join(_delays(rows))
    seen = rows.groupby("message_id")["time"].transform("min")
    order = ["seen", "message_id", "hop", "time", "session_id", "frame"]
    ordered = rows.assign(seen=seen).sort_values(order)
    return ordered[[*JOURNEY_COLUMNS]].reset_index(drop=True)


def _hops(rows: pd.DataFrame) -> pd.Series[int]:
    """Tell which hop of its message each transfer must have been."""
    level = pd.Series(rows["received"].list.len().to_numpy(dtype=float), rows.index)
    level = level.mask(~rows["direction"].isin(_TRANSPORTS), np.inf)
    level = level.mask(rows["direction"] == Direction.APPENDED)
    ranks = level.groupby(rows["message_id"]).rank("dense")
    return ranks.mask(rows["message_id"].isna(), 1).astype("Int64")


def _delays(rows: pd.DataFrame) -> pd.DataFrame:
    """Measure how long after the hop before each transfer was over."""
    hops = pd.DataFrame(
        {
            # as numbers: merging Arrow columns by time is not done
            "time": rows["time"].astype("int64[pyarrow]").astype("int64"),
            "message": pd.factorize(rows["message_id"])[0],
            "hop": rows["hop"].fillna(0).astype("int64"),
            "row": np.arange(len(rows)),
        }
    ).sort_values("time", kind="stable")
    is_hop = hops["hop"] > 0
    taken = ~rows["outcome"].isin(_NOT_TAKEN).to_numpy()[hops["row"]]
    before = hops[is_hop & taken].assign(before=hops["time"])
    before["hop"] += 1
    by = ["message", "hop"]
    found = pd.merge_asof(hops, before[["time", "before", *by]], on="time", by=by)
    has_before = pd.MultiIndex.from_frame(hops[by]).isin(
        pd.MultiIndex.from_frame(before[by])
    )
    has_id = (hops["message"] >= 0).to_numpy()
    differ = has_id & has_before & found["before"].isna().to_numpy()
    delay_s = ((found["time"] - found["before"]) / 1e9).where(has_id)
    told = {"delay_s": delay_s.to_numpy(), "clocks_differ": differ}
    return pd.DataFrame(told, hops["row"]).sort_index()
