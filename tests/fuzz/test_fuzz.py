"""A few damaged conversations; `python -m tests.fuzz` tries many more."""

from __future__ import annotations

from random import Random

import pytest

from dissectors.credentials.withheld import Withheld
from dissectors.events import ReplyReceived, Side
from dissectors.limits import DEFAULT_LIMITS, Limits
from tests.fuzz.__main__ import mutant, try_all, try_one
from tests.fuzz.check import TIGHT_LIMITS, PromiseError, check_final, held_bytes, play
from tests.fuzz.mutate import mutate
from tests.fuzz.secrets import find, try_login, try_outputs
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


@pytest.mark.parametrize("first", range(0, 1600, 400))
def test_no_login_shows_its_secret(first: int) -> None:
    for number in range(first, first + 400):
        try_login(number)


def test_no_command_shows_the_secret_of_a_login() -> None:
    try_outputs(range(60))


def test_login_that_shows_its_secret_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """If nothing is masked in what servers say."""
    monkeypatch.setattr(Withheld, "mask", lambda _self, text: text)
    # without a look at what commands print, of which there is no need
    leaks = try_all(range(500, 700), "secrets")
    assert len([each for each in leaks if "is shown" in each[1]]) > 10


@pytest.mark.parametrize(
    "told", ["ZQ-pw Secret", "x enEtcHcgU2VjcmV0IQ==", "LnpxLXB3IFNlY3JldA=="]
)
def test_secret_is_found_in_any_spelling(told: str) -> None:
    assert find("zq-pw Secret", f"...{told}...") is not None
    assert find("zq-pw Secrets", f"...{told}...") is None


@pytest.mark.parametrize("limits", [DEFAULT_LIMITS, TIGHT_LIMITS])
def test_whole_conversations_break_no_promise(limits: Limits) -> None:
    assert len(dialogues()) > 80
    for dialogue in dialogues():
        protocol = str(dialogue.protocol)
        assert play(dialogue.steps, protocol, limits, key_log=dialogue.key_log)


def test_no_event_of_a_conversation_changes_once_it_was_said() -> None:
    for dialogue in dialogues():
        protocol, key_log = str(dialogue.protocol), dialogue.key_log
        events = play(dialogue.steps, protocol, DEFAULT_LIMITS, key_log=key_log)
        check_final(dialogue.steps, protocol, events, key_log)


def test_event_that_changes_is_noticed() -> None:
    steps = [Step(Side.SERVER, b"220 mail.example.com\r\n")]
    events = play(steps, "smtp", DEFAULT_LIMITS)
    for event in events:
        if isinstance(event, ReplyReceived):
            event.code = 221
    with pytest.raises(PromiseError, match="an event changed: ReplyReceived"):
        check_final(steps, "smtp", events)


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
