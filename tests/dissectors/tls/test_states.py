"""What TLS does in every state with everything that either side may send.

The table is total: each combination is played, must be the same however it is cut into
packets, and what it leads to is written down in `tests/data/golden`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dissectors.events import Anomaly, Side, TlsHandshakeSeen
from dissectors.tls import ApplicationData, ApplicationGap
from tests.support.tls.states import STATES, THINGS, play

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.tls.states import Played


def described(played: Played) -> str:
    words = []
    for event in played.events:
        match event:
            case Anomaly():
                words.append(f"!{event.code}")
            case TlsHandshakeSeen():
                words.append("established" if event.established else "not established")
            case ApplicationData() | ApplicationGap():
                words.append(type(event).__name__)
    if played.unread:
        words.append(f"{len(played.unread)} bytes unread")
    return ", ".join(words) or "nothing"


def test_every_state_takes_everything(
    expect_golden: Callable[[str, str], None],
) -> None:
    rows = []
    for state, (before, has_keys) in STATES.items():
        for side in Side:
            for thing in THINGS:
                played = play(before, side, thing, has_keys=has_keys)
                assert play(before, side, thing, has_keys=has_keys, size=1) == played
                sent = f"{side.name.lower()}: {thing}"
                rows.append(f"{state} | {sent} | {described(played)} | {played.states}")

    expect_golden("tls-states.txt", "\n".join(rows) + "\n")
