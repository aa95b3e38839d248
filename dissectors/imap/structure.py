"""ENVELOPE and BODYSTRUCTURE (RFC 9051 §7.5.2): what servers tell of messages.

The text of a FETCH response, with what its literals held, becomes nested lists. Deep
nesting and long texts are cut; the cost is linear.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from dissectors.credentials.urls import mask_urls
from dissectors.events import Attachment, MessageFacts
from dissectors.imap.grammar import unquote
from dissectors.message import ParameterizedField, decode_words
from dissectors.message.files import is_file
from dissectors.message.header import kept_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dissectors.limits import Limits

# a string, number or atom; NIL; a parenthesized list
Value: TypeAlias = "bytes | list[Value] | None"

# An unclosed string ends with the text, or the search would try each of its quotes.
_TOKEN = re.compile(
    rb'"(?:[^"\\]|\\.?)*+"?|[()]|~?\{\d+[+-]?\}|[^\s()"{]+|\{', re.DOTALL
)
_OPEN, _CLOSE, _QUOTE = b'()"'
# enough for a thousand parts
_MAX_TOKENS = 50_000

# positions in a body part that is no multipart (RFC 9051 §9, body-type-1part)
_PARAMETERS, _ENCODING, _OCTETS = 2, 5, 6
# the fields of an envelope
_FROM, _REPLY_TO, _TO, _CC, _IN_REPLY_TO, _MESSAGE_ID = 2, 4, 5, 6, 8, 9


class Part(NamedTuple):
    """A body part that is no multipart.

    Attributes:
        attachment: what is reported of it, if it is a file or a message.
        encoding: its Content-Transfer-Encoding.
        octets: its size as it is transferred.
    """

    attachment: Attachment | None
    encoding: bytes
    octets: int


def parse_items(
    text: bytes, literals: Sequence[bytes | None], limits: Limits
) -> list[Value]:
    """Read the text of a FETCH response behind `FETCH`: its items in one list.

    Args:
        text: with each literal as its `{n}`.
        literals: what these held, in order; `None` for those that were not kept.
        limits: how deep lists are read.
    """
    held = iter(literals)
    current: list[Value] = []
    top, outer = current, [current]
    deepest, too_deep = 4 * limits.mime_depth, 0
    for word in _TOKEN.findall(text)[:_MAX_TOKENS]:
        first = word[0]
        if first == _OPEN:
            if len(outer) > deepest:
                too_deep += 1
                continue
            inner: list[Value] = []
            current.append(inner)
            outer.append(current)
            current = inner
        elif first == _CLOSE:
            if too_deep:
                too_deep -= 1
            elif len(outer) > 1:
                current = outer.pop()
        elif not too_deep:
            is_plain = first != _QUOTE and first not in b"{~nN"
            current.append(word if is_plain else _parse_value(word, held))
    first_item = top[0] if top else None
    return first_item if isinstance(first_item, list) else []


def _parse_value(word: bytes, held: Iterator[bytes | None]) -> bytes | None:
    if word[0] == _QUOTE:
        is_closed = len(word) > 1 and word[-1] == _QUOTE
        return word[1:-1] if is_closed and b"\\" not in word else unquote(word)
    if word.startswith((b"{", b"~{")) and word.endswith(b"}"):
        return next(held, None)
    return None if word.upper() == b"NIL" else word


def find_item(items: list[Value], *names: bytes) -> list[Value] | None:
    """Return the list that follows one of these names."""
    for name, value in pairwise(items):
        is_named = isinstance(name, bytes) and name.upper() in names
        if is_named and isinstance(value, list):
            return value
    return None


def read_envelope(envelope: list[Value], limits: Limits) -> MessageFacts:
    """Return what an ENVELOPE tells of a message."""
    longest = kept_text(limits)

    def text(place: int) -> str | None:
        value = envelope[place] if place < len(envelope) else None
        return decode_words(value)[:longest] if isinstance(value, bytes) else None

    def addresses(place: int) -> list[str]:
        value = envelope[place] if place < len(envelope) else None
        listed = value if isinstance(value, list) else []
        shown = [_address(each)[:longest] for each in listed[: limits.list_items]]
        return [each for each in shown if each]

    return MessageFacts(
        date=text(0),
        subject=text(1),
        from_=", ".join(addresses(_FROM)) or None,
        reply_to=", ".join(addresses(_REPLY_TO)) or None,
        to=(addresses(_TO) + addresses(_CC))[: limits.list_items],
        in_reply_to=text(_IN_REPLY_TO),
        message_id=text(_MESSAGE_ID),
    )


def _address(value: Value) -> str:
    """Write an address (name adl mailbox host) as a header field would."""
    if not isinstance(value, list) or len(value) < 4:
        return ""
    name, _, mailbox, host = (
        decode_words(each) if isinstance(each, bytes) else None for each in value[:4]
    )
    if mailbox is None or host is None:
        # RFC 9051 §7.5.2: the start or end of a group
        return ""
    address = f"{mailbox}@{host}"
    return f"{name} <{address}>" if name else address


def read_structure(body: list[Value], limits: Limits) -> dict[str, Part]:
    """Return the parts of a BODYSTRUCTURE by their numbers (RFC 9051 §6.4.5)."""
    parts: dict[str, Part] = {}
    pending: list[tuple[str, list[Value]]] = [("", body)]
    while pending and len(parts) < limits.mime_parts:
        number, each = pending.pop()
        if each and isinstance(each[0], list):
            prefix = f"{number}." if number else ""
            inner = [child for child in each if isinstance(child, list)]
            # what follows the parts are the subtype and extension data
            inner = inner[: _count_parts(each)]
            numbered = [(f"{prefix}{i}", child) for i, child in enumerate(inner, 1)]
            pending += reversed(numbered)
            continue
        part = _read_part(number or "1", each, limits)
        if part is None:
            continue
        parts[number or "1"] = part
        if _media_type(each) == b"message/rfc822" and len(each) > 8:
            nested = each[8]
            if isinstance(nested, list) and nested:
                is_multipart = isinstance(nested[0], list)
                own = number or "1"
                pending.append((own if is_multipart else f"{own}.1", nested))
    return parts


def _count_parts(multipart: list[Value]) -> int:
    for count, each in enumerate(multipart):
        if not isinstance(each, list):
            return count
    return len(multipart)


def _media_type(body: list[Value]) -> bytes:
    kind, subtype = (*body, None, None)[:2]
    if not (isinstance(kind, bytes) and isinstance(subtype, bytes)):
        return b""
    return kind.lower() + b"/" + subtype.lower()


def _read_part(number: str, body: list[Value], limits: Limits) -> Part | None:
    media_type = _media_type(body)
    if not media_type or len(body) <= _OCTETS:
        return None
    encoding, octets = body[_ENCODING], body[_OCTETS]
    disposition, arguments = _disposition(body[_OCTETS + 1 :])
    longest = kept_text(limits)
    name = arguments.text(b"filename")
    name = name or _as_field(body[_PARAMETERS]).text(b"name")
    size = _as_number(octets)
    attachment = None
    if is_file(media_type, disposition, has_name=bool(name)):
        shown = media_type[:longest].decode("ascii", "backslashreplace")
        shown_name = mask_urls(name)[:longest] if name else None
        attachment = Attachment(shown_name, shown, size, None, part=number)
    return Part(attachment, encoding if isinstance(encoding, bytes) else b"", size)


def _as_number(value: Value) -> int:
    is_number = isinstance(value, bytes) and value.isdigit() and len(value) < 20
    return int(value) if is_number and isinstance(value, bytes) else 0


def _disposition(extension: list[Value]) -> tuple[bytes, ParameterizedField]:
    """Find body-fld-dsp: (value parameters), behind fields of other shapes."""
    for each in extension:
        match each:
            case [bytes(value), list() | None as parameters]:
                if value.lower() in (b"attachment", b"inline"):
                    return value.lower(), _as_field(parameters)
    return b"", ParameterizedField(b"")


def _as_field(parameters: Value) -> ParameterizedField:
    """Write parameters as they stand in a header field, perhaps in RFC 2231's form."""
    words = parameters if isinstance(parameters, list) else []
    field = bytearray(b"x")
    for name, value in zip(words[::2], words[1::2], strict=False):
        if isinstance(name, bytes) and isinstance(value, bytes):
            escaped = value.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
            field += b'; %b="%b"' % (name, escaped)
    return ParameterizedField(bytes(field))
