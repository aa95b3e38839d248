"""Measures how much memory objects take, with all that they refer to.

That needs no help from what is measured: what a dissector keeps counts from the day on
which it is kept. But it is slow, about half a microsecond an object.
"""

from __future__ import annotations

import enum
import gc
import hashlib
import sys
import types
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

# what belongs to no connection alone
_SHARED = (
    type,
    enum.Enum,
    types.ModuleType,
    types.FunctionType,
    types.BuiltinFunctionType,
    types.NoneType,
    bool,
)
# what a C library keeps beside the object that Python knows: zlib its window and
# tables, once there is data, and OpenSSL the state of a hash
_BEHIND: dict[type, int] = {
    type(zlib.decompressobj()): 44 << 10,
    type(hashlib.sha256()): 512,
}
# the allocator rounds up
_ROUNDING = 1.1


def held_bytes(roots: Iterable[object], shared: Iterable[object] = ()) -> int:
    """Return about how many bytes of memory some objects take.

    Args:
        roots: they are measured, and what they refer to.
        shared: belongs to others, too, and does not count.
    """
    seen = set(map(id, shared))
    total = 0
    layer = list(roots)
    while layer:
        fresh = []
        for item in layer:
            identity = id(item)
            if identity in seen:
                continue
            seen.add(identity)
            kind = type(item)
            behind = _BEHIND.get(kind)
            if behind is None:
                behind = _BEHIND[kind] = -1 if issubclass(kind, _SHARED) else 0
            if behind < 0:
                continue
            total += sys.getsizeof(item) + behind
            fresh.append(item)
        layer = gc.get_referents(*fresh)
    return int(total * _ROUNDING)
