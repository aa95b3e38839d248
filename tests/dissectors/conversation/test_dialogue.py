"""What a dialogue may do with the lines of a packet."""

from __future__ import annotations

from dissectors.conversation.plaintext import Upgrade
from dissectors.events import Anomaly
from dissectors.limits import Limits
from tests.support.echo_dialogue import (
    RECORD,
    Echo,
    Listener,
)
from tests.support.playbook import (
    CLIENT,
    SERVER,
    Playbook,
)


def test_lines_of_a_packet_know_their_offsets() -> None:
    events = Playbook(Listener).client(b"a\r\nbc\r\n\r\nd").run()
    assert [each.offset for each in events if isinstance(each, Anomaly)] == [3, 7, 9]


def test_lines_are_passed_until_the_upgrade() -> None:
    listener = Listener()

    assert listener.pass_lines(CLIENT, b"a\r\nSTARTTLS\r\nb\r\n") == b"b\r\n"
    assert len(listener.reporter.events) == 2


def test_what_is_no_whole_line_is_not_passed() -> None:
    listener = Listener()

    assert listener.pass_lines(CLIENT, b"a\r\nb\nc\r\n") == b"b\nc\r\n"
    assert listener.pass_lines(SERVER, RECORD) == RECORD


def test_more_than_a_line_may_have_is_not_passed() -> None:
    listener = Listener(Limits(line=4))

    assert listener.pass_lines(CLIENT, b"a\r\nb\r\n") == b"a\r\nb\r\n"


def test_what_reads_on_with_exchanged_roles_begins_where_the_other_side_is() -> None:
    before, behind = Echo(), Echo()
    before.streams[CLIENT].offset, before.streams[SERVER].offset = 7, 9
    before.plaintext.upgrade = Upgrade.DONE

    before.exchange_roles(behind, ())

    assert [each.offset for each in behind.streams] == [9, 7]
    assert behind.plaintext.upgrade is Upgrade.DONE
    assert behind.reporter.counts is before.reporter.counts
