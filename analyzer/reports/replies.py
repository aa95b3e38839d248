"""Why a server refused mail: what its reply says.

Enhanced status codes (RFC 3463, and the registry of RFC 5248) decide before words do,
unless they are so general that the words say more, and reply codes (RFC 5321, section
4.2) decide last.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from analyzer.tables.columns import is_true

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt


class Refusal(enum.StrEnum):
    """Why mail was refused: each is to be mended in another way."""

    GREYLISTED = "greylisted"
    MAILBOX_FULL = "mailbox-full"
    MESSAGE_TOO_LARGE = "message-too-large"
    RATE_LIMITED = "rate-limited"
    RECIPIENT_UNKNOWN = "recipient-unknown"
    TOO_MANY_RECIPIENTS = "too-many-recipients"
    SENDER_ADDRESS = "sender-address"
    SENDER_AUTHENTICATION = "sender-authentication"
    BLOCKLISTED = "blocklisted"
    RELAY_DENIED = "relay-denied"
    LOGIN_REQUIRED = "login-required"
    TLS_REQUIRED = "tls-required"
    CONTENT = "content"
    POLICY = "policy"
    SERVER_TROUBLE = "server-trouble"
    TAKES_NO_MAIL = "takes-no-mail"
    PROTOCOL_ERROR = "protocol-error"
    OUT_OF_ORDER = "out-of-order"
    DEFERRED = "deferred"


def _table(codes: dict[Refusal, str]) -> dict[str, Refusal]:
    return {code: why for why, listed in codes.items() for code in listed.split()}


# subject and detail of enhanced status codes that leave no doubt
_PLAIN = _table(
    {
        Refusal.MAILBOX_FULL: "2.2",
        Refusal.MESSAGE_TOO_LARGE: "2.3 3.4 7.16",
        Refusal.RATE_LIMITED: "7.28",
        Refusal.RECIPIENT_UNKNOWN: "1.1 1.2 1.3 1.4 1.6 1.10 7.17 7.18",
        Refusal.TOO_MANY_RECIPIENTS: "5.3",
        Refusal.SENDER_ADDRESS: "1.7 1.8 1.9 7.27",
        Refusal.SENDER_AUTHENTICATION: "7.20 7.21 7.22 7.23 7.24 7.25 7.26 7.29",
        Refusal.TLS_REQUIRED: "7.10 7.30",
        Refusal.CONTENT: "6.0 6.1 6.2 6.3 6.4 6.5 6.6 6.7 6.8 6.9 6.10",
        Refusal.OUT_OF_ORDER: "5.1",
        Refusal.PROTOCOL_ERROR: "5.2 5.4 5.5 5.6",
    }
)
# those that words make more precise
_GENERAL = _table(
    {
        Refusal.RECIPIENT_UNKNOWN: "2.1",
        Refusal.SERVER_TROUBLE: "2.4 3.0 3.1 3.2 3.3 3.5 3.6 4.0 4.1 4.2 4.3 4.4 4.5 "
        "4.6 4.7",
    }
)
# words of replies, those first that leave the least doubt; RE2 takes linear time
_WORDS = {
    Refusal.GREYLISTED: r"gr[ae]y-?\s?list",
    Refusal.TLS_REQUIRED: r"starttls|(?:tls|encryption) (?:is )?(?:required|needed)",
    Refusal.LOGIN_REQUIRED: r"authentication (?:is )?required|must authenticate"
    r"|not logged in|log ?in first",
    Refusal.TOO_MANY_RECIPIENTS: r"too many recipients",
    Refusal.OUT_OF_ORDER: r"no valid recipients|valid rcpt|need rcpt|need mail",
    Refusal.RATE_LIMITED: r"too many (?:concurrent |simultaneous |open )?(?:smtp )?"
    r"(?:connections|sessions|messages|mails|requests)|too much mail|rate.?limit"
    r"|throttl|at a rate|(?:daily|hourly|sending|rate)[a-z ]{0,30} (?:limit|quota)",
    Refusal.SENDER_AUTHENTICATION: r"\b(?:spf|dkim|dmarc|ptr)\b|reverse dns"
    r"|reverse hostname",
    Refusal.BLOCKLISTED: r"(?:block|black|deny).?list|\bblocked\b|dnsbl|\brbl\b"
    r"|spamhaus|spamcop|reputation|\blisted (?:at|by|in|on)\b",
    Refusal.RELAY_DENIED: r"\brelaying|\brelay (?:access|not|is not|denied|prohibited)"
    r"|(?:not|n't|cannot|no|to) relay\b",
    Refusal.MAILBOX_FULL: r"quota|(?:mailbox|inbox|folder)[a-z ]{0,20} full"
    r"|storage allocation",
    Refusal.MESSAGE_TOO_LARGE: r"(?:message|size|mail)[a-z ]{0,30}"
    r"(?:exceed|too (?:big|large)|limit)|too (?:big|large)",
    Refusal.SENDER_ADDRESS: r"sender (?:address|verify|domain)|sender.{0,40}not exist",
    Refusal.RECIPIENT_UNKNOWN: r"(?:user|recipient|mailbox|address|account) unknown"
    r"|unknown (?:user|recipient|mailbox|address|account|local)|no such|no mailbox"
    r"|(?:not|n't) (?:exist|found)|(?:invalid|bad) (?:recipient|mailbox|address|user)"
    r"|mailbox unavailable|unrouteable|not a valid|(?:user|mailbox|account) disabled",
    Refusal.CONTENT: r"\bspam\b|virus|malware|phish|attachment",
}
# RFC 4954 §6, RFC 7504, RFC 5321 §4.2.3
_BY_CODE = {
    530: Refusal.LOGIN_REQUIRED,
    521: Refusal.TAKES_NO_MAIL,
    556: Refusal.TAKES_NO_MAIL,
    503: Refusal.OUT_OF_ORDER,
    452: Refusal.SERVER_TROUBLE,
    **dict.fromkeys((455, 500, 501, 502, 504, 555), Refusal.PROTOCOL_ERROR),
}
# RFC 9051 §7.1, RFC 9208 §4.3: response codes of IMAP
_RESPONSES = {
    "OVERQUOTA": Refusal.MAILBOX_FULL,
    "TOOBIG": Refusal.MESSAGE_TOO_LARGE,
}
# words that mean it only in replies that are temporary (4yz), or permanent
_ONLY_TEMPORARY = (Refusal.GREYLISTED,)
_ONLY_PERMANENT = (Refusal.RECIPIENT_UNKNOWN,)


def why_refused(
    replies: pd.DataFrame,
) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.bool_]]:
    """Tell why mail was refused.

    Args:
        replies: `answered`, `reply_code`, `enhanced_status_code`, `response_code` and
            `reply_text` of negative replies, as in `exchanges`.

    Returns:
        A `Refusal` for each, and whether it is certain: a code says so.
    """
    status = replies["enhanced_status_code"].str.slice(2)
    plain = _look_up(status, _PLAIN)
    plain = np.where(plain == "", _look_up(replies["response_code"], _RESPONSES), plain)
    is_certain = plain != ""
    why = np.where(is_certain, plain, _by_words(replies, unless=is_certain))
    for guess in (
        _look_up(status, _GENERAL),
        _look_up(replies["reply_code"], _BY_CODE),
        _by_command(replies),
    ):
        why = np.where(why == "", guess, why)
    return why, is_certain


def _look_up(
    values: pd.Series[Any], table: Mapping[Any, Refusal]
) -> npt.NDArray[np.object_]:
    codes, distinct = pd.factorize(values.astype("object"))
    found = [table.get(value, "") for value in distinct]
    # -1 is null
    return np.array([*found, ""], object)[codes]


def _by_words(
    replies: pd.DataFrame, unless: npt.NDArray[np.bool_]
) -> npt.NDArray[np.object_]:
    found = np.full(len(replies), "", object)
    asked = np.flatnonzero(~unless)
    # the addresses that it names are not the server's words
    words = replies["reply_text"].iloc[asked].fillna("").str.lower()
    words = words.str.replace("<[^>]*>", "", regex=True)
    is_temporary = is_true(replies["reply_code"] < 500)
    for why, pattern in _WORDS.items():
        matches = words.str.contains(pattern, regex=True).to_numpy(bool)
        if why in _ONLY_TEMPORARY:
            matches &= is_temporary[asked]
        elif why in _ONLY_PERMANENT:
            matches &= ~is_temporary[asked]
        found[asked[matches]] = why
        asked, words = asked[~matches], words[~matches]
    return found


def _by_command(replies: pd.DataFrame) -> npt.NDArray[np.object_]:
    """Guess from what was refused, where a reply says nothing else."""
    code, status = replies["reply_code"], replies["enhanced_status_code"]
    is_recipient = is_true(replies["answered"] == "RCPT")
    is_sender = is_true(replies["answered"] == "MAIL")
    # RFC 5321 §4.2.3, RFC 1870 §6.1
    is_storage = is_true(code == 552)
    is_address = is_true(code.isin((550, 551, 553)) & status.isna())
    return np.select(
        [
            is_true(code < 500),
            is_storage & is_recipient,
            is_storage,
            is_true(code == 553) & is_sender,
            is_address & is_recipient,
        ],
        [
            Refusal.DEFERRED.value,
            Refusal.MAILBOX_FULL.value,
            Refusal.MESSAGE_TOO_LARGE.value,
            Refusal.SENDER_ADDRESS.value,
            Refusal.RECIPIENT_UNKNOWN.value,
        ],
        Refusal.POLICY.value,
    ).astype(object)
