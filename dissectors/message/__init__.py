"""Mail messages as they pass: header fields and attachments, never bodies.

Handled: RFC 5322 header sections, encoded words (RFC 2047), parameters (RFC 2231),
MIME entities of any nesting (RFC 2045, 2046), attached messages, also encoded ones,
files by uuencode. Left out: message/partial.

Memory per message is bounded by `Limits.header`, `mime_parts` and `mime_depth`; the
cost is linear in the bytes.
"""

from __future__ import annotations

from dissectors.message.content import Content, Copies
from dissectors.message.encodings import content_for
from dissectors.message.parameters import ParameterizedField
from dissectors.message.reader import MessageReader
from dissectors.message.words import decode_words

__all__ = [
    "Content",
    "Copies",
    "MessageReader",
    "ParameterizedField",
    "content_for",
    "decode_words",
]
