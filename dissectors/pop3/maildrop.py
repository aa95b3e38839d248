"""A maildrop: what of it a session listed, retrieved and deleted (RFC 1939 §5, §6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dissectors.events import MessagesAvailable, MessagesDeleted

if TYPE_CHECKING:
    from dissectors.events import MessageTransferred

# messages of a maildrop that are told apart
_MAX_NUMBERS = 100_000
_MAX_DIGITS = 10


class Maildrop:
    """Knows messages by their numbers, as the client wrote them."""

    __slots__ = ("_counted", "_deleted", "_previews", "_retrieved")

    def __init__(self) -> None:
        self._counted = False
        # messages that go when the client quits, and those that it got; an empty set
        # takes more than an empty dictionary
        self._deleted: dict[str, None] = {}
        self._retrieved: dict[str, None] = {}
        # messages of which only TOP was seen so far
        self._previews: dict[str, MessageTransferred] = {}

    def count(self, messages: int, octets: int | None) -> list[MessagesAvailable]:
        """State how full it was when it was opened, once."""
        if self._counted:
            return []
        self._counted = True
        return [MessagesAvailable(messages, octets)]

    def delete(self, number: str | None) -> None:
        """Mark a message as deleted."""
        _note_number(self._deleted, number)

    def undelete_all(self) -> None:
        """Mark no message as deleted (RSET)."""
        self._deleted.clear()

    def remove_deleted(self) -> list[MessagesDeleted]:
        """State what is removed; only the UPDATE state does that (RFC 1939 §6)."""
        if not self._deleted:
            return []
        kept = len(self._retrieved.keys() - self._deleted.keys())
        retrieved = len(self._retrieved) - kept
        removed = MessagesDeleted(len(self._deleted), retrieved, kept)
        self._deleted.clear()
        return [removed]

    def retrieve(self, number: str | None, *, complete: bool) -> None:
        """Learn that the client retrieved a message, so that its top tells no more."""
        self._previews.pop(number or "", None)
        if complete:
            _note_number(self._retrieved, number)

    def keep_preview(
        self, number: str | None, message: MessageTransferred, limit: int
    ) -> list[MessageTransferred]:
        """Wait whether the client retrieves a message of which it saw the top.

        Returns:
            What waited longest, if there are too many.
        """
        previews = self._previews
        over = []
        if len(previews) >= limit:
            over.append(previews.pop(next(iter(previews))))
        previews[number or ""] = message
        return over

    def take_previews(self) -> list[MessageTransferred]:
        """Take the messages of which only the top was seen."""
        previews = list(self._previews.values())
        self._previews.clear()
        return previews


def _note_number(numbers: dict[str, None], number: str | None) -> None:
    if len(numbers) < _MAX_NUMBERS:
        numbers[(number or "")[:_MAX_DIGITS]] = None
