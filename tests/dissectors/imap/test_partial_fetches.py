"""Messages of which only pieces are fetched."""

from __future__ import annotations

import base64
import hashlib

from dissectors.events import Delivery, Exchange, MessageTransferred, Use
from tests.support.imap import PREAUTH, greeted, lines, selected, talk, uses
from tests.support.playbook import CLIENT, SERVER, Playbook

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


def test_gap_in_a_header_cuts_the_message() -> None:
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
