"""Messages that APPEND and REPLACE carry, whole or put together by CATENATE.

APPEND may carry several (RFC 3502); CATENATE (RFC 4469) makes one of texts, which are
literals, and of what URLs stand for. They wait for the response to their command.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from dissectors.conversation.lines import Place
from dissectors.events import Delivery, Side
from dissectors.imap.commands import Appended, AppendedMessage
from dissectors.imap.outcomes import describe_appended
from dissectors.imap.retrieval import MessageLiteral

if TYPE_CHECKING:
    from dissectors.conversation.literals import LiteralSink
    from dissectors.conversation.reporter import Reporter
    from dissectors.imap.commands import ImapCommand
    from dissectors.message import MessageReader

APPENDING = frozenset({"APPEND", "REPLACE", "UID REPLACE"})
_CATENATE = b"CATENATE ("


class Appending:
    """Reads the messages that commands carry, and holds them until the response."""

    __slots__ = ("_held", "_reporter")

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        # messages that wait for their tagged response
        self._held = 0

    def open_message(self, command: ImapCommand, head: bytes) -> LiteralSink:
        """Open a message, or the next part of one; `head` precedes its literal."""
        appended = command.appended
        if appended is None:
            appended = command.appended = Appended()
        start = head.upper().rfind(_CATENATE)
        if start >= 0 or head.lstrip().startswith(b")"):
            # RFC 3502: the next message
            self.end_catenation(command, head)
            if start >= 0:
                appended.catenation = self._reporter.new_message()
                head = head[start + len(_CATENATE) :]
        if appended.catenation is None:
            reader = self._reporter.new_message()
            return MessageLiteral(reader, partial(self._hold, command))
        _leave_urls_out(appended.catenation, head)
        return MessageLiteral(appended.catenation, partial(_end_text, appended))

    def end_catenation(self, command: ImapCommand, fragment: bytes) -> None:
        """Hold the message that CATENATE put together, if there is one."""
        appended = command.appended
        reader = None if appended is None else appended.catenation
        if appended is None or reader is None:
            return
        appended.catenation = None
        _leave_urls_out(reader, fragment.partition(b")")[0])
        self._hold(command, reader, complete=not appended.is_cut)

    def close(self, command: ImapCommand) -> None:
        """Learn that no more of a command comes: a catenation breaks off."""
        appended = command.appended
        if appended is not None and appended.catenation is not None:
            appended.is_cut = True
            self.end_catenation(command, b"")

    def release(self, command: ImapCommand) -> None:
        """Hold the messages of a command no more; tell what was over a limit."""
        self._held -= len(command.messages)
        for message in command.messages:
            place = Place(message.offset, message.time_ns, message.frame)
            self._reporter.report_limits(message.facts, Side.CLIENT, place)

    def _hold(
        self, command: ImapCommand, reader: MessageReader, *, complete: bool
    ) -> None:
        reporter, appended, literal = self._reporter, command.appended, command.literal
        assert appended is not None
        assert literal is not None
        message = AppendedMessage(
            reader.finish(complete=complete),
            complete,
            reporter.time_ns,
            reporter.frame,
            literal.since_ns,
            reporter.streams[Side.CLIENT].offset,
        )
        if self._held < reporter.limits.list_items:
            self._held += 1
            appended.messages.append(message)
        else:
            described = describe_appended(
                command, message, Delivery.UNKNOWN, reporter.limits
            )
            reporter.report_message(described, Side.CLIENT)


def _leave_urls_out(reader: MessageReader, text: bytes) -> None:
    """Leave a gap for what URLs stand for, as it was not sent (RFC 4469 §3)."""
    if b"URL " in text.upper():
        reader.skip_gap(0)


def _end_text(appended: Appended, _reader: MessageReader, *, complete: bool) -> None:
    """Learn that a part of a catenated message ended; the message goes on."""
    if not complete:
        appended.is_cut = True
