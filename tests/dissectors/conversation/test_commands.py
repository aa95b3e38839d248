from __future__ import annotations

import pytest

from dissectors.conversation.commands import Command, CommandQueue, Sync, SyncEvent
from dissectors.events import Exchange, ExchangeKind


def command(number: int, verb: str | None = "NOOP") -> Command:
    return Command(Exchange(number, ExchangeKind.COMMAND, verb))


def queue(*commands: Command) -> CommandQueue[Command]:
    made: CommandQueue[Command] = CommandQueue()
    for each in commands:
        made.add(each)
    return made


@pytest.mark.parametrize("event", SyncEvent)
@pytest.mark.parametrize("sync", Sync)
def test_every_event_leads_somewhere(sync: Sync, event: SyncEvent) -> None:
    awaiting = queue()
    awaiting.sync = sync
    awaiting.note(event)

    assert isinstance(awaiting.sync, Sync)


def test_command_behind_lost_replies_is_answered_in_step() -> None:
    awaiting = queue()
    awaiting.lose_replies()
    assert not awaiting.is_in_step

    awaiting.add(command(1))
    assert awaiting.is_in_step


def test_command_behind_lost_commands_may_be_answered_by_any_reply() -> None:
    awaiting = queue(command(1))
    awaiting.lose_commands(1)
    awaiting.add(command(2))

    assert not awaiting.is_in_step
    assert not awaiting.crosses_gap()
    awaiting.give_up_oldest(100)
    assert awaiting.crosses_gap()


def test_second_gap_leaves_what_was_sent_between_behind_the_first() -> None:
    awaiting = queue()
    awaiting.lose_commands(1)
    awaiting.add(command(2))
    awaiting.lose_commands(2)

    assert awaiting.crosses_gap()


def test_lost_reply_is_that_of_the_decisive_command() -> None:
    decisive = command(1)
    awaiting = queue(decisive)
    awaiting.decisive = decisive
    awaiting.lose_replies()

    assert awaiting.is_decision_lost


def test_command_is_pipelined_behind_one_with_a_verb() -> None:
    assert queue(command(1)).is_in_flight(5)
    assert not queue(command(1, None)).is_in_flight(5)
    assert not queue().is_in_flight(5)
