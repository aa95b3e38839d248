"""What dissectors promise whatever they are fed: `play` breaks where they don't."""

from __future__ import annotations

from collections import deque
from functools import partial
from itertools import pairwise
from random import Random
from typing import TYPE_CHECKING

from dissectors import (
    MailDissector,
    registry,
)
from dissectors.events import Anomaly, Exchange, MessageTransferred, Side
from dissectors.limits import DEFAULT_LIMITS, Limits
from tests.support.talk import DIALOGUES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from dissectors import KeyLog
    from dissectors.conversation.transcript import Transcript
    from dissectors.events import Event
    from tests.support.playbook import Step


# so small that everything is over a limit soon
TIGHT_LIMITS = Limits(
    line=200,
    kept_text=50,
    held=400,
    pending_commands=5,
    header=300,
    mime_parts=5,
    mime_depth=3,
    anomalies=20,
    list_items=10,
    handshake=2000,
    id_fields=3,
    previews=2,
    expansion=3,
)
# with tight limits: two slices of a message, text behind a lookalike, the head of a
# file (these don't depend on limits), a record of TLS, objects that are always there
_MOST_HELD_TIGHT = 256 * 1024
_MOST_HELD = 8 * 1024 * 1024
# counting what is held takes longer than dissecting
_COUNTED_EVERY = 64


class PromiseError(AssertionError):
    """A dissector broke a promise."""


def play(
    steps: Iterable[Step],
    protocol: str,
    limits: Limits,
    cut: Callable[[bytes], list[bytes]] = lambda data: [data],
    key_log: KeyLog | None = None,
    transcript: Transcript | None = None,
) -> list[Event]:
    """Play steps to a dissector, and its two ends; return the events.

    Args:
        steps: what each packet added.
        protocol: which dissector.
        limits: its limits.
        cut: how packets come in pieces.
        key_log: the secrets of its TLS.
        transcript: notes what is said.

    Raises:
        PromiseError: with what was promised.
    """
    steps = list(steps)
    events = list(_say(steps, protocol, limits, cut, key_log, transcript))
    if transcript is not None:
        transcript.finish()
    _check(events, len(steps) + 1, limits)
    return events


def _say(
    steps: list[Step],
    protocol: str,
    limits: Limits,
    cut: Callable[[bytes], list[bytes]] = lambda data: [data],
    key_log: KeyLog | None = None,
    transcript: Transcript | None = None,
) -> Iterator[Event]:
    """Play steps; yield each event before the next step."""
    dissector = MailDissector(DIALOGUES[protocol](limits), key_log)
    if transcript is not None:
        dissector.record(transcript)
    most_held = _MOST_HELD if limits is DEFAULT_LIMITS else _MOST_HELD_TIGHT
    ended: set[Side] = set()
    for frame, step in enumerate(steps, 1):
        if step.side in ended:
            # nothing comes behind the end of a stream
            continue
        yield from _feed(dissector, step, frame, cut)
        if step.content is None:
            ended.add(step.side)
        if frame % _COUNTED_EVERY == 0 and held_bytes(dissector) > most_held:
            raise PromiseError(f"{held_bytes(dissector)} bytes are held")
    for side in Side:
        yield from dissector.receive_eof(side, len(steps) + 1, len(steps) + 1)


def check_final(
    steps: list[Step],
    protocol: str,
    events: list[Event],
    key_log: KeyLog | None = None,
) -> None:
    """Play steps once more, and compare events as they were said.

    Raises:
        PromiseError: one changed later.
    """
    said = map(str, _say(steps, protocol, DEFAULT_LIMITS, key_log=key_log))
    for before, after in zip(said, map(str, events), strict=True):
        if before != after:
            raise PromiseError(f"an event changed: {before}")


def check_other_cut(
    number: int,
    steps: list[Step],
    protocol: str,
    events: list[Event],
    key_log: KeyLog | None = None,
) -> None:
    """Play steps once more, cut into other packets at random.

    Raises:
        PromiseError: the events are not the same.
    """
    cut = partial(_cut, Random(number))
    others = play(steps, protocol, DEFAULT_LIMITS, cut, key_log)
    # damage may make the sides wait for each other in another order
    if sorted(map(str, others)) != sorted(map(str, events)):
        raise PromiseError("other packets give other events")


def _cut(random: Random, data: bytes) -> list[bytes]:
    """Cut a packet into single bytes, or at up to four places."""
    if random.random() < 0.2 and len(data) < 2000:
        return [data[i : i + 1] for i in range(len(data))]
    cuts = sorted(random.randint(0, len(data)) for _ in range(random.randint(1, 4)))
    pieces = [data[a:b] for a, b in pairwise([0, *cuts, len(data)])]
    return [piece for piece in pieces if piece]


def _feed(
    dissector: MailDissector,
    step: Step,
    frame: int,
    cut: Callable[[bytes], list[bytes]],
) -> list[Event]:
    if step.content is None:
        return dissector.receive_eof(step.side, frame, frame)
    if isinstance(step.content, int):
        return dissector.receive_gap(step.side, step.content, frame, frame)
    events = []
    # nobody sends nothing
    for piece in filter(None, cut(step.content)):
        events += dissector.receive_data(step.side, piece, frame, frame)
    return events


def _check(events: list[Event], last_frame: int, limits: Limits) -> None:
    anomalies = [event for event in events if isinstance(event, Anomaly)]
    # outside and inside TLS, and what ends the reading of a side
    if len(anomalies) > 2 * limits.anomalies + 4:
        raise PromiseError(f"{len(anomalies)} anomalies")
    for anomaly in anomalies:
        if anomaly.code not in registry.anomalies() or anomaly.offset < -1:
            raise PromiseError(f"unknown anomaly, or no place: {anomaly}")
    exchanges = [event for event in events if isinstance(event, Exchange)]
    numbers = [exchange.number for exchange in exchanges]
    if len(set(numbers)) != len(numbers):
        raise PromiseError("two exchanges have the same number")
    for exchange in exchanges:
        sent, answered = exchange.request_frame, exchange.reply_frame
        if sent and answered and not 0 < sent <= answered <= last_frame:
            raise PromiseError(f"answered before it was sent: {exchange}")
        text = f"{exchange.argument or ''}{exchange.reply_text or ''}"
        # an escaped byte becomes four characters
        if len(text) > 8 * limits.kept_text + 64:
            raise PromiseError(f"too much text is kept: {len(text)}")
    for event in events:
        if isinstance(event, MessageTransferred) and event.facts.size_bytes < 0:
            raise PromiseError("a message of less than nothing")


def held_bytes(thing: object) -> int:
    """How many bytes of data, and entries of containers, a dissector holds."""
    seen: set[int] = set()
    total = 0
    pending = [thing]
    while pending:
        each = pending.pop()
        if id(each) in seen or isinstance(each, Limits | type):
            continue
        seen.add(id(each))
        if isinstance(each, bytes | bytearray | str):
            total += len(each)
        elif isinstance(each, dict):
            total += 16 * len(each)
            pending += [*each.keys(), *each.values()]
        elif isinstance(each, list | tuple | set | frozenset):
            total += 8 * len(each)
            pending += each
        elif isinstance(each, deque):
            pending += each
        elif type(each).__module__.startswith("dissectors"):
            pending += _attributes(each)
    return total


def _attributes(thing: object) -> list[object]:
    names = list(getattr(thing, "__dict__", ()))
    for base in type(thing).__mro__:
        slots = getattr(base, "__slots__", ())
        names += [slots] if isinstance(slots, str) else slots
    return [getattr(thing, name, None) for name in names]
