"""The tables of states in the code, as they are, and which lines of them happen.

`tests/data/golden/transitions.txt` is made from these tables. Everything that either
side may send in any state (`test_state_tables`), and the captures, are played beside
that: a change that is in no table would be an error, and a line that never happens says
so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from dissectors.conversation import command_dialogue, commands
from dissectors.limits import DEFAULT_LIMITS
from dissectors.tls import flow
from tests.fuzz.check import play
from tests.support.dialogues import dialogues
from tests.support.mail_states import ANYTHING, TABLES
from tests.support.playbook import CLIENT, SERVER, Step
from tests.support.tls import states as tls_states

if TYPE_CHECKING:
    import enum
    from collections.abc import Callable
    from types import ModuleType

    import pytest


class Transition(NamedTuple):
    """What happens to something in a state, and which state that leads to."""

    of: str
    happens: str
    before: enum.Enum
    after: enum.Enum

    def __str__(self) -> str:
        before, after = (words(each) for each in (self.before, self.after))
        kept = "stays" if before == after else after
        return f"{self.of} | {before} | {self.happens} | {kept}"


class Noting(dict[Any, Any]):
    """A table of what comes after what, which notes what is looked up."""

    def __init__(self, of: str, happens: str, table: dict[Any, Any]) -> None:
        super().__init__(table)
        self.of, self.happens = of, happens
        self.played: set[Transition] = set()

    def __getitem__(self, before: Any) -> Any:
        after = super().__getitem__(before)
        self.played.add(Transition(self.of, self.happens, before, after))
        return after

    def transitions(self) -> list[Transition]:
        return [Transition(self.of, self.happens, *each) for each in self.items()]


def words(member: enum.Enum) -> str:
    return member.name.lower().replace("_", " ")


def play_everything() -> None:
    for protocol, (states, lines) in TABLES.items():
        for before in states.values():
            for side in (CLIENT, SERVER):
                for content in {**ANYTHING, **lines[side]}.values():
                    play([*before, Step(side, content)], protocol, DEFAULT_LIMITS)
    for steps, has_keys in tls_states.STATES.values():
        for side in (CLIENT, SERVER):
            for thing in tls_states.THINGS:
                tls_states.play(steps, side, thing, has_keys=has_keys)
    for talk in dialogues():
        protocol = str(talk.protocol)
        play(talk.steps, protocol, DEFAULT_LIMITS, key_log=talk.key_log)


def test_every_state_says_what_comes_after_it(
    monkeypatch: pytest.MonkeyPatch, expect_golden: Callable[[str, str], None]
) -> None:
    def watched(of: str, module: ModuleType, name: str) -> list[Noting]:
        table = getattr(module, name)
        noting = {each: Noting(of, words(each), rows) for each, rows in table.items()}
        monkeypatch.setattr(module, name, noting)
        return list(noting.values())

    greeted = Noting("line without a verb", "greeting", command_dialogue._GREETED)
    monkeypatch.setattr(command_dialogue, "_GREETED", greeted)
    tables = [
        *watched("replies", commands, "_NEXT_SYNC"),
        greeted,
        *watched("TLS of a side", flow, "TRANSITIONS"),
    ]

    play_everything()

    played = {each for table in tables for each in table.played}
    assert any(each.before is not each.after for each in played)
    rows = [
        str(each) if each in played else f"{each} (never played)"
        for table in tables
        for each in table.transitions()
    ]
    expect_golden("transitions.txt", "\n".join(rows) + "\n")
