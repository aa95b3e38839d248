"""Damages real conversations at random: `python -m tests.fuzz [COUNT] [FIRST] [tls]`.

With `tls`, only those with TLS whose secrets are known, and half of them no further
than the handshake. Each number is a seed: `python -m tests.fuzz 1 4711` repeats number
4711. What a dissector makes of a damaged conversation must also not depend on how it is
cut into packets, which every eighth is checked for.
"""

from __future__ import annotations

import functools
import sys
import time
import traceback
from functools import partial
from itertools import pairwise
from random import Random
from typing import TYPE_CHECKING, NamedTuple

from dissectors.limits import DEFAULT_LIMITS
from tests.fuzz.check import DISSECTORS, TIGHT_LIMITS, PromiseError, play
from tests.fuzz.mutate import mutate
from tests.support.dialogues import dialogues
from tests.support.playbook import Step

if TYPE_CHECKING:
    from dissectors import KeyLog
    from tests.support.dialogues import Dialogue

_COUNT = 100_000
_MOST_FAILURES = 10


_HANDSHAKE_STEPS = 16


class Mutant(NamedTuple):
    """A damaged conversation of a capture."""

    capture: str
    protocol: str
    steps: list[Step]
    key_log: KeyLog


@functools.cache
def _known(*, only_tls: bool) -> list[Dialogue]:
    return [each for each in dialogues() if each.is_tls or not only_tls]


def mutant(number: int, *, only_tls: bool = False) -> Mutant:
    """The conversation of a seed."""
    random = Random(number)
    known = _known(only_tls=only_tls)
    dialogue = random.choice(known)
    start = dialogue.steps
    if only_tls and random.random() < 0.5:
        start = start[:_HANDSHAKE_STEPS]
    steps = mutate(start, random.choice(known).steps, random)
    protocol = str(dialogue.protocol)
    if random.random() < 0.05:
        protocol = random.choice(list(DISSECTORS))
    steps = steps or [Step(random.choice(dialogue.steps).side, b"x")]
    return Mutant(dialogue.capture, protocol, steps, dialogue.key_log)


def try_one(number: int, *, only_tls: bool = False) -> None:
    """Play a mutant with tight limits and the usual ones; some of them cut anew.

    Raises:
        Exception: a promise was broken.
    """
    _, protocol, steps, key_log = mutant(number, only_tls=only_tls)
    play(steps, protocol, TIGHT_LIMITS, key_log=key_log)
    events = play(steps, protocol, DEFAULT_LIMITS, key_log=key_log)
    if number % 8 == 0 and "imap_compression_" not in str(events):
        random = Random(number)
        cut = partial(_cut, random)
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


def main() -> int:
    """Try as many as asked for; print the failures."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else _COUNT
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    only_tls = "tls" in sys.argv[3:]
    began = time.perf_counter()
    failures = 0
    for number in range(first, first + count):
        try:
            try_one(number, only_tls=only_tls)
        except Exception:  # noqa: BLE001
            failures += 1
            capture, protocol, *_ = mutant(number, only_tls=only_tls)
            print(f"{number} ({capture}, {protocol})")  # noqa: T201
            traceback.print_exc(limit=-6)
            if failures == _MOST_FAILURES:
                break
    tried = number - first + 1
    seconds = time.perf_counter() - began
    print(f"{tried} tried, {failures} failed, {seconds:.0f} s")  # noqa: T201
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
