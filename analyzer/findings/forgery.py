"""Senders that are not who they say: people of one's own domains, or other accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import compute

from analyzer.findings.levels import Confidence, Mender, Severity
from analyzer.findings.own import Ownership, domain_of
from analyzer.findings.recipients import is_anonymous
from analyzer.findings.rule import Rule
from analyzer.tables.columns import is_true
from dissectors.events import Delivery, Direction, Outcome

if TYPE_CHECKING:
    from analyzer.findings.facts import Facts

# RFC 5322 §3.4: the address behind a name, or alone
_ADDRESS = r"(?P<address>[^<>\s,@]+@[^<>\s,@]+)>?\s*$"
# RFC 5233 §2: a detail behind a user's name
_DETAIL = r"\+[^@]*"


def _forged(facts: Facts) -> pd.DataFrame:
    messages = facts.messages
    rows = messages.where(
        messages["direction"].isin([Direction.SUBMITTED, Direction.RELAYED]),
        "mail_from",
        "from",
        "list_id",
        "outcome",
    )
    rows = rows.reset_index(drop=True)
    author = _address(rows["from"])
    envelope = _address(rows["mail_from"])
    told = pd.DataFrame(
        {"severity": None, "confidence": None, "seen": None},
        index=rows.index,
        dtype="object",
    )
    _judge_outsiders(facts, rows, author, envelope, told)
    _judge_accounts(facts, rows, author, envelope, told)
    is_refused = is_true(rows["outcome"] == Delivery.REFUSED)
    told["severity"] = told["severity"].mask(is_refused, Severity.LOW.value)
    hit = told["seen"].notna()
    told = told[hit]
    return facts.hits(
        rows[hit],
        account=_user(facts, rows)[hit],
        side="client",
        severity=told["severity"],
        confidence=told["confidence"],
        seen=told["seen"],
    )


def _judge_outsiders(
    facts: Facts,
    rows: pd.DataFrame,
    author: pd.Series[Any],
    envelope: pd.Series[Any],
    told: pd.DataFrame,
) -> None:
    """Judge what comes from outside, without a login, under a domain of one's own."""
    own = facts.once(Ownership)
    places = rows["session"].to_numpy()
    from_outside = (own.servers & ~own.clients & is_anonymous(facts))[places]
    # what a list or a forwarder hands on keeps its author, but seldom its envelope
    is_author = from_outside & own.has_domain(domain_of(author), places)
    is_envelope = from_outside & own.has_domain(domain_of(envelope), places)
    is_list = rows["list_id"].notna().to_numpy()
    likely = own.confidence if own.domains_are_said else Confidence.POSSIBLE
    for holds, confidence, text in (
        (is_author, Confidence.POSSIBLE, "From, from outside: " + author),
        (is_envelope, likely, "MAIL FROM, from outside: " + envelope),
    ):
        told.loc[holds, "severity"] = np.where(
            is_list[holds], Severity.LOW.value, Severity.MEDIUM.value
        )
        told.loc[holds, "confidence"] = confidence.value
        told.loc[holds, "seen"] = text[holds].astype("object")


def _judge_accounts(
    facts: Facts,
    rows: pd.DataFrame,
    author: pd.Series[Any],
    envelope: pd.Series[Any],
    told: pd.DataFrame,
) -> None:
    """Judge what somebody who logged in sends under another name."""
    user = _user(facts, rows)
    logins = facts.logins
    accepted = logins.where(logins["result"] == Outcome.SUCCESS, "user")
    # those that this server knows: whoever has another one may call anybody a user
    accounts = _at_server(facts, accepted, accepted["user"].str.lower()).dropna()
    has_domain = is_true(user.str.contains("@"))
    for claimed, name in ((author, "From"), (envelope, "MAIL FROM")):
        short = claimed.str.replace("@.*", "", regex=True)
        differs = is_true((claimed != user) & claimed.notna() & user.notna())
        # without a domain, a user may be called anything
        is_account = is_true(_at_server(facts, rows, claimed).isin(accounts))
        is_short = is_true(_at_server(facts, rows, short).isin(accounts))
        is_account = is_account | (~has_domain & is_short & is_true(short != user))
        differs = differs & (has_domain | is_account)
        told.loc[differs, "severity"] = np.where(
            is_account[differs], Severity.MEDIUM.value, Severity.LOW.value
        )
        told.loc[differs, "confidence"] = np.where(
            is_account[differs], Confidence.LIKELY.value, Confidence.POSSIBLE.value
        )
        text = name + " " + claimed + ", logged in as " + user
        told.loc[differs, "seen"] = text[differs].astype("object")


def _at_server(
    facts: Facts, rows: pd.DataFrame, names: pd.Series[Any]
) -> pd.Series[Any]:
    """Return names together with the server to which they were told."""
    return facts.of_session(rows, "server_ip") + " " + names


def _user(facts: Facts, rows: pd.DataFrame) -> pd.Series[Any]:
    """Return who is logged in, in lower case and without details; null for nobody."""
    is_known = facts.of_session(rows, "auth_result") == Outcome.SUCCESS
    users = facts.of_session(rows, "auth_user").str.lower()
    return users.where(is_true(is_known)).str.replace(_DETAIL, "", regex=True)


def _address(texts: pd.Series[Any]) -> pd.Series[Any]:
    """Return the address in lower case, without details; null if there is none."""
    found = compute.extract_regex(pa.array(texts), _ADDRESS)
    address = pd.Series(
        compute.utf8_lower(compute.struct_field(found, "address")),
        index=texts.index,
        dtype=pd.ArrowDtype(pa.string()),
    )
    return address.str.replace(_DETAIL, "", regex=True)


RULES = (
    Rule(
        "sender-forgery",
        "abuse",
        "Sender under the name of somebody else",
        Severity.MEDIUM,
        Confidence.POSSIBLE,
        Mender.SERVER,
        "Let accounts send under their own addresses only, and refuse mail from "
        "outside under your own domains; SPF, DKIM and DMARC let others do so, too.",
        "Mail under a domain of one's own came from outside, without a login: likely "
        "for the envelope if domains were named, else possible, as lists and "
        "forwarders hand on what your own people wrote (low with a List-Id). Without "
        "names, a domain is one's own for the server into which somebody of it logged "
        "in. Or From or MAIL FROM is not the account that logged in: likely if it is "
        "another account that was seen to log in there, else low and possible, as many "
        "people have several addresses.",
        _forged,
        ("RFC 5321, section 7.1", "RFC 6409, section 6.1", "RFC 7489"),
        ("client_ip", "account"),
    ),
)
