"""What is read again and again is read once."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar, TypeVarTuple

from dissectors.limits import KIB

if TYPE_CHECKING:
    from collections.abc import Callable

_MAX_ENTRIES = 256

ParsedT = TypeVar("ParsedT")
RestT = TypeVarTuple("RestT")


def cache_short(
    parse: Callable[[bytes, *RestT], ParsedT], longest: int = KIB
) -> Callable[[bytes, *RestT], ParsedT]:
    """Let a pure function remember what it made of short texts.

    Peers say the same again and again, so most of it is parsed once. What may be a
    secret must not come near it.

    Args:
        parse: takes the text, and perhaps more; what it returns must not be changed.
        longest: what is longer is not remembered, in bytes.
    """
    cached = lru_cache(maxsize=_MAX_ENTRIES)(parse)

    def parse_or_look_up(raw: bytes, *rest: *RestT) -> ParsedT:
        return (cached if len(raw) <= longest else parse)(raw, *rest)

    return parse_or_look_up
