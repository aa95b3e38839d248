"""Hosts and accounts that send to many, as those do that were taken over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from analyzer.findings.levels import Confidence, Mender, Severity
from analyzer.findings.own import Ownership
from analyzer.findings.recipients import recipients
from analyzer.findings.rule import CLIENT, Rule
from analyzer.findings.windows import Windows
from analyzer.sessions.role import Role
from analyzer.tables.columns import is_true, number
from dissectors.events import Outcome
from dissectors.services import Protocol

if TYPE_CHECKING:
    import numpy.typing as npt

    from analyzer.findings.facts import Facts

    Flags = npt.NDArray[np.bool_]

_THEME = "abuse"
_DIRECT, _MASS = "direct-to-mx", "mass-mailing"
_PORT = 25
# RFC 5321 §2.3.5: servers say their whole name, and not one of a home network
_SERVER_NAME = r"(?i)^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.[a-z][a-z0-9-]+\.?$"
_HOME_NAME = r"(?i)\.(?:local|localdomain|lan|home|internal|arpa|workgroup)\.?$"


def _direct_deliveries(facts: Facts) -> pd.DataFrame:
    own = facts.once(Ownership)
    sessions = facts.sessions
    is_direct = is_true(
        (sessions["server_port"] == _PORT) & (sessions["protocol"] == Protocol.SMTP)
    )
    # who only reads greetings looks for servers, and sends nothing
    is_direct &= is_true(sessions["client_bytes"] > 0)
    is_direct &= ~own.servers & ~facts.once(_are_servers)
    if facts.own.networks:
        is_direct &= own.clients
    rows = sessions.where(is_direct, "start", "helo").reset_index(drop=True)
    places = rows["session"].to_numpy()
    source = facts.codes("client_ip")[0][places]
    windows = Windows(rows["start"], facts.threshold(_DIRECT, "window_s"), source)
    servers = windows.count_distinct(facts.codes("server_ip")[0][places])
    hot = windows.reach(servers >= facts.threshold(_DIRECT, "servers"))
    rows, source = rows[hot].reset_index(drop=True), source[hot]
    suspicious = own.clients[rows["session"].to_numpy()]
    suspicious &= ~_is_called_a_server(rows["helo"], source)
    name = rows["helo"].fillna("(no name given)").str.slice(0, 80)
    seen = "to " + facts.of_session(rows, "server_ip") + " as " + name
    return facts.hits(
        rows,
        severity=pd.Series(np.where(suspicious, Severity.MEDIUM, Severity.INFO)),
        confidence=pd.Series(
            np.where(suspicious, Confidence.LIKELY, Confidence.POSSIBLE)
        ),
        side="client",
        seen=seen,
    )


def _are_servers(facts: Facts) -> Flags:
    """Return the sessions whose client was seen as a mail server, too."""
    sessions = facts.sessions
    answered = is_true(
        (sessions["protocol"] == Protocol.SMTP) & (sessions["server_bytes"] > 0)
    )
    codes, addresses = facts.codes("server_ip")
    found = np.unique(codes[answered])
    servers = addresses.to_numpy(dtype="object")[found[found >= 0]]
    _, clients = facts.codes("client_ip")
    is_server = clients.isin([*servers, *facts.own.servers])
    return facts.spread("client_ip", is_server, unknown=False)


def _is_called_a_server(helo: pd.Series[Any], source: npt.NDArray[np.int64]) -> Flags:
    """Return which rows are of clients that give one name, which may be a server's."""
    is_name = is_true(helo.str.contains(_SERVER_NAME, regex=True))
    is_name &= ~is_true(helo.str.contains(_HOME_NAME, regex=True))
    rows = pd.DataFrame(
        {
            "name": number(helo.str.lower().str.rstrip(".")),
            "is_other": helo.notna().to_numpy(dtype=bool) & ~is_name,
            "source": source,
        }
    )
    names = rows[is_name].drop_duplicates(["source", "name"])["source"].value_counts()
    others = rows.groupby("source")["is_other"].any()
    alone = names.index[(names == 1) & ~others.reindex(names.index)]
    return np.isin(source, alone.to_numpy())


def _mass_mailings(facts: Facts) -> pd.DataFrame:
    named = facts.once(recipients)
    own = facts.once(Ownership)
    sessions = facts.sessions
    is_user = is_true(sessions["role"] == Role.SUBMISSION) | own.clients
    is_user &= ~facts.once(_are_servers)
    chosen = named.accepted & is_user[named.rows["session"].to_numpy()]
    rows = named.rows[chosen].reset_index(drop=True)
    user = facts.of_session(rows, "auth_user").str.lower()
    is_known = is_true(facts.of_session(rows, "auth_result") == Outcome.SUCCESS)
    account = user.where(is_known)
    client = pd.Series(facts.codes("client_ip")[0][rows["session"].to_numpy()])
    # an account is the same wherever it sends from
    client = client.where(account.isna(), -1)
    windows = Windows(rows["time"], facts.threshold(_MASS, "window_s"), client, account)
    people = windows.count_distinct(rows["address"])
    hot = windows.reach(people >= facts.threshold(_MASS, "recipients"))
    rows, account = rows[hot], account[hot]
    seen = "MAIL FROM:<" + rows["sender"].fillna("").str.slice(0, 80)
    seen += "> RCPT TO:<" + rows["address"].fillna("").str.slice(0, 80) + ">"
    return facts.hits(rows, account=account, side="client", seen=seen)


RULES = (
    Rule(
        _DIRECT,
        _THEME,
        "Host that is no mail server sends to many servers",
        Severity.MEDIUM,
        Confidence.LIKELY,
        Mender.CLIENT,
        "See what runs on that host: spam is sent like that. Let only your mail "
        "servers connect to port 25 outside.",
        "A client that was not seen to be a mail server itself spoke to `servers` "
        "others on port 25 within `window_s`; who only reads greetings does not. It is "
        "info and possible if it always gave one full host name, as a server does of "
        "which no incoming mail was captured, or if it is not known to be one's own.",
        _direct_deliveries,
        ("RFC 2505, section 1.2", "RFC 5068, section 3"),
        CLIENT,
        {"servers": 10, "window_s": 3600},
    ),
    Rule(
        _MASS,
        _THEME,
        "Account or host writes to very many",
        Severity.LOW,
        Confidence.LIKELY,
        Mender.CLIENT,
        "Ask its owner. If it was no newsletter, lock the account, change its "
        "password, and limit how many recipients an account may have in an hour.",
        "An account that logged in, or one of one's own hosts that is no mail server, "
        "named `recipients` different recipients within `window_s`, and the server "
        "took them. That a newsletter is wanted can't be seen.",
        _mass_mailings,
        ("RFC 6409, section 6",),
        ("client_ip", "account"),
        {"recipients": 100, "window_s": 3600},
    ),
)
