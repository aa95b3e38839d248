"""What a POP3 session is used for: logins, listings, tops, and what is left."""

from __future__ import annotations

import pytest

from dissectors.events import (
    AuthAttempted,
    Delivery,
    Exchange,
    ExtensionUsed,
    LoginOffered,
    MessagesAvailable,
    MessagesDeleted,
    MessageTransferred,
    Outcome,
    State,
    StateChanged,
    Use,
    UseCounted,
)
from dissectors.limits import Limits
from dissectors.pop3 import Pop3Dialogue
from tests.support.playbook import SERVER, Playbook


def greeted(greeting: bytes = b"+OK ready\r\n") -> Playbook:
    return Playbook(Pop3Dialogue).server(greeting)


def logged_in() -> Playbook:
    play = greeted().client(b"USER ann\r\n").server(b"+OK\r\n")
    return play.client(b"PASS x\r\n").server(b"+OK\r\n")


def states(play: Playbook) -> list[State]:
    return [changed.state for changed in play.events_of(StateChanged)]


def offers(play: Playbook) -> list[list[str]]:
    return [offered.mechanisms for offered in play.events_of(LoginOffered)]


# states


def test_quit_leads_from_transaction_to_update() -> None:
    """RFC 1939 §3."""
    play = logged_in().client(b"QUIT\r\n").server(b"+OK\r\n")
    assert states(play) == [State.AUTHORIZATION, State.TRANSACTION, State.UPDATE]


def test_quit_before_login_updates_nothing() -> None:
    play = greeted().client(b"QUIT\r\n").server(b"+OK\r\n")
    assert states(play) == [State.AUTHORIZATION]


def test_refused_login_and_refused_quit_change_nothing() -> None:
    play = greeted().client(b"APOP ann 00\r\n").server(b"-ERR [AUTH] no\r\n")
    assert states(play) == [State.AUTHORIZATION]
    play = logged_in().client(b"QUIT\r\n").server(b"-ERR some not removed\r\n")
    assert states(play)[-1] is State.TRANSACTION


def test_sasl_login_leads_to_transaction() -> None:
    play = greeted().client(b"AUTH PLAIN AGEAYg==\r\n").server(b"+OK\r\n")
    assert states(play)[-1] is State.TRANSACTION
    assert [used.name for used in play.events_of(ExtensionUsed)] == ["SASL"]


# offers and response codes


def test_timestamp_in_greeting_offers_apop() -> None:
    """RFC 1939 §7."""
    assert offers(greeted(b"+OK <1896.697170952@dbc.mtview.ca.us>\r\n")) == [["APOP"]]
    assert offers(greeted(b"+OK Mail <ready or not>\r\n")) == []


def test_capa_offers_mechanisms() -> None:
    play = greeted().client(b"CAPA\r\n")
    play.server(b"+OK\r\nTOP\r\nUSER\r\nSASL plain CRAM-MD5\r\nUIDL\r\n.\r\n")
    assert offers(play) == [["USER", "PLAIN", "CRAM-MD5"]]


def test_auth_without_argument_lists_mechanisms() -> None:
    play = greeted().client(b"AUTH\r\n").server(b"+OK\r\nPLAIN\r\nLOGIN\r\n.\r\n")
    assert offers(play) == [["PLAIN", "LOGIN"]]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"-ERR [IN-USE] locked\r\n", "IN-USE"),
        (b"-ERR [sys/temp] later\r\n", "SYS/TEMP"),
        (b"-ERR [AUTH]\r\n", "AUTH"),
        (b"+OK [] x\r\n", None),
        (b"-ERR see [AUTH]\r\n", None),
        (b"-ERR [AUTH\r\n", None),
    ],
)
def test_response_code_begins_the_text(line: bytes, code: str | None) -> None:
    """RFC 2449 §8, RFC 3206."""
    play = greeted().client(b"NOOP\r\n").server(line)
    assert play.events_of(Exchange)[-1].response_code == code


def test_login_is_refused_with_a_code() -> None:
    play = (
        greeted().client(b"USER ann\r\nPASS x\r\n").server(b"+OK\r\n-ERR [AUTH] x\r\n")
    )
    (attempt,) = play.events_of(AuthAttempted)
    assert attempt.result is Outcome.FAILURE
    assert [used.name for used in play.events_of(ExtensionUsed)] == ["PIPELINING"]


# listings


def test_stat_tells_how_full_the_maildrop_is() -> None:
    play = logged_in().client(b"STAT\r\n").server(b"+OK 2 320\r\n")
    play.client(b"LIST\r\n").server(b"+OK\r\n1 120\r\n2 200\r\n.\r\n")
    assert play.events_of(MessagesAvailable) == [MessagesAvailable(2, 320)]


@pytest.mark.parametrize("verb", [b"LIST", b"UIDL"])
def test_listing_is_counted(verb: bytes) -> None:
    play = logged_in().client(verb + b"\r\n")
    play.server(b"+OK\r\n1 a\r\n2 b\r\n3 c\r\n.\r\n")
    assert play.events_of(MessagesAvailable) == [MessagesAvailable(3)]


