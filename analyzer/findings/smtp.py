"""What is wrong with the stream of SMTP: smuggled mail, impatience, other protocols."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from analyzer.findings.levels import Confidence, Mender, Severity
from analyzer.findings.rule import CLIENT, CLIENT_AT_PORT, Rule
from analyzer.findings.smuggling import find_smuggled
from analyzer.sessions.protection import NO_TLS
from analyzer.tables.columns import is_true
from dissectors.services import Protocol

if TYPE_CHECKING:
    from analyzer.findings.facts import Facts

_THEME = "smtp"
_ALPACA = "Brinkmann et al., ALPACA, USENIX Security 2021"
# anomaly, and what it says of the client
_BARE = {
    "smtp_bare_lf": "LF without CR behind a command",
    "message_bare_lf": "LF without CR in a message",
    "message_bare_cr": "CR without LF in a message",
}
# by IANA's registry "TLS Application-Layer Protocol Negotiation (ALPN) Protocol IDs"
_FOREIGN_ALPN = (
    "^(?:http/[0-9.]+|spdy/[0-9]|h2c?|h3|ftp|nntp|nnsp|xmpp-client|xmpp-server|irc|mqtt"
    "|dot|coap|webrtc|c-webrtc|stun\\.turn|postgresql|tds/8\\.0)$"
)
_PIPELINING = "(?i)^PIPELINING$"
# what Exim offers to those who come again
_EARLY_PIPELINING = "(?i)^(?:X_)?PIPE_?CONNECT$"
_MASK = "***"


def _bare_line_ends(facts: Facts) -> pd.DataFrame:
    anomalies, sessions = facts.anomalies, facts.sessions
    is_smtp = is_true(sessions["protocol"] == Protocol.SMTP)
    shown = anomalies.where(
        anomalies["code"].isin(list(_BARE))
        & (anomalies["side"] == "client")
        & is_smtp[anomalies["session"]],
        *("code", "detail"),
    )
    seen = shown["code"].astype("object").map(_BARE)
    often = shown["detail"].astype("object").where(shown["detail"] != "1 times")
    return facts.hits(shown, seen=seen + (", " + often).fillna(""))


def _early_talkers(facts: Facts) -> pd.DataFrame:
    anomalies, sessions = facts.anomalies, facts.sessions
    may_talk = is_true(sessions["forwarded_client"].list.len() > 0)
    may_talk |= sessions.has_item("capabilities", _EARLY_PIPELINING)
    is_plaintext = is_true(sessions["tls_mode"] == NO_TLS)
    # the header comes first, whatever it tells
    is_no_sign = may_talk[anomalies["session"]] | (
        is_true(anomalies["offset"] > 0) & is_plaintext[anomalies["session"]]
    )
    shown = anomalies.where((anomalies["code"] == "smtp_early_talker") & ~is_no_sign)
    return facts.hits(shown, seen="sent before the end of the greeting")


def _unauthorised_pipelining(facts: Facts) -> pd.DataFrame:
    exchanges, sessions = facts.exchanges, facts.sessions
    has_list = is_true(sessions["capabilities"].notna())
    chosen = (
        is_true(sessions["protocol"] == Protocol.SMTP)
        & sessions.has_item("extensions", "^PIPELINING$")
        & ~sessions.has_item("capabilities", _PIPELINING)
        & ~sessions.has_item("capabilities_before_tls", _PIPELINING)
        & (has_list | is_true(sessions["helo"].notna()))
        & ~facts.has_gaps
    )
    said = exchanges.where(
        chosen[exchanges["session"]] & exchanges["request_frame"].notna(), "verb"
    )
    answered = (
        said["reply_frame"]
        .astype("float64")
        .groupby([said["session"], said["capture"].astype("object")], sort=False)
    )
    waited_for = answered.cummax().groupby(said["session"]).shift()
    is_early = said["request_frame"].astype("float64") <= waited_for
    shown = said[is_early].drop_duplicates("session")
    seen = shown["verb"].fillna("a command") + " before the answer to what came before"
    return facts.hits(shown, side="client", seen=seen)


def _cross_protocol(facts: Facts) -> pd.DataFrame:
    return pd.concat((_http_requests(facts), _foreign_alpn(facts)))


def _http_requests(facts: Facts) -> pd.DataFrame:
    anomalies, exchanges = facts.anomalies, facts.exchanges
    shown = anomalies.where(anomalies["code"] == "http_request")
    shown = shown.drop_duplicates("session")
    # what the client said is masked where the server repeats it
    chosen = facts.are_of(exchanges, shown["session"])
    is_error = exchanges["reply_code"].between(500, 599) | exchanges["status"].isin(
        ["-ERR", "BAD", "NO"]
    )
    repeats = chosen & is_true(is_error)
    errors = exchanges.where(repeats, "reply_text")
    errors = errors[is_true(errors["reply_text"].str.contains(_MASK, regex=False))]
    is_reflected = shown["session"].isin(errors["session"])
    severity = pd.Series(None, shown.index, dtype="object")
    seen = pd.Series("a request of HTTP", shown.index)
    return facts.hits(
        shown,
        severity=severity.mask(is_reflected, Severity.HIGH),
        seen=seen.mask(is_reflected, seen + ", which the server repeats"),
    )


def _foreign_alpn(facts: Facts) -> pd.DataFrame:
    sessions = facts.sessions
    is_foreign = sessions.has_item("tls_offered_alpn", _FOREIGN_ALPN)
    shown = sessions.where(is_foreign, "tls_offered_alpn", "tls_alpn")
    is_chosen = is_true(shown["tls_alpn"].str.contains(_FOREIGN_ALPN))
    severity = pd.Series(None, shown.index, dtype="object")
    names = shown["tls_offered_alpn"].map(lambda names: " ".join(names[:10]))
    return facts.hits(
        shown,
        severity=severity.mask(is_chosen, Severity.HIGH),
        side="client",
        seen="ALPN: " + names.astype("object"),
    )


RULES = (
    Rule(
        "smtp-smuggling",
        _THEME,
        "Mail hidden in other mail (SMTP smuggling)",
        Severity.MEDIUM,
        Confidence.POSSIBLE,
        Mender.SERVER,
        "Have the receiving server take nothing but CRLF.CRLF for the end of data, and "
        "refuse bare CR and LF: Postfix smtpd_forbid_bare_newline, and updates of "
        "Sendmail, Exim and others. Have the sending server do so too.",
        "A lone dot between other line ends than CRLF, and a command behind it: "
        "possible, as a message may quote that. Proven, and critical, if the server "
        "answers more often than it was asked, or answers at that dot.",
        find_smuggled,
        (
            "CVE-2023-51764",
            "CVE-2023-51765",
            "CVE-2023-51766",
            "Longin, SMTP Smuggling, SEC Consult 2023",
            "RFC 5321, section 4.1.1.4",
        ),
        CLIENT_AT_PORT,
    ),
    Rule(
        "smtp-bare-line-end",
        _THEME,
        "Client ends lines in CR or LF alone",
        Severity.LOW,
        Confidence.PROVEN,
        Mender.CLIENT,
        "Have the client end lines in CRLF: servers differ in what they make of "
        "others, which breaks signatures and lets mail be smuggled.",
        "CR without LF, or LF without CR, in a command or a message; the first one of "
        "each message. Where a gap may hide the other half it does not count.",
        _bare_line_ends,
        ("RFC 5321, section 2.3.8",),
        CLIENT_AT_PORT,
    ),
    Rule(
        "smtp-early-talker",
        _THEME,
        "Client does not wait for the greeting",
        Severity.LOW,
        Confidence.LIKELY,
        Mender.CLIENT,
        "See what the client is: mail servers wait, and programs that send spam don't. "
        "Postfix's postscreen keeps them out.",
        "A command before the end of the greeting, also if only its first part (220-) "
        "has come. What acknowledges the greeting came later, in whatever order it "
        "was captured. Behind a header of the PROXY protocol it doesn't count, nor "
        "where the server offers PIPE_CONNECT.",
        _early_talkers,
        ("RFC 5321, section 3.1", "Postfix, POSTSCREEN_README"),
        CLIENT,
        rests_on_absence=True,
    ),
    Rule(
        "smtp-unauthorised-pipelining",
        _THEME,
        "Client does not wait for answers",
        Severity.LOW,
        Confidence.PROVEN,
        Mender.CLIENT,
        "See what the client is: programs that send spam do so. One's own should wait "
        "for answers unless the server offers PIPELINING.",
        "A command that was sent before the answer to the one before it, though the "
        "server did not offer PIPELINING, or was greeted by HELO.",
        _unauthorised_pipelining,
        ("RFC 2920, section 3.1", "Postfix, POSTSCREEN_README"),
        CLIENT,
    ),
    Rule(
        "cross-protocol",
        _THEME,
        "Another protocol was spoken to a mail server",
        Severity.MEDIUM,
        Confidence.PROVEN,
        Mender.SERVER,
        "Have the server close the connection at the first line of HTTP, check ALPN, "
        "and not repeat what it doesn't know. Its certificate should not be one of web "
        "servers, too.",
        "The first line of a request of HTTP, or a foreign protocol in ALPN; high if "
        "the server repeated what it was sent, or agreed to that protocol.",
        _cross_protocol,
        (_ALPACA, "CVE-2021-3618"),
        CLIENT_AT_PORT,
    ),
)
