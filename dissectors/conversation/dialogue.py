"""A dialogue: what client and server say in plaintext, as one protocol reads it.

`Dialogue` is all that a connection (`MailDissector`) knows of a protocol. The
connection tells plaintext from TLS and calls the dialogue with every line, gap and end;
what the dialogue learns goes to its `Reporter`, and what it agrees on, such as TLS, to
its `Plaintext`. It does not know the connection.
"""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING, NamedTuple

from dissectors.conversation.plaintext import RECORD_STARTS, Plaintext, Upgrade
from dissectors.credentials.names import MASK

if TYPE_CHECKING:
    from collections.abc import Callable

    from dissectors.conversation.reporter import Reporter
    from dissectors.events import Side

_CR = 0x0D
# a member of an enum costs more to look up
_AGREED = Upgrade.AGREED


class Successor(NamedTuple):
    """What reads on once the sides have exchanged their roles.

    Attributes:
        dialogue: reads on; its client is whoever accepted the connection.
        left_out: events that would say of one side what is true of the other.
    """

    dialogue: Dialogue
    left_out: tuple[type, ...]


class Dialogue(abc.ABC):
    """Reads the lines of both sides.

    A protocol implements `read`, `skip_gap`, `finish` and `new_inside`; `line_reader`
    makes it faster, and `interrupt` makes sense of lines without an end.

    Attributes:
        limits: what to keep at most.
        reporter: takes what happens.
        plaintext: has the lines.
        streams: the client's and the server's.
        successor: reads on, if the sides have exchanged their roles.
    """

    __slots__ = ("limits", "plaintext", "reporter", "streams", "successor")

    def __init__(self, reporter: Reporter) -> None:
        self.limits = reporter.limits
        self.reporter = reporter
        self.streams = reporter.streams
        self.plaintext = Plaintext(reporter)
        self.successor: Successor | None = None

    @abc.abstractmethod
    def read(self, side: Side) -> None:
        """Read what can be read of a side's lines; return after `start_tls`.

        It may also return early to let the other side be read first, and is
        called again as long as one of the two gets further.
        """

    @abc.abstractmethod
    def skip_gap(self, side: Side, length: int) -> None:
        """Deal with the unread bytes of a side, behind which there is a gap.

        What stays unread is joined with what comes after the gap.
        """

    @abc.abstractmethod
    def finish(self) -> None:
        """Learn that nothing follows: report what was still waiting for an answer.

        It may be called again, since plaintext may come beside TLS.
        """

    @abc.abstractmethod
    def new_inside(self, *, greeted: bool) -> Dialogue:
        """Return what reads the dialogue inside TLS, as nothing said before counts.

        Args:
            greeted: the server has greeted already, as the upgrade came later.
        """

    def show_line(self, _side: Side, line: bytes) -> str:
        """Show a line that was read, but no command, as far as it is harmless.

        What is withheld is masked elsewhere.
        """
        return MASK if line.strip() else ""

    def tag_of(self, _command: bytes) -> str:
        """Return the tag that a command begins with, if there is one."""
        return ""

    def is_behind_literal(self, _side: Side) -> bool:
        """Return whether the next line of a side goes on behind a literal."""
        return False

    def interrupt(self, side: Side) -> None:  # noqa: B027, it need not be known
        """Learn that the other side goes on, while `side` has unread bytes."""

    def line_reader(self, _side: Side) -> Callable[[bytes], object] | None:
        """Return what acts on the next line of a side; `None` if `read` must do it.

        Most packets are whole lines, which need no buffer if all lines do.
        """
        return None

    def pass_lines(self, side: Side, data: bytes) -> bytes:
        """Act on the lines that come first, with nothing unread before them.

        Returns:
            The rest, for which the buffer is needed.
        """
        start, size = 0, len(data)
        if size > self.limits.line:
            return data
        unread, plaintext = self.streams[side], self.plaintext
        while start < size:
            act = self.line_reader(side)
            if act is None:
                break
            end = data.find(b"\n", start)
            if end <= start or data[end - 1] != _CR or data[start] in RECORD_STARTS:
                break
            line = data[start : end - 1]
            unread.bare_lf = False
            unread.line_offset = unread.offset
            unread.offset += end + 1 - start
            start = end + 1
            act(line)
            if plaintext.upgrade is _AGREED or self.successor is not None:
                break
        return data[start:]

    def exchange_roles(self, dialogue: Dialogue, left_out: tuple[type, ...]) -> None:
        """Learn that from the next unread byte on, the server asks.

        Args:
            dialogue: reads on.
            left_out: events that would say of one side what is true of the other.
        """
        self.reporter.share_with(dialogue.reporter)
        if self.reporter.recorder is not None:
            self.reporter.recorder.follow(dialogue, is_swapped=True)
        if self.plaintext.upgrade is Upgrade.DONE:
            dialogue.plaintext.upgrade = Upgrade.DONE
        for mine, other in zip(self.streams, reversed(dialogue.streams), strict=True):
            other.offset = mine.offset
        self.successor = Successor(dialogue, left_out)
        self.plaintext.hands_over = True
