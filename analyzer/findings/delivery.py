"""Mail that a server did not take, or not yet, and why."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from analyzer.findings.levels import Confidence, Mender, Severity
from analyzer.findings.refused_mail import refused_mail
from analyzer.findings.rule import CLIENT_AT_PORT, SERVER, Kind, Rule
from analyzer.reports.replies import Refusal
from analyzer.tables.columns import nanoseconds

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from analyzer.findings.facts import Facts

_THEME = "delivery"
_CODES = "RFC 3463"

_KINDS: Mapping[str, Kind] = {
    Refusal.RECIPIENT_UNKNOWN: Kind(
        "Mail refused: no such recipient",
        Mender.CLIENT,
        "Correct the address, or remove it from lists.",
    ),
    Refusal.TOO_MANY_RECIPIENTS: Kind(
        "Mail refused: too many recipients at once",
        Mender.CLIENT,
        "Send to fewer recipients at a time; servers accept 100 (RFC 5321, section "
        "4.5.3.1.8).",
    ),
    Refusal.SENDER_ADDRESS: Kind(
        "Mail refused: the sender's address is not accepted",
        Mender.CLIENT,
        "Send from an address whose domain exists and takes mail.",
    ),
    Refusal.SENDER_AUTHENTICATION: Kind(
        "Mail refused: SPF, DKIM, DMARC or reverse DNS",
        Mender.CLIENT,
        "Let the sender's DNS name this client (SPF, PTR), and sign what it sends "
        "(DKIM, DMARC).",
    ),
    Refusal.BLOCKLISTED: Kind(
        "Mail refused: the client is on a blocklist",
        Mender.CLIENT,
        "Stop what it was listed for, then ask the list that the server names to "
        "remove it.",
    ),
    Refusal.RELAY_DENIED: Kind(
        "Mail refused: the server does not relay",
        Mender.CLIENT,
        "Log in before sending, or send to the recipient's own server.",
    ),
    Refusal.LOGIN_REQUIRED: Kind(
        "Mail refused: the client did not log in",
        Mender.CLIENT,
        "Turn on authentication for outgoing mail in the client.",
    ),
    Refusal.TLS_REQUIRED: Kind(
        "Mail refused: TLS is required",
        Mender.CLIENT,
        "Turn on TLS for outgoing mail in the client.",
    ),
    Refusal.CONTENT: Kind(
        "Mail refused for its content",
        Mender.CLIENT,
        "See what the server says of it: spam, a virus, a kind of attachment.",
    ),
    Refusal.POLICY: Kind(
        "Mail refused by the server's policy",
        Mender.CLIENT,
        "See what the server says; its administrator knows the rule.",
    ),
    Refusal.SERVER_TROUBLE: Kind(
        "Mail refused: the server, or one behind it, has trouble",
        Mender.SERVER,
        "See the server's log at that time: storage, DNS, a filter, or a server "
        "behind it.",
    ),
    Refusal.TAKES_NO_MAIL: Kind(
        "Mail refused: the host takes no mail",
        Mender.CLIENT,
        "Send to the hosts that the domain's MX records name.",
    ),
    Refusal.PROTOCOL_ERROR: Kind(
        "Mail refused: the server does not understand the client",
        Mender.CLIENT,
        "Update the client, or turn off the extension that the server refuses.",
    ),
    Refusal.DEFERRED: Kind(
        "Mail refused for now, without a reason",
        Mender.SERVER,
        "Mail servers try again by themselves. If it stays so, ask the administrator "
        "of the server that refuses.",
    ),
}
_SEVERITIES = {
    Refusal.RECIPIENT_UNKNOWN: Severity.INFO,
    Refusal.TOO_MANY_RECIPIENTS: Severity.INFO,
    Refusal.TAKES_NO_MAIL: Severity.INFO,
    Refusal.SENDER_AUTHENTICATION: Severity.MEDIUM,
    Refusal.SERVER_TROUBLE: Severity.MEDIUM,
}


def _said(rows: pd.DataFrame) -> pd.Series[str]:
    code = rows["reply_code"].astype("string").fillna(rows["status"].astype("string"))
    return code + " " + rows["reply_text"].astype("string").fillna("")


def _hits(facts: Facts, rows: pd.DataFrame, **told: Any) -> pd.DataFrame:
    """Say what the server said, in the packet in which it did."""
    confidence = np.where(rows["is_certain"], Confidence.PROVEN, Confidence.LIKELY)
    return facts.hits(
        rows,
        **{
            "frame": rows["reply_frame"],
            "side": "server",
            "confidence": confidence,
            "seen": _said(rows),
            **told,
        },
    )


def _of_kind(facts: Facts, why: Refusal) -> pd.DataFrame:
    refused = facts.once(refused_mail)
    return refused[refused["why"] == why]


def _is_greylisted(refused: pd.DataFrame) -> pd.Series[bool]:
    came_again = (refused["why"] == Refusal.DEFERRED) & refused["waited_s"].notna()
    return (refused["why"] == Refusal.GREYLISTED) | came_again


def _refused(facts: Facts) -> pd.DataFrame:
    refused = facts.once(refused_mail)
    shown = refused[refused["why"].isin(_KINDS) & ~_is_greylisted(refused)]
    return _hits(
        facts, shown, kind=shown["why"], severity=shown["why"].map(_SEVERITIES)
    )


def _greylisted(facts: Facts) -> pd.DataFrame:
    refused = facts.once(refused_mail)
    shown = refused[_is_greylisted(refused)]
    waited_s = shown["waited_s"]
    left_s = facts.values("end").max(initial=0) / 1e9 - nanoseconds(shown["time"]) / 1e9
    patience_s = 60 * facts.threshold("greylisted", "patience_minutes")
    is_lost = waited_s.isna() & (left_s >= patience_s)
    is_said = shown["why"] == Refusal.GREYLISTED
    waited = waited_s.round().astype("Int64").astype("string")
    outcome = ("accepted " + waited + " s later: ").fillna("")
    return _hits(
        facts,
        shown,
        severity=np.where(is_lost, Severity.LOW, Severity.INFO),
        confidence=np.where(is_said & ~is_lost, Confidence.PROVEN, Confidence.LIKELY),
        seen=outcome.mask(is_lost, "not tried again: ") + _said(shown),
    )


def _full_mailboxes(facts: Facts) -> pd.DataFrame:
    shown = _of_kind(facts, Refusal.MAILBOX_FULL)
    # of a user's own mailbox, else as in RCPT, or as LMTP answers it
    user = facts.of_session(shown, "auth_user")
    address = shown["argument"].str.replace("^[^<]*<([^>]*)>.*$", r"\1", regex=True)
    is_named = (shown["answered"] == "RCPT") | (shown["kind"] == "message")
    account = user.where(shown["status"].notna(), address.where(is_named))
    return _hits(facts, shown, account=account)


def _large_messages(facts: Facts) -> pd.DataFrame:
    return _hits(facts, _of_kind(facts, Refusal.MESSAGE_TOO_LARGE))


def _limited_rates(facts: Facts) -> pd.DataFrame:
    return _hits(facts, _of_kind(facts, Refusal.RATE_LIMITED))


RULES = (
    Rule(
        "delivery-refused",
        _THEME,
        "Mail refused",
        Severity.LOW,
        Confidence.PROVEN,
        Mender.CLIENT,
        "See what the server says.",
        "The server refused a sender, a recipient or a message, and did not take it "
        "later in that session. Its enhanced status code tells why, else its words, "
        "else its reply code; by a code it is proven, by words likely.",
        _refused,
        ("RFC 5321, section 4.2", _CODES, "RFC 5248", "RFC 7372"),
        SERVER,
        kinds=_KINDS,
    ),
    Rule(
        "greylisted",
        _THEME,
        "Mail refused at first, to be sent again",
        Severity.INFO,
        Confidence.PROVEN,
        Mender.CLIENT,
        "Nothing, if it is tried again. A client that does not try again should send "
        "through a mail server that does.",
        "The server said so; or it refused a sender and recipient for now, without "
        "another reason, and took the same from that network later. Low if the capture "
        "goes on and it was not tried again, as far as that was captured.",
        _greylisted,
        ("RFC 6647", "RFC 5321, section 4.5.4.1"),
        CLIENT_AT_PORT,
        MappingProxyType({"patience_minutes": 240}),
    ),
    Rule(
        "mailbox-full",
        _THEME,
        "Mailbox is full",
        Severity.LOW,
        Confidence.PROVEN,
        Mender.CLIENT,
        "Have the owner of the mailbox delete mail, or raise the quota.",
        "The server refused mail with X.2.2 or OVERQUOTA; or it spoke of a quota, "
        "which is likely the same.",
        _full_mailboxes,
        ("RFC 3463, section 3.3", "RFC 9208, section 4.3.1"),
        ("server_ip", "server_port", "account"),
    ),
    Rule(
        "message-too-large",
        _THEME,
        "Message is too large for the server",
        Severity.LOW,
        Confidence.PROVEN,
        Mender.CLIENT,
        "Send large files by other means, or raise the server's limit.",
        "The server refused a message with X.3.4, X.2.3 or TOOBIG; or it spoke of the "
        "size, which is likely the same.",
        _large_messages,
        ("RFC 1870, section 6", "RFC 3463, section 3.4"),
        CLIENT_AT_PORT,
    ),
    Rule(
        "rate-limited",
        _THEME,
        "Server takes mail of this client more slowly than it comes",
        Severity.LOW,
        Confidence.PROVEN,
        Mender.CLIENT,
        "Send fewer messages at a time and over fewer connections, and find out who "
        "sends so many.",
        "The server refused with X.7.28; or it spoke of too many messages or "
        "connections, or of a rate, which is likely the same. Too many recipients of "
        "one message are no rate.",
        _limited_rates,
        ("RFC 5248", "IANA, SMTP Enhanced Status Codes, X.7.28"),
        CLIENT_AT_PORT,
    ),
)
