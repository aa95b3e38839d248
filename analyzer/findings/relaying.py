"""Servers that relay for anybody, and those who look for such, or for addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa

from analyzer.findings.levels import Confidence, Mender, Severity
from analyzer.findings.own import Ownership, domain_of
from analyzer.findings.recipients import recipients
from analyzer.findings.rule import CLIENT, SERVER, Rule
from analyzer.findings.sources import client_sources, source_names
from analyzer.findings.windows import Windows
from analyzer.tables.columns import as_arrow, is_true, number

if TYPE_CHECKING:
    import numpy.typing as npt

    from analyzer.findings.facts import Facts
    from analyzer.findings.recipients import Recipients

    Flags = npt.NDArray[np.bool_]

_THEME = "abuse"
_OPEN, _PROBING = "open-relay", "relay-probing"
_ENUMERATION = "address-enumeration"
# Ways to hide the domain from a server that looks at the last one only: RFC 1123
# §5.2.16 (percent), RFC 976 (bang), RFC 5321 §4.1.1.3 (source routes), quoted ones
_ODD_FORM = r'^@|[%!@"].*@'
# what a server that follows such an address makes of it, one way after the other
_MEANT = (
    (r"^@[^:]+:", ""),
    (r'^"([^"@]+@[^"@]+)"@.*$', r"\1"),
    (r"^([^@%!]+)%([^@%!]+)@.*$", r"\1@\2"),
    (r"^([^@%!]+)!([^@%!]+)(?:@.*)?$", r"\2@\1"),
)
# RFC 5321 §4.1.3: no MX record names another host for it
_LITERAL = r"^\[.*\]$"


def _open_relays(facts: Facts) -> pd.DataFrame:
    named = facts.once(recipients)
    rows = named.rows
    own = facts.once(Ownership)
    places = rows["session"].to_numpy()
    from_outside = named.is_anonymous & ~(own.clients | own.users)[places]
    has_domain = rows["domain"].notna().to_numpy(dtype=bool)
    asked = from_outside & has_domain
    is_open = named.accepted & asked
    for_others = is_open & ~own.has_domain(rows["domain"], places)
    told = pd.DataFrame(
        {"severity": None, "confidence": None}, index=rows.index, dtype="object"
    )
    forwarded = for_others & _are_forwarded(facts, named, for_others)
    told.loc[forwarded] = [Severity.HIGH.value, Confidence.POSSIBLE.value]
    if own.domains_are_said:
        stated = for_others & own.servers[places]
        told.loc[stated] = [Severity.CRITICAL.value, own.confidence.value]
    proven = _are_refused_elsewhere(facts, named, asked)
    proven |= _are_followed(facts, named)
    told.loc[is_open & proven] = [Severity.CRITICAL.value, Confidence.PROVEN.value]
    hit = told["severity"].notna()
    told = told[hit]
    return facts.hits(
        rows[hit],
        severity=told["severity"],
        confidence=told["confidence"],
        side="client",
        seen=_exchange(rows[hit]),
    )


def _are_refused_elsewhere(facts: Facts, named: Recipients, asked: Flags) -> Flags:
    """Return the domains for which a server would not relay, and did for this client.

    It did for another sender or form of the address, as a sender of its own.
    """
    rows = named.rows
    seconds = facts.threshold(_OPEN, "window_s")
    keys = number(
        facts.codes("client_ip")[0][rows["session"].to_numpy()],
        facts.codes("server_ip")[0][rows["session"].to_numpy()],
        rows["domain"],
    )
    refused = named.relay_refused & asked
    windows = Windows(rows["time"], seconds, keys)
    # either may come first
    before = windows.count(refused) > 0
    after = windows.reach(refused)
    return before | after


def _are_forwarded(facts: Facts, named: Recipients, for_others: Flags) -> Flags:
    """Return the recipients to whom a server sent on what outsiders gave it.

    Only of servers that do so for many domains, and were not seen to refuse any: a
    backup MX does it for a few, and refuses the others.
    """
    rows = named.rows
    forwarded = for_others & _are_sent_on(facts, named, rows["address"])
    server = facts.once(_hosts)[1][rows["session"].to_numpy()]
    refusing = np.unique(server[named.relay_refused & named.is_anonymous])
    forwarded &= ~np.isin(server, refusing)
    pairs = pd.DataFrame({"server": server, "domain": rows["domain"]})[forwarded]
    domains = pairs.drop_duplicates()["server"].value_counts()
    many = domains.index[domains >= facts.threshold(_OPEN, "domains")]
    flags: Flags = forwarded & np.isin(server, many.to_numpy())
    return flags


def _are_followed(facts: Facts, named: Recipients) -> Flags:
    """Return the recipients that hide another one, to whom the server sent it on.

    Or a host by its number, which is nobody's backup MX: neither is done for others by
    a server that knows its domains.
    """
    rows = named.rows
    address = rows["address"]
    is_literal = is_true(rows["domain"].str.contains(_LITERAL))
    is_odd = is_true(address.str.contains(_ODD_FORM))
    flags = np.zeros(len(rows), bool)
    if not (is_literal | is_odd).any():
        return flags
    meant = address
    for pattern, replacement in _MEANT:
        meant = meant.str.replace(pattern, replacement, regex=True)
    own = facts.once(Ownership)
    places = rows["session"].to_numpy()
    is_followed = is_true(meant != address) & ~own.has_domain(domain_of(meant), places)
    flags |= (is_followed | is_literal) & _are_sent_on(facts, named, meant)
    return flags


def _are_sent_on(facts: Facts, named: Recipients, addresses: pd.Series[Any]) -> Flags:
    """Return for which recipients a server sent mail on to an address elsewhere.

    Args:
        facts: the sessions.
        named: all recipients.
        addresses: what each of them would become.
    """
    rows = named.rows
    places = rows["session"].to_numpy()
    own = facts.once(Ownership)
    # the same address is the client of one session, and the server of the other
    clients, servers = facts.once(_hosts)
    legs = number(
        np.concatenate((servers[places], clients[places])),
        pd.concat((addresses, rows["address"]), ignore_index=True),
    )
    taken, sent = legs[: len(rows)], legs[len(rows) :]
    sent_on = sent[named.accepted & ~own.servers[places]]
    flags: Flags = addresses.notna().to_numpy(dtype=bool) & np.isin(taken, sent_on)
    return flags


def _hosts(facts: Facts) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return client and server of each session as numbers of hosts."""
    _, clients = facts.codes("client_ip")
    _, servers = facts.codes("server_ip")
    both = pa.concat_arrays([as_arrow(clients), as_arrow(servers)])
    hosts = both.dictionary_encode().indices.to_numpy().astype(np.int64)
    return (
        facts.spread("client_ip", hosts[: len(clients)], unknown=-1),
        facts.spread("server_ip", hosts[len(clients) :], unknown=-1),
    )


