from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import get_args

import pytest

from dissectors import events
from dissectors.events import Side, StartTls


@pytest.mark.parametrize("kind", get_args(events.Event), ids=lambda kind: kind.__name__)
def test_event_is_small_and_has_no_place_for_a_secret(kind: type) -> None:
    assert is_dataclass(kind)
    assert "__dict__" not in dir(kind)
    names = {field.name for field in fields(kind)}
    assert not names & {"password", "secret", "token", "response"}


def test_lists_of_one_message_are_not_those_of_another() -> None:
    first, second = events.MessageFacts(), events.MessageFacts()

    first.to.append("tom@example.com")

    assert second.to == []


def test_steps_of_the_upgrade_are_in_order() -> None:
    steps = [StartTls.NOT_OFFERED, StartTls.OFFERED, StartTls.REQUESTED]

    assert sorted(StartTls)[:3] == steps
    assert max(StartTls) is StartTls.ACCEPTED


def test_sides_are_indices() -> None:
    assert ("client", "server")[Side.SERVER] == "server"
