"""What a proxy tells the server of the client whose connection it forwards.

SMTP has XCLIENT and XFORWARD for it (Postfix, XCLIENT_README and XFORWARD_README),
POP3 XCLIENT, and IMAP fields of ID (Dovecot, Forwarding parameters in IMAP, POP3 and
SMTP proxying). Attributes that may hold anything are masked.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dissectors.conversation.lines import decode_text
from dissectors.credentials.names import MASK, read_name
from dissectors.events import ClientForwarded

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dissectors.events import Exchange

# more than one command has
_MAX_ATTRIBUTES = 32
# RFC 3461 §4: xtext = *( xchar / hexchar ), hexchar = "+" 2(%x30-39 / %x41-46)
_HEXCHAR = re.compile(rb"\+([0-9A-F]{2})")
_LOGIN = re.compile(rb"LOGIN=((?:[!-*,-<>-~]|\+[0-9A-F]{2})*)", re.IGNORECASE)
_HARMLESS = re.compile(
    rb"(?i:ADDR|DESTADDR|DESTPORT|HELO|IDENT|NAME|PORT|PROTO|SESSION|SOURCE|TIMEOUT"
    rb"|TTL)=[^\x00-\x20\x7f]*"
)
_FORWARDED_FIELD = re.compile(rb"x-(?:originating|connected|session|proxy)-")


def show_attribute(attribute: str) -> str:
    """Return an attribute of XCLIENT or XFORWARD, `NAME=xtext`, or `***`."""
    raw = attribute.encode()
    login = _LOGIN.fullmatch(raw)
    if login is not None:
        is_shown = not login[1] or read_name(_decode_xtext(login[1])) is not None
    else:
        is_shown = _HARMLESS.fullmatch(_decode_xtext(raw)) is not None
    return attribute if is_shown else MASK


def _decode_xtext(value: bytes) -> bytes:
    return _HEXCHAR.sub(lambda code: bytes((int(code[1], 16),)), value)


def read_forwarded(command: Exchange, limit: int) -> ClientForwarded:
    """Read the attributes of XCLIENT and XFORWARD.

    Args:
        command: its argument has words of the form `NAME=xtext`.
        limit: how many bytes of them are read.
    """
    argument = (command.argument or "").encode()
    attributes = []
    for word in argument[:limit].split()[:_MAX_ATTRIBUTES]:
        name, equals, value = word.partition(b"=")
        if equals:
            plain = name.upper() + equals + _decode_xtext(value)
            attributes.append(decode_text(plain, limit))
    return ClientForwarded(attributes)


def parse_id_fields(fields: Mapping[bytes, bytes], limit: int) -> list[str]:
    """Read what the fields of an ID tell of a client, as `NAME=value`.

    Args:
        fields: those that may be shown, their names in lower case.
        limit: how much of each is read.
    """
    return [
        f"{decode_text(name, limit).upper()}={decode_text(value, limit)}"
        for name, value in fields.items()
        if _FORWARDED_FIELD.match(name)
    ]
