"""Encoded words (RFC 2047) in header fields."""

from __future__ import annotations

import binascii
import re
from typing import TYPE_CHECKING

from dissectors.credentials.urls import mask_urls
from dissectors.message.base64_text import count_base64, decode_base64
from dissectors.message.charsets import decode_charset, decode_unlabelled

if TYPE_CHECKING:
    from collections.abc import Sequence

# RFC 2047 §2, RFC 2231 §5:
#   encoded-word = "=?" charset ["*" language] "?" encoding "?" encoded-text "?="
# Blanks and question marks within the encoded text are illegal but common, and so are
# quotes around the charset. Nothing is tried twice, so the cost is linear.
_ENCODED_WORD = re.compile(
    rb"=\?([^?*\s]++)(?:\*[^?\s]*+)?\?([bq])\?((?:[^?]++|\?(?!=))*+)\?=",
    re.IGNORECASE,
)


def decode_words(raw: bytes) -> str:
    """Decode an unfolded field body, or a part of one, to text.

    Bytes outside of encoded words are taken for UTF-8, or else for windows-1252. What
    URLs must not show is left out.
    """
    if b"=?" in raw:
        return mask_urls(_decode_encoded_words(raw))
    return mask_urls(raw.decode() if raw.isascii() else decode_unlabelled(raw))


def _decode_encoded_words(raw: bytes) -> str:
    text: list[str] = []
    # Characters may be split over words of one charset: against RFC 2047 §5, but
    # common. So the bytes of neighbours are joined before they are decoded.
    charset, encoding = b"", b""
    neighbours: list[bytes] = []
    joined = bytearray()
    position = 0
    # behind the last end of a word none is whole: nobody looks for its end there
    for word in _ENCODED_WORD.finditer(raw, 0, raw.rfind(b"?=") + 2):
        between = raw[position : word.start()]
        # RFC 2047 §6.2: blanks between encoded words are not shown
        is_neighbour = position > 0 and not between.strip()
        is_alike = is_neighbour and word[1].lower() == charset
        if not is_alike or word[2].lower() != encoding:
            joined += _decode_encoded_text(encoding, neighbours)
            neighbours.clear()
        if not is_alike:
            text.append(decode_charset(joined, charset))
            joined.clear()
        if not is_neighbour:
            text.append(decode_unlabelled(between))
        charset, encoding = word[1].lower(), word[2].lower()
        neighbours.append(word[3])
        position = word.end()
    joined += _decode_encoded_text(encoding, neighbours)
    text += decode_charset(joined, charset), decode_unlabelled(raw[position:])
    return "".join(text)


def _decode_encoded_text(encoding: bytes, neighbours: Sequence[bytes]) -> bytes:
    if encoding == b"b":
        if count_base64(b"".join(neighbours)) % 4 == 0:
            # a quantum may be split over words, too
            return decode_base64(b"".join(neighbours))
        return b"".join(map(decode_base64, neighbours))
    # RFC 2047 §4.2: like quoted-printable, with "_" for the blank
    return b"".join([binascii.a2b_qp(word, header=True) for word in neighbours])
