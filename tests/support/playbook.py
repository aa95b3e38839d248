"""Play a conversation to a dissector and compare what it reports.

    Playbook(SmtpDialogue)
        .server(b"220 mail.example.com ESMTP\\r\\n")
        .client(b"NOOP\\r\\n")
        .expect(exchange("NOOP"), ...)

Each step is one packet: frame 1, 2, 3, ... with a time of its own. `expect` leaves
out what most tests don't care for: times, frames, exchange numbers, reply texts and
their codes, the facts of messages but their size; and what a session used, unless
something of that kind is expected.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self, TypeVar

from hypothesis import strategies as st

from dissectors import MailDissector, registry
from dissectors.events import (
    Anomaly,
    Exchange,
    ExchangeKind,
    ExtensionUsed,
    LoginOffered,
    MailboxSynchronised,
    MessageFacts,
    MessagesAvailable,
    MessageTransferred,
    Side,
    StateChanged,
    UseCounted,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dissectors.conversation.dialogue import Dialogue
    from dissectors.events import Event

EventT = TypeVar("EventT")

CLIENT, SERVER = Side.CLIENT, Side.SERVER

# what accompanies most commands
_USES = (
    ExtensionUsed,
    LoginOffered,
    MailboxSynchronised,
    MessagesAvailable,
    StateChanged,
    UseCounted,
)


@dataclass(frozen=True)
class Step:
    """A packet: its bytes, or the length of a gap, or `None` for the end."""

    side: Side
    content: bytes | int | None

    def __str__(self) -> str:
        arrow = ">>" if self.side is CLIENT else "<<"
        return f"{arrow} {self.content!r}"


def play_step(dissector: MailDissector, step: Step, frame: int) -> list[Event]:
    """Let a dissector read one packet, and return what that completed."""
    at = (frame * 1000, frame)
    if step.content is None:
        return dissector.receive_eof(step.side, *at)
    if isinstance(step.content, int):
        return dissector.receive_gap(step.side, step.content, *at)
    return dissector.receive_data(step.side, step.content, *at)


class Playbook:
    """A conversation, step by step. One that nobody plays fails its test."""

    def __init__(self, make: Callable[[], Dialogue]) -> None:
        self._make = make
        self._steps: list[Step] = []
        self._is_used = False

    def __del__(self) -> None:
        # pytest makes an error of it
        assert self._is_used or not self._steps, f"nobody played {self._steps}"

    @property
    def steps(self) -> list[Step]:
        """Its packets."""
        self._is_used = True
        return self._steps

    @steps.setter
    def steps(self, steps: list[Step]) -> None:
        self._steps = steps

    def client(self, data: bytes) -> Self:
        """The client sends a packet."""
        self._steps.append(Step(CLIENT, data))
        return self

    def server(self, data: bytes) -> Self:
        """The server sends a packet."""
        self._steps.append(Step(SERVER, data))
        return self

    def gap(self, side: Side, length: int) -> Self:
        """Bytes of a side were not captured."""
        self._steps.append(Step(side, length))
        return self

    def eof(self, side: Side | None = None) -> Self:
        """A side ends; both without argument."""
        self._steps += [Step(each, None) for each in Side if side in (each, None)]
        return self

    def run(self, split: Callable[[bytes], list[bytes]] | None = None) -> list[Event]:
        """Play it to a new dissector; `split` cuts each packet into pieces."""
        self._is_used = True
        dissector = MailDissector(self._make())
        events: list[Event] = []
        for frame, step in enumerate(self.steps, 1):
            if split and isinstance(step.content, bytes):
                for piece in split(step.content):
                    events += play_step(dissector, Step(step.side, piece), frame)
            else:
                events += play_step(dissector, step, frame)
        return events

    def expect(self, *expected: Event) -> None:
        """Play it and compare all events; then once more, byte by byte."""
        events = self.run()
        ignored = set(_USES) - {type(event) for event in expected}
        wanted = [str(_essence(event)) for event in expected]
        got = [str(_essence(event)) for event in events if type(event) not in ignored]
        if got != wanted:
            steps = "\n".join(map(str, self.steps))
            changes = "\n".join(difflib.ndiff(wanted, got))
            raise AssertionError(
                f"{steps}\n-- expected (-) and reported (+)\n{changes}"
            )
        self.expect_same(split_bytes)

    def events_of(self, kind: type[EventT]) -> list[EventT]:
        """Play it, and byte by byte, and return the events of one kind."""
        self.expect_same(split_bytes)
        events: list[Any] = self.run()
        return [event for event in events if isinstance(event, kind)]

    def expect_same(self, split: Callable[[bytes], list[bytes]]) -> None:
        """Cut packets must tell the same as whole ones, in every detail."""
        assert self.run(split) == self.run()


def _essence(event: Event) -> Event:
    if isinstance(event, Exchange):
        return replace(
            event,
            number=0,
            request_time_ns=None,
            request_frame=None,
            reply_time_ns=None,
            reply_frame=None,
            reply_text=None,
            enhanced_status_code=None,
            response_code=None,
        )
    if isinstance(event, MessageTransferred):
        facts = MessageFacts(size_bytes=event.facts.size_bytes, cut=event.facts.cut)
        event = replace(event, facts=facts, verb=None, begin_ns=None)
        return replace(event, time_ns=0, frame=0, offset=-1)
    if isinstance(event, Anomaly):
        return replace(event, offset=0, time_ns=0, frame=0, detail="")
    return event


def exchange(
    verb: str | None,
    argument: str | None = None,
    reply: int | str | None = None,
    kind: ExchangeKind = ExchangeKind.COMMAND,
) -> Exchange:
    """An exchange as `expect` compares it; `reply` is a code or a status."""
    code = reply if isinstance(reply, int) else None
    status = reply if isinstance(reply, str) else None
    return Exchange(0, kind, verb, argument, reply_code=code, status=status)


def anomaly(code: str, side: Side) -> Anomaly:
    """An anomaly as `expect` compares it."""
    return Anomaly(code, side, 0, 0, 0)


def split_bytes(data: bytes) -> list[bytes]:
    """Cut into single bytes."""
    return [data[i : i + 1] for i in range(len(data))]


def split_at(cuts: set[int]) -> Callable[[bytes], list[bytes]]:
    """Cut every packet at the same places, counted from its end."""

    def split(data: bytes) -> list[bytes]:
        places = [0, *sorted(len(data) - cut for cut in cuts if 0 < cut < len(data))]
        return [
            data[start:end]
            for start, end in zip(places, [*places[1:], len(data)], strict=True)
        ]

    return split


def every_split(data: bytes) -> Iterator[list[bytes]]:
    """Every way to cut a packet in two."""
    for place in range(1, len(data)):
        yield [data[:place], data[place:]]


# where packets are cut: most line ends are near the end of a packet
cuts = st.sets(st.integers(1, 60), min_size=1, max_size=8)


@st.composite
def mutations(draw: st.DrawFn, steps: list[Step]) -> list[Step]:
    """A conversation to which something has happened on its way."""
    steps = list(steps)
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(steps) - 1))
        content = steps[place].content
        match draw(st.sampled_from(["drop", "swap", "repeat", "gap", "noise", "cut"])):
            case "drop":
                del steps[place]
            case "swap":
                steps.insert(place, steps.pop(0))
            case "repeat":
                steps.insert(place, steps[place])
            case "gap":
                steps.insert(place, Step(steps[place].side, draw(st.integers(1, 3000))))
            case "noise":
                noise = draw(st.binary(min_size=1, max_size=30))
                steps.insert(place, Step(steps[place].side, noise))
            case _ if isinstance(content, bytes) and content:
                end = draw(st.integers(0, len(content)))
                steps[place] = Step(steps[place].side, content[:end])
        if not steps:
            break
    return steps or [Step(CLIENT, None)]


def expect_no_harm(play: Playbook, data: st.DataObject) -> None:
    """A damaged conversation raises nothing, and is told the same however it is cut."""
    play.steps = data.draw(mutations(play.steps))
    events = play.eof().run()
    codes = {each.code for each in events if isinstance(each, Anomaly)}
    assert codes <= registry.anomalies().keys()
    play.expect_same(split_at(data.draw(cuts)))
