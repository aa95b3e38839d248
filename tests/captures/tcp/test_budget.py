"""What all connections together may hold."""

from __future__ import annotations

import pytest

from captures import Connection, Endpoint, Wanted
from captures.tcp import budget
from captures.tcp.budget import Budget
from captures.tcp.waiting import WaitingRoom
from tests.support.streams import Recorder

DATA = Wanted.DATA


class Open:
    """Connections of which the consumers say what they hold."""

    def __init__(self, *held: int, processes: int = 1) -> None:
        self.budget = Budget(processes)
        self.connections: dict[int, Connection] = {}
        self.consumers = [Recorder() for _ in held]
        self.ended: list[int] = []
        for number, (size, consumer) in enumerate(
            zip(held, self.consumers, strict=True)
        ):
            connection = Connection(
                Endpoint(number, 40_000),
                Endpoint(9, 25),
                WaitingRoom(),
                lambda _, made=consumer: made,  # type: ignore[misc]
            )
            connection.serial = number
            self.connections[number] = connection
            consumer.held_bytes = size
            self.budget.note(connection)

    def enforce(self) -> list[int]:
        """Let the connections hold less; which are read on?"""
        self.budget.enforce(
            self.connections,  # type: ignore[arg-type]
            (
                lambda _, each: self.budget.shrink(each),
                lambda _, each: each.cut_short(),
                self._end,
            ),
        )
        return [
            number for number, each in enumerate(self.consumers) if each.wanted is DATA
        ]

    def _end(self, key: object, connection: Connection) -> bool:
        assert isinstance(key, int)
        self.ended.append(key)
        del self.connections[key]
        self.budget.forget(connection)
        return True


@pytest.fixture(autouse=True)
def small_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    """A megabyte for all."""
    monkeypatch.setattr(budget, "MAX_HELD_BYTES", 1_000_000)


def test_little_that_is_held_is_within_the_budget() -> None:
    assert not Open(100_000, 200_000).budget.is_exceeded


def test_nobody_is_cut_short_if_what_is_measured_is_little() -> None:
    held = Open(500_000, 600_000)
    assert held.budget.is_exceeded
    for each in held.consumers:
        each.held_bytes = 1_000
    assert held.enforce() == [0, 1]
    assert not held.budget.is_exceeded


def test_no_more_are_measured_than_must_be() -> None:
    held = Open(100_000, 700_000, 300_000)
    assert held.budget.is_exceeded
    for each in held.consumers:
        each.held_bytes = 1_000
    assert held.enforce() == [0, 1, 2]
    at_most = [each.noted_bytes for each in held.connections.values()]
    assert at_most[0] > 100_000 > at_most[1]
    assert at_most[2] > 300_000
    assert not held.budget.is_exceeded


def test_largest_are_cut_short_until_half_of_the_budget_is_free() -> None:
    held = Open(100_000, 400_000, 300_000, 200_000, 100_000)
    assert held.enforce() == [0, 3, 4]
    assert not held.budget.is_exceeded
    assert not held.ended


def test_oldest_of_the_same_size_is_cut_short_first() -> None:
    assert Open(*[100_000] * 12).enforce() == [8, 9, 10, 11]


def test_what_can_be_let_go_is_let_go_before_anybody_is_cut_short() -> None:
    held = Open(300_000, 900_000)
    held.consumers[1].spare_bytes = 850_000
    assert held.enforce() == [0, 1]


def test_who_holds_too_much_even_when_cut_short_is_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Recorder, "cut_short", lambda _: None)
    held = Open(300_000, 900_000)
    held.enforce()
    assert held.ended == [1]


def test_what_is_let_go_of_need_not_be_measured_again() -> None:
    held = Open(600_000, 600_000)
    for each in held.connections.values():
        each.noted_bytes = 600_000
        each.flows[0].remember([b"x" * 2000])
    before = held.budget._held_bytes
    for each in held.connections.values():
        assert not held.budget.shrink(each)
        assert each.noted_bytes == 598_000
    assert held.budget._held_bytes == before - 4000


def test_connection_that_is_over_holds_nothing() -> None:
    held = Open(600_000, 600_000)
    held.budget.forget(held.connections.pop(0))
    assert not held.budget.is_exceeded


def test_processes_have_equal_parts_of_the_budget() -> None:
    assert not Open(400_000).budget.is_exceeded
    assert Open(400_000, processes=4).budget.is_exceeded


def test_each_further_process_takes_some_of_the_budget_for_itself() -> None:
    assert not Open(430_000, processes=2).budget.is_exceeded
    assert Open(470_000, processes=2).budget.is_exceeded
