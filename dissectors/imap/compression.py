"""COMPRESS=DEFLATE (RFC 4978): a layer between the wire and the lines.

Data is inflated in slices, so that a few bytes can't become many at once, and only as
long as it expands no more than `Limits.expansion` says, and to no more lines than a
client or a server has reason to send: lines are what takes time. Where a stream that
expands too much is left depends on how its packets cut it; nothing else does. Each
direction is a stream of its own; behind a gap or damage it can't be inflated any more,
as what comes refers to what was lost.
"""

from __future__ import annotations

import contextlib
import zlib
from typing import TYPE_CHECKING

from dissectors.conversation.decoding import DecodingError
from dissectors.events import Side
from dissectors.limits import KIB

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dissectors.limits import Limits

_SLICE = 16 * KIB
# what any stream may become, however short it is
_FREE_BYTES = 1024 * KIB
_FREE_LINES = 32
# For so many compressed bytes of a side, on average, there may be another line. A
# command takes more, if only to be flushed; a line of a listing of flags takes some 4.
_BYTES_PER_LINE = {Side.CLIENT: 8, Side.SERVER: 2}
# what zlib keeps for a stream, and what is around it
STATE_BYTES = 48 * KIB
# RFC 4978 §4: raw deflate, without a zlib header (RFC 1950)
_RAW_DEFLATE = -zlib.MAX_WBITS


class Inflater:
    """Inflates what one side sends."""

    def __init__(self, limits: Limits, side: Side) -> None:
        self._stream = zlib.decompressobj(_RAW_DEFLATE)
        self._expansion = limits.expansion
        # may be given out before the next byte is taken
        self._allowance = _FREE_BYTES
        self._lines = 0
        self._taken = 0
        self._bytes_per_line = _BYTES_PER_LINE[side]

    def inflate(self, data: bytes) -> Iterator[bytes]:
        """Give what the next bytes stand for, in slices.

        Raises:
            DecodingError: the stream is damaged, goes on behind its end, or expands
                too much.
        """
        self._allowance += len(data) * self._expansion
        self._taken += len(data)
        while data:
            if self._stream.eof:
                # RFC 4978 §3: it is not ended while the session goes on
                raise DecodingError("imap_compression_lost")
            before = self._stream.copy() if len(data) > 1 else None
            try:
                piece = self._stream.decompress(data, _SLICE)
            except zlib.error:
                if before is None:
                    raise DecodingError("imap_compression_lost") from None
                self._stream = before
                yield from self._before_damage(data)
                raise DecodingError("imap_compression_lost") from None
            if piece:
                yield from self._checked(piece)
            data = self._stream.unconsumed_tail or self._stream.unused_data
            if not data and len(piece) == _SLICE:
                yield from self._rest()

    def _before_damage(self, data: bytes) -> Iterator[bytes]:
        """Give what precedes the damage in a slice: zlib tells of the damage only."""
        inside = bytearray()
        with contextlib.suppress(zlib.error):
            for byte in data:
                inside += self._stream.decompress(bytes((byte,)))
        if inside:
            yield from self._checked(bytes(inside))

    def _rest(self) -> Iterator[bytes]:
        """Give what is still inside, all its input being taken."""
        while piece := self._stream.decompress(b"", _SLICE):
            yield from self._checked(piece)

    def _checked(self, piece: bytes) -> Iterator[bytes]:
        """Give a piece, unless it has too many lines; none follows too many bytes."""
        self._lines += piece.count(b"\n")
        if self._lines > _FREE_LINES + self._taken // self._bytes_per_line:
            raise DecodingError("imap_compression_bomb")
        self._allowance -= len(piece)
        yield piece
        if self._allowance < 0:
            raise DecodingError("imap_compression_bomb")


class Compression:
    """Inflates what both sides send (a `conversation.decoding.Decoder`)."""

    __slots__ = ("_inflaters",)

    def __init__(self, limits: Limits) -> None:
        self._inflaters: list[Inflater | None] = [
            Inflater(limits, side) for side in Side
        ]

    def decode(self, side: Side, data: bytes) -> Iterator[bytes]:
        """Give what the next bytes of a side stand for; nothing if it was lost.

        Raises:
            DecodingError: the side can't be inflated from here on.
        """
        inflater = self._inflaters[side]
        return iter(()) if inflater is None else inflater.inflate(data)

    def lose(self, side: Side) -> bool:
        """Inflate no more of a side; return whether that is news."""
        inflater, self._inflaters[side] = self._inflaters[side], None
        return inflater is not None

    @property
    def is_lost(self) -> bool:
        """Neither side can be inflated."""
        return not any(self._inflaters)
