"""Servers that can't be reached."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from analyzer.findings.levels import Confidence, Mender, Severity
from analyzer.findings.rule import CLIENT_AT_PORT, Kind, Rule
from analyzer.tables.columns import is_true

if TYPE_CHECKING:
    import pandas as pd

    from analyzer.findings.facts import Facts

_REFUSED = "connection-refused"
_KINDS = {
    "refused": Kind(
        "Connection refused",
        Mender.SERVER,
        "Start the service, or let the client use the port on which it listens; a "
        "firewall may refuse, too.",
    ),
    "unanswered": Kind(
        "Nobody answers",
        Mender.NETWORK,
        "See whether the host is up, and which firewall drops packets on the way.",
    ),
}


def _refused_connections(facts: Facts) -> pd.DataFrame:
    sessions = facts.sessions
    is_failed = is_true(sessions["ended"].isin(_KINDS))
    if not is_failed.any():
        return facts.hits(sessions.where(is_failed))
    client, _ = facts.codes("client_ip")
    pair = facts.pairs
    first = np.unique(pair, return_index=True)[1]
    failures = np.bincount(pair[is_failed], minlength=len(first))
    successes = np.bincount(pair[~is_failed], minlength=len(first))
    # whoever tries many and reaches few of them looks for servers
    is_lost = successes == 0
    lost = np.bincount(client[first][is_lost], minlength=client.max() + 1)
    reached = np.bincount(client[first][~is_lost], minlength=client.max() + 1)
    is_scanner = (lost > facts.threshold(_REFUSED, "targets")) & (lost > reached)
    shown = sessions.where(is_failed & ~is_scanner[client], "ended")
    chosen = pair[shown.index]
    is_lasting = is_lost[chosen] & (
        failures[chosen] >= facts.threshold(_REFUSED, "times")
    )
    ended = shown["ended"].astype("object")
    is_refused = (ended == "refused").to_numpy()
    return facts.hits(
        shown,
        kind=ended,
        severity=np.where(is_lasting, Severity.LOW, Severity.INFO),
        # one packet that was not captured would look the same
        confidence=np.where(is_refused, Confidence.PROVEN, Confidence.POSSIBLE),
        side=np.where(is_refused, "server", "client"),
        seen=np.where(is_refused, "SYN, answered by RST", "SYN, without an answer"),
    )


RULES = (
    Rule(
        _REFUSED,
        "delivery",
        "Server can't be reached",
        Severity.INFO,
        Confidence.PROVEN,
        Mender.SERVER,
        "See whether the service listens there, and what is in between.",
        "A SYN was answered by RST (proven), or not at all (possible: the answer may "
        "not have been captured). Low if that client tried several times, and never "
        "got through. Clients that try many servers and reach few look for servers, "
        "and are left out. Of connections without data the first 4,096 are looked at.",
        _refused_connections,
        ("RFC 9293, section 3.10.7.1",),
        CLIENT_AT_PORT,
        MappingProxyType({"times": 3, "targets": 20}),
        _KINDS,
    ),
)
