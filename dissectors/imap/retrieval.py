"""Messages in FETCH responses (RFC 9051 §7.5.2, RFC 3501 §7.4.2).

A message is retrieved as a whole (`BODY[]`, `RFC822`, `BINARY[]`), or in chunks
`BODY[]<origin>` that the client asks for one after the other. Chunks make a
message if they are contiguous from 0 and end at RFC822.SIZE, where the response
tells it, or with a chunk shorter than the one that was asked for. Sections that
are a part of a message (`BODY[HEADER]`, `BODY[1]`, ...) and ENVELOPE are not read.

One message at a time is in progress; the text of a response is kept up to
`Limits.line`.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Protocol

from dissectors.imap.grammar import unquote

if TYPE_CHECKING:
    from collections.abc import Callable

    from dissectors.conversation.literals import Literal, LiteralSink
    from dissectors.events import MessageFacts
    from dissectors.message import MessageReader

_WHOLE_MESSAGE = frozenset({b"BODY[]", b"RFC822", b"BINARY[]"})

# section-origin: "<" number64 ">"
_CHUNK = re.compile(rb"(?:BODY|BINARY)\[\]<(\d{1,19})>")
_ASKED_CHUNK = re.compile(rb"\[\]<(\d{1,19})\.(\d{1,19})>")
_SIZE = re.compile(rb"[ (]RFC822\.SIZE (\d{1,19})", re.IGNORECASE)

# Tokens of a response, to tell an item's name from the same words in a string
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.?)*+"?|[^\s()"]+', re.DOTALL)


def parse_asked_chunk(argument: bytes) -> tuple[int, int] | None:
    """Read the partial (RFC 9051 §6.4.5) of a FETCH: origin and length of a chunk."""
    match = _ASKED_CHUNK.search(argument)
    return (int(match[1]), int(match[2])) if match else None


class OnEnd(Protocol):
    """What to do with a message whose literal ended."""

    def __call__(self, reader: MessageReader, *, complete: bool) -> None:
        """Take the reader, and whether the literal came to its end."""


class Deliver(Protocol):
    """What to do with a message that was retrieved."""

    def __call__(self, facts: MessageFacts, /, *, complete: bool) -> None:
        """Take what is known of it, and whether it came to its end."""


class MessageLiteral:
    """A sink for a literal that is a message, or a chunk of one."""

    __slots__ = ("_on_end", "_reader")

    def __init__(self, reader: MessageReader, on_end: OnEnd) -> None:
        self._reader = reader
        self._on_end = on_end

    def feed(self, data: bytes) -> None:
        """Read the next bytes of the message."""
        self._reader.feed(data)

    def skip_gap(self, length: int) -> None:
        """Leave a gap in the message."""
        self._reader.skip_gap(length)

    def end(self, *, complete: bool) -> None:
        """Hand the message over."""
        self._on_end(self._reader, complete=complete)


class Retrieval:
    """Reads the FETCH responses of a session, one after the other.

    Attributes:
        begins: the literal that was announced last begins a message.
    """

    __slots__ = (
        "_chunk",
        "_deliver",
        "_new_message",
        "_number",
        "_partial",
        "_position",
        "_size",
        "begins",
    )

    def __init__(
        self, new_message: Callable[[], MessageReader], deliver: Deliver
    ) -> None:
        """Call `deliver` with each message and whether it came to its end.

        Args:
            new_message: makes what reads a message.
            deliver: takes what is known of it.
        """
        self._new_message = new_message
        self._deliver = deliver
        # the message that chunks add up to, whose it is, how far it came
        self._partial: MessageReader | None = None
        self._number = b""
        self._position = 0
        # of the response that is being read: its chunk (origin, length); RFC822.SIZE
        self._chunk: tuple[int, int] | None = None
        self._size: int | None = None
        self.begins = False

    def open_response(self, number: bytes) -> None:
        """Begin a response about the message with this sequence number."""
        if number != self._number:
            self._number, self._partial = number, None
        self._chunk = self._size = None

    def read_fragment(
        self, fragment: bytes, literal: Literal | None
    ) -> LiteralSink | None:
        """Read the text of a response; return where its literal shall go."""
        size = _SIZE.search(fragment)
        if size is not None:
            self._size = int(size[1])
        if may_hold_message(fragment):
            self._read_strings(fragment)
        if literal is None:
            return None
        item = last_item(fragment[: literal.start])
        self.begins = item in _WHOLE_MESSAGE
        if self.begins:
            return MessageLiteral(self._new_message(), self._finish_message)
        reader = self._open_chunk(item, literal.size)
        return None if reader is None else MessageLiteral(reader, self._close_chunk)

    def close_response(self, asked: tuple[int, int] | None) -> None:
        """End a response.

        Args:
            asked: origin and length of the chunk that the client asked for.
        """
        if self._chunk is None or self._partial is None:
            return
        origin, length = self._chunk
        is_short = asked is not None and asked[0] == origin and length < asked[1]
        if is_short or self._position == self._size:
            self._finish_message(self._partial, complete=True)
            self._partial = None

    def _read_strings(self, fragment: bytes) -> None:
        """Read values that came as quoted strings or NIL, not as literals."""
        for name, value in pairwise(_TOKEN.findall(fragment)):
            is_string = value.startswith(b'"')
            if not (is_string or value.upper() == b"NIL"):
                continue
            item = name.upper()
            text = unquote(value) if is_string else b""
            if item not in _WHOLE_MESSAGE:
                chunk = self._open_chunk(item, len(text))
                if chunk is not None:
                    chunk.feed(text)
                    self._close_chunk(chunk, complete=True)
            elif is_string:
                reader = self._new_message()
                reader.feed(text)
                self._finish_message(reader, complete=True)

    def _open_chunk(self, item: bytes, length: int) -> MessageReader | None:
        match = _CHUNK.fullmatch(item)
        if match is None:
            return None
        origin = int(match[1])
        if origin == 0:
            self.begins = True
            self._partial, self._position = self._new_message(), 0
        elif origin != self._position:
            self._partial = None
        self._chunk = (origin, length)
        return self._partial

    def _close_chunk(self, reader: MessageReader, *, complete: bool) -> None:
        if complete and self._chunk is not None:
            self._position += self._chunk[1]
        else:
            self._partial = None

    def _finish_message(self, reader: MessageReader, *, complete: bool) -> None:
        self._deliver(reader.finish(complete=complete), complete=complete)


def last_item(text: bytes) -> bytes:
    """Return the name, in upper case, of the item whose value comes next."""
    item = text.rstrip()
    return item[item.rfind(b" ") + 1 :].lstrip(b"(").upper()


def may_hold_message(text: bytes) -> bool:
    """Return whether a response without literal is worth a second look."""
    return b"[]" in text or b"RFC822 " in text
