from __future__ import annotations

from dissectors.events import (
    Delivery,
    Direction,
    MessageFacts,
    MessagesAvailable,
    MessagesDeleted,
    MessageTransferred,
)
from dissectors.pop3.maildrop import Maildrop


def top(frame: int) -> MessageTransferred:
    facts = MessageFacts(0, None)
    return MessageTransferred(
        Direction.RETRIEVED, Delivery.PARTIAL, facts, frame, frame, verb="TOP"
    )


def test_maildrop_is_counted_when_it_is_opened() -> None:
    maildrop = Maildrop()

    assert maildrop.count(3, 320) == [MessagesAvailable(3, 320)]
    assert maildrop.count(2, None) == []


def test_client_removes_one_of_what_it_retrieved() -> None:
    maildrop = Maildrop()
    maildrop.retrieve("1", complete=True)
    maildrop.retrieve("2", complete=True)
    maildrop.delete("2")

    assert maildrop.remove_deleted() == [MessagesDeleted(1, 1, 1)]
    assert maildrop.remove_deleted() == []


def test_client_keeps_what_it_undeletes() -> None:
    maildrop = Maildrop()
    maildrop.delete("1")
    maildrop.undelete_all()

    assert maildrop.remove_deleted() == []


def test_top_waits_for_its_message() -> None:
    maildrop = Maildrop()
    maildrop.keep_preview("1", top(1), 2)
    maildrop.keep_preview("2", top(2), 2)
    maildrop.retrieve("2", complete=False)

    assert maildrop.take_previews() == [top(1)]
    assert maildrop.take_previews() == []


def test_oldest_of_too_many_tops_waits_no_longer() -> None:
    maildrop = Maildrop()

    assert maildrop.keep_preview("1", top(1), 1) == []
    assert maildrop.keep_preview("2", top(2), 1) == [top(1)]
