"""Whole messages: facts, gaps, limits, and bytes in any pieces."""

from __future__ import annotations

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dissectors.limits import Limits
from dissectors.message import MessageReader, reader
from tests.support.copies import KeptCopy, copied
from tests.support.messages import (
    MIXED,
    PLAIN,
    attachments,
    file,
    forwarded,
    nested,
    read,
    sha256,
    with_gap,
)

pytestmark = pytest.mark.usefixtures("slice_bytes")


def test_plain_message() -> None:
    facts = read(PLAIN)
    assert facts.from_ == "alice@example.com"
    assert facts.to == ["bob@example.com"]
    assert facts.subject == "plain"
    assert facts.size_bytes == len(PLAIN)
    assert facts.header_complete
    assert not facts.cut
    assert facts.attachments == []


@pytest.mark.parametrize("message", [b"", b"\r\n", b"\n", b"\r\nSubject: body\r\n"])
def test_message_without_header(message: bytes) -> None:
    facts = read(message)
    assert facts.header_complete
    assert facts.subject is None


@pytest.mark.parametrize("message", [b"Subject: a", b"Subject: a\n", b"Subject: a\n\n"])
def test_message_without_body(message: bytes) -> None:
    facts = read(message)
    assert facts.subject == "a"
    assert facts.header_complete


def test_body_is_no_header() -> None:
    facts = read(b"Subject: a\n\nTo: b@example.com\n\nFrom: c@example.com\n")
    assert (facts.to, facts.from_) == ([], None)


def test_line_ends_may_be_bare_lf() -> None:
    assert attachments(MIXED.replace(b"\r\n", b"\n")) == attachments(MIXED)


def test_lines_may_end_with_two_carriage_returns() -> None:
    found = attachments(MIXED.replace(b"\r\n", b"\r\r\n"))
    assert [each[0] for each in found] == ["one.txt", "two.bin"]
    assert found[1] == attachments(MIXED)[1]
    assert read(PLAIN.replace(b"\r\n", b"\r\r\n")).subject == "plain"


def test_cut_message_has_no_hash_for_what_is_open() -> None:
    facts = read(MIXED[: MIXED.index(b"AwQ=")], complete=False)
    assert facts.cut
    assert facts.header_complete
    assert [each.sha256 for each in facts.attachments] == [sha256(b"first"), None]
    assert facts.attachments[1].size_bytes == 3


def test_cut_header_has_no_cut_line() -> None:
    facts = read(b"From: a@example.com\r\nSubject: the beginni", complete=False)
    assert facts.from_ == "a@example.com"
    assert facts.subject is None
    assert facts.cut
    assert not facts.header_complete


def test_gap_in_an_attachment_leaves_the_others() -> None:
    start = MIXED.index(b"first")
    facts = with_gap(MIXED, start, start + 2)
    assert facts.size_bytes == len(MIXED)
    assert facts.cut
    assert facts.header_complete
    assert [(each.name, each.sha256) for each in facts.attachments] == [
        ("one.txt", None),
        ("two.bin", sha256(bytes(range(5)))),
    ]


def test_gap_in_the_header_leaves_the_fields_before_it() -> None:
    start = PLAIN.index(b"Subject") + 3
    facts = with_gap(PLAIN, start, start + 2)
    assert facts.from_ == "alice@example.com"
    assert facts.subject is None
    assert not facts.header_complete


def test_gap_in_the_header_of_a_part_hides_that_part() -> None:
    start = MIXED.index(b"one.txt")
    facts = with_gap(MIXED, start, start + 3)
    assert [each.name for each in facts.attachments] == ["two.bin"]


def test_line_after_a_gap_is_no_delimiter() -> None:
    start = MIXED.index(b"--=_b \t\r\n") - 2
    facts = with_gap(MIXED, start, start + 2)
    assert [each.name for each in facts.attachments] == ["one.txt"]
    assert facts.attachments[0].sha256 is None


def test_header_over_the_limit_is_cut_and_its_end_is_found() -> None:
    message = b"From: a\n" + b"X: y\n" * 100 + b"Subject: far\n\nbody"
    facts = read(message, Limits(header=50))
    assert facts.from_ == "a"
    assert facts.subject is None
    assert facts.header_complete


def test_parts_over_the_limit_are_not_read() -> None:
    part = b"--b\r\nContent-Type: text/plain; name=a\r\n\r\nx\r\n"
    message = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + part * 5
    found = attachments(message, Limits(mime_parts=3))
    assert found == [file("a", b"x")] * 3


