"""An entity of a message (RFC 2045 §2.4): a message, a multipart, or a part."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from dissectors.message.files import is_no_text

if TYPE_CHECKING:
    from dissectors.events import Attachment, MessageFacts
    from dissectors.message.content import Content


class EncodedMessage(Protocol):
    """Reads a message that is the content of an entity."""

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the message."""

    def skip_gap(self, length: int) -> None:
        """Learn that some bytes of the message are missing here."""

    def finish(self, *, complete: bool) -> MessageFacts:
        """Learn that there is no more of the message, and tell what is known."""


class Entity:
    """An open entity.

    Attributes:
        boundary: of a multipart whose closing delimiter was not seen yet.
        part_type: type of a multipart's parts that name none.
        attachment: what is reported of it, if it is one.
        content: its content as it is decoded, if it is or may be an attachment.
        message: reads the message that the content is, if that is encoded.
        is_text: its attachment is reported only if its content is no text.
        is_whole: no byte of it is missing so far.
        number: of a multipart, or of the message that it is; empty for the outermost.
        part_count: parts of a multipart so far.
    """

    __slots__ = (
        "attachment",
        "boundary",
        "content",
        "is_text",
        "is_whole",
        "message",
        "number",
        "part_count",
        "part_type",
    )

    def __init__(
        self,
        boundary: bytes | None = None,
        part_type: bytes = b"text/plain",
        *,
        attachment: Attachment | None = None,
        content: Content | None = None,
        is_text: bool = False,
        number: str = "",
    ) -> None:
        self.boundary = boundary
        self.part_type = part_type
        self.attachment = attachment
        self.content = content
        self.message: EncodedMessage | None = None
        self.is_text = is_text
        self.is_whole = True
        self.number = number
        self.part_count = 0

    def break_off(self) -> None:
        """Learn that some of it is missing here."""
        self.is_whole = False
        if self.message is not None:
            self.message.skip_gap(0)

    def finish(self) -> MessageFacts | None:
        """Tell what the content was, and the facts of a message that was encoded."""
        content, attachment = self.content, self.attachment
        if content is None or attachment is None:
            return None
        content.finish()
        content.describe(attachment, is_whole=self.is_whole)
        if self.message is None:
            return None
        return self.message.finish(complete=self.is_whole)

    def read_message(self, reader: EncodedMessage, number: str) -> None:
        """Have the content read as a message, as it is decoded.

        Args:
            reader: reads it.
            number: of the message.
        """
        self.message, self.number = reader, number
        if self.content is not None:
            self.content.on_decoded = reader.feed

    def hidden_file(self) -> Attachment | None:
        """Return what was said to be a text, if it was none, once it is finished."""
        hidden = self.attachment
        if hidden is None or not self.is_text:
            return None
        if is_no_text(hidden.detected_type):
            return hidden
        if hidden.copy is not None:
            hidden.copy.forget()
        return None
