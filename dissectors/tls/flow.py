"""One direction of a TLS connection: its records, messages and protection."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dissectors.tls.handshake.messages import HandshakeReader
from dissectors.tls.records import TlsRecordReader
from dissectors.tls.registries.content_types import ContentType

if TYPE_CHECKING:
    from dissectors.events import Side
    from dissectors.limits import Limits
    from dissectors.tls.decryption.record_protection import (
        OpenedRecord,
        RecordProtection,
    )
    from dissectors.tls.decryption.tls13_protection import Tls13Protection
    from dissectors.tls.records import RecordPiece

# to look up a member of an enum takes long in Python 3.11
_APPLICATION_DATA = ContentType.APPLICATION_DATA


class TlsFlow:
    """What is known of one direction.

    Attributes:
        side: who sends.
        records: cuts its bytes into records.
        handshake: cuts those of the handshake into messages.
        short_message: body of an alert or SSLv2 hello that is not complete yet.
        has_changed_cipher: ChangeCipherSpec was seen in clear.
        is_finished: it has done its part of the handshake.
        is_dark: what it sends from now on can't be read.
        is_lost: nor can be told where its records begin.
        at_end: nothing more comes.
        protection: opens its records; `None` while they are in clear, or dark.
        successors: the protections that come after that one.
        is_tls_1_3: handshake and data are both sent as application data.
        is_early: what `protection` opens is early data.
        has_opened: `protection` has opened a record.
        is_sealed: the current record is to be opened by it.
        has_hole: bytes of a protected record were missing, and none was opened since.
    """

    __slots__ = (
        "_is_damaged",
        "_sealed",
        "_sealed_bytes",
        "at_end",
        "handshake",
        "has_changed_cipher",
        "has_hole",
        "has_opened",
        "is_dark",
        "is_early",
        "is_finished",
        "is_lost",
        "is_sealed",
        "is_tls_1_3",
        "protection",
        "records",
        "short_message",
        "side",
        "successors",
    )

    def __init__(self, side: Side, limits: Limits, offset: int) -> None:
        self.side = side
        self.records = TlsRecordReader(offset)
        self.handshake = HandshakeReader(limits.handshake)
        self.short_message = bytearray()
        self.has_changed_cipher = False
        self.is_finished = False
        self.is_dark = False
        self.is_lost = False
        self.at_end = False
        self.protection: RecordProtection | None = None
        self.successors: list[RecordProtection] = []
        self.is_tls_1_3 = False
        self.is_early = False
        self.has_opened = False
        self.is_sealed = False
        self.has_hole = False
        # the body of a protected record, as far as it came
        self._sealed = bytearray()
        self._sealed_bytes = 0
        self._is_damaged = False

    @property
    def is_done(self) -> bool:
        """It has done its part, or nobody will see whether it does."""
        return self.is_finished or self.is_lost

    @property
    def is_readable(self) -> bool:
        """Something can be learned of what it sends."""
        return not (self.is_dark or self.is_lost)

    @property
    def is_over(self) -> bool:
        """Nothing more will be learned of it."""
        return self.is_dark or self.is_lost or self.at_end

    def protect(self, protections: list[RecordProtection]) -> None:
        """Let the next records be opened, by one protection after the other."""
        self.protection, *self.successors = protections
        self.has_opened = False

    def protect_early_data(self, protection: RecordProtection) -> None:
        """Let what comes before the server's answer be opened."""
        self.is_tls_1_3 = True
        self.protect([protection])
        self.is_early = True

    def protect_tls_1_3(self, protections: list[RecordProtection]) -> None:
        """Let the rest of the handshake be opened, and what follows it."""
        self.is_tls_1_3 = True
        if self.is_early:
            self.successors = protections
        elif protections:
            self.protect(protections)

    def advance(self) -> bool:
        """Take the next protection; false if there is none."""
        self.is_early = self.has_opened = False
        if not self.successors:
            self.protection = None
            return False
        self.protect(self.successors)
        return True

    def update_keys(self) -> None:
        """Let the next records be opened by the keys after a KeyUpdate."""
        from dissectors.tls.decryption.tls13_protection import Tls13Protection

        if isinstance(self.protection, Tls13Protection):
            self.protection = self.protection.updated()

    def begin_record(self, content_type: int) -> None:
        """Tell whether the record that begins is protected, and forget the last one."""
        self.short_message.clear()
        # RFC 8446 §5: alerts and ChangeCipherSpec may come in clear for a while
        self.is_sealed = self.protection is not None and (
            content_type == _APPLICATION_DATA or not self.is_tls_1_3
        )
        self._sealed.clear()
        self._sealed_bytes = 0
        self._is_damaged = False

    def gather(self, piece: RecordPiece) -> bytes | None:
        """Add a piece of a protected record; its body once that is complete.

        A record that lacks bytes is passed over.
        """
        self._sealed += piece.data
        self._sealed_bytes += len(piece.data)
        if self._sealed_bytes < piece.length:
            return None
        body = bytes(self._sealed)
        self._sealed.clear()
        if self._is_damaged:
            self._pass_over(body)
            return None
        return body

    def skip_sealed(self, length: int) -> None:
        """Bytes of a protected record are missing."""
        self._is_damaged = True
        self._sealed.clear()
        self._sealed_bytes += length
        if self._sealed_bytes == self.records.length:
            self._pass_over(b"")

    def _pass_over(self, tail: bytes) -> None:
        assert self.protection is not None
        self.protection.skip(tail)
        self.has_hole = True

    def open(self, body: bytes) -> OpenedRecord:
        """Open a protected record.

        Raises:
            NotAuthenticError: it can't be.
        """
        # late: it imports cryptography, which takes longer than a small capture
        from dissectors.tls.decryption.record_protection import NotAuthenticError

        assert self.protection is not None
        header = self.records.header
        try:
            opened = self.protection.open(header, body)
        except NotAuthenticError:
            following = self._following()
            if following is None:
                raise
            opened = following.try_open(header, body)
            if self.successors:
                self.advance()
            else:
                self.protection = following
        self.has_opened, self.has_hole = True, False
        return opened

    def _following(self) -> Tls13Protection | None:
        """What may protect the record if what ends the present keys was not seen.

        RFC 8446 §4.2.10: nothing ends early data that was rejected. In TLS 1.3, what
        does end keys (Finished, KeyUpdate) may be in a hole.
        """
        from dissectors.tls.decryption.tls13_protection import Tls13Protection

        if not (self.is_early or self.has_hole):
            return None
        if self.successors:
            following = self.successors[0]
            return following if isinstance(following, Tls13Protection) else None
        present = self.protection
        return present.updated() if isinstance(present, Tls13Protection) else None
