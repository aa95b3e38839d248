"""A message as a stream of bytes (RFC 5322, RFC 2045, RFC 2046).

The message is a nest of open entities, outermost first. The reader is either in a
header section, which ends with an empty line, or in a body; both can also end with
a delimiter line of any open multipart, which closes all entities inside of it.
Bytes between these lines go, in slices, to the entities that are attachments.

A gap leaves all open entities incomplete. After it the reader takes what follows
for a body, until the next delimiter line.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from dissectors.events import MessageFacts
from dissectors.limits import DEFAULT_LIMITS
from dissectors.message.boundaries import LONGEST_DELIMITER_LINE, Boundaries
from dissectors.message.encodings import content_for, encoding_name
from dissectors.message.entity import Entity
from dissectors.message.files import is_file, new_attachment
from dissectors.message.header import apply_fields, kept_text, read_fields
from dissectors.message.parameters import read_parameterized
from dissectors.message.uuencoded import UuencodedText

if TYPE_CHECKING:
    from dissectors.events import Attachment
    from dissectors.limits import Limits
    from dissectors.message.content import Content, Copies
    from dissectors.message.parameters import ParameterizedField

# Bytes are gathered up to this many before they are looked at: large enough to
# spread the cost of a step, small enough to keep for each of many connections.
_SLICE = 16 * 1024

_CR = 0x0D
# some mailers end lines with CR CR LF
_EMPTY_LINE = re.compile(rb"\n\r{0,2}\n")

_TEXT = b"text/plain"
_OCTETS = b"application/octet-stream"
_MESSAGE_TYPES = frozenset((b"message/rfc822", b"message/global"))


class MessageReader:
    """Reads one message from its bytes, in any pieces, and has `copies` copy it."""

    __slots__ = (
        "_boundaries",
        "_buffer",
        "_contents",
        "_copies",
        "_entities",
        "_facts",
        "_header",
        "_is_message",
        "_limits",
        "_number",
        "_part_count",
        "_part_type",
        "_position",
        "_searched",
        "_text",
        "_threshold",
    )

    def __init__(
        self, limits: Limits = DEFAULT_LIMITS, copies: Copies | None = None
    ) -> None:
        self._limits = limits
        self._copies = copies
        self._facts = MessageFacts(copy=copies() if copies is not None else None)
        # What ends a section begins with a line end, and the first section may be
        # empty: so there is one before the message. Positions are in the buffer:
        # what is before `_position` was read, before `_searched` it was searched.
        self._buffer = bytearray(b"\n")
        self._position = 1
        self._searched = 0
        self._threshold = _SLICE
        # the section that is being read; `None` in a body
        self._header: bytearray | None = bytearray()
        self._part_type = _TEXT
        self._part_count = 0
        # of the entity that begins: its number, that of the message whose top it is
        self._number = ""
        self._is_message = True
        self._entities: list[Entity] = []
        # of the open entities: those that are attachments, and boundaries
        self._contents: list[Content] = []
        self._boundaries = Boundaries()
        # the plain text that is being read, which may hold files
        self._text: UuencodedText | None = None

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the message, dot-stuffing undone."""
        self._facts.size_bytes += len(data)
        if self._facts.copy is not None:
            self._facts.copy.write(data)
        if self._header is None and not self._entities and self._text is None:
            # the rest is a body that nobody reads
            return
        for start in range(0, len(data), _SLICE):
            self._buffer += data[start : start + _SLICE]
            if len(self._buffer) >= self._threshold:
                self._advance(at_end=False)

    def skip_gap(self, length: int) -> None:
        """Learn that some bytes of the message are missing here."""
        self._facts.size_bytes += length
        self._break_off()

    def finish(self, *, complete: bool) -> MessageFacts:
        """Learn that there is no more of the message, and tell what is known.

        Args:
            complete: this is the message's end, not that of what was captured.
        """
        if complete:
            self._advance(at_end=True)
            if self._header is not None:
                self._end_header(is_complete=True)
        else:
            self._break_off()
        if self._text is not None:
            self._text.close()
        # it refers to this reader: no reference cycle stays
        self._text = None
        self._close_entities(0)
        return self._facts

    def _break_off(self) -> None:
        """End what came in one piece; all that is open stays incomplete."""
        self._facts.cut = True
        self._advance(at_end=False)
        self._take(len(self._buffer))
        self._buffer.clear()
        self._position = self._searched = 0
        if self._header is not None:
            # the last line may not be whole
            del self._header[self._header.rfind(b"\n") + 1 :]
            self._end_header(is_complete=False)
            # of a message in a message, too
            self._header = None
        for entity in self._entities:
            entity.break_off()
        if self._text is not None:
            self._text.break_off()

    def _advance(self, *, at_end: bool) -> None:
        """Read as far as possible; at the message's end nothing is held back."""
        while self._step(at_end=at_end):
            pass
        done = min(self._position, self._searched)
        del self._buffer[:done]
        self._position -= done
        self._searched -= done
        self._threshold = len(self._buffer) + _SLICE

    def _step(self, *, at_end: bool) -> bool:
        """Read past the next end of a section or body; false if none is here yet."""
        empty_line = None
        if self._header is not None:
            empty_line = _EMPTY_LINE.search(self._buffer, self._searched)
        end = empty_line.start() if empty_line else len(self._buffer)
        if self._boundaries and self._step_past_delimiter(end, at_end=at_end):
            return True
        if empty_line is None:
            self._take(len(self._buffer) if at_end else self._held_from())
            return False
        self._take(empty_line.start() + 1)
        # the section, which the empty line does not belong to, is complete
        self._pass_on(empty_line.end())
        self._searched = self._position - 1
        self._end_header(is_complete=True)
        return True

    def _held_from(self) -> int:
        """Tell where a line begins that may turn out to end a section or body.

        The line end before it is held back too: it belongs to a delimiter (RFC 2046
        §5.1.1).
        """
        buffer = self._buffer
        end = len(buffer)
        if not self._boundaries and self._header is None:
            self._searched = end
            return end
        earliest = max(self._searched, end - LONGEST_DELIMITER_LINE - 1)
        line_end = buffer.rfind(b"\n", earliest)
        self._searched = end if line_end < 0 else line_end
        return max(self._position, self._before_line_end(self._searched))

    def _before_line_end(self, line_end: int) -> int:
        """Step back over the CR before a LF that is there, or will be."""
        has_cr = line_end > self._position and self._buffer[line_end - 1] == _CR
        return line_end - has_cr

    def _step_past_delimiter(self, end: int, *, at_end: bool) -> bool:
        line = self._boundaries.find(self._buffer, self._searched, end, at_end=at_end)
        if line is None:
            return False
        line_start, line_end, level, is_closing = line
        self._take(self._before_line_end(line_start - 1))
        if self._header is not None:
            self._end_header(is_complete=True)
            self._header = None
        if self._text is not None:
            self._text.close()
            self._text = None
        self._close_entities(level + 1)
        self._take(line_end)
        self._searched = line_end - 1
        if is_closing:
            self._entities[level].boundary = None
            self._update_boundaries()
        else:
            self._begin_part(self._entities[level])
        return True

    def _take(self, end: int) -> None:
        """Read on to a position and hand the bytes to whom they belong."""
        header = self._header
        if header is not None:
            longest = self._position + self._limits.header - len(header)
            header += self._buffer[self._position : min(end, longest)]
            if end > longest:
                self._overrun("message_header_too_large")
        self._pass_on(end)

    def _pass_on(self, end: int) -> None:
        """Read on to a position and hand the bytes to the attachments."""
        if end <= self._position:
            return
        if self._contents or self._text is not None:
            piece = bytes(self._buffer[self._position : end])
            for content in self._contents:
                content.update(piece)
            if self._text is not None:
                self._text.update(piece)
        self._position = end

    def _overrun(self, code: str) -> None:
        """Note that something is over a limit."""
        if code not in self._facts.exceeded_limits:
            self._facts.exceeded_limits.append(code)

    def _begin_part(self, multipart: Entity) -> None:
        self._part_count += 1
        if self._part_count <= self._limits.mime_parts:
            self._header = bytearray()
            self._part_type = multipart.part_type
            multipart.part_count += 1
            place = str(multipart.part_count)
            self._number = f"{multipart.number}.{place}" if multipart.number else place
            self._is_message = False
            return
        self._overrun("message_too_many_parts")
        # the rest is not looked at, so nothing that is open will see its end
        for entity in self._entities:
            entity.break_off()
        self._close_entities(0)

    def _end_header(self, *, is_complete: bool) -> None:
        assert self._header is not None
        fields = read_fields(self._header)
        self._header = None
        if not self._entities:
            self._facts.header_complete = is_complete
            apply_fields(self._facts, fields, self._limits)
        self._open_entity(fields)

    def _open_entity(self, fields: dict[bytes, list[bytes]]) -> None:
        """Open what a header section announces, if it matters."""
        content_type = read_parameterized(fields, b"content-type")
        # RFC 2045 §5.2: what can't be read counts as absent
        media_type = content_type.media_type or self._part_type
        if self._facts.content_type is None:
            self._facts.content_type = media_type[: kept_text(self._limits)].decode()
        is_deep = len(self._entities) >= self._limits.mime_depth
        if media_type.startswith(b"multipart/"):
            boundary = content_type.raw(b"boundary").rstrip()
            if not is_deep and 0 < len(boundary) < LONGEST_DELIMITER_LINE - 4:
                # RFC 2046 §5.1.5: the parts of a digest are messages
                is_digest = media_type == b"multipart/digest"
                part_type = b"message/rfc822" if is_digest else _TEXT
                entity = Entity(boundary, part_type, number=self._number)
                self._entities.append(entity)
                self._update_boundaries()
            elif is_deep:
                self._overrun("message_too_deep")
            return
        if self._is_message:
            # RFC 9051 §6.4.5: every message has at least one part
            self._number = f"{self._number}.1" if self._number else "1"
        self._facts.part_count += 1
        self._open_leaf(content_type, media_type, fields)
        if media_type in _MESSAGE_TYPES:
            if is_deep:
                self._overrun("message_too_deep")
                return
            if self._open_encoded_message():
                return
            self._header = bytearray()
            self._part_type = _TEXT
            self._is_message = True

    def _open_leaf(
        self,
        content_type: ParameterizedField,
        media_type: bytes,
        fields: dict[bytes, list[bytes]],
    ) -> None:
        """Open a part that is a file, a message, or text that may hold files."""
        disposition = read_parameterized(fields, b"content-disposition")
        name = disposition.text(b"filename") or content_type.text(b"name")
        body = fields.get(b"content-transfer-encoding", [b""])[0]
        encoding = encoding_name(body)
        if is_file(media_type, disposition.value, has_name=bool(name)):
            attachment = new_attachment(name, media_type, self._number, self._limits)
            self._facts.attachments.append(attachment)
            is_message = media_type in _MESSAGE_TYPES
            self._open_content(attachment, content_for(body, is_message=is_message))
        elif encoding == b"base64":
            # malware is sent so, and some mail readers save what it is
            attachment = new_attachment(None, media_type, self._number, self._limits)
            self._open_content(attachment, content_for(body), is_text=True)
        elif media_type == _TEXT and encoding != b"quotedprintable":
            self._text = UuencodedText(self._add_file, self._copies)

    def _open_content(
        self, attachment: Attachment, content: Content, *, is_text: bool = False
    ) -> None:
        if self._copies is not None:
            content.begin_copy(self._copies)
        entity = Entity(attachment=attachment, content=content, is_text=is_text)
        self._entities.append(entity)
        self._contents.append(content)

    def _open_encoded_message(self) -> bool:
        """Have an attached message read as it is decoded, if it is encoded.

        RFC 2046 §5.2.1 forbids that, and mail readers decode it.
        """
        message = self._entities[-1]
        if message.content is None or not message.content.is_encoded:
            return False
        limits = replace(
            self._limits,
            mime_parts=max(0, self._limits.mime_parts - self._part_count),
            mime_depth=self._limits.mime_depth - len(self._entities),
        )
        message.read_message(MessageReader(limits, self._copies), self._number)
        return True

    def _add_message(self, number: str, inner: MessageFacts) -> None:
        """Add what was found in a message that was encoded."""
        self._facts.part_count += inner.part_count
        self._part_count += inner.part_count
        for code in inner.exceeded_limits:
            self._overrun(code)
        for attachment in inner.attachments:
            attachment.part = f"{number}.{attachment.part}"
        self._facts.attachments += inner.attachments

    def _add_file(self, name: str, file: Content) -> None:
        """Add a file that was found in a text."""
        if self._part_count >= self._limits.mime_parts:
            self._overrun("message_too_many_parts")
            return
        self._part_count += 1
        attachment = new_attachment(name, _OCTETS, self._number, self._limits)
        self._facts.attachments.append(attachment)
        file.describe(attachment, is_whole=True)

    def _close_entities(self, level: int) -> None:
        """Close the entities from a level on, and report those that are attachments."""
        if level >= len(self._entities):
            return
        closed = self._entities[level:]
        for entity in closed:
            inner = entity.finish()
            if inner is not None:
                self._add_message(entity.number, inner)
            if (hidden := entity.hidden_file()) is not None:
                self._facts.attachments.append(hidden)
        del self._entities[level:]
        if len(closed) == 1 and closed[0].content is not None:
            # a leaf, as most are: nobody waits for another boundary now
            self._contents.pop()
        else:
            self._update_boundaries()

    def _update_boundaries(self) -> None:
        """Note what the open entities wait for."""
        self._contents = [entity.content for entity in self._entities if entity.content]
        self._boundaries = Boundaries([entity.boundary for entity in self._entities])
