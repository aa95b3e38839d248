"""FETCH responses: whole messages, and pieces of others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dissectors.imap.fetch import Retrieval
from dissectors.imap.pieces import Pieces

if TYPE_CHECKING:
    from dissectors.conversation.literals import Literal, LiteralSink
    from dissectors.imap.fetch import Deliver
    from dissectors.imap.pieces import Preview
    from dissectors.limits import Limits


class Fetches:
    """Reads the FETCH responses of a session, one after the other.

    Attributes:
        begin_ns: when the first byte of the last whole message was seen.
    """

    __slots__ = ("_number", "_pieces", "_retrieval", "begin_ns")

    def __init__(self, limits: Limits, deliver: Deliver) -> None:
        """Call `deliver` with each whole message and whether it came to its end."""
        self._retrieval = Retrieval(limits, deliver)
        self._pieces = Pieces(limits)
        # of the message that the response is about
        self._number = b""
        self.begin_ns: int | None = None

    def open_response(self, number: bytes) -> None:
        """Begin a response about the message with this sequence number."""
        self._number = number
        self._retrieval.open_response(number)
        self._pieces.open_response(number)

    def read_fragment(
        self, fragment: bytes, literal: Literal | None, time_ns: int
    ) -> LiteralSink | None:
        """Read the text of a response; return where its literal shall go."""
        sink = self._retrieval.read_fragment(fragment, literal)
        piece = self._pieces.read_fragment(
            fragment, literal, time_ns, is_taken=sink is not None
        )
        if literal is not None and self._retrieval.begins:
            self.begin_ns = time_ns
        return sink or piece

    def close_response(
        self, asked: tuple[int, int] | None, time_ns: int, frame: int
    ) -> list[Preview]:
        """End a response; return the messages of which no more pieces are kept.

        Args:
            asked: origin and length of the chunk that the client asked for.
            time_ns: when it ended.
            frame: where it ended.
        """
        self._retrieval.close_response(asked)
        return self._pieces.close_response(time_ns, frame)

    def take_previews(self) -> list[Preview]:
        """Take the messages of which pieces came: their numbers are no longer valid."""
        return self._pieces.take_all()

    def forget_pieces(self) -> None:
        """Forget the pieces of a message that came as a whole."""
        self._pieces.forget(self._number)

    def release(self) -> None:
        """Deliver nothing more."""
        self._retrieval.release()
