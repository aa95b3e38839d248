"""What an IMAP session is used for: states, flags, copies, pieces of messages."""

from __future__ import annotations

import base64
import hashlib

import pytest

from dissectors.events import (
    Delivery,
    Exchange,
    ExtensionUsed,
    LoginOffered,
    MailboxSynchronised,
    MessagesAvailable,
    MessageTransferred,
    State,
    StateChanged,
    Synchronisation,
    Use,
    UseCounted,
)
from dissectors.imap import ImapDissector
from dissectors.limits import Limits
from tests.support.playbook import CLIENT, SERVER, Playbook

OK, PREAUTH = b"* OK ready", b"* PREAUTH welcome"


def lines(*each: bytes) -> bytes:
    return b"".join(line + b"\r\n" for line in each)


def greeted(greeting: bytes = OK, limits: Limits | None = None) -> Playbook:
    play = Playbook(lambda: ImapDissector(limits or Limits()))
    return play.server(lines(greeting))


def talk(
    play: Playbook, command: bytes, *responses: bytes, text: bytes = b"ok"
) -> None:
    """A command with the tag `a`, what is answered, and an OK."""
    play.client(lines(b"a " + command)).server(lines(*responses, b"a OK " + text))


def selected(exists: int = 2, **limits: int) -> Playbook:
    play = greeted(limits=Limits(**limits))
    talk(play, b"LOGIN ann pw")
    talk(play, b"SELECT INBOX", b"* %d EXISTS" % exists)
    return play


def uses(play: Playbook) -> dict[Use, int]:
    counts: dict[Use, int] = {}
    for counted in play.events_of(UseCounted):
        counts[counted.use] = counts.get(counted.use, 0) + counted.count
    return counts


def extensions(play: Playbook) -> set[str]:
    return {used.name for used in play.events_of(ExtensionUsed)}


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


def test_literal_without_waiting_is_an_extension() -> None:
    """RFC 7888."""
    play = greeted().client(b"a LOGIN {3+}\r\nann {2+}\r\npw\r\n")
    assert extensions(play) == {"LITERAL+"}


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


# pieces of messages

ENVELOPE = (
    b'ENVELOPE ("Wed, 17 Jul 1996 02:23:25 -0700" "=?utf-8?q?caf=C3=A9?=" '
    b'(("Terry Gray" NIL "gray" "cac.example")) NIL NIL '
    b'((NIL NIL "imap" "cac.example")) ((NIL NIL "minutes" "cnri.example")) NIL '
    b'"<B1@x>" "<B2@x>")'
)
PDF = base64.encodebytes(b"%PDF-1.4 tiny\n" * 9).replace(b"\n", b"\r\n")
STRUCTURE = (
    b'BODYSTRUCTURE (("TEXT" "PLAIN" ("CHARSET" "UTF-8") NIL NIL "7BIT" 9 1 NIL NIL '
    b'NIL)("APPLICATION" "PDF" ("NAME" "old.pdf") NIL NIL "BASE64" %d NIL '
    b'("ATTACHMENT" ("FILENAME*" "utf-8\'\'r%%C3%%A9.pdf")) NIL NIL) "MIXED" '
    b'("BOUNDARY" "x") NIL NIL)' % len(PDF)
)


def messages(play: Playbook) -> list[MessageTransferred]:
    return play.eof().events_of(MessageTransferred)


def literal(text: bytes, content: bytes) -> bytes:
    return b"%b {%d}\r\n%b" % (text, len(content), content)


def test_envelope_tells_of_a_message() -> None:
    """RFC 9051 §7.5.2."""
    play = selected()
    talk(play, b"FETCH 1 ENVELOPE", b"* 1 FETCH (UID 9 %b)" % ENVELOPE)
    (message,) = messages(play)
    facts = message.facts
    assert (message.outcome, message.mailbox) == (Delivery.PARTIAL, "INBOX")
    assert (facts.subject, facts.from_) == ("café", "Terry Gray <gray@cac.example>")
    assert facts.to == ["imap@cac.example", "minutes@cnri.example"]
    assert (facts.in_reply_to, facts.message_id) == ("<B1@x>", "<B2@x>")
    assert uses(play) == {Use.HEADERS_FETCHED: 1}


def test_envelope_holds_literals() -> None:
    play = selected()
    response = literal(b'* 1 FETCH (ENVELOPE ("date"', b'a "quoted" subject')
    talk(play, b"FETCH 1 ENVELOPE", response + b" NIL NIL NIL NIL NIL NIL NIL NIL))")
    assert [each.facts.subject for each in messages(play)] == ['a "quoted" subject']


def test_header_fields_tell_of_a_message() -> None:
    play = selected()
    item = b"* 1 FETCH (UID 3 BODY[HEADER.FIELDS (SUBJECT FROM)]"
    talk(
        play,
        b"FETCH 1 BODY.PEEK[HEADER.FIELDS (SUBJECT FROM)]",
        literal(item, b"Subject: x\r\nFrom: a@x\r\n\r\n") + b")",
        literal(b"* 2 FETCH (RFC822.HEADER", b"Subject: y\r\n\r\n") + b")",
    )
    told = messages(play)
    assert [(each.facts.subject, each.facts.from_) for each in told] == [
        ("x", "a@x"),
        ("y", None),
    ]
    assert uses(play) == {Use.HEADERS_FETCHED: 2}


