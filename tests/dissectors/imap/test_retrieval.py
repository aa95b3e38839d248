"""Messages in FETCH responses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dissectors.conversation.literals import find_literal
from dissectors.imap.retrieval import Retrieval, may_hold_message, parse_asked_chunk
from dissectors.message import MessageReader

if TYPE_CHECKING:
    from dissectors.events import MessageFacts

MESSAGE = b"Subject: lunch\r\n\r\nAt noon.\r\n"


class Delivered:
    """Collects what a retrieval delivers."""

    def __init__(self) -> None:
        self.messages: list[tuple[MessageFacts, bool]] = []
        self.retrieval = Retrieval(MessageReader, self)

    def __call__(self, facts: MessageFacts, *, complete: bool) -> None:
        self.messages.append((facts, complete))

    def receive(
        self,
        *parts: bytes,
        number: bytes = b"1",
        asked: tuple[int, int] | None = None,
    ) -> None:
        """Pass a response on: fragments, and literals between them."""
        self.retrieval.open_response(number)
        for fragment, content in zip(parts[::2], (*parts[1::2], b""), strict=True):
            sink = self.retrieval.read_fragment(fragment, find_literal(fragment))
            if sink is not None:
                sink.feed(content)
                sink.end(complete=True)
        self.retrieval.close_response(asked)

    @property
    def subjects(self) -> list[str | None]:
        return [facts.subject for facts, _ in self.messages]


@pytest.fixture
def delivered() -> Delivered:
    return Delivered()


def with_literal(text: bytes, content: bytes) -> tuple[bytes, bytes, bytes]:
    return text + b" {%d}" % len(content), content, b")"


@pytest.mark.parametrize(
    "item",
    [
        b"* 1 FETCH (BODY[]",
        b"* 1 FETCH (RFC822",
        b"* 1 FETCH (UID 7 FLAGS (\\Seen) BODY[]",
        b"* 1 FETCH (body[]",
    ],
)
def test_whole_message_comes_as_literal(delivered: Delivered, item: bytes) -> None:
    delivered.receive(*with_literal(item, MESSAGE))
    [(facts, complete)] = delivered.messages
    assert complete
    assert (facts.subject, facts.size_bytes) == ("lunch", len(MESSAGE))


def test_binary_message_comes_as_literal8(delivered: Delivered) -> None:
    text = b"* 1 FETCH (BINARY[] ~{%d}" % len(MESSAGE)
    delivered.receive(text, MESSAGE, b")")
    assert delivered.subjects == ["lunch"]


@pytest.mark.parametrize(
    "item",
    [
        b"BODY[HEADER]",
        b"BODY[TEXT]",
        b"BODY[1]",
        b"BODY[1.MIME]",
        b'BODY[HEADER.FIELDS ("From" "To")]',
        b"RFC822.HEADER",
        b"RFC822.TEXT",
        b"BODY[1]<0>",
        b"X-BODY[]",
    ],
)
def test_section_is_no_message(delivered: Delivered, item: bytes) -> None:
    delivered.receive(*with_literal(b"* 1 FETCH (" + item, MESSAGE))
    assert delivered.messages == []


def test_message_follows_a_section_in_one_response(delivered: Delivered) -> None:
    delivered.receive(
        b"* 1 FETCH (BODY[HEADER.FIELDS (SUBJECT)] {2}",
        b"\r\n",
        b" BODY[] {%d}" % len(MESSAGE),
        MESSAGE,
        b")",
    )
    assert delivered.subjects == ["lunch"]


def test_message_comes_as_quoted_string(delivered: Delivered) -> None:
    delivered.receive(rb'* 1 FETCH (UID 7 BODY[] "a \"b\"")')
    [(facts, complete)] = delivered.messages
    assert complete
    assert facts.size_bytes == 5


@pytest.mark.parametrize(
    "response",
    [
        # names of items inside of strings
        rb'* 1 FETCH (ENVELOPE ("x" "BODY[] \"a\"" NIL))',
        b'* 1 FETCH (ENVELOPE (NIL "RFC822 " "x"))',
        # an expunged message
        b"* 1 FETCH (BODY[] NIL)",
    ],
)
def test_string_is_no_message(delivered: Delivered, response: bytes) -> None:
    delivered.receive(response)
    assert delivered.messages == []


def test_message_breaks_off(delivered: Delivered) -> None:
    fragment = b"* 1 FETCH (BODY[] {100}"
    sink = delivered.retrieval.read_fragment(fragment, find_literal(fragment))
    assert sink is not None
    sink.feed(MESSAGE)
    sink.end(complete=False)
    [(facts, complete)] = delivered.messages
    assert not complete
    assert facts.cut


def chunk(origin: int, content: bytes, extra: bytes = b"") -> tuple[bytes, ...]:
    return with_literal(b"* 1 FETCH (" + extra + b"BODY[]<%d>" % origin, content)


def test_chunks_end_with_one_shorter_than_asked(delivered: Delivered) -> None:
    delivered.receive(*chunk(0, MESSAGE[:20]), asked=(0, 20))
    assert delivered.messages == []
    delivered.receive(*chunk(20, MESSAGE[20:]), asked=(20, 20))
    [(facts, complete)] = delivered.messages
    assert complete
    assert (facts.subject, facts.size_bytes) == ("lunch", len(MESSAGE))


def test_chunks_end_at_the_known_size(delivered: Delivered) -> None:
    size = b"RFC822.SIZE %d " % len(MESSAGE)
    delivered.receive(*chunk(0, MESSAGE[:20], size))
    delivered.receive(*chunk(20, MESSAGE[20:], size))
    assert delivered.subjects == ["lunch"]


@pytest.mark.parametrize("nothing", [b'""', b"NIL"])
def test_chunks_end_with_an_empty_one(delivered: Delivered, nothing: bytes) -> None:
    delivered.receive(*chunk(0, MESSAGE), asked=(0, len(MESSAGE)))
    text = b"* 1 FETCH (BODY[]<%d> %s)" % (len(MESSAGE), nothing)
    delivered.receive(text, asked=(len(MESSAGE), len(MESSAGE)))
    assert delivered.subjects == ["lunch"]


def test_message_shorter_than_its_only_chunk(delivered: Delivered) -> None:
    delivered.receive(*chunk(0, MESSAGE), asked=(0, 1000))
    assert delivered.subjects == ["lunch"]


def test_chunks_with_a_missing_one_are_no_message(delivered: Delivered) -> None:
    delivered.receive(*chunk(0, MESSAGE[:5]), asked=(0, 5))
    delivered.receive(*chunk(10, MESSAGE[10:]), asked=(10, 100))
    assert delivered.messages == []


def test_chunks_of_two_messages_are_not_joined(delivered: Delivered) -> None:
    delivered.receive(*chunk(0, MESSAGE[:5]), asked=(0, 5))
    delivered.receive(*chunk(5, MESSAGE[5:]), number=b"2", asked=(5, 100))
    assert delivered.messages == []


def test_chunk_that_broke_off_ends_the_message(delivered: Delivered) -> None:
    fragment = b"* 1 FETCH (BODY[]<0> {20}"
    delivered.retrieval.open_response(b"1")
    sink = delivered.retrieval.read_fragment(fragment, find_literal(fragment))
    assert sink is not None
    sink.end(complete=False)
    delivered.receive(*chunk(20, b"rest"), asked=(20, 100))
    assert delivered.messages == []


@pytest.mark.parametrize(
    ("argument", "asked"),
    [
        (b"7 (UID BODY.PEEK[]<0.16384>)", (0, 16384)),
        (b"7 BODY[]<16384.16384>", (16384, 16384)),
        (b"7 BODY[]", None),
        (b"7 BODY[1]<0.10>", None),
        (b"7 BODY[]<0>", None),
    ],
)
def test_asked_chunk_is_parsed(argument: bytes, asked: tuple[int, int] | None) -> None:
    assert parse_asked_chunk(argument) == asked


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b'* 1 FETCH (BODY[] "")', True),
        (b'* 1 FETCH (RFC822 "")', True),
        (b"* 1 FETCH (FLAGS () UID 7 RFC822.SIZE 20)", False),
    ],
)
def test_response_may_hold_message(text: bytes, *, expected: bool) -> None:
    assert may_hold_message(text) is expected
