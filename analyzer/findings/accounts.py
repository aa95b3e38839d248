"""Accounts that more people use than one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from analyzer.findings.levels import Confidence, Mender, Severity
from analyzer.findings.rule import Rule
from analyzer.findings.sources import client_networks
from analyzer.findings.windows import Windows
from analyzer.tables.columns import is_true, number
from dissectors.events import Outcome

if TYPE_CHECKING:
    from analyzer.findings.facts import Facts

_SHARED = "account-shared"


def _shared_accounts(facts: Facts) -> pd.DataFrame:
    logins = facts.logins
    accepted = (logins["result"] == Outcome.SUCCESS) & logins["user"].notna()
    rows = logins.where(is_true(accepted), "user", "mechanism", "time")
    rows = rows.reset_index(drop=True)
    account = rows["user"].str.lower()
    client = facts.of_session(rows, "client_ip")
    network = facts.once(client_networks)[rows["session"].to_numpy()]
    # the same name may be somebody else's on another server
    server = facts.codes("server_ip")[0][rows["session"].to_numpy()]
    windows = Windows(
        rows["time"], facts.threshold(_SHARED, "window_s"), server, account
    )
    count = windows.count_distinct(network)
    hot = windows.reach(count >= facts.threshold(_SHARED, "networks"))
    # the first login from each network shows more than many from one
    pairs = pd.DataFrame({"account": number(server, account), "network": network})
    hot &= ~pairs.duplicated().to_numpy()
    rows, account, client = rows[hot], account[hot], client[hot]
    seen = "from " + client + ", " + rows["mechanism"].fillna("?")
    return facts.hits(rows, account=account, side="client", seen=seen)


RULES = (
    Rule(
        _SHARED,
        "abuse",
        "Account is used from many networks",
        Severity.LOW,
        Confidence.LIKELY,
        Mender.CLIENT,
        "Ask its owner. If people share it, give each an account of his own; if nobody "
        "knows those networks, change the password.",
        "The account logged in from `networks` different networks within `window_s`: "
        "addresses of one IPv4 /24 or IPv6 /48 are one network. A telephone on the "
        "move has some of them, too.",
        _shared_accounts,
        ("MITRE ATT&CK T1078",),
        ("account",),
        {"networks": 5, "window_s": 86_400},
    ),
)
