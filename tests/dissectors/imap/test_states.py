"""What an IMAP session is used for: states, logins, flags, copies, mailboxes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dissectors.events import (
    AuthAttempted,
    CapabilitiesAnnounced,
    Exchange,
    LoginOffered,
    State,
    StateChanged,
    Use,
)
from tests.support.imap import PREAUTH, extensions, greeted, lines, selected, talk, uses

if TYPE_CHECKING:
    from tests.support.playbook import Playbook

# states (RFC 9051 §3)


def states(play: Playbook) -> list[State]:
    return [changed.state for changed in play.events_of(StateChanged)]


def test_session_goes_through_all_states() -> None:
    play = selected()
    talk(play, b"CLOSE")
    talk(play, b"LOGOUT", b"* BYE bye")
    assert states(play) == [
        State.NOT_AUTHENTICATED,
        State.AUTHENTICATED,
        State.SELECTED,
        State.AUTHENTICATED,
        State.LOGOUT,
    ]


def test_preauth_greeting_leads_to_the_authenticated_state() -> None:
    assert states(greeted(PREAUTH)) == [State.AUTHENTICATED]


def test_select_that_fails_leaves_no_mailbox_selected() -> None:
    """RFC 9051 §6.3.2."""
    play = selected().client(lines(b"b SELECT X")).server(lines(b"b NO none"))
    assert states(play)[-1] is State.AUTHENTICATED


def test_unauthenticate_leads_back() -> None:
    """RFC 8437 §3."""
    play = selected()
    talk(play, b"UNAUTHENTICATE")
    assert states(play)[-1] is State.NOT_AUTHENTICATED
    assert "UNAUTHENTICATE" in extensions(play)


def test_server_says_bye_at_any_time() -> None:
    assert states(selected().server(lines(b"* BYE down")))[-1] is State.LOGOUT


# offers and response codes


@pytest.mark.parametrize(
    ("data", "mechanisms"),
    [
        (b"IMAP4rev1 AUTH=PLAIN auth=cram-md5", ["PLAIN", "CRAM-MD5", "LOGIN"]),
        (b"IMAP4rev1 STARTTLS LOGINDISABLED", []),
    ],
)
def test_capabilities_offer_logins(data: bytes, mechanisms: list[str]) -> None:
    """RFC 9051 §6.2.3 and §7.2.2."""
    play = greeted(b"* OK [CAPABILITY %b] ready" % data)
    assert [each.mechanisms for each in play.events_of(LoginOffered)] == [mechanisms]


def test_capabilities_behind_the_login_offer_none() -> None:
    play = selected()
    talk(play, b"CAPABILITY", b"* CAPABILITY IMAP4rev1 AUTH=PLAIN")
    assert play.events_of(LoginOffered) == []


@pytest.mark.parametrize("status", [b"OK", b"NO"])
def test_capabilities_announced_with_a_login_are_those_behind_it(status: bytes) -> None:
    play = greeted(b"* OK [CAPABILITY IMAP4rev1] ready")
    play.client(lines(b"a LOGIN ann pw"))
    play.server(lines(b"* CAPABILITY IMAP4rev1 IDLE", b"a " + status + b" x"))
    happened = [
        event
        for event in play.run()
        if isinstance(event, AuthAttempted | CapabilitiesAnnounced)
    ]
    assert [type(event) for event in happened] == [
        CapabilitiesAnnounced,
        AuthAttempted,
        CapabilitiesAnnounced,
    ]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"NO [AUTHENTICATIONFAILED] x", "AUTHENTICATIONFAILED"),
        (b"OK [APPENDUID 38505 3955] x", "APPENDUID"),
        (b"OK [read-only] x", "READ-ONLY"),
        (b"NO [] x", None),
        (b"NO see [THIS] x", None),
    ],
)
def test_response_code_begins_the_text(text: bytes, code: str | None) -> None:
    """RFC 9051 §7.1."""
    play = greeted().client(lines(b"a NOOP")).server(lines(b"a " + text))
    assert play.events_of(Exchange)[-1].response_code == code


# flags, copies, mailboxes


def test_flags_are_counted_by_the_responses() -> None:
    play = selected()
    talk(
        play,
        b"STORE 1:2 +FLAGS (\\Seen)",
        b"* 1 FETCH (FLAGS (\\Seen))",
        b"* 2 FETCH (FLAGS (\\Seen))",
    )
    assert uses(play) == {Use.FLAGS_CHANGED: 2}


def test_silent_flags_are_counted_by_the_sequence_set() -> None:
    play = selected()
    talk(play, b"UID STORE 7:9,12 +FLAGS.SILENT (\\Deleted)")
    assert uses(play) == {Use.FLAGS_CHANGED: 4}


@pytest.mark.parametrize(
    ("command", "untagged", "text", "expected"),
    [
        (b"COPY 1:2 X", b"", b"[COPYUID 1 5:7 1:3] x", {Use.MESSAGES_COPIED: 3}),
        (b"UID COPY 5,9 X", b"", b"done", {Use.MESSAGES_COPIED: 2}),
        (b"COPY 1:* X", b"", b"done", {}),
        (b"MOVE 1 X", b"* OK [COPYUID 1 5 1] x", b"done", {Use.MESSAGES_MOVED: 1}),
    ],
)
def test_copies_are_counted(
    command: bytes, untagged: bytes, text: bytes, expected: dict[Use, int]
) -> None:
    play = selected()
    talk(play, command, *([untagged] if untagged else []), text=text)
    assert uses(play) == expected


def test_mailboxes_are_listed_and_changed() -> None:
    play = greeted(PREAUTH)
    talk(play, b'LIST "" *', b'* LIST () "/" A', b'* LIST () "/" B')
    talk(play, b"CREATE C")
    talk(play, b"SUBSCRIBE C")
    play.client(lines(b"b DELETE D")).server(lines(b"b NO none"))
    assert uses(play) == {Use.MAILBOXES_LISTED: 2, Use.MAILBOXES_CHANGED: 2}
