"""The smallest dialogue: what it does shows what a connection lets it read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dissectors.conversation.dialogue import Dialogue
from dissectors.conversation.reporter import Reporter
from dissectors.events import Anomaly, ReplyReceived, Side
from dissectors.limits import DEFAULT_LIMITS, Limits
from tests.support.playbook import Playbook

if TYPE_CHECKING:
    from collections.abc import Callable

    from dissectors.events import Event

CLIENT_HELLO = b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00"
RECORD = b"\x17\x03\x03\x00\x02ab"


class Echo(Dialogue):
    """Reports each line as a reply of its length; STARTTLS upgrades."""

    def __init__(self, limits: Limits = DEFAULT_LIMITS) -> None:
        super().__init__(Reporter(limits))

    def read(self, side: Side) -> None:
        while (line := self.plaintext.take_line(side)) is not None:
            self.reporter.events.append(ReplyReceived(len(line)))
            if line == b"STARTTLS":
                self.plaintext.start_tls()
                return

    def interrupt(self, side: Side) -> None:
        if self.streams[side].data == b"GO":
            self.streams[side].take_unfinished_line()
            self.plaintext.start_tls()

    def skip_gap(self, side: Side, length: int) -> None:
        self.streams[side].drop()

    def finish(self) -> None:
        for unread in self.streams:
            if unread.data:
                self.reporter.events.append(ReplyReceived(-len(unread)))

    def new_inside(self, *, greeted: bool) -> Echo:
        del greeted
        return Echo(self.limits)


class Listener(Echo):
    """Needs no buffer: reports each line with the place of its end."""

    def line_reader(self, side: Side) -> Callable[[bytes], None]:
        def report(line: bytes) -> None:
            place = Anomaly("line", side, self.streams[side].offset, 0, 0)
            self.reporter.events.append(place)
            if line == b"STARTTLS":
                self.plaintext.start_tls()

        return report


def playbook(limits: Limits | None = None) -> Playbook:
    return Playbook(lambda: Echo(limits or Limits()))


def codes(events: list[Event]) -> list[str]:
    return [event.code for event in events if isinstance(event, Anomaly)]