def test_nesting_over_the_limit_is_not_read() -> None:
    headers = [
        f"Content-Type: multipart/mixed; boundary=b{level}\n\n--b{level}\n"
        for level in range(5)
    ]
    message = "".join(headers) + "Content-Type: text/plain; name=a\n\nx"
    assert attachments(message.encode(), Limits(mime_depth=5)) == [file("a", b"x")]
    assert attachments(message.encode(), Limits(mime_depth=4)) == []


def test_mail_library_and_reader_agree() -> None:
    mail = EmailMessage(policy=SMTP)
    mail["From"] = "Jörg Example <joerg@example.com>"
    mail["To"] = "bob@example.com"
    mail["Subject"] = "Grüße, " * 20
    mail.set_content("text")
    mail.add_alternative("<p>text", subtype="html")
    contents = {"ä" * 60 + ".bin": bytes(range(256)) * 20, "b.bin": b"", "c.bin": b"c"}
    for name, content in contents.items():
        mail.add_attachment(
            content, maintype="application", subtype="octet-stream", filename=name
        )
    facts = read(mail.as_bytes())
    assert facts.from_ == "Jörg Example <joerg@example.com>"
    assert (facts.subject or "").split() == ("Grüße, " * 20).split()
    assert {each.name: each.sha256 for each in facts.attachments} == {
        name: sha256(content) for name, content in contents.items()
    }


MESSAGES = [PLAIN, MIXED, nested("b1", "b"), forwarded("Content-Type: message/rfc822")]


PIECES = st.sampled_from(
    [
        b"\r\n",
        b"\n",
        b"\r",
        b"\r\n\r\n",
        b"--b",
        b"--b--",
        b"--b1",
        b"--",
        b"Content-Type: multipart/mixed; boundary=b\r\n",
        b"Content-Type: multipart/mixed; boundary=b1\r\n",
        b"Content-Type: message/rfc822\r\n",
        b"Content-Disposition: attachment; filename=a\r\n",
        b"Content-Transfer-Encoding: base64\r\n",
        b"Content-Transfer-Encoding: quoted-printable\r\n",
        b"Subject: =?utf-8?q?a?=\r\n",
        b"QUJD=",
        b"a" * 1000,
        b" ",
    ]
)


@given(
    st.sampled_from(MESSAGES) | st.lists(PIECES, max_size=40).map(b"".join),
    st.integers(1, 50),
    st.booleans(),
)
@example(MIXED, 1, True)
@settings(max_examples=200, deadline=None)
def test_any_split_gives_the_same_facts(
    message: bytes, size: int, complete: bool
) -> None:
    limits = Limits(header=500, mime_parts=10, mime_depth=4)
    whole = read(message, limits, complete=complete)
    patched = pytest.MonkeyPatch()
    try:
        patched.setattr(reader, "_SLICE", size)
        assert read(message, limits, complete=complete, size=size) == whole
        assert read(message, limits, complete=complete) == whole
    finally:
        patched.undo()


# a gap over the closing delimiter would make the epilogue a part
@given(st.sampled_from([MIXED[: MIXED.index(b"epi")], *MESSAGES[2:]]), st.data())
@settings(max_examples=50, deadline=None)
def test_any_gap_is_survived(message: bytes, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(message)))
    end = data.draw(st.integers(start, len(message)))
    facts = with_gap(message, start, end)
    assert facts.cut
    assert facts.size_bytes == len(message)
    whole = {each.sha256 for each in read(message).attachments}
    assert {each.sha256 for each in facts.attachments} <= whole | {None}


def test_header_over_the_limit_says_so() -> None:
    reader = MessageReader(Limits(header=100))
    reader.feed(b"Subject: x\r\n" + b"X-Pad: " + b"y" * 200 + b"\r\n\r\nbody")
    facts = reader.finish(complete=True)
    assert (facts.subject, facts.exceeded_limits) == ("x", ["message_header_too_large"])


def test_parts_over_the_limit_say_so() -> None:
    reader = MessageReader(Limits(mime_parts=2))
    part = b"--b\r\n\r\nx\r\n"
    reader.feed(b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + part * 5)
    facts = reader.finish(complete=True)
    assert (facts.part_count, facts.exceeded_limits) == (2, ["message_too_many_parts"])


