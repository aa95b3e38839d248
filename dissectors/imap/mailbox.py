"""Mailbox names (RFC 3501 §5.1.3, RFC 9051 §5.1).

IMAP4rev1 writes names in modified UTF-7, IMAP4rev2 and UTF8=ACCEPT (RFC 6855)
in UTF-8. The bytes tell which: modified UTF-7 is ASCII and shifts with `&`. A
name that is neither is kept readable with its odd bytes escaped.
"""

from __future__ import annotations

import binascii
import re

# RFC 3501 §5.1.3: modified base64 ("," for "/") of UTF-16BE between "&" and "-"
_SHIFTED = re.compile(rb"&([A-Za-z0-9+,]*)-")


def decode_mailbox(name: bytes) -> str:
    """Return the name as text."""
    if b"&" in name and name.isascii():
        try:
            return _decode_modified_utf7(name)
        except ValueError:
            # UTF-8 names may hold a plain ampersand
            return name.decode("ascii")
    return name.decode("utf-8", "backslashreplace")


def _decode_modified_utf7(name: bytes) -> str:
    parts = []
    position = 0
    for shifted in _SHIFTED.finditer(name):
        parts.append(_plain(name[position : shifted.start()]))
        parts.append(_decode_shifted(shifted[1]))
        position = shifted.end()
    parts.append(_plain(name[position:]))
    return "".join(parts)


def _plain(text: bytes) -> str:
    if b"&" in text:
        raise ValueError("unfinished shift")
    return text.decode("ascii")


def _decode_shifted(text: bytes) -> str:
    if not text:
        return "&"
    padded = text.replace(b",", b"/") + b"=" * (-len(text) % 4)
    return binascii.a2b_base64(padded).decode("utf-16-be")
