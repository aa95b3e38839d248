"""Base64 (RFC 2045 §6.8), whatever is wrong with it.

Base64 that was encoded in pieces has padding in its middle. RFC 2045 takes that for
the end of the data, but mail readers go on, and so do we, up to a line that is no
base64, such as a mailing list's footer. Padding that completes no quantum is ignored,
and so are, before the first padding, characters that are not in the alphabet.
"""

from __future__ import annotations

import binascii
import re

_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_IGNORED = bytes(set(range(256)) - set(_ALPHABET + b"="))
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/=\s]")
# characters of the alphabet, and the padding behind them
_RUN = re.compile(rb"([^=]++)(=*+)")
_QUANTUM = 4
# this much of a line is looked at together
_LONGEST_LINE = 16 * 1024


def decode_base64(data: bytes) -> bytes:
    """Decode base64 that is complete."""
    decoder = Base64Decoder()
    return decoder.decode(data) + decoder.finish()


def count_base64(data: bytes) -> int:
    """Count the characters of base64, padding included."""
    return len(data.translate(None, _IGNORED))


class Base64Decoder:
    """Decodes base64 in any pieces."""

    __slots__ = ("_at_end", "_line", "_rest")

    def __init__(self) -> None:
        # the beginning of a quantum
        self._rest = b""
        # behind padding: the line that may turn out to be no base64
        self._line: bytes | None = None
        self._at_end = False

    def decode(self, data: bytes) -> bytes:
        """Decode the next characters, as far as that is possible."""
        if self._at_end:
            return b""
        if self._line is not None:
            return self._decode_lines(self._line + data)
        padding = data.find(b"=")
        if padding < 0:
            return self._decode_quanta(data)
        decoded = self._decode_quanta(data[:padding])
        return decoded + self._decode_lines(data[padding:])

    def finish(self) -> bytes:
        """Decode what is left; a single character holds no byte."""
        decoded = self._decode_quanta(self._line or b"")
        return decoded + _decode_quantum(self._rest)

    def _decode_lines(self, lines: bytes) -> bytes:
        """Decode whole lines, from the first padding on, up to one that is no base64.

        A line that is far too long is cut at fixed places, so that the same bytes are
        decoded however they are split.
        """
        junk = _NOT_BASE64.search(lines)
        end = lines.rfind(b"\n", 0, junk.start() if junk else None) + 1
        rest = (junk.start() if junk else len(lines)) - end
        end += max(rest - 1, 0) // _LONGEST_LINE * _LONGEST_LINE
        self._at_end = junk is not None
        self._line = b"" if junk else lines[end:]
        return self._decode_quanta(lines[:end])

    def _decode_quanta(self, data: bytes) -> bytes:
        clean = self._rest + data.translate(None, _IGNORED)
        if b"=" not in clean:
            end = len(clean) & ~3
            self._rest = clean[end:]
            return binascii.a2b_base64(clean[:end])
        decoded = []
        rest = padding = b""
        for run, padding in _RUN.findall(clean):
            quanta = rest + run
            end = len(quanta) & ~3
            decoded.append(binascii.a2b_base64(quanta[:end]))
            rest = quanta[end:]
            if len(rest) > 1 and len(rest) + len(padding) >= _QUANTUM:
                decoded.append(_decode_quantum(rest))
                rest = b""
        # the first of two paddings, perhaps
        self._rest = rest + padding[: len(rest) // 2]
        return b"".join(decoded)


def _decode_quantum(rest: bytes) -> bytes:
    """Decode a quantum that lacks padding."""
    clean = rest.rstrip(b"=")
    if len(clean) < 2:
        return b""
    return binascii.a2b_base64(clean + b"=" * (_QUANTUM - len(clean)))
