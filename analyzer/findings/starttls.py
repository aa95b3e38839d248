"""STARTTLS that was taken out, refused, spoken into, or given up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from analyzer.findings.downgrades import find_abandoned
from analyzer.findings.levels import Confidence, Mender, Severity
from analyzer.findings.rule import CLIENT_AT_PORT, SERVER, Rule
from analyzer.findings.stripping import OFFER, find_stripped
from analyzer.sessions.protection import NO_TLS, STARTTLS
from analyzer.sessions.refusals import UPGRADES
from analyzer.tables.columns import is_true
from dissectors.events import ExchangeKind

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from analyzer.findings.facts import Facts

_THEME = "starttls"
_RFC_3207 = "RFC 3207, section 6"
_NO_STARTTLS = "Poddebniak et al., NO STARTTLS, USENIX Security 2021"
# what touches a mailbox
_READS = ("FETCH", "UID FETCH", "APPEND", "SELECT", "EXAMINE", "STATUS", "SEARCH")


def _refused(facts: Facts) -> pd.DataFrame:
    exchanges, sessions = facts.exchanges, facts.sessions
    is_refused = is_true(sessions["starttls"] == "refused")
    shown = exchanges.where(
        exchanges["verb"].isin(UPGRADES)
        & exchanges["reply_frame"].notna()
        & is_refused[exchanges["session"]],
        *("verb", "reply_code", "status", "reply_text"),
    )
    has_list = is_true(sessions["capabilities"].notna())
    was_never_offered = has_list & ~sessions.has_item("capabilities", OFFER)
    was_never_offered = was_never_offered[shown["session"]]
    code = shown["reply_code"].astype("string").fillna(shown["status"])
    return facts.hits(
        shown,
        severity=_severity(shown, was_never_offered, Severity.LOW),
        frame=shown["reply_frame"],
        side="server",
        seen=shown["verb"] + ": " + code + " " + shown["reply_text"].fillna(""),
    )


def _injected_commands(facts: Facts) -> pd.DataFrame:
    intruding = _intrusions(facts, "client")
    # else the client answers the server's agreement in plaintext
    is_early = intruding["frame"] <= intruding["agreed_frame"]
    is_before_tls = facts.of_session(intruding, "tls_mode") == STARTTLS
    shown = intruding[is_true(is_early | is_before_tls)]
    is_answered = _is_answered_inside(facts)[shown["session"]]
    return facts.hits(
        shown,
        severity=_severity(shown, is_answered, Severity.CRITICAL),
        seen=_said_then(facts, shown) + " behind STARTTLS, before TLS",
    )


def _said_then(facts: Facts, shown: pd.DataFrame) -> pd.Series[Any]:
    """Return the first command of the packet that holds each of some oddities."""
    exchanges = facts.exchanges
    chosen = facts.are_of(exchanges, shown["session"])
    said = exchanges.where(chosen & ~exchanges["verb"].isin(UPGRADES), "verb")
    said = said.drop_duplicates(["session", "request_frame"])
    keys = shown[["session"]].assign(request_frame=shown["frame"])
    verbs = keys.merge(said, "left", ["session", "request_frame"])["verb"]
    return verbs.set_axis(shown.index).fillna("plaintext")


def _is_answered_inside(facts: Facts) -> Any:
    """Return in which sessions more was answered than asked, inside TLS."""
    exchanges = facts.exchanges
    # what was asked before TLS is not asked inside; the end may come unasked
    is_ending = (exchanges["status"] == "* BYE") | (exchanges["reply_code"] == 421)
    is_surplus = is_true(
        exchanges["request_frame"].isna()
        & exchanges["kind"].isin([ExchangeKind.COMMAND, ExchangeKind.UNSOLICITED])
    )
    answered = facts.among(exchanges["session"][is_surplus & ~is_true(is_ending)])
    return answered & is_true(facts.sessions["tls_decrypted"])


def _injected_responses(facts: Facts) -> pd.DataFrame:
    intruding = _intrusions(facts, "server")
    # who speaks in plaintext may be answered in plaintext
    provoked = intruding["session"].isin(_intrusions(facts, "client")["session"])
    is_early = intruding["frame"] == intruding["agreed_frame"]
    is_before_tls = facts.of_session(intruding, "tls_version").notna()
    shown = intruding[is_true((is_early | is_before_tls) & ~provoked)]
    return facts.hits(shown, seen="plaintext behind the go-ahead for TLS")


def _intrusions(facts: Facts, side: str) -> pd.DataFrame:
    """Return where plaintext was in the place of TLS, and when TLS was agreed on."""
    anomalies = facts.anomalies
    shown = anomalies.where(
        (anomalies["code"] == "starttls_plaintext_after") & (anomalies["side"] == side)
    )
    exchanges = facts.exchanges
    chosen = facts.are_of(exchanges, shown["session"])
    agreed = exchanges.where(chosen & exchanges["verb"].isin(UPGRADES))
    # the last one, as others were refused
    agreed = agreed.drop_duplicates("session", keep="last")
    agreed = agreed[["session", "capture", "reply_frame"]]
    agreed = agreed.rename(columns={"reply_frame": "agreed_frame"})
    return shown.merge(agreed, "left", ["session", "capture"])


def _severity(
    shown: pd.DataFrame, flags: npt.NDArray[np.bool_], severity: Severity
) -> pd.Series[Any]:
    """Return a severity for the rows with a flag, and that of the rule for others."""
    severities = pd.Series(None, shown.index, dtype="object")
    return severities.mask(flags, severity)


def _preauth(facts: Facts) -> pd.DataFrame:
    exchanges, sessions = facts.exchanges, facts.sessions
    is_plaintext = is_true(sessions["tls_mode"] == NO_TLS)
    shown = exchanges.where(
        (exchanges["kind"] == ExchangeKind.GREETING)
        & (exchanges["status"] == "* PREAUTH")
        & is_plaintext[exchanges["session"]],
        "reply_text",
    )
    shown = shown[~facts.is_loopback[shown["session"]]]
    reads = exchanges["session"][is_true(exchanges["verb"].isin(_READS))]
    has_read = shown["session"].isin(reads).to_numpy()
    return facts.hits(
        shown,
        severity=_severity(shown, has_read, Severity.HIGH),
        side="server",
        seen="* PREAUTH " + shown["reply_text"].fillna(""),
    )


RULES = (
    Rule(
        "starttls-stripped",
        _THEME,
        "STARTTLS was taken out on the way",
        Severity.HIGH,
        Confidence.LIKELY,
        Mender.NETWORK,
        "Find what changes the traffic: a firewall's inspection of SMTP, a virus "
        "scanner, or an attacker. Have clients insist on TLS (ports 465, 993, 995), "
        "and servers publish MTA-STS or DANE.",
        "A keyword of X as long as STARTTLS, or a greeting of asterisks; a server that "
        "does not know what it has just offered; no offer to a client that the same "
        "server made one before (possible; likely if it makes one again later). "
        "That others are offered STARTTLS shows nothing.",
        find_stripped,
        (
            _RFC_3207,
            "Durumeric et al., Neither Snow Nor Rain Nor MITM, IMC 2015",
            "RFC 8461",
            "RFC 7672",
        ),
        CLIENT_AT_PORT,
    ),
    Rule(
        "starttls-refused",
        _THEME,
        "Server refuses STARTTLS",
        Severity.MEDIUM,
        Confidence.PROVEN,
        Mender.SERVER,
        "See in the server's log why: usually its certificate or key can't be read. If "
        "the server knows of no refusal, somebody on the way made it.",
        "The server's negative answer to STARTTLS or STLS, and none that was positive "
        "in the same session; low if it never offered it.",
        _refused,
        ("RFC 3207, section 4", "RFC 2595, section 4"),
        SERVER,
    ),
    Rule(
        "starttls-command-injection",
        _THEME,
        "Commands were put between STARTTLS and TLS",
        Severity.HIGH,
        Confidence.PROVEN,
        Mender.SERVER,
        "Have the server discard what it received before the handshake: update it. "
        "Find who sits between client and server.",
        "The client's plaintext behind STARTTLS, before the server agreed or before "
        "TLS began; critical if decrypted TLS shows that the server answered it. A "
        "client that begins TLS early sends records, and no text.",
        _injected_commands,
        ("CVE-2011-0411", "CVE-2021-33515", _NO_STARTTLS),
        CLIENT_AT_PORT,
    ),
    Rule(
        "starttls-response-injection",
        _THEME,
        "Replies were put between the go-ahead and TLS",
        Severity.HIGH,
        Confidence.PROVEN,
        Mender.CLIENT,
        "Have the client discard what it received before the handshake: update it. "
        "Find who sits between client and server.",
        "The server's plaintext behind its agreement, in the same packet or before a "
        "handshake. That a server gives up waiting for TLS, or answers a client that "
        "goes on in plaintext, is something else.",
        _injected_responses,
        ("CVE-2020-14954", "CVE-2021-29969", "CVE-2021-38371", _NO_STARTTLS),
        CLIENT_AT_PORT,
    ),
    Rule(
        "starttls-abandoned",
        _THEME,
        "Client goes on in plaintext when STARTTLS fails",
        Severity.MEDIUM,
        Confidence.PROVEN,
        Mender.CLIENT,
        "Have the client insist on TLS: not `STARTTLS, if available`, but always, or "
        "port 465, 993 or 995. Between servers, MTA-STS or DANE do that.",
        "The upgrade was refused or the handshake failed; then the client logged in, "
        "or sent or read mail in plaintext, in the same session or in the next one "
        "soon after it (likely). High if that showed a password, low between servers.",
        find_abandoned,
        ("RFC 8314, section 4.1", _RFC_3207, _NO_STARTTLS),
        CLIENT_AT_PORT,
        {"within_s": 300},
    ),
    Rule(
        "imap-preauth",
        _THEME,
        "Server greets with PREAUTH in plaintext",
        Severity.MEDIUM,
        Confidence.LIKELY,
        Mender.CLIENT,
        "Have the client insist on TLS before anything else: STARTTLS is not possible "
        "any more behind PREAUTH, so that is how an attacker keeps a client from it.",
        "The greeting * PREAUTH without TLS, from another host; high if the client "
        "then used the mailbox. On loopback it is how tunnels work.",
        _preauth,
        ("RFC 9051, section 11.4", "CVE-2020-12398", "CVE-2020-14093", _NO_STARTTLS),
        CLIENT_AT_PORT,
    ),
)
