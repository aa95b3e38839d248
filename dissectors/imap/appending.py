"""Messages that APPEND and REPLACE carry, whole or put together by CATENATE.

APPEND may carry several (RFC 3502); CATENATE (RFC 4469) makes one of texts, which are
literals, and of what URLs stand for.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Protocol

from dissectors.imap.fetch import MessageLiteral
from dissectors.message import MessageReader

if TYPE_CHECKING:
    from dissectors.conversation.literals import LiteralSink
    from dissectors.imap.commands import ImapCommand
    from dissectors.limits import Limits

APPENDING = frozenset({"APPEND", "REPLACE", "UID REPLACE"})
_CATENATE = b"CATENATE ("


class Hold(Protocol):
    """What to do with a message until its command is answered."""

    def __call__(
        self, command: ImapCommand, reader: MessageReader, /, *, complete: bool
    ) -> None:
        """Take what read it, and whether it came to its end."""


def open_appended(
    command: ImapCommand, head: bytes, limits: Limits, hold: Hold
) -> LiteralSink:
    """Open a message, or the next part of one.

    Args:
        command: carries it.
        head: what precedes its literal.
        limits: what to keep at most.
        hold: takes the message when it ends.
    """
    start = head.upper().rfind(_CATENATE)
    if start >= 0 or head.lstrip().startswith(b")"):
        # RFC 3502: the next message
        if command.catenation is not None:
            end_catenation(command, head, hold)
        if start >= 0:
            command.catenation = MessageReader(limits)
            head = head[start + len(_CATENATE) :]
    if command.catenation is None:
        return MessageLiteral(MessageReader(limits), partial(hold, command))
    _leave_urls_out(command.catenation, head)
    return MessageLiteral(command.catenation, partial(_end_text, command))


def end_catenation(command: ImapCommand, fragment: bytes, hold: Hold) -> None:
    """Hold the message that CATENATE put together, if there is one."""
    reader = command.catenation
    if reader is None:
        return
    command.catenation = None
    _leave_urls_out(reader, fragment.partition(b")")[0])
    hold(command, reader, complete=not command.is_cut)


def _leave_urls_out(reader: MessageReader, text: bytes) -> None:
    """RFC 4469 §3: what a URL stands for is on the server and was not sent."""
    if b"URL " in text.upper():
        reader.skip_gap(0)


def _end_text(command: ImapCommand, _reader: MessageReader, *, complete: bool) -> None:
    """A part of a catenated message ended; the message goes on."""
    if not complete:
        command.is_cut = True
