"""Encoded words (RFC 2047) in header fields."""

from __future__ import annotations

import binascii
import re

from dissectors.message.charsets import decode_charset, decode_unlabelled
from dissectors.message.transfer import decode_base64

# RFC 2047 §2, RFC 2231 §5:
#   encoded-word = "=?" charset ["*" language] "?" encoding "?" encoded-text "?="
# Blanks within the encoded text are illegal but common. Nothing is tried twice, so
# the cost is linear.
_ENCODED_WORD = re.compile(
    rb"=\?([^?*\s]++)(?:\*[^?\s]*+)?\?([bq])\?([^?]*+)\?=", re.IGNORECASE
)


def decode_words(raw: bytes) -> str:
    """Decode an unfolded field body, or a part of one, to text.

    Bytes outside of encoded words are taken for UTF-8, or else for Latin-1.
    """
    if b"=?" not in raw:
        return raw.decode() if raw.isascii() else decode_unlabelled(raw)
    text: list[str] = []
    # Characters may be split over words of one charset: against RFC 2047 §5, but
    # common. So the bytes of neighbours are joined before they are decoded.
    charset = b""
    joined = bytearray()
    position = 0
    for word in _ENCODED_WORD.finditer(raw):
        between = raw[position : word.start()]
        # RFC 2047 §6.2: blanks between encoded words are not shown
        is_neighbour = position > 0 and not between.strip()
        if not is_neighbour or word[1].lower() != charset:
            text.append(decode_charset(joined, charset))
            joined.clear()
        if not is_neighbour:
            text.append(decode_unlabelled(between))
        charset = word[1].lower()
        joined += _decode_encoded_text(word[2], word[3])
        position = word.end()
    text += decode_charset(joined, charset), decode_unlabelled(raw[position:])
    return "".join(text)


def _decode_encoded_text(encoding: bytes, encoded: bytes) -> bytes:
    if encoding in b"bB":
        return decode_base64(encoded)
    # RFC 2047 §4.2: like quoted-printable, with "_" for the blank
    return binascii.a2b_qp(encoded, header=True)
