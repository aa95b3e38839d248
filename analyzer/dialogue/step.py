"""What a dialogue is made of."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

CLIENT, SERVER = "client", "server"
# nanoseconds of a second
NS = 1_000_000_000


class StepKind(enum.StrEnum):
    """What happened."""

    # of the connection: it was opened, and how it ended
    OPENED = "opened"
    ENDED = "ended"
    # a line with which a command begins, and the one that completes its answer
    COMMAND = "command"
    REPLY = "reply"
    # any other line: of an answer of several lines, untagged, a continuation
    LINE = "line"
    # a message that was transferred; what it says is not told
    MESSAGE = "message"
    # a step of a TLS handshake, or an alert
    TLS = "tls"
    # bytes that were not captured
    GAP = "gap"


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a dialogue.

    Attributes:
        kind: what happened.
        side: who did it, `client` or `server`; `None` if that is not known.
        text: in words; secrets are `***`.
        time_ns: when, in nanoseconds since 1970; `None` if that is not known.
        latency_s: of a reply, since its command; of a message, since its first byte.
        capture: the capture that holds the packet that completed it.
        frame: number of that packet.
        offset: of a line, where it begins in what its side sent, in bytes; inside TLS,
            in what was decrypted.
    """

    kind: StepKind
    side: str | None
    text: str
    time_ns: int | None = None
    latency_s: float | None = None
    capture: str | None = None
    frame: int | None = None
    offset: int | None = None


def in_order(steps: Iterable[Step]) -> list[Step]:
    """Put steps in the order of their packets.

    Those whose time is not known stay behind the step that they came with. A message
    comes before what the packet that ends it holds besides, if it began earlier.
    """
    known_ns = 0
    places: list[tuple[int, bool, int, Step]] = []
    for at, step in enumerate(steps):
        known_ns = step.time_ns if step.time_ns is not None else known_ns
        is_rest = step.kind is StepKind.MESSAGE and bool(step.latency_s)
        places.append((known_ns, not is_rest, at, step))
    return [step for *_, step in sorted(places, key=lambda place: place[:3])]
