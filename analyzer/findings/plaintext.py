"""Passwords and mail that crossed the wire without TLS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
from pyarrow import compute

from analyzer.findings.announcements import at_offers
from analyzer.findings.levels import Confidence, Mender, Severity
from analyzer.findings.rows import firsts_of_sessions
from analyzer.findings.rule import CLIENT_AT_PORT, SERVER, Rule
from analyzer.reports.channel import Channel
from analyzer.sessions.role import Role
from analyzer.tables.columns import is_true
from dissectors.events import Exposure, Outcome

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from analyzer.findings.facts import Facts

_THEME = "plaintext"
_OF_LOGINS = ("mechanism", "user", "result")
# mechanisms with which no password crosses, and nothing else
_CHALLENGES = (
    r"(?:(?:APOP|(?:CRAM|DIGEST)-MD5|SCRAM-[A-Z0-9-]+|NTLM|GSSAPI|GSS-SPNEGO"
    r"|KERBEROS_V[45]|EXTERNAL|ANONYMOUS|OTP)(?: |$))+"
)
_RFC_8314 = "RFC 8314, section 3"


def _plaintext_passwords(facts: Facts) -> pd.DataFrame:
    logins = facts.logins
    shown = logins.where(
        logins["exposure"].isin([Exposure.PASSWORD, Exposure.TOKEN])
        & ~logins["encrypted"],
        *_OF_LOGINS,
    )
    severity = pd.Series(Severity.HIGH.value, shown.index)
    severity = severity.mask(shown["result"] == Outcome.FAILURE, Severity.MEDIUM.value)
    return _login_hits(facts, shown, severity)


def _plaintext_challenges(facts: Facts) -> pd.DataFrame:
    logins = facts.logins
    shown = logins.where(
        (logins["exposure"] == Exposure.OFFLINE) & ~logins["encrypted"], *_OF_LOGINS
    )
    severity = pd.Series(Severity.MEDIUM.value, shown.index)
    return _login_hits(facts, shown, severity)


def _login_hits(
    facts: Facts, shown: pd.DataFrame, severity: pd.Series[Any]
) -> pd.DataFrame:
    is_loopback = facts.is_loopback[shown["session"]]
    severity = severity.mask(is_loopback, Severity.LOW.value)
    seen = shown["mechanism"].fillna("?") + ", " + shown["result"]
    return facts.hits(
        shown, account=shown["user"], severity=severity, side="client", seen=seen
    )


def _plaintext_login_offers(facts: Facts) -> pd.DataFrame:
    sessions = facts.sessions
    offered = sessions["auth_offered"]
    shown = sessions.where(offered.list.len() > 0, "auth_offered")
    names = compute.list_slice(pa.array(shown["auth_offered"]), 0, 10)
    seen = pd.Series(compute.binary_join(names, " "), shown.index, dtype="string")
    severity = pd.Series(None, shown.index, dtype="object")
    severity = severity.mask(seen.str.fullmatch(_CHALLENGES), Severity.INFO.value)
    place = at_offers(facts, shown)
    return facts.hits(shown, **place, severity=severity, seen=seen)


def _plaintext_mail(facts: Facts, role: Role) -> pd.DataFrame:
    sessions = facts.sessions
    # the first message of each session: where it ended
    firsts = facts.messages.all().drop_duplicates("session")
    before_tls = facts.among(firsts["session"][_are_before_tls(facts, firsts)])
    in_plaintext = (facts.channel == Channel.PLAINTEXT) & is_true(
        sessions["message_bytes"] > 0
    )
    shown = sessions.where(
        (in_plaintext.to_numpy() | before_tls) & is_true(sessions["role"] == role),
        "message_bytes",
    )
    place = firsts_of_sessions(firsts, shown)
    severity = pd.Series(None, shown.index, dtype="object")
    is_loopback = facts.is_loopback[shown["session"]]
    severity = severity.mask(is_loopback, Severity.INFO.value)
    seen = shown["message_bytes"].astype("string") + " bytes of mail"
    seen = seen.mask(before_tls[shown["session"]], "mail before STARTTLS")
    return facts.hits(
        shown,
        capture=place["capture"],
        frame=place["frame"],
        severity=severity,
        seen=seen,
    )


def _are_before_tls(facts: Facts, messages: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Return which messages crossed before the session's TLS began."""
    begin = facts.of_session(messages, "tls_frame")
    # numbers of packets of several captures can't be compared
    is_same = messages["capture"] == facts.of_session(messages, "tls_capture")
    return is_true((messages["frame"] < begin) & is_same)


