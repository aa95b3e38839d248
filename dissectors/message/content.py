"""Content of a MIME part as its bytes pass.

Only the size and the hash of the decoded content are kept, and its first bytes, until
they have told its type.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from dissectors.message.file_types import HEAD_BYTES, detect_type

if TYPE_CHECKING:
    from dissectors.events import Attachment, Copy

# begins a copy of a message, or of a file in one
Copies = Callable[[], "Copy"]


class Content:
    """Content that is sent as it is: 7bit, 8bit, binary.

    Attributes:
        size_bytes: size of the decoded content so far.
        name: file name in the encoding itself, once it is complete.
        on_decoded: is given the decoded content as it comes.
        copy: takes it, too, if a copy was asked for.
    """

    __slots__ = ("_hash", "_head", "copy", "name", "on_decoded", "size_bytes")

    is_encoded = False

    def __init__(self) -> None:
        self.size_bytes = 0
        self.name: str | None = None
        self.on_decoded: Callable[[bytes], None] | None = None
        self.copy: Copy | None = None
        self._hash = hashlib.sha256()
        self._head = b""

    def begin_copy(self, copies: Copies) -> None:
        """Have the decoded content copied, before any of it comes."""
        self.copy = copies()

    def update(self, data: bytes) -> None:
        """Take the next bytes of the encoded content."""
        self._keep(data)

    def finish(self) -> None:
        """Learn that the content is complete."""

    def sha256(self) -> str:
        """Return the hash of the decoded content in hex."""
        return self._hash.hexdigest()

    def detected_type(self) -> str | None:
        """Return the type that the content's first bytes tell, if they do."""
        return detect_type(self._head)

    def _keep(self, decoded: bytes) -> None:
        if self.size_bytes < HEAD_BYTES:
            self._head += decoded[: HEAD_BYTES - self.size_bytes]
        self.size_bytes += len(decoded)
        self._hash.update(decoded)
        if self.on_decoded is not None:
            self.on_decoded(decoded)
        if self.copy is not None:
            self.copy.write(decoded)

    def describe(self, attachment: Attachment, *, is_whole: bool) -> None:
        """Say what it was, once it is complete; without a hash if some is missing."""
        attachment.name = attachment.name or self.name
        attachment.size_bytes = self.size_bytes
        attachment.detected_type = self.detected_type()
        attachment.copy = self.copy
        if is_whole:
            attachment.sha256 = self.sha256()

    def forget_copy(self) -> None:
        """Learn that it is nothing that anybody wants."""
        if self.copy is not None:
            self.copy.forget()
            self.copy = None

    def _take_over(self, other: Content) -> None:
        """Become what another content is."""
        self.forget_copy()
        self.size_bytes, self._hash, self._head, self.copy = (
            other.size_bytes,
            other._hash,
            other._head,
            other.copy,
        )
