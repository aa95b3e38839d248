"""Messages within messages: their facts, files, gaps and limits."""

from __future__ import annotations

import base64

import pytest

from dissectors.limits import Limits
from dissectors.message import MessageReader
from tests.support.messages import (
    INNER,
    MIXED,
    PLAIN,
    attachments,
    crlf,
    file,
    forwarded,
    read,
    sha256,
    with_gap,
)

pytestmark = pytest.mark.usefixtures("slice_bytes")


@pytest.mark.parametrize(
    "header",
    [
        "Content-Type: message/rfc822",
        "Content-Type: Message/RFC822\nContent-Transfer-Encoding: base64",
        "Content-Type: message/rfc822\nContent-Transfer-Encoding: 8bit",
    ],
)
def test_attached_message_is_an_attachment_and_so_are_its_own(header: str) -> None:
    facts = read(forwarded(header))
    assert (facts.subject, facts.to) == ("outer", [])
    assert attachments(forwarded(header)) == [
        (None, "message/rfc822", len(INNER), sha256(INNER)),
        file("deep.txt", b"deep"),
    ]


def test_attached_message_may_have_a_name() -> None:
    message = forwarded("Content-Type: message/rfc822; name=a.eml")
    assert attachments(message)[0] == file("a.eml", INNER, "message/rfc822")


def test_attached_message_in_base64() -> None:
    encoded = base64.encodebytes(INNER)
    message = b"Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n"
    assert attachments(message + encoded) == [
        (None, "message/rfc822", len(INNER), sha256(INNER)),
        file("deep.txt", b"deep"),
    ]


def test_attached_message_in_base64_is_read_to_a_depth() -> None:
    """RFC 2046 §5.2.1 forbids the encoding, and mail readers decode it."""
    message = PLAIN
    header = b"Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n"
    for _ in range(5):
        message = header + base64.encodebytes(message)
    facts = read(message)
    assert [each.part for each in facts.attachments] == [
        "1",
        "1.1",
        "1.1.1",
        "1.1.1.1",
        "1.1.1.1.1",
    ]
    assert (facts.subject, facts.part_count, facts.exceeded_limits) == (None, 6, [])
    limited = read(message, Limits(mime_depth=3))
    assert (len(limited.attachments), limited.exceeded_limits) == (
        4,
        ["message_too_deep"],
    )
    [first, *_] = read(message, Limits(mime_parts=2)).attachments
    assert first.sha256 is not None


def test_parts_of_an_encoded_message_are_numbered_within_it() -> None:
    encoded = base64.encodebytes(MIXED)
    start = forwarded("Content-Type: message/rfc822\nContent-Transfer-Encoding: base64")
    message = start.replace(INNER, encoded)
    assert [(each.part, each.name) for each in read(message).attachments] == [
        ("1", None),
        ("1.2", "one.txt"),
        ("1.3", "two.bin"),
    ]


def test_gap_in_an_encoded_message_leaves_what_came_before() -> None:
    encoded = base64.encodebytes(MIXED + b"x" * 3000)
    header = b"Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n"
    facts = with_gap(header + encoded, len(header) + 1600, len(header) + 1601)
    found = [(each.name, each.sha256 is not None) for each in facts.attachments]
    assert found == [(None, False), ("one.txt", True), ("two.bin", True)]


def test_parts_of_a_digest_are_messages() -> None:
    """RFC 2046 §5.1.5."""
    message = crlf("""\
Content-Type: multipart/digest; boundary=b

--b

Subject: one

text
--b
Content-Type: text/plain

text
--b--
""")
    content = b"Subject: one\r\n\r\ntext"
    assert attachments(message) == [
        (None, "message/rfc822", len(content), sha256(content))
    ]


def test_header_of_attached_message_is_lost_in_a_gap() -> None:
    message = forwarded("Content-Type: message/rfc822")
    start = message.index(b"nobody")
    facts = with_gap(message, start, start + 1)
    assert [each.content_type for each in facts.attachments] == ["message/rfc822"]
    assert facts.attachments[0].sha256 is None
    assert facts.subject == "outer"


def test_message_around_parts_over_the_limit_has_no_hash() -> None:
    part = b"--b\r\n\r\nx\r\n"
    message = (
        b"Content-Type: message/rfc822\r\n\r\n"
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + part * 5
    )
    [found] = read(message, Limits(mime_parts=3)).attachments
    assert found.sha256 is None


def test_attached_messages_over_the_limit_are_not_read() -> None:
    message = b"Content-Type: message/rfc822\n\n" * 5
    assert len(attachments(message, Limits(mime_depth=2))) == 3


def test_nested_header_is_not_that_of_the_message() -> None:
    reader = MessageReader()
    reader.feed(
        b"Subject: outer\r\nContent-Type: message/rfc822\r\n\r\n"
        b"Subject: inner\r\nReply-To: in@x\r\nReceived: from a by b\r\n\r\nx"
    )
    facts = reader.finish(complete=True)
    assert (facts.subject, facts.reply_to, facts.received) == ("outer", None, [])
    assert facts.content_type == "message/rfc822"