def test_listing_with_a_gap_or_of_one_message_is_not_counted() -> None:
    play = logged_in().client(b"LIST\r\n").server(b"+OK\r\n1 a\r\n").gap(SERVER, 50)
    play.server(b"9 b\r\n.\r\n").client(b"LIST 1\r\n").server(b"+OK 1 120\r\n")
    assert play.events_of(MessagesAvailable) == []


def test_extensions_are_used_where_the_server_accepts_them() -> None:
    play = logged_in().client(b"UTF8\r\n").server(b"-ERR no\r\n")
    play.client(b"LANG en\r\n").server(b"+OK en\r\n")
    assert [used.name for used in play.events_of(ExtensionUsed)] == ["LANG"]


# TOP

TOP = b"+OK\r\nSubject: %b\r\nMessage-ID: <%b@x>\r\n\r\n.\r\n"


def test_top_shows_a_header_section() -> None:
    play = logged_in().client(b"TOP 1 0\r\n").server(TOP % (b"Hello", b"1")).eof()
    (message,) = play.events_of(MessageTransferred)
    assert (message.facts.subject, message.outcome) == ("Hello", Delivery.PARTIAL)
    assert message.verb == "TOP"
    assert play.events_of(UseCounted) == [UseCounted(Use.HEADERS_FETCHED, 1)]


def test_top_of_a_message_that_is_retrieved_adds_nothing() -> None:
    play = logged_in().client(b"TOP 1 0\r\n").server(TOP % (b"Hello", b"1"))
    play.client(b"RETR 01\r\n").server(b"+OK\r\nSubject: Hello\r\n\r\nx\r\n.\r\n").eof()
    (message,) = play.events_of(MessageTransferred)
    assert (message.verb, message.outcome) == ("RETR", Delivery.COMPLETE)
    assert message.begin_ns == message.time_ns
    assert play.events_of(UseCounted) == []


def test_tops_are_kept_up_to_a_limit() -> None:
    play = Playbook(lambda: Pop3Dialogue(Limits(previews=2))).server(b"+OK\r\n")
    for number in range(4):
        play.client(b"TOP %d 0\r\n" % number).server(TOP % (b"%d" % number, b"x"))
    subjects = [each.facts.subject for each in play.events_of(MessageTransferred)]
    assert subjects == ["0", "1"]
    subjects = [each.facts.subject for each in play.eof().events_of(MessageTransferred)]
    assert subjects == ["0", "1", "2", "3"]


def test_top_that_is_cut_says_so() -> None:
    play = logged_in().client(b"TOP 1 0\r\n").server(b"+OK\r\nSubject: x\r\n").eof()
    (message,) = play.events_of(MessageTransferred)
    assert (message.outcome, message.facts.cut) == (Delivery.CUT, True)


# what becomes of the messages


def commanded(play: Playbook, command: bytes, status: bytes = b"+OK") -> Playbook:
    """A command and its response; RETR and TOP bring a message."""
    play.client(command + b"\r\n").server(status + b"\r\n")
    if command[:3] in (b"RET", b"TOP") and status == b"+OK":
        play.server(b"Subject: x\r\n\r\nx\r\n.\r\n")
    return play


@pytest.mark.parametrize(
    ("commands", "expected"),
    [
        # count, how many of these were retrieved, and others that were
        ([b"RETR 1", b"RETR 2", b"DELE 1", b"DELE 2", b"QUIT"], [(2, 2, 0)]),
        ([b"RETR 1", b"RETR 2", b"DELE 1", b"QUIT"], [(1, 1, 1)]),
        ([b"RETR 1", b"RETR 2", b"DELE 3", b"DELE 4", b"QUIT"], [(2, 0, 2)]),
        ([b"RETR 1", b"RETR 01", b"DELE 1", b"QUIT"], [(1, 1, 0)]),
        ([b"TOP 1 0", b"DELE 1", b"QUIT"], [(1, 0, 0)]),
        ([b"RETR 1", b"DELE 1", b"DELE 1", b"QUIT"], [(1, 1, 0)]),
        ([b"RETR 1", b"DELE 1", b"RSET", b"QUIT"], []),
        ([b"RETR 1", b"DELE 1", b"RSET", b"DELE 2", b"QUIT"], [(1, 0, 1)]),
        ([b"RETR 1", b"DELE 1"], []),
        ([b"RETR 1", b"QUIT"], []),
    ],
)
def test_messages_are_told_apart_by_number(
    commands: list[bytes], expected: list[tuple[int, int, int]]
) -> None:
    """RFC 1939 §5 and §6."""
    play = logged_in()
    for command in commands:
        commanded(play, command)
    told = play.eof().events_of(MessagesDeleted)
    assert [(each.count, each.retrieved, each.kept) for each in told] == expected


def test_message_that_is_gone_is_not_deleted_again() -> None:
    play = commanded(logged_in(), b"DELE 1")
    commanded(play, b"DELE 1", b"-ERR already deleted")
    commanded(play, b"DELE 2", b"-ERR no such message")
    told = commanded(play, b"QUIT").events_of(MessagesDeleted)
    assert [each.count for each in told] == [1]