def _plaintext_submissions(facts: Facts) -> pd.DataFrame:
    return _plaintext_mail(facts, Role.SUBMISSION)


def _plaintext_access(facts: Facts) -> pd.DataFrame:
    return _plaintext_mail(facts, Role.ACCESS)


def _plaintext_relays(facts: Facts) -> pd.DataFrame:
    return _plaintext_mail(facts, Role.RELAY)


def _unused_starttls(facts: Facts) -> pd.DataFrame:
    sessions = facts.sessions
    is_plaintext = facts.channel == Channel.PLAINTEXT
    is_unused = is_plaintext & (sessions["starttls"] == "offered")
    shown = sessions.where(is_unused)
    place = at_offers(facts, shown)
    return facts.hits(shown, **place, seen="STARTTLS was offered, and not used")


RULES = (
    Rule(
        "plaintext-password",
        _THEME,
        "Password in plaintext",
        Severity.HIGH,
        Confidence.PROVEN,
        Mender.CLIENT,
        "Have the client use TLS: port 993, 995 or 465, or STARTTLS. Change the "
        "password, which others may have read.",
        "A password or a token crossed before any TLS: high if it was accepted or the "
        "answer was not seen, medium if it was refused, low on loopback.",
        _plaintext_passwords,
        (_RFC_8314, "MITRE ATT&CK T1040"),
    ),
    Rule(
        "plaintext-challenge",
        _THEME,
        "Login in plaintext that can be attacked offline",
        Severity.MEDIUM,
        Confidence.PROVEN,
        Mender.CLIENT,
        "Have the client use TLS: a challenge and its response are enough to try "
        "passwords offline.",
        "CRAM-MD5, DIGEST-MD5, APOP, NTLM or SCRAM without TLS; low on loopback.",
        _plaintext_challenges,
        (_RFC_8314,),
    ),
    Rule(
        "plaintext-login-offered",
        _THEME,
        "Server offers logins in plaintext",
        Severity.LOW,
        Confidence.PROVEN,
        Mender.SERVER,
        "Offer logins behind TLS only (LOGINDISABLED, no AUTH before STARTTLS).",
        "The server named mechanisms while TLS was not in use. An offer is no login. "
        "It is info if no password crosses with any of them (CRAM-MD5, APOP, SCRAM).",
        _plaintext_login_offers,
        ("RFC 4954, section 4", "RFC 9051, section 6.2.3", "RFC 2595, section 2.3"),
        SERVER,
    ),
    Rule(
        "plaintext-submission",
        _THEME,
        "Mail submitted in plaintext",
        Severity.MEDIUM,
        Confidence.PROVEN,
        Mender.CLIENT,
        "Submit on port 465, or with STARTTLS on port 587.",
        "A message crossed from a user to the server without TLS.",
        _plaintext_submissions,
        (_RFC_8314,),
    ),
    Rule(
        "plaintext-access",
        _THEME,
        "Mail read in plaintext",
        Severity.MEDIUM,
        Confidence.PROVEN,
        Mender.CLIENT,
        "Read mail on port 993 or 995, or with STARTTLS or STLS.",
        "A message, or a part of one, crossed from or to a mailbox without TLS.",
        _plaintext_access,
        (_RFC_8314,),
    ),
    Rule(
        "plaintext-relay",
        _THEME,
        "Mail relayed in plaintext",
        Severity.INFO,
        Confidence.PROVEN,
        Mender.NOBODY,
        "Offer STARTTLS, and use it where it is offered; MTA-STS or DANE keep it from "
        "being stripped.",
        "A message crossed from server to server without TLS, which is opportunistic "
        "there.",
        _plaintext_relays,
        ("RFC 7435", "RFC 3207, section 4"),
        SERVER,
    ),
    Rule(
        "starttls-unused",
        _THEME,
        "Client does not use the STARTTLS that is offered",
        Severity.LOW,
        Confidence.PROVEN,
        Mender.CLIENT,
        "Turn STARTTLS on in the client.",
        "The server offered STARTTLS, and the session stayed in plaintext.",
        _unused_starttls,
        ("RFC 8314, section 5",),
        CLIENT_AT_PORT,
    ),
)
