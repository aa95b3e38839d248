"""Header sections (RFC 5322 §2.2): the fields that are facts about a message."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dissectors.message.addresses import split_addresses, without_groups
from dissectors.message.trace import find_origin
from dissectors.message.words import decode_words

if TYPE_CHECKING:
    from dissectors.events import MessageFacts
    from dissectors.limits import Limits

# RFC 5322 §2.2.3: a line end before a blank only folds the field
_FOLD = re.compile(rb"\r{0,2}\n(?=[ \t])")
# Outlook also reads a file name that stands at the beginning of the next line, and
# malware is sent so.
_NAME_FOLD = re.compile(rb";\r{0,2}\n(?=(?:file)?name(?:\*\d*+)?+\*?=)", re.IGNORECASE)

# The fields that are wanted, unfolded. RFC 5322 §4.5: blanks before the colon are
# obsolete but valid. Nothing is tried twice, so the cost is linear.
_FIELD = re.compile(
    rb"\n(authentication-results|cc|content-(?:disposition|transfer-encoding|type)|date"
    rb"|dkim-signature|from|in-reply-to|list-id|message-id|received|reply-to|subject|to"
    rb"|user-agent|x-(?:client-ip|mailer|originating-ip|sender-ip))[^\S\n]*+:([^\n]*+)",
    re.IGNORECASE,
)

_RARE_FIELDS = frozenset(
    {
        b"authentication-results",
        b"dkim-signature",
        b"in-reply-to",
        b"list-id",
        b"received",
        b"reply-to",
        b"x-client-ip",
        b"x-originating-ip",
        b"x-sender-ip",
    }
)
# more than any path has
_MAX_HOPS = 100


def read_fields(section: bytes | bytearray) -> dict[bytes, list[bytes]]:
    """Read a header section into unfolded field bodies, by name in lower case."""
    fields: dict[bytes, list[bytes]] = {}
    if b"\n " in section or b"\n\t" in section:
        section = _FOLD.sub(b"", section)
    section = _NAME_FOLD.sub(b";", section)
    for name, body in _FIELD.findall(b"\n" + section):
        fields.setdefault(name.lower(), []).append(body.strip())
    return fields


def apply_fields(
    facts: MessageFacts, fields: dict[bytes, list[bytes]], limits: Limits
) -> None:
    """Write what the fields say into the facts about a message."""
    longest = kept_text(limits)

    def text(name: bytes) -> str | None:
        bodies = fields.get(name)
        return decode_words(bodies[0])[:longest] if bodies else None

    facts.message_id = text(b"message-id")
    facts.subject = text(b"subject")
    if b"from" in fields:
        # RFC 6854 allows groups here, too
        authors = without_groups(fields[b"from"][0])
        facts.from_ = decode_words(authors)[:longest]
    facts.date = text(b"date")
    facts.mailer = text(b"user-agent")
    if facts.mailer is None:
        facts.mailer = text(b"x-mailer")
    if not _RARE_FIELDS.isdisjoint(fields):
        _apply_rare_fields(facts, fields, longest)
    for body in (*fields.get(b"to", ()), *fields.get(b"cc", ())):
        for address in split_addresses(body):
            if len(facts.to) >= limits.list_items:
                facts.exceeded_limits.append("list_too_long")
                return
            facts.to.append(decode_words(address)[:longest])


def _apply_rare_fields(
    facts: MessageFacts, fields: dict[bytes, list[bytes]], longest: int
) -> None:
    """Write what tells of a message's way, and of what it belongs to."""

    def texts(name: bytes) -> list[str]:
        return [decode_words(body)[:longest] for body in fields[name][:_MAX_HOPS]]

    if b"received" in fields:
        facts.received = texts(b"received")
    if b"reply-to" in fields:
        answers_to = without_groups(fields[b"reply-to"][0])
        facts.reply_to = decode_words(answers_to)[:longest]
    if b"in-reply-to" in fields:
        facts.in_reply_to = texts(b"in-reply-to")[0]
    if b"authentication-results" in fields:
        facts.authentication_results = texts(b"authentication-results")
    if b"dkim-signature" in fields:
        keys = map(_dkim_key, fields[b"dkim-signature"][:_MAX_HOPS])
        facts.dkim = [key[:longest] for key in keys if key is not None]
    if b"list-id" in fields:
        # RFC 2919 §3: list-id-header = "List-ID:" [phrase] "<" list-id ">" CRLF
        list_id = fields[b"list-id"][0].rpartition(b"<")[2].partition(b">")[0]
        facts.list_id = decode_words(list_id)[:longest]
    facts.originating_ip = find_origin(fields)


def _dkim_key(body: bytes) -> str | None:
    """Return the DNS name of the key of a signature (RFC 6376 §3.6.2.1)."""
    tags = {}
    for spec in body.split(b";")[:_MAX_HOPS]:
        # RFC 6376 §3.2: tag-spec = [FWS] tag-name [FWS] "=" [FWS] tag-value [FWS]
        name, _, value = spec.partition(b"=")
        tags[name.strip()] = b"".join(value.split())
    domain, selector = tags.get(b"d"), tags.get(b"s")
    if not domain or not selector:
        return None
    return (selector + b"._domainkey." + domain).decode("utf-8", "backslashreplace")


def kept_text(limits: Limits) -> int:
    """Return how many characters of a field or a file name are kept."""
    return 4 * limits.kept_text
