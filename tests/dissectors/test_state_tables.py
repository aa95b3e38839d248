"""What each dissector does in every state with everything that either side may send.

The tables are total: each combination is played, must break no promise however it is
cut into packets, and what it leads to is written down in `tests/data/golden`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dissectors.events import Anomaly, Exchange, StartTlsAdvanced, StateChanged
from dissectors.limits import DEFAULT_LIMITS
from tests.fuzz.check import TIGHT_LIMITS, play
from tests.support.mail_states import ANYTHING, TABLES
from tests.support.playbook import CLIENT, SERVER, Step, split_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

    from dissectors.events import Event
    from tests.support.mail_states import Steps


def described(events: list[Event]) -> str:
    """What happened, in short."""
    words = []
    for event in events:
        match event:
            case Exchange():
                answer = event.reply_code or event.status or "-"
                words.append(f"{event.verb or event.kind}={answer}")
            case Anomaly():
                words.append(f"!{event.code}")
            case StateChanged():
                words.append(f"state={event.state}")
            case StartTlsAdvanced():
                words.append(f"TLS={event.step.name.lower()}".replace("_", " "))
            case _:
                words.append(type(event).__name__)
    return ", ".join(words) or "nothing"


def outcome(protocol: str, before: Steps, step: Step) -> str:
    """What one more step, and then the end, add to a state."""
    known = play(before, protocol, DEFAULT_LIMITS) if before else []
    told = play([*before, step], protocol, DEFAULT_LIMITS)
    # where a stream that can't be inflated is left depends on the packets
    if "imap_compression_lost" not in str(told):
        assert play([*before, step], protocol, DEFAULT_LIMITS, split_bytes) == told
    play([*before, step], protocol, TIGHT_LIMITS)
    if described(told) == described(known):
        return "as if nothing came"
    return described(told[_shared(known, told) :])


def _shared(known: list[Event], told: list[Event]) -> int:
    """How many events at the beginning say the same."""
    for count, (old, new) in enumerate(zip(known, told, strict=False)):
        if described([old]) != described([new]):
            return count
    return min(len(known), len(told))


@pytest.mark.parametrize("protocol", TABLES)
def test_every_state_takes_everything(
    protocol: str, expect_golden: Callable[[str, str], None]
) -> None:
    states, lines = TABLES[protocol]
    rows = []
    for state, before in states.items():
        for side in (CLIENT, SERVER):
            for name, content in {**ANYTHING, **lines[side]}.items():
                result = outcome(protocol, before, Step(side, content))
                rows.append(f"{state} | {side.name.lower()}: {name} | {result}")
    table = "\n".join(rows) + "\n"
    assert len(rows) == len(states) * sum(
        len({**ANYTHING, **x}) for x in lines.values()
    )
    expect_golden(f"{protocol}-states.txt", table)
