"""Mail where it is not expected, and what is no mail where mail is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analyzer.findings.announcements import at_greetings
from analyzer.findings.levels import Confidence, Mender, Severity
from analyzer.findings.rule import CLIENT, SERVER, Rule
from analyzer.tables.columns import is_true
from dissectors import registry
from dissectors.events import ExchangeKind

if TYPE_CHECKING:
    from analyzer.findings.facts import Facts

# a client's lines that are no commands
_NO_COMMAND = ("smtp_unknown_command", "imap_invalid_command", "pop3_unknown_command")
_REFUSED = ("BAD", "* BAD", "-ERR")
# in place of what may be a secret
_WITHHELD = "***"


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
    return facts.hits(rows, **at_greetings(facts, rows), seen=seen)


def _foreign_clients(facts: Facts) -> pd.DataFrame:
    sessions = facts.sessions
    is_heard = is_true(
        (sessions["tls_mode"] == "none") & (sessions["client_bytes"] > 0)
    )
    codes, ports = facts.codes("server_port")
    on_mail_port = np.array([*(port in registry.ports() for port in ports), False])
    is_heard &= on_mail_port[codes] & ~facts.has_gaps
    exchanges, anomalies = facts.exchanges, facts.anomalies
    is_command = (exchanges["kind"] == ExchangeKind.COMMAND) & (
        exchanges["verb"] != _WITHHELD
    )
    is_heard[exchanges.where(is_command)["session"]] = False
    # a rule of its own tells of HTTP
    is_http = anomalies["code"] == "http_request"
    is_heard[anomalies.where(is_http)["session"]] = False
    lines = anomalies.where(anomalies["code"].isin(_NO_COMMAND), "code")
    lines = lines[is_heard[lines["session"]]].drop_duplicates("session")
    # where there was not even a line, the server may have said so
    is_refused = (exchanges["reply_code"] >= 500) | exchanges["status"].isin(_REFUSED)
    is_refused &= exchanges["kind"] == ExchangeKind.UNSOLICITED
    is_heard[lines["session"]] = False
    answers = exchanges.where(is_refused, "reply_code", "status")
    answers = answers[is_heard[answers["session"]]].drop_duplicates("session")
    said = answers["reply_code"].astype("string").fillna(answers["status"])
    return pd.concat(
        (
            facts.hits(lines, seen="no command of mail: " + lines["code"]),
            facts.hits(answers, side="server", seen="no line; the answer is " + said),
        ),
        ignore_index=True,
    )


RULES = (
    Rule(
        "unusual-port",
        "abuse",
        "Mail on an unusual port",
        Severity.LOW,
        Confidence.PROVEN,
        Mender.SERVER,
        "See what runs there, and whether it should. A server for tests belongs where "
        "only those reach it who test.",
        "Both sides spoke a mail protocol on a port that is not one of it. LMTP, which "
        "has no port, does not count.",
        _unusual_ports,
        ("MITRE ATT&CK T1571",),
        SERVER,
    ),
    Rule(
        "not-mail-on-mail-port",
        "abuse",
        "Client of a mail server that speaks no mail",
        Severity.LOW,
        Confidence.LIKELY,
        Mender.CLIENT,
        "See what connects there: a scanner, or a program with a wrong port. Let only "
        "those reach the port who need it.",
        "A mail server greeted, and nothing of what the client sent was a command of "
        "its protocol. HTTP is told as cross-protocol. Connections in which the server "
        "does not speak mail either are not read, and none of them can be found.",
        _foreign_clients,
        ("MITRE ATT&CK T1046",),
        CLIENT,
    ),
)