def _relay_probes(facts: Facts) -> pd.DataFrame:
    named = facts.once(recipients)
    clients = facts.once(Ownership).clients
    chosen = named.relay_refused & ~clients[named.rows["session"].to_numpy()]
    rows = named.rows[chosen].reset_index(drop=True)
    source = facts.once(client_sources)[rows["session"].to_numpy()]
    seconds = facts.threshold(_PROBING, "window_s")
    least = facts.threshold(_PROBING, "attempts")
    of_source = Windows(rows["time"], seconds, source)
    is_probing = of_source.reach(of_source.count_distinct(rows["domain"]) >= least)
    of_recipient = Windows(rows["time"], seconds, rows["session"], rows["address"])
    is_probing |= of_recipient.reach(
        of_recipient.count_distinct(rows["sender"]) >= least
    )
    is_probing |= is_true(rows["address"].str.contains(_ODD_FORM))
    return facts.hits(
        rows,
        severity=pd.Series(np.where(is_probing, Severity.LOW, Severity.INFO)),
        confidence=pd.Series(
            np.where(is_probing, Confidence.LIKELY, Confidence.POSSIBLE)
        ),
        client_ip=source_names(facts, rows),
        side="client",
        seen=_exchange(rows),
    )


def _enumerations(facts: Facts) -> pd.DataFrame:
    asked = _names_asked(facts)
    named = facts.once(recipients)
    rows = named.rows
    source = facts.once(client_sources)[rows["session"].to_numpy()]
    windows = Windows(rows["time"], facts.threshold(_ENUMERATION, "window_s"), source)
    unknown = windows.count_distinct(rows["address"], chosen=named.unknown)
    every = windows.count_distinct(rows["address"])
    is_many = unknown >= facts.threshold(_ENUMERATION, "recipients")
    is_many &= unknown >= facts.threshold(_ENUMERATION, "share") * every
    tried = rows[windows.reach(is_many) & named.unknown]
    return pd.concat(
        (
            asked,
            facts.hits(
                tried,
                client_ip=source_names(facts, tried),
                side="client",
                seen=_exchange(tried),
            ),
        ),
        ignore_index=True,
    )


