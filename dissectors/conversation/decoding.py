"""A layer of coding below the lines, such as compression, as a connection knows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dissectors.events import Side


class DecodingError(Exception):
    """A stream can't be decoded from here on; `code` is that of the anomaly."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Decoder(Protocol):
    """Turns what both sides send into the lines that it stands for."""

    def decode(self, side: Side, data: bytes) -> Iterator[bytes]:
        """Give what the next bytes of a side stand for; nothing if it was lost.

        Raises:
            DecodingError: the stream can't be decoded from here on.
        """

    def lose(self, side: Side) -> bool:
        """Decode no more of a side; return whether that is news."""

    @property
    def is_lost(self) -> bool:
        """Neither side can be decoded."""
