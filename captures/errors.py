"""What can be wrong with a capture."""

from __future__ import annotations

import os
import re
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


# what stands for the bytes of a name that are no UTF-8 (os.fsdecode)
_NO_TEXT = re.compile("[\ud800-\udfff]")


def readable_name(path: str | os.PathLike[str]) -> str:
    r"""Return a file name as text; a byte that isn't UTF-8 is shown as `\xe9`."""
    return _NO_TEXT.sub(lambda byte: f"\\x{ord(byte[0]) & 0xFF:02x}", os.fspath(path))


class CaptureError(Exception):
    """A capture that can't be read, or only up to some point.

    Everything that a reader yielded before it raised this is good.

    Attributes:
        capture: the name of the capture as the user gave it, as readable text.
        reason: what is wrong, as a sentence without the name.
        offset: where, in bytes from the start of the (decompressed) capture;
            `None` where no place can be named.
        usable: whether any part of the capture could be read.
    """

    def __init__(
        self, capture: str, reason: str, *, offset: int | None = None, usable: bool
    ) -> None:
        self.capture = readable_name(capture)
        self.reason = reason
        self.offset = offset
        self.usable = usable
        super().__init__(str(self))

    def __str__(self) -> str:
        where = "" if self.offset is None else f" at byte {self.offset:,}"
        return f"{self.capture}{where}: {self.reason}"

    def __reduce__(self) -> tuple[Callable[..., CaptureError], tuple[str, str]]:
        # exceptions are pickled as their positional arguments, which are others here
        make = partial(CaptureError, offset=self.offset, usable=self.usable)
        return make, (self.capture, self.reason)
