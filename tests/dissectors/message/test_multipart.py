"""Parts of messages: which are files, where they begin and end, and their numbers."""

from __future__ import annotations

import base64
import binascii

import pytest

from dissectors.limits import Limits
from dissectors.message import MessageReader
from tests.support.messages import (
    MIXED,
    attachments,
    crlf,
    file,
    nested,
    one_part,
    read,
    sha256,
)

pytestmark = pytest.mark.usefixtures("slice_bytes")


def test_parts_that_are_files_are_attachments() -> None:
    assert attachments(MIXED) == [
        file("one.txt", b"first"),
        file("two.bin", bytes(range(5)), "application/octet-stream"),
    ]
    assert read(MIXED).subject == "outer"


def test_message_that_is_a_file() -> None:
    message = b"Content-Type: application/pdf; name=a.pdf\r\n\r\n%PDF\r\n--x\r\n"
    assert attachments(message) == [
        file("a.pdf", b"%PDF\r\n--x\r\n", "application/pdf")
    ]


def test_attachment_needs_no_name() -> None:
    message = b"Content-Disposition: attachment\r\n\r\ntext"
    assert attachments(message) == [(None, "text/plain", 4, sha256(b"text"))]


@pytest.mark.parametrize(
    "media_type",
    ["application/pdf", "image/png", "application/octet-stream", "message/partial"],
)
@pytest.mark.parametrize("disposition", ["", "Content-Disposition: inline\n"])
def test_part_that_is_no_text_is_a_file_without_a_name(
    media_type: str, disposition: str
) -> None:
    """RFC 2183 §2: the disposition is optional."""
    found = [(None, media_type, 7, sha256(b"content"))]
    header = f"{disposition}Content-Type: {media_type}"
    assert attachments(one_part(header)) == found
    assert attachments(crlf(header) + b"\r\n\r\ncontent") == found


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Content-Type: text/plain",
        "Content-Type: text/html; charset=utf-8\nContent-Disposition: inline",
        "Content-Type: text/calendar; method=REQUEST",
        "Content-Type: application/pgp-signature",
        "Content-Type: application/pkcs7-signature",
        "Content-Type: message/delivery-status",
        "Content-Type: multipart/alternative; boundary=c",
    ],
)
def test_text_and_what_belongs_to_other_parts_is_no_file(header: str) -> None:
    assert attachments(one_part(header)) == []


@pytest.mark.parametrize(
    "header",
    [
        "Content-Disposition: attachment",
        "Content-Disposition: ATTACHMENT (comment)",
        "Content-Disposition: unheard-of",
        "Content-Disposition: attachment filename",
    ],
)
def test_text_said_to_be_an_attachment_is_a_file(header: str) -> None:
    """RFC 2183 §2.8: so is what has an unknown disposition."""
    found = [(None, "text/plain", 7, sha256(b"content"))]
    assert attachments(one_part(header)) == found


@pytest.mark.parametrize(
    ("lines", "name"),
    [
        (';\nname="a.rar"', "a.rar"),
        ("; x=y;\nfilename*=utf-8''a.rar", None),
        (' name="a.rar"', "a.rar"),
        ('\n\nname="a.rar"', None),
        ("; nonsense\n=\n:", None),
    ],
)
def test_file_below_a_malformed_header_line_is_a_file(
    lines: str, name: str | None
) -> None:
    found = attachments(one_part("Content-Type: application/x-rar" + lines))
    assert [each[:2] for each in found] == [(name, "application/x-rar")]


def test_uuencoded_part_has_the_name_inside() -> None:
    encoded = b"begin 644 a.bin\n" + binascii.b2a_uu(b"content") + b"`\nend"
    header = "Content-Type: a/b\nContent-Transfer-Encoding: x-uuencode"
    assert attachments(one_part(header, encoded)) == [file("a.bin", b"content", "a/b")]


def test_name_of_disposition_counts_before_that_of_type() -> None:
    message = (
        b"Content-Type: text/csv; name=b\nContent-Disposition: inline; filename=a\n\n"
    )
    assert attachments(message) == [file("a", b"", "text/csv")]


@pytest.mark.parametrize("media_type", ["", "nonsense", "/", "text/", "a b/c"])
def test_unreadable_type_is_plain_text(media_type: str) -> None:
    """RFC 2045 §5.2."""
    message = f"Content-Type: {media_type}; name=a\n\n".encode()
    assert attachments(message) == [file("a", b"")]


def test_type_may_have_a_comment() -> None:
    message = b"Content-Type: image/png (a picture); name=a\n\n"
    assert attachments(message) == [file("a", b"", "image/png")]


def test_closing_delimiter_is_missing() -> None:
    message = MIXED[: MIXED.index(b"AwQ=") + 4]
    assert attachments(message)[1] == file(
        "two.bin", bytes(range(5)), "application/octet-stream"
    )


def test_part_may_be_empty() -> None:
    message = crlf("""\
Content-Type: multipart/mixed; boundary=b

--b
--b
Content-Type: text/plain; name=a
--b
Content-Type: text/plain; name=b

--b

--b--
""")
    assert attachments(message) == [file("a", b""), file("b", b"")]


@pytest.mark.parametrize(
    ("outer", "inner"),
    [("outer", "inner"), ("b", "b1"), ("b1", "b"), ("b", "b--"), ("b--", "b")],
)
def test_boundary_may_begin_with_another(outer: str, inner: str) -> None:
    assert attachments(nested(outer, inner)) == [
        file("inner.txt", b"in"),
        file("outer.txt", b"out"),
    ]


