"""What a dialogue and its connection tell each other of the lines."""

from __future__ import annotations

from dissectors.conversation.plaintext import Gaps, Plaintext, Upgrade
from dissectors.conversation.reporter import Reporter
from dissectors.conversation.streams import Mode
from dissectors.events import ReplyReceived, StartTlsAdvanced
from dissectors.limits import DEFAULT_LIMITS, Limits
from tests.support.echo_dialogue import (
    CLIENT_HELLO,
    playbook,
)
from tests.support.playbook import (
    CLIENT,
    anomaly,
)


def test_overlong_line_is_reported() -> None:
    playbook(Limits(line=5)).client(b"abcdefgh\r\nx\r\n").expect(
        anomaly("line_too_long", CLIENT), ReplyReceived(5), ReplyReceived(1)
    )


def plaintext_of(client: bytes, server: bytes = b"") -> tuple[Plaintext, Reporter]:
    reporter = Reporter(DEFAULT_LIMITS)
    for unread, data in zip(reporter.streams, (client, server), strict=True):
        unread.data += data
    return Plaintext(reporter), reporter


def test_line_is_taken_without_its_end() -> None:
    plaintext, _ = plaintext_of(b"a\r\nb")

    assert plaintext.take_line(CLIENT) == b"a"
    assert plaintext.take_line(CLIENT) is None


def test_record_behind_a_gap_shows_that_tls_was_agreed_on() -> None:
    plaintext, reporter = plaintext_of(CLIENT_HELLO, b"220 hi\r\n")
    assert not plaintext.is_record_next(CLIENT)

    plaintext.gaps = Gaps.IN_PLAINTEXT

    assert plaintext.take_line(CLIENT) is None
    assert plaintext.upgrade is Upgrade.AGREED
    (inferred,) = reporter.events
    assert isinstance(inferred, StartTlsAdvanced)
    assert inferred.is_inferred


def test_what_is_unread_at_the_upgrade_may_be_tls() -> None:
    plaintext, reporter = plaintext_of(b"a\r\n", b"b\r\n")
    plaintext.start_tls()

    assert [bytes(each.held) for each in reporter.streams] == [b"a\r\n", b"b\r\n"]
    assert {each.mode for each in reporter.streams} == {Mode.UNDECIDED}


def test_line_that_waited_happened_when_it_came() -> None:
    plaintext, reporter = plaintext_of(b"")
    client = reporter.streams[CLIENT]
    client.data += b"a\r\n"
    client.mark(3, 100, 1)
    reporter.time_ns, reporter.frame = 900, 9

    assert plaintext.take_line(CLIENT) == b"a"
    assert (reporter.time_ns, reporter.frame) == (100, 1)
