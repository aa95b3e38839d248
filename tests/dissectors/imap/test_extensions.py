"""Extensions that commands and responses prove."""

from __future__ import annotations

import pytest

from tests.support.imap import PREAUTH, extensions, greeted, lines, talk

# extensions


@pytest.mark.parametrize(
    ("command", "names"),
    [
        (b"IDLE", {"IDLE"}),
        (b"UID MOVE 1 Trash", {"MOVE"}),
        (b"UID EXPUNGE 1", {"UIDPLUS"}),
        (b"FETCH 1:* (FLAGS) (CHANGEDSINCE 5)", {"CONDSTORE"}),
        (b"UID FETCH 1:* (FLAGS) (CHANGEDSINCE 5 VANISHED)", {"CONDSTORE", "QRESYNC"}),
        (b"SEARCH RETURN (ALL) UNSEEN", {"ESEARCH"}),
        (b'LIST "" % RETURN (STATUS (MESSAGES))', {"LIST-STATUS"}),
        (b'LIST (SUBSCRIBED) "" *', {"LIST-EXTENDED"}),
        (b"FETCH 1 BINARY.PEEK[1]", {"BINARY"}),
        (b"UID FETCH 1 (X-GM-MSGID)", {"X-GM-EXT-1"}),
        (b"GETQUOTAROOT INBOX", {"QUOTA"}),
        (b"MYRIGHTS INBOX", {"ACL"}),
        (b"GETMETADATA INBOX /private/comment", {"METADATA"}),
        (b"NOTIFY SET (selected (MessageNew))", {"NOTIFY"}),
        (b"UID THREAD REFERENCES UTF-8 ALL", {"THREAD"}),
        (b'SEARCH SUBJECT "CONDSTORE"', set()),
        (b"NOOP", set()),
    ],
)
def test_command_proves_extensions(command: bytes, names: set[str]) -> None:
    play = greeted(PREAUTH)
    talk(play, command)
    assert extensions(play) == names


def test_refused_command_proves_nothing() -> None:
    play = greeted(PREAUTH).client(lines(b"a IDLE")).server(lines(b"a BAD no"))
    assert extensions(play) == set()


def test_enabled_extensions_are_used() -> None:
    play = greeted(PREAUTH)
    talk(play, b"ENABLE QRESYNC", b"* ENABLED QRESYNC")
    assert extensions(play) == {"ENABLE", "QRESYNC"}
