"""A stay in a mailbox: from SELECT to the next one (RFC 9051 §3.3).

What a client learned of the mailbox is told by the FETCH responses that it asked for:
of every message, of some, or of none. Sequence numbers mostly come in order, and then
nothing is kept but how far they came.
"""

from __future__ import annotations

from dissectors.events import MailboxSynchronised, MessagesAvailable, Synchronisation
from dissectors.imap.flags import Flags

# sequence numbers out of order that are kept
_MAX_NUMBERS = 100_000


class SelectedMailbox:
    """What is known of one stay.

    Attributes:
        mailbox: its name, decoded; `None` if it is not known, or none is selected.
        exists: how many messages it holds.
        is_read_only: nothing can be changed or expunged.
        flags: what is known of them; `None` before any were seen.
    """

    __slots__ = (
        "_in_order",
        "_others",
        "_synchronisation",
        "exists",
        "flags",
        "is_read_only",
        "mailbox",
    )

    def __init__(
        self,
        mailbox: str | None = None,
        exists: int | None = None,
        *,
        is_read_only: bool = False,
    ) -> None:
        self.mailbox = mailbox
        self.exists = exists
        self.is_read_only = is_read_only
        self.flags: Flags | None = None
        self._in_order = 0
        # an empty set takes more than an empty dictionary
        self._others: dict[int, None] = {}
        # what the client has learned
        self._synchronisation = Synchronisation.NONE

    def open_flags(self) -> Flags:
        """Return what is known of the flags."""
        if self.flags is None:
            self.flags = Flags()
        return self.flags

    def see_message(self, number: int) -> None:
        """Learn that the client was told something of a message."""
        if number == self._in_order + 1:
            self._in_order = number
        elif number > self._in_order and len(self._others) < _MAX_NUMBERS:
            self._others[number] = None
        count = self._in_order + len(self._others)
        if self.exists and count >= self.exists:
            self._synchronisation = Synchronisation.COMPLETE
        elif count:
            self.learn_of_changes()

    def learn_of_changes(self) -> None:
        """Learn that the client learns of some messages, or asked what has changed."""
        if self._synchronisation is Synchronisation.NONE:
            self._synchronisation = Synchronisation.NEW

    def expunge(self, count: int) -> None:
        """Learn that there are fewer messages."""
        if self.exists:
            self.exists = max(0, self.exists - count)

    def leave(self) -> list[MessagesAvailable | MailboxSynchronised]:
        """Tell what the client had learned."""
        told: list[MessagesAvailable | MailboxSynchronised] = []
        if self.exists is not None:
            told.append(MessagesAvailable(self.exists))
        if self.mailbox is not None:
            told.append(MailboxSynchronised(self.mailbox, self._synchronisation))
        return told