def test_outer_delimiter_ends_unclosed_inner_multipart() -> None:
    message = nested("b", "c").replace(b"--c--\r\nbetween\r\n", b"")
    assert attachments(message) == [file("inner.txt", b"in"), file("outer.txt", b"out")]


def test_delimiter_look_alikes_are_content() -> None:
    content = (
        b"--\r\n--b1\r\n -- b\r\n--b -\r\n---b\r\nx--b\r\n--b"
        + b" " * 2000
        + b"\r\nend"
    )
    message = (
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
        b"Content-Disposition: attachment\r\n\r\n" + content + b"\r\n--b--\r\n"
    )
    assert [each.sha256 for each in read(message).attachments] == [sha256(content)]


def test_empty_lines_before_a_delimiter_are_content_but_for_the_last() -> None:
    message = (
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
        b"Content-Disposition: attachment\r\n\r\na\r\r\n\n\r\n\r\n--b--"
    )
    assert [each.sha256 for each in read(message).attachments] == [
        sha256(b"a\r\r\n\n\r\n")
    ]


@pytest.mark.parametrize("boundary", ["", '""', '" "', "x" * 2000])
def test_unusable_boundary_makes_no_parts(boundary: str) -> None:
    message = f"Content-Type: multipart/mixed; boundary={boundary}\n\n--{boundary}\n"
    assert attachments(message.encode() + b"Content-Disposition: attachment\n\n") == []


@pytest.mark.parametrize("end", ["--in-", "--in--x", "--on--", "", "-- "])
def test_wrong_closing_delimiter_leaves_the_encoded_file(end: str) -> None:
    message = crlf(f"""\
Content-Type: multipart/mixed; boundary=in (a comment)

--in  \t
Content-Type: a/b
Content-Transfer-Encoding: base64

AAECAw==
{end}
""")
    assert attachments(message) == [(None, "a/b", 4, sha256(bytes(range(4))))]


def test_continued_boundary() -> None:
    message = MIXED.replace(b'boundary="=_b"', b'boundary*0="=";\r\n boundary*1="_b"')
    assert attachments(message) == attachments(MIXED)


@pytest.mark.parametrize(
    ("content", "is_hidden"),
    [
        (b"MZ\x90\0" + bytes(60), True),
        (b"PK\3\4" + bytes(60), True),
        (b"%PDF-1.7", True),
        (b"MZ begins this text", False),
        (b"<html>", False),
        ("\u0431\u0443\u043a\u0432\u0430".encode("koi8-r"), False),
    ],
)
def test_file_that_is_said_to_be_a_text_is_told(
    content: bytes, is_hidden: bool
) -> None:
    header = "Content-Type: text/plain\nContent-Transfer-Encoding: base64"
    found = attachments(one_part(header, base64.encodebytes(content)))
    expected = (None, "text/plain", len(content), sha256(content))
    assert found == ([expected] if is_hidden else [])


def test_long_file_name_is_cut() -> None:
    message = b"Content-Type: text/plain; name=" + b"a" * 100 + b"\n\n"
    assert attachments(message, Limits(kept_text=4)) == [file("a" * 16, b"")]


def parts_of(text: bytes) -> list[tuple[str | None, str, str | None]]:
    reader = MessageReader()
    reader.feed(text)
    facts = reader.finish(complete=True)
    return [(each.part, each.content_type, each.name) for each in facts.attachments]


def test_parts_are_numbered_as_imap_does() -> None:
    """RFC 9051 §6.4.5, the example: 4.2 is a multipart in a message."""
    file = b"Content-Type: image/png; name=f\r\n\r\nx\r\n"
    inner = (
        b"Content-Type: message/rfc822\r\n\r\n"
        b"Content-Type: multipart/mixed; boundary=in\r\n\r\n"
        b"--in\r\n" + file + b"--in\r\n"
        b"Content-Type: multipart/mixed; boundary=deep\r\n\r\n"
        b"--deep\r\n" + file + b"--deep--\r\n--in--\r\n"
    )
    single = b"Content-Type: message/rfc822\r\n\r\n" + file
    text = (
        b"Content-Type: multipart/mixed; boundary=out\r\n\r\n"
        b"--out\r\n\r\ntext\r\n--out\r\n"
        + file
        + b"--out\r\n"
        + inner
        + b"--out\r\n"
        + single
        + b"--out--\r\n"
    )
    assert parts_of(text) == [
        ("2", "image/png", "f"),
        ("3", "message/rfc822", None),
        ("3.1", "image/png", "f"),
        ("3.2.1", "image/png", "f"),
        ("4", "message/rfc822", None),
        ("4.1", "image/png", "f"),
    ]


def test_message_that_is_a_file_is_part_one() -> None:
    text = b"Content-Type: application/pdf; name=a.pdf\r\n\r\n%PDF-1.4"
    assert parts_of(text) == [("1", "application/pdf", "a.pdf")]


def test_type_by_content_is_told_beside_the_declared_one() -> None:
    reader = MessageReader()
    encoded = base64.encodebytes(b"MZ\x90\0" + bytes(60))
    reader.feed(
        b"Content-Type: image/jpeg; name=holiday.jpg\n"
        b"Content-Transfer-Encoding: base64\n\n" + encoded
    )
    (attachment,) = reader.finish(complete=True).attachments
    assert attachment.content_type == "image/jpeg"
    detected = "application/vnd.microsoft.portable-executable"
    assert attachment.detected_type == detected