@pytest.mark.parametrize(
    "level", [b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"]
)
def test_nesting_over_the_limit_says_so(level: bytes) -> None:
    reader = MessageReader(Limits(mime_depth=3))
    reader.feed(level * 9 + b"\r\nx")
    assert reader.finish(complete=True).exceeded_limits == ["message_too_deep"]
    reader = MessageReader(Limits(mime_depth=3))
    reader.feed(b"Content-Type: message/rfc822\r\n\r\n" * 9 + b"\r\nx")
    assert reader.finish(complete=True).exceeded_limits == ["message_too_deep"]


UUENCODED = (
    b"Subject: a\r\n\r\nHello\r\nbegin 644 a.txt\r\n"
    b'#86)C\r\n`\r\nend\r\nand\r\nbegin 644 b.txt\r\n"9&4\r\n`\r\nend\r\n'
)
SAID_TO_BE_UUENCODED = UUENCODED.replace(
    b"\r\n\r\n",
    b"\r\nContent-Transfer-Encoding: x-uuencode\r\n"
    b"Content-Disposition: attachment\r\n\r\n",
    1,
)


def every_encoding() -> bytes:
    """A message with a file in each encoding, and one inside of another message."""
    inner = EmailMessage(policy=SMTP)
    inner["Subject"] = "inner"
    inner.set_content("hi\n")
    inner.add_attachment(b"\0\1\r\n.\r\n", "application", "zip", filename="in.zip")
    mail = EmailMessage(policy=SMTP)
    mail.set_content("text\n")
    mail.add_attachment(bytes(range(256)) * 99, "image", "png", filename="a.png")
    text = "L\xf6we = lion\n" * 99
    mail.add_attachment(text, filename="q.txt", cte="quoted-printable")
    mail.add_attachment("seven\n" * 99, filename="7.txt", cte="7bit")
    mail.add_attachment(text, filename="8.txt", cte="8bit")
    mail.add_attachment(inner)
    return mail.as_bytes()


@pytest.mark.parametrize(
    "message",
    [PLAIN, MIXED, UUENCODED, SAID_TO_BE_UUENCODED, every_encoding()],
    ids=["plain", "mixed", "uuencoded", "said-to-be-uuencoded", "every-encoding"],
)
@pytest.mark.parametrize("size", [1, 7, 1 << 20])
def test_copies_are_what_was_sent_and_what_was_hashed(
    message: bytes, size: int
) -> None:
    reading = MessageReader(copies=KeptCopy)
    for start in range(0, len(message), size):
        reading.feed(message[start : start + size])

    facts = reading.finish(complete=True)

    assert facts == read(message)
    assert copied(facts.copy) == message
    assert [sha256(copied(each.copy)) for each in facts.attachments] == [
        each.sha256 for each in facts.attachments
    ]


def test_copies_of_files_are_what_the_email_package_makes_of_them() -> None:
    message = every_encoding()
    reading = MessageReader(copies=KeptCopy)
    reading.feed(message)

    facts = reading.finish(complete=True)

    found = {each.name: copied(each.copy) for each in facts.attachments}
    expected = {
        part.get_filename(): part.get_payload(decode=True)
        for part in message_from_bytes(message, policy=SMTP).walk()
        if part.get_filename()
    }
    assert {name: found[name] for name in expected} == expected
    assert len(expected) == 5


def test_copy_of_what_is_missing_is_what_there_was() -> None:
    message = every_encoding()
    reading = MessageReader(copies=KeptCopy)
    reading.feed(message[:9000])
    reading.skip_gap(5000)
    reading.feed(message[14_000:])

    facts = reading.finish(complete=True)

    assert copied(facts.copy) == message[:9000] + message[14_000:]
    picture = facts.attachments[0]
    assert (picture.name, picture.sha256) == ("a.png", None)
    whole = bytes(range(256)) * 99
    assert whole.startswith(copied(picture.copy)[:3000])


def test_nothing_is_copied_unless_it_is_asked_for() -> None:
    facts = read(every_encoding())

    assert facts.copy is None
    assert all(each.copy is None for each in facts.attachments)


@pytest.mark.parametrize(
    "message",
    [
        MIXED,
        UUENCODED,
        SAID_TO_BE_UUENCODED,
        UUENCODED.replace(b"`\r\nend\r\nand", b"no file\r\nand"),
        UUENCODED[:-20],
        b"Content-Transfer-Encoding: base64\r\n\r\naGVsbG8sIHRoaXMgaXMgYSB0ZXh0\r\n",
    ],
)
@pytest.mark.parametrize("size", [1, 1 << 20])
def test_copies_of_what_is_no_file_are_forgotten(message: bytes, size: int) -> None:
    begun: list[KeptCopy] = []

    def begin() -> KeptCopy:
        begun.append(KeptCopy())
        return begun[-1]

    reading = MessageReader(copies=begin)
    for start in range(0, len(message), size):
        reading.feed(message[start : start + size])
    facts = reading.finish(complete=True)

    wanted = [facts.copy, *(each.copy for each in facts.attachments)]
    assert [each for each in begun if not each.is_forgotten] == [
        each for each in begun if each in wanted
    ]
    assert all(each in begun for each in wanted)