def test_part_that_is_a_file_is_decoded() -> None:
    play = selected()
    talk(play, b"FETCH 1 (ENVELOPE BODYSTRUCTURE)", b"* 1 FETCH (%b)" % STRUCTURE)
    first, rest = PDF[:50], PDF[50:]
    for origin, chunk in ((0, first), (50, rest)):
        response = literal(b"* 1 FETCH (BODY[2]<%d>" % origin, chunk) + b")"
        talk(play, b"FETCH 1 BODY[2]<%d.50>" % origin, response)
    (message,) = messages(play)
    (attachment,) = message.facts.attachments
    content = b"%PDF-1.4 tiny\n" * 9
    assert (attachment.name, attachment.content_type) == ("ré.pdf", "application/pdf")
    assert (attachment.part, attachment.size_bytes) == ("2", len(content))
    assert attachment.sha256 == hashlib.sha256(content).hexdigest()
    assert message.facts.part_count == 2
    assert uses(play) == {Use.PARTS_FETCHED: 1}


def test_file_that_was_not_fetched_has_no_hash() -> None:
    play = selected()
    talk(play, b"FETCH 1 BODYSTRUCTURE", b"* 1 FETCH (%b)" % STRUCTURE)
    (message,) = messages(play)
    assert [each.sha256 for each in message.facts.attachments] == [None]


def test_parts_of_an_attached_message_are_numbered() -> None:
    """RFC 9051 §6.4.5."""
    inner = b'"TEXT" "PLAIN" ("NAME" "in.txt") NIL NIL "7BIT" 3 1'
    nested = b'("MESSAGE" "RFC822" NIL NIL NIL "7BIT" 99 (%b) (%b) 9)' % (
        b"NIL " * 9 + b"NIL",
        inner,
    )
    play = selected()
    response = b'* 1 FETCH (BODYSTRUCTURE ((%b)%b "MIXED"))' % (inner, nested)
    talk(play, b"FETCH 1 BODYSTRUCTURE", response)
    (message,) = messages(play)
    assert [(each.part, each.name) for each in message.facts.attachments] == [
        ("1", "in.txt"),
        ("2", None),
        ("2.1", "in.txt"),
    ]


def test_whole_message_replaces_its_pieces() -> None:
    play = selected()
    talk(play, b"FETCH 1 ENVELOPE", b"* 1 FETCH (%b)" % ENVELOPE)
    response = literal(b"* 1 FETCH (BODY[]", b"Subject: z\r\n\r\nx") + b")"
    talk(play, b"FETCH 1 BODY[]", response)
    (message,) = messages(play)
    assert (message.outcome, message.facts.subject) == (Delivery.COMPLETE, "z")
    assert message.begin_ns == message.time_ns
    assert uses(play) == {}


def test_expunge_gives_numbers_to_other_messages() -> None:
    play = selected()
    talk(play, b"FETCH 1 ENVELOPE", b"* 1 FETCH (%b)" % ENVELOPE)
    play.server(lines(b"* 1 EXPUNGE"))
    response = literal(b"* 1 FETCH (BODY[HEADER]", b"Subject: next\r\n\r\n") + b")"
    talk(play, b"FETCH 1 BODY[HEADER]", response)
    assert [each.facts.subject for each in messages(play)] == ["café", "next"]


def test_pieces_are_kept_up_to_a_limit() -> None:
    play = selected(previews=2)
    item = b"* %d FETCH (BODY[HEADER]"
    responses = [
        literal(item % number, b"Subject: %d\r\n\r\n" % number) + b")"
        for number in range(1, 5)
    ]
    talk(play, b"FETCH 1:4 BODY[HEADER]", *responses)
    told = [each.facts.subject for each in play.events_of(MessageTransferred)]
    assert told == ["1", "2"]
    assert [each.facts.subject for each in messages(play)] == ["1", "2", "3", "4"]


def test_hole_in_a_header_cuts_the_message() -> None:
    play = selected().client(lines(b"a FETCH 1 BODY[HEADER]"))
    play.server(b"* 1 FETCH (BODY[HEADER] {40}\r\nSubject: x\r\n").gap(SERVER, 20)
    play.server(b"\r\n\r\n1234)\r\na OK done\r\n")
    (message,) = messages(play)
    assert (message.outcome, message.facts.subject) == (Delivery.CUT, "x")


def test_only_the_server_is_captured() -> None:
    play = greeted(PREAUTH).server(lines(b"* 1 FETCH (%b)" % ENVELOPE))
    assert [each.facts.subject for each in messages(play)] == ["café"]


def test_deep_and_endless_structures_are_read_in_part() -> None:
    play = selected()
    deep = b"(" * 5_000 + b")" * 5_000
    talk(play, b"FETCH 1 BODYSTRUCTURE", b"* 1 FETCH (BODYSTRUCTURE (" + deep + b"))")
    talk(play, b"FETCH 2 ENVELOPE", b'* 2 FETCH (ENVELOPE ("' + b'\\"' * 9_000 + b"))")
    talk(play, b"NOOP")
    assert [each.status for each in play.events_of(Exchange)][-1] == "OK"


def test_gap_of_the_client_leaves_the_pieces() -> None:
    play = selected().gap(CLIENT, 30).server(lines(b"* 1 FETCH (%b)" % ENVELOPE))
    assert len(messages(play)) == 1
