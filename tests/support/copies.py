"""Copies of messages and files, in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dissectors.events import Copy


class KeptCopy:
    """A copy of a message, or of a file in one."""

    def __init__(self) -> None:
        self.data = b""
        self.is_forgotten = False

    def write(self, data: bytes) -> None:
        self.data += data

    def forget(self) -> None:
        self.is_forgotten = True


def copied(copy: Copy | None) -> bytes:
    """What a copy has taken."""
    assert isinstance(copy, KeptCopy)
    assert not copy.is_forgotten
    return copy.data
