"""Base64 (RFC 2045 §6.8), whatever is wrong with it.

Base64 that was encoded in pieces has padding in its middle. RFC 2045 takes that for
the end of the data, but mail readers go on, and so do we. Padding that completes no
quantum is ignored, and so are characters that are not in the alphabet.
"""

from __future__ import annotations

import binascii
import re

_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_IGNORED = bytes(set(range(256)) - set(_ALPHABET + b"="))
# characters of the alphabet, and the padding behind them
_RUN = re.compile(rb"([^=]++)(=*+)")
_QUANTUM = 4


def decode_base64(data: bytes) -> bytes:
    """Decode base64 that is complete."""
    decoded, rest = decode_quanta(data)
    return decoded + decode_rest(rest)


def count_base64(data: bytes) -> int:
    """Count the characters of base64, padding included."""
    return len(data.translate(None, _IGNORED))


def decode_quanta(data: bytes) -> tuple[bytes, bytes]:
    """Decode the quanta that are complete.

    Returns:
        What was decoded, and the rest: what more of the data has to follow.
    """
    clean = data.translate(None, _IGNORED)
    if b"=" not in clean:
        end = len(clean) & ~3
        return binascii.a2b_base64(clean[:end]), clean[end:]
    decoded = []
    rest = padding = b""
    for run, padding in _RUN.findall(clean):
        quanta = rest + run
        end = len(quanta) & ~3
        decoded.append(binascii.a2b_base64(quanta[:end]))
        rest = quanta[end:]
        if len(rest) > 1 and len(rest) + len(padding) >= _QUANTUM:
            decoded.append(decode_rest(rest))
            rest = b""
    # the first of two paddings, perhaps
    return b"".join(decoded), rest + padding[: len(rest) // 2]


def decode_rest(rest: bytes) -> bytes:
    """Decode a quantum that lacks padding; a single character holds no byte."""
    clean = rest.rstrip(b"=")
    if len(clean) < 2:
        return b""
    return binascii.a2b_base64(clean + b"=" * (_QUANTUM - len(clean)))
