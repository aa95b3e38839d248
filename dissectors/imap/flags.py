"""Flags of the messages in a mailbox, as far as a session shows them.

Messages are named by sequence numbers, which change when others are expunged
(RFC 9051 §7.5.1), or by UIDs, where only these are known.
"""

from __future__ import annotations

import re
from bisect import insort
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

# messages that are told apart; of others nothing is known
MAX_MESSAGES = 10_000

# sequence-set = (seq-number / seq-range) ["," sequence-set]
_RANGE = re.compile(rb"(\d{1,10}|\*)(?::(\d{1,10}|\*))?(?:,|\Z)")
DELETED = b"\\deleted"


class SequenceSet:
    """The messages that a command names (RFC 9051 §9: sequence-set)."""

    __slots__ = ("_ranges",)

    def __init__(self, text: bytes, largest: int) -> None:
        """Read a set; `largest` is what `*` stands for."""
        self._ranges: list[tuple[int, int]] = []
        for first, last in _RANGE.findall(text):
            ends = (first, last or first)
            numbers = [largest if end == b"*" else int(end) for end in ends]
            self._ranges.append((min(numbers), max(numbers)))

    def __contains__(self, number: int) -> bool:
        return any(first <= number <= last for first, last in self._ranges)

    def __len__(self) -> int:
        return sum(last - first + 1 for first, last in self._ranges)

    def numbers(self) -> Iterable[int]:
        """Return the numbers, unless they are more than are told apart."""
        if len(self) > MAX_MESSAGES:
            return
        for first, last in self._ranges:
            yield from range(first, last + 1)


class Flags:
    """What is known of the flags in one mailbox.

    Attributes:
        changed: messages whose flags the client changed: the sequence number that
            each had when the mailbox was opened; less than 0 is a UID.
        deleted: likewise, messages that have the flag Deleted.
    """

    __slots__ = ("_expunged", "changed", "deleted")

    def __init__(self) -> None:
        self.deleted: set[int] = set()
        self.changed: set[int] = set()
        self._expunged: list[int] = []

    def see(self, number: int, response: bytes) -> None:
        """Learn from a FETCH response which flags a message has."""
        name = self._name(number)
        if DELETED not in response.lower():
            self.deleted.discard(name)
        elif len(self.deleted) < MAX_MESSAGES:
            self.deleted.add(name)

    def change(self, number: int) -> bool:
        """Note that flags were changed; return whether that is the first time."""
        return self._change(self._name(number))

    def store_silently(self, argument: bytes, largest: int, *, by_uid: bool) -> int:
        """Take the argument of a STORE without responses for what it did.

        Returns:
            How many messages had not been changed before.
        """
        named, _, rest = argument.partition(b" ")
        if by_uid and b"*" in named:
            # nobody knows the largest UID
            return 0
        messages = SequenceSet(named, largest)
        operation, _, flags = rest.lower().partition(b" ")
        names = [
            -number if by_uid else self._name(number) for number in messages.numbers()
        ]
        has_deleted = DELETED in flags
        if has_deleted and not operation.startswith(b"-"):
            room = MAX_MESSAGES - len(self.deleted)
            self.deleted.update(names[: max(0, room)])
        elif has_deleted or not operation.startswith(b"+"):
            self.deleted.difference_update(names)
        return sum(map(self._change, names)) if names else len(messages)

    def expunge(self, number: int) -> None:
        """Learn that a message is gone; those behind it count one less from now on."""
        name = self._name(number)
        self.deleted.discard(name)
        if len(self._expunged) < MAX_MESSAGES:
            insort(self._expunged, name)

    def expunge_uids(self, argument: bytes) -> None:
        """Learn that UID EXPUNGE took messages, of which responses tell numbers."""
        named = SequenceSet(argument.partition(b" ")[0], 0)
        self.deleted.difference_update([-uid for uid in named.numbers()])

    def _change(self, name: int) -> bool:
        if name in self.changed:
            return False
        if len(self.changed) < MAX_MESSAGES:
            self.changed.add(name)
        return True

    def _name(self, number: int) -> int:
        """Return the number that a message had before any was expunged."""
        expunged = self._expunged
        low, high = 0, len(expunged)
        while low < high:
            middle = (low + high) // 2
            if expunged[middle] - middle <= number:
                low = middle + 1
            else:
                high = middle
        return number + low