def _names_asked(facts: Facts) -> pd.DataFrame:
    """Return the VRFY and EXPN of those who ask for many names."""
    exchanges = facts.exchanges
    rows = exchanges.where(
        exchanges["verb"].isin(["VRFY", "EXPN"]),
        "verb",
        "argument",
        "time",
        "reply_code",
    )
    rows = rows.reset_index(drop=True)
    source = facts.once(client_sources)[rows["session"].to_numpy()]
    windows = Windows(rows["time"], facts.threshold(_ENUMERATION, "window_s"), source)
    names = windows.count_distinct(rows["argument"].str.lower())
    rows = rows[windows.reach(names >= facts.threshold(_ENUMERATION, "names"))]
    seen = rows["verb"] + " " + rows["argument"].fillna("")
    seen += ": " + rows["reply_code"].astype("string").fillna("?")
    return facts.hits(
        rows, client_ip=source_names(facts, rows), side="client", seen=seen
    )


def _exchange(rows: pd.DataFrame) -> pd.Series[Any]:
    sender = "MAIL FROM:<" + rows["sender"].fillna("").str.slice(0, 60)
    recipient = "> RCPT TO:<" + rows["address"].fillna("").str.slice(0, 60)
    reply = rows["reply_code"].astype("string") + " " + rows["reply_text"].fillna("")
    return sender + recipient + ">: " + reply.str.slice(0, 60)


RULES = (
    Rule(
        _OPEN,
        _THEME,
        "Open relay: mail from anybody to anybody",
        Severity.CRITICAL,
        Confidence.LIKELY,
        Mender.SERVER,
        "Take mail for other domains only after a login, or from your own networks. "
        "See the queue for what was relayed, and block lists for the server.",
        "A client from outside, which did not log in, named a recipient elsewhere, "
        "and the server took it. Proven if the server had refused to relay to the "
        "same domain for the same client, or sent mail on to whom an odd address "
        "hides (percent, source route), or to a host that is named by its number; "
        "likely if it is not one of the domains that were named as one's own. Without "
        "these, mail must have been seen to go on to at least `domains` of others "
        "from a server that refuses none: possible, high, as a backup MX does that "
        "for its few. Only sessions that were seen whole count.",
        _open_relays,
        ("RFC 2505, section 2.1", "RFC 5321, section 3.6.2"),
        SERVER,
        {"domains": 3, "window_s": 3600},
    ),
    Rule(
        _PROBING,
        _THEME,
        "Somebody looks for an open relay",
        Severity.LOW,
        Confidence.LIKELY,
        Mender.NOBODY,
        "The server refused, as it should. Block sources that go on with it.",
        "A client from outside was refused because the server does not relay: low if "
        "it tried `attempts` domains, or senders in a session, within `window_s`, or "
        "an address that hides the domain (percent, source route). Else it is info: a "
        "user who forgot to log in looks like that, and an old DNS entry.",
        _relay_probes,
        ("RFC 2505, section 2.1",),
        CLIENT,
        {"attempts": 3, "window_s": 3600},
    ),
    Rule(
        _ENUMERATION,
        _THEME,
        "Addresses are tried out",
        Severity.MEDIUM,
        Confidence.LIKELY,
        Mender.SERVER,
        "Turn VRFY and EXPN off, slow down or block clients that name many unknown "
        "recipients.",
        "One source asked for `names` different names with VRFY or EXPN, or named "
        "`recipients` different addresses that don't exist, within `window_s`. Those "
        "must be at least a `share` of all that it named: a mailing list has dead "
        "addresses, too. Refusals for other causes don't count.",
        _enumerations,
        ("RFC 5321, section 7.3", "MITRE ATT&CK T1589.002"),
        CLIENT,
        {"names": 10, "recipients": 20, "share": 0.5, "window_s": 3600},
    ),
)
