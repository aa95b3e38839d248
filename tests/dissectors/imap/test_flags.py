"""What becomes of messages: flagged, moved, expunged; each counts once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dissectors.events import MessagesDeleted, Use
from dissectors.imap.flags import MAX_MESSAGES, Flags, SequenceSet
from tests.support.imap import greeted, lines, selected, talk, uses

if TYPE_CHECKING:
    from tests.support.playbook import Playbook

SEEN, DELETED = b"(FLAGS (\\Seen))", b"(FLAGS (\\Seen \\Deleted))"


def deletions(play: Playbook) -> list[int]:
    return [event.count for event in play.events_of(MessagesDeleted)]


def test_message_is_flagged_twice() -> None:
    play = selected(3)
    talk(play, b"STORE 2 +FLAGS (\\Seen)", b"* 2 FETCH " + SEEN)
    talk(play, b"STORE 2 +FLAGS (\\Answered)", b"* 2 FETCH (FLAGS (\\Seen \\Answered))")
    talk(play, b"STORE 2 -FLAGS.SILENT (\\Seen)")
    talk(play, b"STORE 1:2 +FLAGS.SILENT (\\Seen)")
    assert uses(play) == {Use.FLAGS_CHANGED: 2}


def test_flags_that_others_change_meanwhile_are_not_counted() -> None:
    play = selected(3)
    talk(play, b"STORE 2 +FLAGS (\\Seen)", b"* 3 FETCH " + SEEN, b"* 2 FETCH " + SEEN)
    uid_5, uid_9 = b"(UID 5 FLAGS ())", b"(UID 9 FLAGS ())"
    talk(play, b"UID STORE 9 FLAGS ()", b"* 1 FETCH " + uid_5, b"* 3 FETCH " + uid_9)
    talk(play, b"NOOP", b"* 1 FETCH " + SEEN)
    assert uses(play) == {Use.FLAGS_CHANGED: 2}


def test_message_is_told_apart_though_its_number_changes() -> None:
    play = selected(5)
    talk(play, b"STORE 4 +FLAGS (\\Seen)", b"* 4 FETCH " + SEEN)
    talk(play, b"NOOP", b"* 1 EXPUNGE", b"* 1 EXPUNGE")
    talk(play, b"STORE 2 +FLAGS (\\Answered)", b"* 2 FETCH " + SEEN)
    talk(play, b"STORE 3 +FLAGS (\\Answered)", b"* 3 FETCH " + SEEN)
    assert uses(play) == {Use.FLAGS_CHANGED: 2}


def test_same_number_in_another_mailbox_is_another_message() -> None:
    play = selected(3)
    talk(play, b"STORE 2 +FLAGS.SILENT (\\Seen)")
    talk(play, b"SELECT Other", b"* 3 EXISTS")
    talk(play, b"STORE 2 +FLAGS.SILENT (\\Seen)")
    assert uses(play) == {Use.FLAGS_CHANGED: 2}


@pytest.mark.parametrize(
    ("responses", "text", "moved"),
    [
        ([b"* OK [COPYUID 1 7:8 1:2] x", b"* 3 EXPUNGE", b"* 3 EXPUNGE"], b"done", 2),
        ([b"* 3 EXPUNGE", b"* 3 EXPUNGE"], b"[COPYUID 1 7:8 1:2] done", 2),
        ([b"* 3 EXPUNGE"], b"done", 1),
        ([b"* VANISHED 7:8"], b"done", 2),
    ],
)
def test_moved_messages_are_not_deleted(
    responses: list[bytes], text: bytes, moved: int
) -> None:
    """RFC 6851 §3.3 and §4.3."""
    play = selected(4)
    talk(play, b"UID MOVE 7:8 Trash", *responses, text=text)
    assert (uses(play), deletions(play)) == ({Use.MESSAGES_MOVED: moved}, [])


def test_move_that_fails_in_the_middle_moved_some() -> None:
    play = selected(4).client(lines(b"b MOVE 1:2 Full"))
    play.server(lines(b"* 1 EXPUNGE", b"b NO over quota"))
    assert (uses(play), deletions(play)) == ({Use.MESSAGES_MOVED: 1}, [])


def test_client_expunges_behind_a_move_without_waiting() -> None:
    play = selected(4).client(lines(b"b MOVE 1 Trash", b"c EXPUNGE"))
    play.server(lines(b"* 1 EXPUNGE", b"b OK [COPYUID 1 5 5] moved"))
    play.server(lines(b"* 2 EXPUNGE", b"* 2 EXPUNGE", b"c OK expunged"))
    assert (uses(play), deletions(play)) == ({Use.MESSAGES_MOVED: 1}, [2])


def test_code_of_one_move_is_not_credited_to_the_next() -> None:
    play = selected(4).client(lines(b"b MOVE 1:2 Trash", b"c MOVE 1 Trash"))
    play.server(lines(b"b OK [COPYUID 1 5:6 5:6] moved"))
    play.server(lines(b"c OK [COPYUID 1 7 7] moved"))
    assert uses(play) == {Use.MESSAGES_MOVED: 3}


@pytest.mark.parametrize(
    "flagging",
    [
        [(b"STORE 1:2 +FLAGS.SILENT (\\Deleted)",)],
        [(b"UID STORE 7,9 +FLAGS.SILENT (\\Seen \\Deleted)",)],
        [
            (
                b"STORE 1:2 FLAGS (\\Deleted)",
                b"* 1 FETCH " + DELETED,
                b"* 2 FETCH " + DELETED,
            )
        ],
        [(b"STORE 1:3 FLAGS.SILENT (\\Deleted)",), (b"STORE 3 FLAGS.SILENT ()",)],
        [(b"STORE 1:3 FLAGS.SILENT (\\Deleted)",), (b"NOOP", b"* 2 EXPUNGE")],
        [(b"FETCH 1:2 FLAGS", b"* 1 FETCH " + DELETED, b"* 2 FETCH " + DELETED)],
    ],
)
def test_close_expunges_what_is_flagged(flagging: list[tuple[bytes, ...]]) -> None:
    """RFC 9051 §6.4.1."""
    play = selected(4)
    for command in flagging:
        talk(play, *command)
    talk(play, b"CLOSE")
    assert deletions(play) == [2]


@pytest.mark.parametrize(
    "ending",
    [
        [b"UNSELECT"],
        [b"SELECT Other"],
        [b"LOGOUT"],
        [b"STORE 1:2 -FLAGS.SILENT (\\Deleted)", b"CLOSE"],
    ],
)
def test_what_is_flagged_stays_without_close(ending: list[bytes]) -> None:
    play = selected(4)
    talk(play, b"STORE 1:2 +FLAGS.SILENT (\\Deleted)")
    for command in ending:
        talk(play, command)
    assert deletions(play) == []


@pytest.mark.parametrize("expunge", [b"EXPUNGE", b"UID EXPUNGE 7:9"])
def test_close_expunges_nothing_that_was_expunged_before(expunge: bytes) -> None:
    play = selected(4)
    talk(play, b"UID STORE 7,9 +FLAGS.SILENT (\\Deleted)")
    talk(play, expunge, b"* 1 EXPUNGE", b"* 2 EXPUNGE")
    talk(play, b"CLOSE")
    assert deletions(play) == [2]


def test_mailbox_that_can_only_be_read_loses_nothing() -> None:
    play = greeted(b"* PREAUTH hi")
    talk(play, b"EXAMINE INBOX", b"* 2 EXISTS")
    talk(play, b"FETCH 1 FLAGS", b"* 1 FETCH " + DELETED)
    talk(play, b"CLOSE")
    assert deletions(play) == []


def test_each_mailbox_is_listed_once() -> None:
    play = greeted(b"* PREAUTH hi")
    talk(play, b'LIST "" ""', b'* LIST (\\Noselect) "/" ""')
    talk(play, b'LIST "" *', b'* LIST () "/" A', b'* LIST () "/" "A\\"\\""')
    talk(play, b'LSUB "" *', b'* LSUB () "/" "A"', b"* LSUB () NIL B")
    assert uses(play) == {Use.MAILBOXES_LISTED: 3}


def test_huge_sets_take_no_memory() -> None:
    flags = Flags()
    everything = b"1:4294967295 +FLAGS.SILENT (\\Deleted)"
    assert flags.store_silently(everything, 3, by_uid=False) == 2**32 - 1
    for number in range(1, 3 * MAX_MESSAGES):
        flags.see(number, DELETED)
        flags.change(number)
        flags.expunge(1)
    assert len(flags.deleted) <= MAX_MESSAGES
    assert len(flags.changed) <= MAX_MESSAGES
    assert 7 in SequenceSet(b"3,5:*", 9)
    assert 4 not in SequenceSet(b"3,5:*", 9)
