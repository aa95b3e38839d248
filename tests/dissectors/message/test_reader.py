"""Whole messages: facts, attachments, gaps, and bytes in any pieces."""

from __future__ import annotations

import base64
import binascii
import hashlib
from email.message import EmailMessage
from email.policy import SMTP
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dissectors.limits import Limits
from dissectors.message import MessageReader, reader

if TYPE_CHECKING:
    from dissectors.events import MessageFacts


@pytest.fixture(params=[1, 64, 16 * 1024], autouse=True)
def slice_bytes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Every test runs with bytes looked at one by one, in pieces, and at once."""
    size: int = request.param
    monkeypatch.setattr(reader, "_SLICE", size)
    return size


def read(
    message: bytes,
    limits: Limits | None = None,
    *,
    complete: bool = True,
    size: int = 1 << 20,
) -> MessageFacts:
    reading = MessageReader(limits or Limits())
    for start in range(0, len(message), size):
        reading.feed(message[start : start + size])
    return reading.finish(complete=complete)


def crlf(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def attachments(
    message: bytes, limits: Limits | None = None
) -> list[tuple[object, ...]]:
    return [
        (each.name, each.content_type, each.size_bytes, each.sha256)
        for each in read(message, limits).attachments
    ]


def file(
    name: str, content: bytes, media_type: str = "text/plain"
) -> tuple[object, ...]:
    return name, media_type, len(content), sha256(content)


PLAIN = crlf("""\
From: alice@example.com
To: bob@example.com
Subject: plain

a body
""")

MIXED = crlf("""\
Subject: outer
Content-Type: multipart/mixed; boundary="=_b"

preamble
--=_b
Content-Type: text/plain; charset=utf-8

inline text
--=_b
Content-Type: text/plain; name="one.txt"

first
--=_b\x20\t
Content-Disposition: attachment; filename=two.bin
Content-Type: Application/Octet-Stream
Content-Transfer-Encoding: base64

AAEC
AwQ=
--=_b--
epilogue with a name=three.txt
--=_b
Content-Type: text/plain; name="four.txt"

not a part any more
""")


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


def test_parts_that_are_files_are_attachments() -> None:
    assert attachments(MIXED) == [
        file("one.txt", b"first"),
        file("two.bin", bytes(range(5)), "application/octet-stream"),
    ]
    assert read(MIXED).subject == "outer"


def test_line_ends_may_be_bare_lf() -> None:
    assert attachments(MIXED.replace(b"\r\n", b"\n")) == attachments(MIXED)


def test_lines_may_end_with_two_carriage_returns() -> None:
    found = attachments(MIXED.replace(b"\r\n", b"\r\r\n"))
    assert [each[0] for each in found] == ["one.txt", "two.bin"]
    assert found[1] == attachments(MIXED)[1]
    assert read(PLAIN.replace(b"\r\n", b"\r\r\n")).subject == "plain"


def test_message_that_is_a_file() -> None:
    message = b"Content-Type: application/pdf; name=a.pdf\r\n\r\n%PDF\r\n--x\r\n"
    assert attachments(message) == [
        file("a.pdf", b"%PDF\r\n--x\r\n", "application/pdf")
    ]


def test_attachment_needs_no_name() -> None:
    message = b"Content-Disposition: attachment\r\n\r\ntext"
    assert attachments(message) == [(None, "text/plain", 4, sha256(b"text"))]


def one_part(header: str, content: bytes = b"content") -> bytes:
    start = crlf(f"""\
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain

text
--b
{header}

""")
    return start + content + b"\r\n--b--\r\n"


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


def nested(outer: str, inner: str) -> bytes:
    return crlf(f"""\
Content-Type: multipart/mixed; boundary={outer}

--{outer}
Content-Type: multipart/mixed; boundary={inner}

--{inner}
Content-Type: text/plain; name=inner.txt

in
--{inner}--
between
--{outer}
Content-Type: text/plain; name=outer.txt

out
--{outer}--
""")


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


INNER = crlf("""\
Subject: inner
To: nobody@example.com
Content-Type: multipart/mixed; boundary=in

--in
Content-Type: text/plain; name=deep.txt

deep
--in--
""")


def forwarded(header: str) -> bytes:
    start = crlf(f"""\
Subject: outer
Content-Type: multipart/mixed; boundary=out

--out
{header}

""")
    return start + INNER + b"\r\n--out--\r\n"


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


def with_gap(message: bytes, start: int, end: int) -> MessageFacts:
    reading = MessageReader()
    reading.feed(message[:start])
    reading.skip_gap(end - start)
    reading.feed(message[end:])
    return reading.finish(complete=True)


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


def test_header_of_attached_message_is_lost_in_a_gap() -> None:
    message = forwarded("Content-Type: message/rfc822")
    start = message.index(b"nobody")
    facts = with_gap(message, start, start + 1)
    assert [each.content_type for each in facts.attachments] == ["message/rfc822"]
    assert facts.attachments[0].sha256 is None
    assert facts.subject == "outer"


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


def test_message_around_parts_over_the_limit_has_no_hash() -> None:
    part = b"--b\r\n\r\nx\r\n"
    message = (
        b"Content-Type: message/rfc822\r\n\r\n"
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + part * 5
    )
    [found] = read(message, Limits(mime_parts=3)).attachments
    assert found.sha256 is None


def test_nesting_over_the_limit_is_not_read() -> None:
    headers = [
        f"Content-Type: multipart/mixed; boundary=b{level}\n\n--b{level}\n"
        for level in range(5)
    ]
    message = "".join(headers) + "Content-Type: text/plain; name=a\n\nx"
    assert attachments(message.encode(), Limits(mime_depth=5)) == [file("a", b"x")]
    assert attachments(message.encode(), Limits(mime_depth=4)) == []


def test_attached_messages_over_the_limit_are_not_read() -> None:
    message = b"Content-Type: message/rfc822\n\n" * 5
    assert len(attachments(message, Limits(mime_depth=2))) == 3


def test_long_file_name_is_cut() -> None:
    message = b"Content-Type: text/plain; name=" + b"a" * 100 + b"\n\n"
    assert attachments(message, Limits(kept_text=4)) == [file("a" * 16, b"")]


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


# numbers, types, the way of a message, limits


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


def test_nested_header_is_not_that_of_the_message() -> None:
    reader = MessageReader()
    reader.feed(
        b"Subject: outer\r\nContent-Type: message/rfc822\r\n\r\n"
        b"Subject: inner\r\nReply-To: in@x\r\nReceived: from a by b\r\n\r\nx"
    )
    facts = reader.finish(complete=True)
    assert (facts.subject, facts.reply_to, facts.received) == ("outer", None, [])
    assert facts.content_type == "message/rfc822"
