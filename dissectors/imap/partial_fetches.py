"""Messages that a client sees in pieces: header fields, structure, single parts.

Phones and web mailers seldom fetch a message as a whole. What ENVELOPE, BODYSTRUCTURE,
`BODY[HEADER...]`, `BODY[n]` and the like tell of a message (RFC 9051 §6.4.5) is put
together by its sequence number, until these numbers change or the mailbox is left.
Bodies are not kept: a part that is a file is decoded as it passes, for its size, hash
and type.

`Limits.previews` messages are in progress; `Limits.line` bytes of a response's text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, NamedTuple

from dissectors.conversation.literals import KeptLiteral
from dissectors.events import MessageFacts
from dissectors.imap.retrieval import last_item
from dissectors.imap.structure import (
    Part,
    find_item,
    parse_items,
    read_envelope,
    read_structure,
)
from dissectors.limits import Limits
from dissectors.message import Content, MessageReader, content_for
from dissectors.message.header import kept_text

if TYPE_CHECKING:
    from dissectors.conversation.literals import Literal, LiteralSink
    from dissectors.conversation.reporter import Reporter
    from dissectors.events import Attachment

# section = "[" [section-spec] "]", and perhaps the origin of a partial
_SECTION = re.compile(rb"\[([^\]]*)\](?:<(\d{1,19})>)?\s*\Z")
_HEADER_SECTION = re.compile(rb"HEADER(?:\.FIELDS(?:\.NOT)? .*)?\Z", re.DOTALL)
_PART_SECTION = re.compile(rb"[1-9]\d{0,8}(?:\.[1-9]\d{0,8}){0,40}\Z")
# responses that are kept unread: so long, and so many for a message
_LONG_TEXT, _MANY_TEXTS = 2048, 4


class Section(NamedTuple):
    """A section of a message whose literal comes next."""

    name: bytes
    origin: int
    is_decoded: bool


@dataclass(slots=True)
class _Content:
    """A part that is decoded as it passes, perhaps in several partial fetches."""

    content: Content
    position: int = 0
    is_whole: bool = True

    def tell(self, attachment: Attachment, octets: int) -> None:
        """Say what it was, if that many bytes of it came."""
        content = self.content
        if self.is_whole:
            content.finish()
            if self.position >= octets:
                attachment.size_bytes = content.size_bytes
                attachment.sha256 = content.sha256()
                attachment.detected_type = content.detected_type()
        attachment.copy = content.copy


class _Items(NamedTuple):
    """The text of a response, and what its literals held: to be read when needed."""

    text: bytes
    literals: list[bytes | None]


@dataclass(slots=True)
class Preview:
    """What is known of a message of which only pieces were fetched.

    Attributes:
        unread: responses with an envelope or a structure that were not read yet, as
            most messages are fetched as a whole later.
        parts_seen: numbers of the parts that were fetched.
        has_header: header fields or an envelope were fetched.
        time_ns: when the last piece was seen, and in which `frame`.
    """

    begin_ns: int
    limits: Limits
    unread: list[_Items] = field(default_factory=list)
    facts: MessageFacts = field(default_factory=MessageFacts)
    structure: dict[str, Part] = field(default_factory=dict)
    contents: dict[str, _Content] = field(default_factory=dict)
    parts_seen: set[str] = field(default_factory=set)
    has_header: bool = False
    time_ns: int = 0
    frame: int = 0

    def read_items(self) -> None:
        """Read what envelopes and structures tell."""
        unread, self.unread = self.unread, []
        for text, literals in unread:
            items = parse_items(text, literals, self.limits)
            envelope = find_item(items, b"ENVELOPE")
            structure = find_item(items, b"BODYSTRUCTURE", b"BODY")
            if envelope is not None:
                self.has_header = True
                merge_facts(self.facts, read_envelope(envelope, self.limits))
            if structure is not None:
                self.structure = read_structure(structure, self.limits)

    def finish(self) -> MessageFacts:
        """Put the structure and the parts that were decoded into the facts."""
        self.read_items()
        for number, part in self.structure.items():
            attachment, decoded = part.attachment, self.contents.get(number)
            if attachment is None:
                continue
            if decoded is not None:
                decoded.tell(attachment, part.octets)
            self.facts.attachments.append(attachment)
        self.facts.part_count = len(self.structure)
        return self.facts


class _HeaderSink:
    """A sink for a literal of header fields."""

    def __init__(self, preview: Preview, limits: Limits) -> None:
        self._preview = preview
        self._reader = MessageReader(limits)

    def feed(self, data: bytes) -> None:
        self._reader.feed(data)

    def skip_gap(self, length: int) -> None:
        self._reader.skip_gap(length)

    def end(self, *, complete: bool) -> None:
        self._preview.has_header = True
        merge_facts(self._preview.facts, self._reader.finish(complete=complete))


class _PartSink:
    """A sink for a literal that is a part, or some bytes of one."""

    def __init__(self, preview: Preview, decoded: _Content | None) -> None:
        self._preview = preview
        self._decoded = decoded

    def feed(self, data: bytes) -> None:
        self._preview.facts.size_bytes += len(data)
        if self._decoded is not None:
            self._decoded.content.update(data)
            self._decoded.position += len(data)

    def skip_gap(self, length: int) -> None:
        self._preview.facts.size_bytes += length
        self._break_off()

    def end(self, *, complete: bool) -> None:
        if not complete:
            self._break_off()

    def _break_off(self) -> None:
        self._preview.facts.cut = True
        if self._decoded is not None:
            self._decoded.is_whole = False


class PartialFetches:
    """Reads the pieces of messages in the FETCH responses of a session."""

    __slots__ = (
        "_limits",
        "_literals",
        "_number",
        "_preview",
        "_previews",
        "_reporter",
        "_text",
    )

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._limits = reporter.limits
        self._previews: dict[bytes, Preview] = {}
        # of the response that is being read
        self._number = b""
        self._text = bytearray()
        self._literals: list[KeptLiteral | None] = []
        self._preview: Preview | None = None

    def open_response(self, number: bytes) -> None:
        """Begin a response about the message with this sequence number."""
        self._number = number
        self._text.clear()
        self._literals.clear()
        self._preview = self._previews.get(number)

    def read_fragment(
        self, fragment: bytes, literal: Literal | None, time_ns: int, *, is_taken: bool
    ) -> LiteralSink | None:
        """Read the text of a response; return where its literal shall go.

        Args:
            fragment: the text up to the literal, or to the end.
            literal: what comes next.
            time_ns: of this fragment.
            is_taken: the literal is a whole message, which is read elsewhere.
        """
        room = self._limits.line - len(self._text)
        self._text += fragment[: max(room, 0)]
        if literal is None:
            return None
        section = find_section(fragment[: literal.start])
        if is_taken or section is not None:
            self._literals.append(None)
            if is_taken or section is None or not section.name:
                return None
            return self._open_section(section, time_ns)
        # a string of an envelope or a structure
        kept = KeptLiteral() if literal.size <= kept_text(self._limits) else None
        self._literals.append(kept)
        return kept

    def close_response(self, time_ns: int, frame: int) -> list[Preview]:
        """End a response; return what has to be reported to make room."""
        if is_piece(self._text):
            self._keep_items(self._open_preview(time_ns))
        preview, self._preview = self._preview, None
        if preview is None:
            return []
        preview.time_ns, preview.frame = time_ns, frame
        self._previews[self._number] = preview
        if len(self._previews) <= self._limits.previews:
            return []
        oldest = next(iter(self._previews))
        return [self._previews.pop(oldest)]

    def forget(self, number: bytes) -> None:
        """Learn that a message was fetched as a whole."""
        self._previews.pop(number, None)
        if number == self._number:
            self._preview = None

    def take_all(self) -> list[Preview]:
        """Give back all that is in progress: sequence numbers mean others now."""
        previews = list(self._previews.values())
        self._previews.clear()
        return previews

    def _open_preview(self, time_ns: int) -> Preview:
        if self._preview is None:
            self._preview = Preview(time_ns, self._limits)
        return self._preview

    def _open_section(self, section: Section, time_ns: int) -> LiteralSink | None:
        preview = self._open_preview(time_ns)
        if _HEADER_SECTION.match(section.name):
            return _HeaderSink(preview, self._limits)
        name = section.name.decode("ascii", "replace")
        if len(preview.parts_seen) < self._limits.mime_parts:
            preview.parts_seen.add(name)
        if not _PART_SECTION.match(section.name):
            return _PartSink(preview, None)
        return _PartSink(preview, self._open_content(preview, name, section))

    def _open_content(
        self, preview: Preview, name: str, section: Section
    ) -> _Content | None:
        """Find the decoder of a part that is a file; others are only counted."""
        preview.read_items()
        part = preview.structure.get(name)
        if part is None or part.attachment is None:
            return None
        known = preview.contents.get(name)
        if section.origin == 0:
            encoding = b"" if section.is_decoded else part.encoding
            known = preview.contents[name] = _Content(content_for(encoding))
            if self._reporter.copies is not None:
                known.content.begin_copy(self._reporter.copies)
        elif known is not None and known.position != section.origin:
            known.is_whole = False
        return known

    def _keep_items(self, preview: Preview) -> None:
        """Keep the text of a response until it is needed, or too much."""
        literals = [
            bytes(kept.data) if kept is not None and kept.complete else None
            for kept in self._literals
        ]
        text = bytes(self._text[self._text.find(b"(") :])
        preview.unread.append(_Items(text, literals))
        if len(text) > _LONG_TEXT or len(preview.unread) > _MANY_TEXTS:
            preview.read_items()


def is_piece(text: bytes | bytearray) -> bool:
    """Return whether a response tells of an envelope or a structure."""
    return b"ENVELOPE (" in text or b"BODYSTRUCTURE (" in text or b"BODY (" in text


def find_section(text: bytes) -> Section | None:
    """Read the section at the end of a text, whose literal comes next."""
    bracket = text.rfind(b"[")
    start = text[max(bracket - 6, 0) : max(bracket, 0)].upper()
    if start.endswith((b"BODY", b"BINARY")):
        match = _SECTION.match(text, bracket)
        if match is None:
            return None
        return Section(match[1].upper(), int(match[2] or 0), start.endswith(b"BINARY"))
    item = last_item(text)
    if item in (b"RFC822.HEADER", b"RFC822.TEXT"):
        return Section(item[7:], 0, is_decoded=False)
    return None


def merge_facts(facts: MessageFacts, others: MessageFacts) -> None:
    """Add what is not known yet."""
    facts.size_bytes += others.size_bytes
    facts.cut |= others.cut
    for each in fields(others):
        if not getattr(facts, each.name):
            setattr(facts, each.name, getattr(others, each.name))
