"""What was not captured or not read, and so can prove nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from analyzer.findings.levels import Confidence, Mender, Severity
from analyzer.findings.rule import Kind, Rule

if TYPE_CHECKING:
    from analyzer.findings.facts import Facts

_WEAKENED = (
    "In these sessions nothing is found by rules that rest on what was not sent, or "
    "it is but possible. "
)
_KINDS = {
    "bytes-missing": Kind(
        "Bytes of sessions were not captured",
        Mender.NETWORK,
        _WEAKENED + "Capture whole packets (snap length 0), with a larger buffer "
        "(tcpdump -B), at a port that is not overloaded.",
    ),
    "one-direction": Kind(
        "Only one direction of sessions was captured",
        Mender.NETWORK,
        _WEAKENED
        + "Mirror both directions, and all paths where routing is asymmetric.",
    ),
    "start-missing": Kind(
        "The start of sessions was not captured",
        Mender.NOBODY,
        _WEAKENED
        + "Begin to capture earlier: what was agreed at the start is unknown.",
    ),
    "cut-short": Kind(
        "Sessions were not read to their end, to bound memory",
        Mender.NOBODY,
        _WEAKENED
        + "Read fewer captures at a time; or see who makes so many connections.",
    ),
}


def _incomplete_sessions(facts: Facts) -> pd.DataFrame:
    hits = [_missing_bytes(facts), _cut_short(facts)]
    sessions = facts.sessions
    client, server = sessions["client_packets"], sessions["server_packets"]
    is_attempt = sessions["ended"].isin(("refused", "unanswered"))
    is_one_way = ((client == 0) | (server == 0)) & ~is_attempt
    one_way = sessions.where(is_one_way, "client_packets")
    silent = (one_way["client_packets"] > 0).map({True: "server", False: "client"})
    seen = "no packet of the " + silent
    hits.append(facts.hits(one_way, kind="one-direction", seen=seen))
    is_read = ~sessions["session"].isin(hits[1]["session"])
    is_late = ~sessions["complete"] & is_read & ~is_one_way & ~is_attempt
    late = sessions.where(is_late)
    hits.append(facts.hits(late, kind="start-missing", seen="no SYN was seen"))
    return pd.concat(hits, ignore_index=True)


def _missing_bytes(facts: Facts) -> pd.DataFrame:
    """Find gaps, or at least sessions that have some."""
    gaps = facts.anomalies.where(facts.anomalies["code"] == "stream_gap", "detail")
    sessions = facts.sessions
    is_known = sessions["session"].isin(gaps["session"])
    others = sessions.where((sessions["missing_bytes"] > 0) & ~is_known)
    return pd.concat(
        [
            facts.hits(gaps, kind="bytes-missing", seen=gaps["detail"]),
            facts.hits(others, kind="bytes-missing", seen="bytes are missing"),
        ],
        ignore_index=True,
    )


def _cut_short(facts: Facts) -> pd.DataFrame:
    cut = facts.anomalies.where(facts.anomalies["code"] == "cut_short")
    return facts.hits(cut, kind="cut-short", seen="not read from here on")


RULES = (
    Rule(
        "capture-incomplete",
        "evidence",
        "Sessions were not captured as a whole",
        Severity.INFO,
        Confidence.PROVEN,
        Mender.NETWORK,
        "Capture both directions from the start, whole packets, without loss.",
        "Sequence numbers show missing bytes; there are packets of one side only; the "
        "first packet is no SYN; or reading stopped to bound memory. Rules that rest "
        "on what was not sent find nothing there, or say that it is possible.",
        _incomplete_sessions,
        ("RFC 9293, section 3.4",),
        (),
        kinds=_KINDS,
    ),
)
