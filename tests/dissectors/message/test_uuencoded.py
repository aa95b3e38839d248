"""Files inside of plain text."""

from __future__ import annotations

import binascii
import hashlib
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dissectors.message import MessageReader
from dissectors.message.uuencoded import UuencodedText

if TYPE_CHECKING:
    from dissectors.message.content import Content

CONTENT = b"%PDF-1.4 " + bytes(range(256)) * 3


def uuencode(name: str, content: bytes) -> bytes:
    lines = [
        binascii.b2a_uu(content[at : at + 45]) for at in range(0, len(content), 45)
    ]
    return b"begin 644 %b\n" % name.encode() + b"".join(lines) + b"`\nend\n"


def read(*pieces: bytes) -> list[tuple[str, int, str, str | None]]:
    found: list[tuple[str, int, str, str | None]] = []

    def add(name: str, file: Content) -> None:
        found.append((name, file.size_bytes, file.sha256(), file.detected_type()))

    text = UuencodedText(add)
    for piece in pieces:
        text.update(piece)
    return found


def expected(name: str) -> tuple[str, int, str, str | None]:
    digest = hashlib.sha256(CONTENT).hexdigest()
    return (name, len(CONTENT), digest, "application/pdf")


TEXT = (
    b"Hello,\n\nbegin the day\nbegin 644 but this is no file\nno uu line: \xff\n"
    + uuencode("a.pdf", CONTENT)
    + b"and\n"
    + uuencode("b c.pdf", CONTENT)
    + b"Bye\n"
)


def test_files_are_found() -> None:
    assert read(TEXT) == [expected("a.pdf"), expected("b c.pdf")]


def test_text_begins_with_a_file_and_lines_end_in_crlf() -> None:
    text = uuencode("a.pdf", CONTENT).replace(b"\n", b"\r\n")
    assert read(text) == [expected("a.pdf")]


@given(st.lists(st.integers(0, len(TEXT)), max_size=8))
def test_any_split_gives_the_same_files(places: list[int]) -> None:
    cuts = [0, *sorted(places), len(TEXT)]
    pieces = [TEXT[a:b] for a, b in pairwise(cuts)]
    assert read(*pieces) == read(TEXT)
    assert read(*[TEXT[i : i + 1] for i in range(len(TEXT))]) == read(TEXT)


@pytest.mark.parametrize(
    "text",
    [
        uuencode("a.pdf", CONTENT)[:-4],
        b"begin 644 \n`\nend\n",
        b"x begin 644 a\n`\nend\n",
        b"begin 644 a\n" + b"M" * 1000,
    ],
)
def test_what_is_no_file_is_none(text: bytes) -> None:
    assert read(text) == []


def test_message_names_them_as_attachments() -> None:
    reader = MessageReader()
    reader.feed(b"Subject: x\n\n" + TEXT)
    facts = reader.finish(complete=True)
    assert [(each.name, each.part) for each in facts.attachments] == [
        ("a.pdf", "1"),
        ("b c.pdf", "1"),
    ]
    assert facts.attachments[0].detected_type == "application/pdf"


@pytest.mark.parametrize("encoding", ["", "x-uuencode"])
def test_password_in_a_name_is_not_shown(encoding: str) -> None:
    reader = MessageReader()
    head = f"Content-Transfer-Encoding: {encoding}\n" if encoding else "Subject: x\n"
    file = uuencode("http://user:secret@example.com/a.pdf", CONTENT)

    reader.feed(head.encode() + b"\n" + file)

    (attachment,) = reader.finish(complete=True).attachments
    assert attachment.name == "http://user:***@example.com/a.pdf"


def test_gap_in_a_file_loses_it() -> None:
    half = uuencode("a.pdf", CONTENT)
    reader = MessageReader()
    reader.feed(b"Subject: x\n\n" + half[:200])
    reader.skip_gap(61)
    reader.feed(half[261:])
    assert reader.finish(complete=False).attachments == []
