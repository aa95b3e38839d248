"""A few damaged conversations; `python -m tests.fuzz` tries many more."""

from __future__ import annotations

from random import Random

import pytest

from dissectors.events import Side
from dissectors.limits import DEFAULT_LIMITS, Limits
from tests.fuzz.__main__ import mutant, try_one
from tests.fuzz.check import TIGHT_LIMITS, PromiseError, held_bytes, play
from tests.fuzz.mutate import mutate
from tests.support.dialogues import dialogues
from tests.support.playbook import Step


@pytest.mark.parametrize("first", range(0, 1600, 200))
def test_damaged_conversation_breaks_no_promise(first: int) -> None:
    for number in range(first, first + 200):
        try_one(number)


@pytest.mark.parametrize("first", range(0, 800, 200))
def test_damaged_tls_breaks_no_promise(first: int) -> None:
    for number in range(first, first + 200):
        try_one(number, only_tls=True)


@pytest.mark.parametrize("limits", [DEFAULT_LIMITS, TIGHT_LIMITS])
def test_whole_conversations_break_no_promise(limits: Limits) -> None:
    assert len(dialogues()) > 80
    for dialogue in dialogues():
        protocol = str(dialogue.protocol)
        assert play(dialogue.steps, protocol, limits, key_log=dialogue.key_log)


def test_number_repeats_its_conversation() -> None:
    assert mutant(4711) == mutant(4711)
    steps = dialogues()[0].steps
    assert any(mutate(steps, steps, Random(seed)) != steps for seed in range(5))


def test_broken_promise_is_noticed() -> None:
    flood = [Step(Side.SERVER, b"220 x\r\n"), *[Step(Side.CLIENT, b"x" * 999)] * 3000]
    held = Limits(line=10_000_000, held=10_000_000)
    with pytest.raises(PromiseError, match="bytes are held"):
        play(flood, "smtp", held)
    assert held_bytes({b"1234": [b"56", "7"]}) >= 7
