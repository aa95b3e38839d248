"""Damages conversations at random: `python -m tests.fuzz [COUNT] [FIRST] [KIND]`.

They are real ones; with `tls`, only those with TLS whose secrets are known, and half of
them no further than the handshake. With `secrets`, they are logins of all kinds, and
passwords are looked for in what is told of them. All processors share the work. Each
number is a seed: `python -m tests.fuzz 1 4711` repeats number 4711. What a dissector
makes of a damaged conversation must also not depend on how it is cut into packets, and
no event may change once it was said: every eighth is checked for that.
"""

from __future__ import annotations

import functools
import sys
import time
import traceback
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import repeat
from multiprocessing import get_context
from random import Random
from typing import TYPE_CHECKING, NamedTuple

from dissectors.conversation.transcript import Transcript
from dissectors.limits import DEFAULT_LIMITS
from tests.fuzz.check import (
    TIGHT_LIMITS,
    check_final,
    check_other_cut,
    play,
)
from tests.fuzz.mutate import mutate
from tests.fuzz.secrets import try_login, try_outputs
from tests.support.dialogues import dialogues
from tests.support.playbook import Step
from tests.support.talk import DIALOGUES

if TYPE_CHECKING:
    from collections.abc import Callable

    from dissectors import KeyLog
    from tests.support.dialogues import RecordedTalk

_COUNT = 100_000
_MOST_FAILURES = 10
# numbers that a process takes at a time
_CHUNK = 500
# of so many logins, the first go through all commands, as connections of a capture
_OUTPUTS_EVERY = 20_000
_MOST_CONNECTIONS = 200


_HANDSHAKE_STEPS = 16


class Mutant(NamedTuple):
    """A damaged conversation of a capture."""

    capture: str
    protocol: str
    steps: list[Step]
    key_log: KeyLog


@functools.cache
def _known(*, only_tls: bool) -> list[RecordedTalk]:
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
        protocol = random.choice(list(DIALOGUES))
    steps = steps or [Step(random.choice(dialogue.steps).side, b"x")]
    return Mutant(dialogue.capture, protocol, steps, dialogue.key_log)


def try_one(number: int, *, only_tls: bool = False) -> None:
    """Play a mutant with tight limits and the usual ones; some of them cut anew.

    Raises:
        Exception: a promise was broken.
    """
    _, protocol, steps, key_log = mutant(number, only_tls=only_tls)
    play(steps, protocol, TIGHT_LIMITS, key_log=key_log, transcript=Transcript(50))
    events = play(steps, protocol, DEFAULT_LIMITS, key_log=key_log)
    if number % 8 == 0:
        check_final(steps, protocol, events, key_log)
        if "imap_compression_" not in str(events):
            check_other_cut(number, steps, protocol, events, key_log)


def main() -> int:
    """Try as many as asked for; print the failures."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else _COUNT
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    kind = sys.argv[3] if len(sys.argv) > 3 else "all"
    began = time.perf_counter()
    failures = tried = 0
    chunks = [
        range(start, min(start + _CHUNK, first + count))
        for start in range(first, first + count, _CHUNK)
    ]
    with ProcessPoolExecutor(mp_context=get_context("fork")) as pool:
        for chunk, failed in zip(
            chunks, pool.map(try_all, chunks, repeat(kind)), strict=True
        ):
            tried += len(chunk)
            for number, told in failed:
                failures += 1
                print(number, told, sep="\n")  # noqa: T201
            if failures >= _MOST_FAILURES:
                pool.shutdown(cancel_futures=True)
                break
    seconds = time.perf_counter() - began
    print(f"{tried} tried, {failures} failed, {seconds:.0f} s")  # noqa: T201
    return 1 if failures else 0


def try_all(numbers: range, kind: str) -> list[tuple[int, str]]:
    """Try some; return the failures, and where it failed."""
    attempts: dict[str, Callable[[int], None]] = {
        "all": try_one,
        "tls": partial(try_one, only_tls=True),
        "secrets": try_login,
    }
    failed = []
    for number in numbers:
        try:
            attempts[kind](number)
        except Exception:  # noqa: BLE001
            failed.append((number, traceback.format_exc(limit=-6)))
    if kind == "secrets" and numbers.start % _OUTPUTS_EVERY < _CHUNK:
        sample = numbers[:_MOST_CONNECTIONS]
        try:
            try_outputs(sample)
        except Exception:  # noqa: BLE001
            failed.append((numbers.start, traceback.format_exc(limit=-6)))
    return failed


if __name__ == "__main__":
    sys.exit(main())
