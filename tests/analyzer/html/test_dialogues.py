from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.dialogue.dialogue import dialogue_from_tables
from analyzer.html.data import PageSessions
from analyzer.html.dialogues import dialogue_data
from tests.support.analyses import analysis_of, judgement_of
from tests.support.pages import decode, page_of

if TYPE_CHECKING:
    import pytest


def test_steps_are_those_of_the_dialogue() -> None:
    analysis = analysis_of("office")
    dialogues = page_of("office").dialogues

    assert dialogues.keys() == set(analysis.sessions["session_id"])
    for session_id, told in dialogues.items():
        dialogue = dialogue_from_tables(analysis.tables, session_id)
        assert [step[1:3] for step in told["steps"]] == [
            [step.kind.value, step.side] for step in dialogue.steps
        ]
        assert told["left_out"] == 0


def test_most_worrying_sessions_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analyzer.html.dialogues.MAX_EXCHANGES", 40)
    analysis = analysis_of("office")
    sessions = PageSessions(analysis, judgement_of("office"), {})

    told = decode(dialogue_data(analysis, sessions)).model["dialogues"]

    facts = sessions.facts.set_index("session_id")
    least = min(facts.loc[each, "worry"] for each in told)
    assert 0 < len(told) < 10
    assert facts["worry"].nlargest(len(told)).min() == least


def test_long_dialogue_says_what_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analyzer.html.dialogues.MAX_STEPS", 3)
    analysis = analysis_of("pop3-user-pass")
    sessions = PageSessions(analysis, judgement_of("pop3-user-pass"), {})

    (told,) = decode(dialogue_data(analysis, sessions)).model["dialogues"].values()

    assert len(told["steps"]) == 3
    assert told["left_out"] > 3
