"""How a run treats memory: garbage is collected rarely, and some is kept back."""

from __future__ import annotations

import gc
import mmap
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# Address space that is kept back, to tell what was found when memory has run out: for
# pandas, and the threads of pyarrow. It is never touched, and takes no memory. If there
# is not that much, less may do.
_RESERVES_BYTES = (384 << 20, 192 << 20, 96 << 20)
_PRIVATE = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS


@contextmanager
def reserve() -> Iterator[None]:
    """Keep some address space back, if there is some."""
    with ExitStack() as kept:
        for size in _RESERVES_BYTES:
            with suppress(OSError):
                kept.enter_context(mmap.mmap(-1, size, _PRIVATE, mmap.PROT_READ))
                break
        yield


@contextmanager
def few_collections() -> Iterator[None]:
    """Look for garbage cycles rarely: sessions make many objects and few cycles."""
    before = gc.get_threshold()
    gc.set_threshold(1_000_000, 50, 1000)
    try:
        yield
    finally:
        gc.set_threshold(*before)
