"""Header sections (RFC 5322 §2.2): the fields that are facts about a message."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dissectors.message.words import decode_words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dissectors.events import MessageFacts
    from dissectors.limits import Limits

# RFC 5322 §2.2.3: a line end before a blank only folds the field
_FOLD = re.compile(rb"\r?\n(?=[ \t])")

# The fields that are wanted, unfolded. RFC 5322 §4.5: blanks before the colon are
# obsolete but valid. Nothing is tried twice, so the cost is linear.
_FIELD = re.compile(
    rb"\n(cc|content-(?:disposition|transfer-encoding|type)|date|from|message-id"
    rb"|subject|to|user-agent|x-mailer)[^\S\n]*+:([^\n]*+)",
    re.IGNORECASE,
)

# What stands between two commas of an address list; commas in quoted strings,
# comments (nested once) and angle brackets (routes, RFC 5322 §4.4) do not count.
# What is opened and not closed lasts to the end. Next to nothing is tried twice, so
# the cost is linear.
_COMMENT_TEXT = rb"[^()\\]|\\."
_COMMENT = rb"\((?:%b|\((?:%b)*+\))*+\)?" % (_COMMENT_TEXT, _COMMENT_TEXT)
_ADDRESS = re.compile(
    rb'(?:[^,"(<]++|"(?:[^"\\]|\\.)*+"?|%b|<[^>]*+>?)*+' % _COMMENT, re.DOTALL
)


def read_fields(section: bytes | bytearray) -> dict[bytes, list[bytes]]:
    """Read a header section into unfolded field bodies, by name in lower case."""
    fields: dict[bytes, list[bytes]] = {}
    if b"\n " in section or b"\n\t" in section:
        section = _FOLD.sub(b"", section)
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
    facts.from_ = text(b"from")
    facts.date = text(b"date")
    facts.mailer = text(b"user-agent")
    if facts.mailer is None:
        facts.mailer = text(b"x-mailer")
    for body in (*fields.get(b"to", ()), *fields.get(b"cc", ())):
        for address in _split_addresses(body):
            if len(facts.to) >= limits.list_items:
                return
            facts.to.append(decode_words(address)[:longest])


def kept_text(limits: Limits) -> int:
    """How many characters of a field or a file name are kept."""
    return 4 * limits.kept_text


def _split_addresses(body: bytes) -> Iterator[bytes]:
    if b"," not in body:
        if body:
            yield body
        return
    position = 0
    while position < len(body):
        address = _ADDRESS.match(body, position)
        assert address is not None  # the pattern matches nothing, too
        if stripped := address[0].strip():
            yield stripped
        position = address.end() + 1
