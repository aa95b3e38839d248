"""What a client learns of a mailbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dissectors.events import MailboxSynchronised, MessagesAvailable, Synchronisation
from tests.support.imap import PREAUTH, greeted, lines, selected, talk

if TYPE_CHECKING:
    from tests.support.playbook import Playbook

# synchronisation


def synchronised(play: Playbook) -> list[tuple[str, Synchronisation]]:
    told = play.eof().events_of(MailboxSynchronised)
    return [(each.name, each.synchronisation) for each in told]


@pytest.mark.parametrize(
    ("fetched", "synchronisation"),
    [
        ([1, 2], Synchronisation.COMPLETE),
        ([2, 1], Synchronisation.COMPLETE),
        ([2, 2], Synchronisation.NEW),
        ([], Synchronisation.NONE),
    ],
)
def test_client_learns_of_messages(
    fetched: list[int], synchronisation: Synchronisation
) -> None:
    play = selected()
    responses = [b"* %d FETCH (FLAGS ())" % number for number in fetched]
    talk(play, b"FETCH 1:* FLAGS", *responses)
    assert synchronised(play) == [("INBOX", synchronisation)]
    assert play.events_of(MessagesAvailable) == [MessagesAvailable(2)]


def test_flags_that_others_changed_are_not_fetched() -> None:
    play = selected().server(lines(b"* 1 FETCH (FLAGS ())", b"* 2 FETCH (FLAGS ())"))
    assert synchronised(play) == [("INBOX", Synchronisation.NONE)]


def test_client_asks_for_changes_only() -> None:
    """RFC 7162 §3.2.5."""
    play = greeted(PREAUTH)
    select = b"SELECT INBOX (QRESYNC (1 2))"
    talk(play, select, b"* 9 EXISTS", b"* VANISHED (EARLIER) 3:4")
    assert synchronised(play) == [("INBOX", Synchronisation.NEW)]


def test_every_stay_is_told() -> None:
    play = selected()
    talk(play, b"FETCH 1:2 FLAGS", b"* 1 FETCH (UID 1)", b"* 2 FETCH (UID 2)")
    play.server(lines(b"* 3 EXISTS", b"* 1 EXPUNGE"))
    talk(play, b"EXAMINE Sent", b"* 0 EXISTS")
    assert synchronised(play) == [
        ("INBOX", Synchronisation.COMPLETE),
        ("Sent", Synchronisation.NONE),
    ]
    assert [each.count for each in play.events_of(MessagesAvailable)] == [2, 0]
