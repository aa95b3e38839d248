"""Mail where it is not expected."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analyzer.findings.facts import is_true
from analyzer.findings.levels import Confidence, Mender, Severity
from analyzer.findings.rule import SERVER, Rule
from dissectors import registry

if TYPE_CHECKING:
    import pandas as pd

    from analyzer.findings.facts import Facts


def _unusual_ports(facts: Facts) -> pd.DataFrame:
    sessions = facts.sessions
    codes, ports = facts.codes("server_port")
    expected = np.array([registry.ports().get(port) for port in ports] + [None])[codes]
    is_heard = is_true((sessions["client_bytes"] > 0) & (sessions["server_bytes"] > 0))
    differs = (facts.values("protocol") != expected) & is_heard
    # RFC 2033 §5: LMTP has no port of its own, and must not have that of SMTP
    exchanges = facts.exchanges
    local = exchanges.where(is_true(exchanges["verb"] == "LHLO"))
    differs[local["session"].to_numpy()] = False
    rows = sessions.where(differs, "protocol", "server_port")
    seen = rows["protocol"] + " on port " + rows["server_port"].astype("string")
    return facts.hits(rows, side="server", seen=seen)


RULES = (
    Rule(
        "unusual-port",
        "abuse",
        "Mail on an unusual port",
        Severity.LOW,
        Confidence.PROVEN,
        Mender.SERVER,
        "If nobody knows that server, see what runs there. If it is yours, name the "
        "port (--port), or move it to the port of its service.",
        "Both sides spoke a mail protocol on a port that is not one of it. LMTP, which "
        "has no port, does not count.",
        _unusual_ports,
        ("MITRE ATT&CK T1571",),
        SERVER,
    ),
)
